"""Synthesis: rounds that name what failed, the best of several, blind answers as confidence; the same bytes always."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lessons import DISFA, Model, Reply, bytes_of, killed_often, make_run, rows_of, sample_of

from curation import synthesize as by_name
from curation import teach
from curation.run import ANSWERS, VERDICTS, Run
from curation.spending import Limits
from curation.verdicts import gate
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import UsageError
from facial_r1.files import read_jsonl
from facial_r1.inference.backends.template import write
from facial_r1.inference.protocol import Facts, Request
from facial_r1.prompt import MENDS, repair_prompt, student_prompt
from facial_r1.sample import Sample

synthesis = sys.modules["curation.synthesize"]


def text_of(aus: Sequence[str], answer: str, more: str = "") -> str:
    named = "".join(f" A movement ({au})." for au in aus)
    return f"<think>The face is lit.{named}{more}</think><answer>{answer}</answer>"


def right(sample: Sample) -> str:
    answer = sample.labels[0] if sample.labels else ", ".join(sample.AUs) or "none"
    return text_of(sample.AUs, answer)


def wrong_label(sample: Sample) -> str:
    return text_of(sample.AUs, next(word for word in EMOTIONS_7 if word not in sample.labels))


def tells(request: Request) -> bool:
    """Whether the prompt itself holds the truth, whatever the request claims."""
    return "Known facts" in request.prompt or "arrive at" in request.prompt


Ask = Callable[..., Model]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """``ask(run, says)`` synthesizes with a model that says this."""

    def go(run: Run, says: Callable[[Sample, Request], Reply], **params: Any) -> Model:
        model = Model(says, params)
        monkeypatch.setattr(synthesis, "create", lambda _name: model)
        by_name(run, limits=Limits(concurrency=3))
        return model

    return go


def test_the_function_is_the_one_of_the_package() -> None:
    assert by_name is synthesis.synthesize


def test_what_generate_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    """The first question is the same, so its answers are shared; then the files differ in nothing."""
    run = make_run(tmp_path, {"both/train": (20, 30), "aus/train": (20, 30), "emo/train": (20, 30)})
    teach.generate(run)
    made = bytes_of(run)
    stats = by_name(run)
    assert stats is not None
    assert (stats.asked, stats.reused) == (0, 60)
    found = bytes_of(run)
    assert {name: found[name] for name in made if name != "done.json"} == {
        name: data for name, data in made.items() if name != "done.json"
    }
    assert by_name(run) is None


def test_a_repair_names_what_failed_and_only_the_last_tells_what_is_right(tmp_path: Path, ask: Ask) -> None:
    run = make_run(tmp_path, {"both/train": (6, 6)}, synthesis={"repairs": 2, "conditioned": False})
    model = ask(run, lambda sample, one: right(sample) if tells(one) else wrong_label(sample))
    by_row: dict[str, list[Request]] = {}
    for one in sorted(model.asked, key=lambda one: (one.sample_id, one.attempt)):
        by_row.setdefault(one.sample_id, []).append(one)
    for name, (first, repair, last) in by_row.items():
        sample = sample_of("both_train", int(name[-5:]))
        meta = sample.meta_info
        blind = student_prompt("au+emotion", "What is seen?", meta.au_annotated, meta.label_set)
        assert first.prompt == blind.text
        assert repair.prompt.startswith(blind.text)
        added = repair.prompt.removeprefix(blind.text)
        assert added.splitlines()[4:] == [f"- {MENDS['emotion']}"]
        assert first.facts is repair.facts is None
        assert last.facts == Facts("au+emotion", tuple(sample.AUs), tuple(sample.labels))
        assert f"- {MENDS['emotion']}" in last.prompt
        assert last.prompt.endswith(f"word for word: {sample.labels[0]}")
        assert wrong_label(sample) not in last.prompt
    assert [row["conditioned"] for row in rows_of(run)] == [True, False, False] * 6  # what was taken stands first


def test_the_truth_is_told_from_the_first_question_on_by_default(tmp_path: Path, ask: Ask) -> None:
    run = make_run(tmp_path, {"aus/train": (4, 4)})
    model = ask(run, lambda sample, one: right(sample) if "arrive at" in one.prompt else "Hm.")
    assert all(tells(one) and one.facts is not None for one in model.asked)
    assert Counter(one.attempt for one in model.asked) == {0: 4, 1: 4, 2: 4}
    repairs = [one.prompt for one in model.asked if one.attempt]
    assert all(f"- {MENDS['form']}" in prompt for prompt in repairs)
    assert all(row["conditioned"] for row in rows_of(run))


@pytest.mark.parametrize("spoiled", [0, 1, 2])
def test_conditioned_is_true_exactly_when_the_prompt_told_the_truth(tmp_path: Path, ask: Ask, spoiled: int) -> None:
    """Accepted in the first round, in a repair, in the last: the line of the accepted answer says which."""
    run = make_run(tmp_path, {"emo/train": (5, 5)}, synthesis={"repairs": 2, "conditioned": False})
    ask(run, lambda sample, one: wrong_label(sample) if one.attempt < spoiled else right(sample))
    prompts = {row["hash"]: row["text"] for row in rows_of(run, "prompts.jsonl")}
    rows = rows_of(run)
    assert [row["conditioned"] for row in rows] == ["Known facts" in prompts[row["prompt_hash"]] for row in rows]
    assert {row["conditioned"] for row in rows if row["attempt"] == spoiled} == {spoiled == 2}


def test_no_transcript_grows(tmp_path: Path, ask: Ask) -> None:
    """However often it fails, a prompt never holds an earlier reply, and the repairs are of one length."""
    run = make_run(tmp_path, {"both/train": (3, 3)}, synthesis={"repairs": 5})
    model = ask(run, lambda sample, _one: text_of(sample.AUs, "a marker of its own"))
    assert len(model.asked) == 18
    assert not any("marker" in one.prompt for one in model.asked)
    lengths = {len(one.prompt) for one in model.asked if 0 < one.attempt < 5 and one.sample_id.endswith("0")}
    assert len(lengths) == 1


def test_a_refusal_is_asked_again_without_a_word(tmp_path: Path, ask: Ask) -> None:
    run = make_run(tmp_path, {"both/train": (3, 3)}, synthesis={"repairs": 1})
    model = ask(run, lambda sample, one: right(sample) if one.attempt else None)
    assert not any("turned down" in one.prompt for one in model.asked)
    assert [row["outcome"] for row in rows_of(run)] == ["ok", "refusal"] * 3  # what was taken stands first


def test_of_several_accepted_answers_the_best_stands_first(tmp_path: Path, ask: Ask) -> None:
    """Highest AU F1, then shortest, then the lowest attempt; every answer is kept, the others in their order."""
    gates = [{"name": "grammar"}, {"name": "au_set", "params": {"mode": "f1", "threshold": 0.1}}, {"name": "label"}]
    run = make_run(tmp_path, {"both/train": (9, 9)}, gates=gates, synthesis={"samples": 5})

    def says(sample: Sample, one: Request) -> str:
        other = next(au for au in DISFA if au not in sample.AUs)
        label = sample.labels[0]
        return (
            text_of([*sample.AUs, other], label),  # less right
            text_of(sample.AUs, label, " And so on, at length."),
            text_of(sample.AUs, label),
            text_of(sample.AUs, label),
            "nothing",
        )[one.attempt]

    ask(run, says)
    rows = rows_of(run)
    with_aus = [row for row in rows if sample_of("both_train", int(row["id"][-5:])).AUs]
    assert with_aus
    assert [row["attempt"] for row in with_aus] == [2, 0, 1, 3, 4] * (len(with_aus) // 5)
    summary = gate(run)
    assert summary["rejected"]["no_think"] == 9


def test_what_gates_and_release_take_is_the_best(tmp_path: Path, ask: Ask) -> None:
    from curation.release import _chosen, cell_table

    run = make_run(tmp_path, {"emo/train": (6, 6)}, synthesis={"samples": 3})
    ask(run, lambda sample, one: text_of((), sample.labels[0], " More." * (2 - one.attempt)))
    gate(run)
    chosen = list(_chosen(run, cell_table(run)))
    assert [sample.meta_info.attempts for sample in chosen] == [3] * 6
    assert [sample.description for sample in chosen] == [text_of((), sample.labels[0]) for sample in chosen]


def test_a_class_that_is_hard_is_filled_from_its_reserve(tmp_path: Path, ask: Ask) -> None:
    """Keep-only-correct would skew the classes; each cell goes on until its own quota is full."""
    cells = {"emo_easy/train": (8, 20), "emo_hard/train": (8, 40)}
    run = make_run(tmp_path, cells, synthesis={"repairs": 1})
    ask(
        run,
        lambda sample, _one: wrong_label(sample) if "hard" in sample.id and int(sample.id[-1]) % 3 else right(sample),
    )
    summary = gate(run)
    assert {name: entry["accepted"] for name, entry in summary["corpus"].items()} == {
        "emo_easy_train": 8,
        "emo_hard_train": 8,
    }
    assert summary["corpus"]["emo_hard_train"]["rejected"]["label_mismatch"] > 16


def plain(
    run: Run, says: Callable[[Sample, Request], Reply], plan: Mapping[str, tuple[int, int]]
) -> list[tuple[str, int]]:
    """The rows and attempts asked by the rule in its plainest form: rank by rank, round by round."""
    rules = run.recipe.synthesis
    assert rules is not None
    asked = []
    for name, (quota, candidates) in plan.items():
        accepted = 0
        for rank in range(candidates):
            if accepted == quota:
                break
            sample = sample_of(name.replace("/", "_"), rank)
            for number in range(1 + rules.repairs):
                attempts = range(number * rules.samples, (number + 1) * rules.samples)
                asked += [(sample.id, attempt) for attempt in attempts]
                if any(says(sample, Request(sample.id, "", "", attempt=a)) == right(sample) for a in attempts):
                    accepted += 1
                    break
    return asked


@settings(max_examples=20, deadline=None)
@given(
    rate=st.sampled_from([0.0, 0.4, 0.8, 1.0]),
    rules=st.fixed_dictionaries(
        {
            "samples": st.integers(1, 3),
            "repairs": st.integers(0, 2),
            "conditioned": st.booleans(),
            "blind": st.integers(0, 2),
        }
    ),
    cells=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 10)), min_size=1, max_size=3),
)
def test_what_is_made_does_not_depend_on_the_order_of_answers(
    tmp_path_factory: pytest.TempPathFactory, rate: float, rules: dict[str, Any], cells: list[tuple[int, int]]
) -> None:
    plan = {f"both{index}/train": cell for index, cell in enumerate(cells)}

    def says(sample: Sample, one: Request) -> str:
        dice = random.Random(f"{sample.id} {one.attempt}")
        if dice.random() >= rate:
            return right(sample)
        return dice.choice([wrong_label(sample), f"{right(sample)}!", right(sample).replace("lit", "not lit")])

    made = []
    for concurrency in (1, 7):
        run = make_run(tmp_path_factory.mktemp("run"), plan, synthesis=rules)
        model = Model(says)
        model.batch, model.dice = 1, random.Random(concurrency)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(synthesis, "create", lambda _name, model=model: model)
            by_name(run, limits=Limits(concurrency=concurrency))
        expected = plain(run, says, plan)
        told = [one for one in model.asked if one.attempt < synthesis.BLIND_FROM]
        assert sorted((one.sample_id, one.attempt) for one in told) == sorted(expected)
        rows = rows_of(run)
        assert sorted((row["id"], row["attempt"]) for row in rows) == sorted(expected)
        made.append(bytes_of(run))
    assert made[0] == made[1]


def test_blind_answers_are_the_confidence_of_a_text(tmp_path: Path, ask: Ask) -> None:
    """Four blind answers: the truth, another emotion, one Action Unit too many, a refusal."""
    run = make_run(tmp_path, {"both/train": (12, 12)}, synthesis={"blind": 4})

    def says(sample: Sample, one: Request) -> Reply:
        if tells(one):
            return right(sample)
        other = next(au for au in DISFA if au not in sample.AUs)
        replies = (right(sample), wrong_label(sample), text_of([*sample.AUs, other], sample.labels[0]), None)
        return replies[one.attempt - synthesis.BLIND_FROM]

    ask(run, says)
    for row in rows_of(run, "confidence.jsonl"):
        sample = sample_of("both_train", int(row["id"][-5:]))
        other = next(au for au in DISFA if au not in sample.AUs)
        n = len(sample.AUs)
        f1 = (2 + 2 * n / (2 * n + 1)) / 3
        assert (row["asked"], row["replies"], row["right"], row["accepted"]) == (4, 3, 1, True)
        assert row["label_agreement"] == pytest.approx(2 / 3)
        assert row["au_f1"] == pytest.approx(f1)
        assert row["agreement"] == pytest.approx((2 / 3 + f1) / 2)
        mentions = {entry["au"]: entry["value"] for entry in row["mentions"]}
        assert mentions == {**dict.fromkeys(sample.AUs, 1.0), other: pytest.approx(1 / 3)}
        assert row["vote"] == {"labels": sample.labels, "AUs": sample.AUs}
    blind = rows_of(run, "blind.jsonl")
    assert len(blind) == 4 * 12
    assert not any(row["conditioned"] for row in blind)
    assert gate(run)["accepted"] == 12, "blind answers are no candidates"


@pytest.mark.parametrize("name", ["aus", "emo"])
def test_only_what_the_task_speaks_of_is_compared(tmp_path: Path, ask: Ask, name: str) -> None:
    run = make_run(tmp_path, {f"{name}/train": (3, 3)}, synthesis={"blind": 2})
    ask(run, lambda sample, _one: right(sample))
    for row in rows_of(run, "confidence.jsonl"):
        assert row["agreement"] == 1.0
        assert (row["label_agreement"] is None) == (row["vote"]["labels"] is None) == (name == "aus")
        assert (row["au_f1"] is None) == (row["vote"]["AUs"] is None) == (name == "emo")


def test_a_text_that_finds_no_echo_is_turned_down_and_its_row_replaced(tmp_path: Path, ask: Ask) -> None:
    run = make_run(tmp_path, {"emo/train": (5, 10)}, synthesis={"blind": 2, "min_agreement": 0.6, "samples": 2})

    def says(sample: Sample, one: Request) -> Reply:
        parrot, doubtful = int(sample.id[-1]) < 2, sample.id[-1] == "2"
        if tells(one):
            return right(sample)
        return None if doubtful else wrong_label(sample) if parrot else right(sample)

    ask(run, says)
    outcomes = {row["id"][-1]: row["outcome"] for row in rows_of(run)}
    assert outcomes == {**dict.fromkeys("012", "low_agreement"), **dict.fromkeys("34567", "ok")}
    summary = gate(run)
    assert (summary["accepted"], summary["rejected"]) == (10, {"low_agreement": 6})
    assert {row["id"][-1]: (row["accepted"], row["agreement"]) for row in rows_of(run, "confidence.jsonl")} == {
        **dict.fromkeys("01", (False, 0.0)),
        "2": (False, None),
        **dict.fromkeys("34567", (True, 1.0)),
    }
    journal = [row for path in run.folder(ANSWERS).glob("journal-*") for _, row in read_jsonl(path)]
    assert {row["outcome"] for row in journal} == {"ok", "refusal"}


def test_an_answer_that_agrees_too_little_never_stands_before_one_that_agrees(tmp_path: Path, ask: Ask) -> None:
    """Whatever its F1: the better one here claims the truth, and no blind answer sees it."""
    gates = [{"name": "grammar"}, {"name": "au_set", "params": {"mode": "subset"}}]
    rules = {"samples": 2, "blind": 1, "min_agreement": 0.9}
    run = make_run(tmp_path, {"aus/train": (20, 20)}, gates=gates, synthesis=rules)

    def says(sample: Sample, one: Request) -> str:
        shown = sample.AUs if one.attempt == 0 else sample.AUs[:1]
        return text_of(shown, ", ".join(shown) or "none")

    ask(run, says)
    firsts = {row["id"]: row for row in reversed(rows_of(run))}
    several = [row for row in firsts.values() if len(sample_of("aus_train", int(row["id"][-5:])).AUs) > 1]
    assert len(several) > 5
    assert {(row["attempt"], row["outcome"]) for row in several} == {(1, "ok")}
    assert sum(row["outcome"] == "low_agreement" for row in rows_of(run)) == len(several)


def test_a_cell_without_enough_candidates_ends(tmp_path: Path, ask: Ask) -> None:
    run = make_run(tmp_path, {"emo/train": (5, 7)}, synthesis={"repairs": 1, "samples": 2})
    model = ask(run, lambda sample, _one: wrong_label(sample))
    assert len(model.asked) == len(rows_of(run)) == 7 * 4
    assert gate(run)["accepted"] == 0
    assert len(list(read_jsonl(run.folder(VERDICTS) / "verdicts.jsonl"))) == 28


def test_the_estimate_counts_samples_and_blind_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, {"emo/train": (5, 7)}, synthesis={"samples": 2, "blind": 3}, teacher={"pictures": True})
    model = Model(lambda sample, _one: right(sample))
    monkeypatch.setattr(synthesis, "create", lambda _name: model)
    monkeypatch.setattr("facial_r1.inference.estimate.expected", lambda *_: {"input": 9, "picture": 0, "output": 1})
    before = synthesis.estimated(run)
    assert before.requests == 5 * 5
    assert not run.folder(ANSWERS).exists()
    by_name(run)
    assert len(model.asked) == before.requests
    assert synthesis.estimated(run).requests == 0


@pytest.mark.parametrize(
    ("recipe", "params", "words"),
    [
        ({"synthesis": {"samples": 2}}, {"temperature": 0.0}, "at temperature 0 several answers"),
        ({"gates": [{"name": "charm"}]}, {}, "unknown gate"),
    ],
)
def test_what_makes_no_sense_is_told_before_a_request_is_paid(
    tmp_path: Path, ask: Ask, recipe: dict[str, Any], params: dict[str, Any], words: str
) -> None:
    run = make_run(tmp_path, {"emo/train": (2, 2)}, **recipe)
    with pytest.raises(UsageError, match=words):
        ask(run, lambda sample, _one: right(sample), **params)
    assert not list(run.root.rglob("journal-*"))


def test_the_template_teacher_cannot_answer_blind_questions(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"emo/train": (2, 2)}, synthesis={"conditioned": False})
    with pytest.raises(UsageError, match="the template teacher can only say what it is told"):
        by_name(run)


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_kill_at_any_moment_and_run_again_gives_the_same_bytes(tmp_path: Path, kills: int) -> None:
    cells = {"both/train": (150, 250), "aus/train": (100, 150)}
    killed_often(tmp_path, "synthesize", kills, cells, synthesis={"samples": 2, "repairs": 2})


@given(
    st.lists(st.sampled_from([*MENDS, "charm (dull)"]), unique=True),
    st.sampled_from(["au+emotion", "au", "emotion"]),
)
def test_a_repair_without_facts_holds_no_truth(failed: list[str], task: str) -> None:
    """It is the same text whatever is true, for the truth is no argument of it."""
    prompt = repair_prompt(task, "", DISFA, EMOTIONS_7, failed)
    blind = student_prompt(task, "", DISFA, EMOTIONS_7).text
    added = prompt.text.removeprefix(blind)
    assert not any(word in added for word in (*EMOTIONS_7, *DISFA))
    assert added.count("\n- ") == len(failed)


def test_the_template_writes_what_the_last_repair_asks(tmp_path: Path, ask: Ask) -> None:
    """A teacher that follows the facts is right by the last round at the latest."""
    run = make_run(tmp_path, {"both/train": (20, 20)}, synthesis={"conditioned": False})
    ask(run, lambda _sample, one: write(one.facts, one.key("m")) if one.facts else "I see nothing.")
    assert gate(run)["accepted"] == 20
