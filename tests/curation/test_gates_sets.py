"""Set gates in the stages: what repeats another row is replaced by the next in rank, the same whatever happens."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lessons import Model, bytes_of, make_run, rows_of
from test_gates import label_only

from curation import synthesize as by_name
from curation import teach
from curation.gates.near_duplicate import near_duplicate
from curation.gates.novelty import novelty
from curation.gates.opening import opening
from curation.gates.registry import Candidate, Panel
from curation.gates.sets import Admission
from curation.release import cell_table
from curation.run import VERDICTS, Run
from curation.spending import Limits
from curation.verdicts import gate
from facial_r1.errors import CorruptState
from facial_r1.files import read_jsonl
from facial_r1.inference.budget import CapReached
from facial_r1.inference.protocol import Request
from facial_r1.recipe import DEFAULT_GATES, Gate
from facial_r1.sample import Sample

TEACH, SYNTHESIS = sys.modules["curation.teach"], sys.modules["curation.synthesize"]
GATES = [*(gate.model_dump() for gate in DEFAULT_GATES), {"name": "near_duplicate"}]
WORDS = (
    *("brow", "lid", "cheek", "nose", "lip", "corner", "chin", "jaw", "rises", "sinks", "parts", "widens", "narrows"),
    *("gently", "firmly", "slowly", "clearly"),
)
Says = Callable[[Sample, Request], str]


def own_words(seed: str, count: int = 24) -> str:
    dice = random.Random(seed)
    return " ".join(dice.choice(WORDS) for _ in range(count))


def says(share: float) -> Says:
    """Every row has words of its own, but this share of them says one of three texts."""

    def say(sample: Sample, _request: Request) -> str:
        dice = random.Random(f"echo {sample.id}")
        words = own_words(f"stock {dice.randrange(3)}" if dice.random() < share else sample.id)
        return f"<think>{words}</think><answer>{sample.labels[0]}</answer>"

    return say


def generate(run: Run, monkeypatch: pytest.MonkeyPatch, say: Says, **limits: Any) -> Model:
    model = Model(say)
    monkeypatch.setattr(TEACH, "create", lambda _name: model)
    teach.generate(run, limits=Limits(**limits))
    return model


def verdicts_of(run: Run) -> list[dict[str, Any]]:
    gate(run)
    return [row for _, row in read_jsonl(run.folder(VERDICTS) / "verdicts.jsonl")]


CELLS = {"emo/train": (12, 60), "emb/train": (10, 60)}


def test_a_row_that_repeats_another_is_replaced_by_the_next_in_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, CELLS, gates=GATES)
    model = generate(run, monkeypatch, says(0.5))
    verdicts = verdicts_of(run)
    assert all(cell.short == 0 for cell in cell_table(run))
    rejected = [row for row in verdicts if not row["accepted"]]
    assert {row["reason"] for row in rejected} == {"near_duplicate"}
    assert len(rejected) >= 8  # at most three stock texts may stay, across both cells
    kept = {row["id"] for row in verdicts if row["accepted"]}
    for row in rejected:
        (found,) = [one for one in row["verdicts"] if one["gate"] == "near_duplicate"]
        assert found["detail"].removeprefix("1.00 like ") in kept
    asked = Counter(one.sample_id.rpartition("-")[0] for one in model.asked)
    for cell, (quota, _) in CELLS.items():
        name = cell.replace("/", "_")
        ranks = [row["rank"] for row in verdicts if row["cell"] == cell]
        assert ranks == list(range(asked[name]))  # the shortest run of ranks that fills the quota
        last = [row for row in verdicts if row["cell"] == cell][-1]
        assert last["accepted"] or sum(row["accepted"] for row in verdicts if row["cell"] == cell) == quota


def test_without_set_gates_nothing_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, CELLS)
    model = generate(run, monkeypatch, says(1.0))
    assert len(model.asked) == 22
    assert all(row["accepted"] for row in verdicts_of(run))


def test_the_bytes_do_not_depend_on_how_the_stage_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one go, eight at a time, or a few requests at a time with a stop after each."""
    made = []
    for name, limits in (("one", {"concurrency": 1}), ("eight", {"concurrency": 8})):
        run = make_run(tmp_path / name, CELLS, gates=GATES)
        generate(run, monkeypatch, says(0.5), **limits)
        made.append((bytes_of(run), verdicts_of(run)))
    run = make_run(tmp_path / "stopped", CELLS, gates=GATES)
    stops = 0
    while True:
        try:
            generate(run, monkeypatch, says(0.5), max_requests=5)
        except CapReached:
            stops += 1
        else:
            break
    assert stops > 5
    made.append((bytes_of(run), verdicts_of(run)))
    assert made[0] == made[1] == made[2]


def test_candidates_that_are_used_up_leave_the_quota_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, {"emo/train": (8, 12)}, gates=GATES)
    model = generate(run, monkeypatch, says(1.0))
    assert len(model.asked) == 12
    assert sum(row["accepted"] for row in verdicts_of(run)) <= 3
    (cell,) = cell_table(run)
    assert cell.short >= 5


def test_a_row_may_be_saved_by_its_second_accepted_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthesis keeps several accepted answers of a row; the best repeats another row, the next one does not."""

    def say(sample: Sample, request: Request) -> str:
        short = "The lips part and the brow rises."  # the shortest is the best
        words = short if request.attempt == 0 else own_words(f"{sample.id} {request.attempt}")
        return f"<think>{words}</think><answer>{sample.labels[0]}</answer>"

    run = make_run(tmp_path, {"emo/train": (5, 9)}, gates=GATES, synthesis={"samples": 3})
    model = Model(say)
    monkeypatch.setattr(SYNTHESIS, "create", lambda _name: model)
    by_name(run)
    assert len({one.sample_id for one in model.asked}) == 5
    verdicts = verdicts_of(run)
    assert [(row["attempt"], row["accepted"]) for row in verdicts if row["rank"] < 2][:5] == [
        (0, True),
        (1, True),
        (2, True),
        (0, False),
        (1, True),
    ]
    assert len(rows_of(run)) == 15


def test_a_journal_that_lost_an_answer_between_two_passes_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, {"emo/train": (3, 9)}, gates=GATES)
    monkeypatch.setattr("curation.quotas.Journal.__getitem__", lambda *_: {}["gone"])
    with pytest.raises(CorruptState, match="the journal lacks an answer"):
        generate(run, monkeypatch, says(0.5))


def row(number: int, words: str) -> Candidate:
    made = label_only(words, "happiness")
    return replace(made, sample=replace(made.sample, id=f"row-{number:03}"))


def admitted(name: str, texts: Sequence[str], quota: int = 999, **params: Any) -> list[bool]:
    admission = Admission(Panel([Gate(name=name, params=params)]), {"cell": quota})
    rulings = [admission.judge("cell", row(number, words)) for number, words in enumerate(texts)]
    return [all(one.ok is not False for one in verdicts) for verdicts in rulings]


def test_rows_beyond_the_quota_are_neither_compared_nor_kept() -> None:
    admission = Admission(Panel([Gate(name="near_duplicate")]), {"a": 1, "b": 2})
    texts = [own_words("one"), own_words("two"), own_words("two")]
    assert [one.ok for one in admission.judge("a", row(0, texts[0]))] == [True]
    assert admission.judge("a", row(1, texts[1])) == []  # its cell is full, so it will not be released
    assert [one.ok for one in admission.judge("b", row(2, texts[2]))] == [True]
    assert [one.ok for one in admission.judge("b", row(3, texts[0]))] == [False]  # across cells
    assert admission.kept == {"a": 1, "b": 1}


def test_what_one_set_gate_rejects_no_other_remembers() -> None:
    gates = [Gate(name="near_duplicate"), Gate(name="opening", params={"least": 1, "words": 1})]
    admission = Admission(Panel(gates), {"cell": 9})
    first, echo = own_words("one"), f"again {own_words('one')}"
    assert all(one.ok for one in admission.judge("cell", row(0, first)))
    assert [one.reason for one in admission.judge("cell", row(1, echo)) if one.ok is False] == ["near_duplicate"]
    assert all(one.ok for one in admission.judge("cell", row(2, f"again {own_words('two')}")))


def test_an_opening_may_come_as_often_as_its_share() -> None:
    same = [f"In this face {own_words(str(n), 6)}" for n in range(10)]
    assert admitted("opening", same, least=4, words=3) == [True] * 4 + [False] * 6
    mixed = [text for n in range(10) for text in (own_words(f"other {n}", 6), same[n])]
    assert sum(admitted("opening", mixed, least=1, share=0.4, words=3)[1::2]) == 6


def test_near_duplicate_measures_the_nearest_and_names_it() -> None:
    base = own_words("base", 40).split()
    changed = [*base[:-1], "otherwise"]
    admission = Admission(Panel([Gate(name="near_duplicate")]), {"cell": 9})
    admission.judge("cell", row(0, own_words("other", 40)))
    admission.judge("cell", row(1, " ".join(base)))
    (verdict,) = admission.judge("cell", row(2, " ".join(changed)))
    one, other = ({tuple(words[at : at + 3]) for at in range(len(words) - 2)} for words in (base, changed))
    assert verdict.value == pytest.approx(len(one & other) / len(one | other))
    assert verdict.detail == f"{verdict.value:.2f} like row-001"
    assert admitted("near_duplicate", [" ".join(base), " ".join(changed)], most=0.99) == [True, True]


def test_novelty_finds_what_is_put_together_from_several_rows() -> None:
    parts = [own_words(str(n), 12) for n in range(4)]
    sewn = " ".join(parts)
    assert admitted("near_duplicate", [*parts, sewn]) == [True] * 5
    assert admitted("novelty", [*parts, sewn], least=0.25) == [True] * 4 + [False]
    admission = Admission(Panel([Gate(name="novelty", params={"least": 0.25})]), {"cell": 9})
    *_, (verdict,) = [admission.judge("cell", row(n, text)) for n, text in enumerate([*parts, sewn])]
    assert verdict.detail == "20% of its 45 4-grams are new, 9 are those of row-000"
    assert novelty().rule(novelty().read(row(0, "too short"))).ok is None


def test_novelty_remembers_beyond_its_recent_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted away or not, an n-gram is known."""
    seen: Any = novelty()
    plain: Any = novelty()
    monkeypatch.setattr("curation.gates.novelty.RECENT", 10)
    texts = [own_words(str(n), 20) for n in range(30)]
    for number, text in enumerate(texts):
        read = seen.read(row(number, text))
        assert seen.rule(read) == plain.rule(read)
        seen.keep(read, f"row-{number}")
        plain.rows.append(f"row-{number}")
        for one in read.tolist():
            plain.recent.setdefault(one, number)
    assert len(seen.recent) < len(seen.old)
    for number, text in enumerate(texts):
        assert seen.rule(seen.read(row(number, text))) == plain.rule(plain.read(row(number, text)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=12), st.sampled_from(["near_duplicate", "novelty"]))
def test_of_equal_texts_exactly_the_first_is_kept(numbers: list[int], name: str) -> None:
    texts = [f"{own_words(str(number), 30)}" for number in numbers]
    expected = [number not in numbers[:at] for at, number in enumerate(numbers)]
    assert admitted(name, texts, **({"least": 0.01} if name == "novelty" else {})) == expected


def test_reading_a_row_changes_nothing() -> None:
    for made in (near_duplicate(), opening(), novelty()):
        first, second = (made.read(row(0, own_words("one"))) for _ in range(2))
        made.keep(first, "row-000")
        assert made.rule(second) == made.rule(first)
