"""Stage 3: every quota filled with accepted answers, the same bytes whatever the order, nothing asked twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lessons import bytes_of, chance, killed_often, make_run, rows_of, sample_of

from curation import teach
from curation.gates import Candidate, judge, rejection
from curation.run import ANSWERS, TASKS, finish
from curation.spending import Limits
from facial_r1.errors import CorruptState, FacialR1Error, InputError, UsageError
from facial_r1.files import read_jsonl, sha256_bytes, write_jsonl
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Facts, Request
from facial_r1.prompt import known_of, teacher_prompt
from facial_r1.recipe import DEFAULT_GATES
from facial_r1.response import parse
from facial_r1.sample import Sample


class Pupil:
    """Writes what the template teacher would, except where ``spoils`` says that the answer is to be wrong."""

    name = "pupil"
    batch = 3
    params: Mapping[str, Any] = {}
    endpoint: str | None = None

    def __init__(self, spoils: Callable[[str, int], bool], model: str = "pupil-1") -> None:
        self.spoils, self.model, self.asked = spoils, model, Counter[tuple[str, int]]()
        self.dice = random.Random(4)

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        from facial_r1.inference.backends.template import write

        await asyncio.sleep(self.dice.random() / 500)
        answers = []
        for one in requests:
            self.asked[one.sample_id, one.attempt] += 1
            assert one.facts is not None
            key = one.key(self.model)
            text = "<think>Hm.</think>" if self.spoils(one.sample_id, one.attempt) else write(one.facts, key)
            answers.append(Answer(key, one.sample_id, "ok", text, self.model, one.attempt))
        return answers


@pytest.fixture
def taught_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Backend], None]:
    def install(backend: Backend) -> None:
        monkeypatch.setattr(teach, "create", lambda _name: backend)

    return install


def test_the_template_teacher_fills_every_quota_at_the_first_go(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (40, 50), "aus/val": (30, 40), "emo/test": (20, 20)})
    stats = teach.generate(run)
    assert stats is not None
    assert (stats.asked, stats.outcomes) == (90, {"ok": 90})
    rows = rows_of(run)
    expected = [f"{c}-{i:05}" for c, n in (("both_train", 40), ("aus_val", 30), ("emo_test", 20)) for i in range(n)]
    assert [row["id"] for row in rows] == expected
    keys = ["id", "key", "outcome", "text", "model", "attempt", "usage", "detail", "prompt_hash", "conditioned"]
    assert list(rows[0]) == keys


def test_the_template_teacher_passes_every_gate(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (300, 300), "aus/train": (300, 300), "emo/train": (300, 300)})
    teach.generate(run)
    samples = {row["id"]: Sample.from_own(row["sample"]) for _, row in read_jsonl(run.folder(TASKS) / "tasks.jsonl")}
    for row in rows_of(run):
        candidate = Candidate(samples[row["id"]], row["outcome"], parse(row["text"]))
        assert rejection(judge(candidate, DEFAULT_GATES)) is None, row["text"]


def test_every_answer_leads_to_its_prompt(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (30, 30), "emo/train": (30, 30)})
    teach.generate(run)
    prompts = {row["hash"]: row["text"] for row in rows_of(run, "prompts.jsonl")}
    assert all(sha256_bytes(text.encode()) == name for name, text in prompts.items())
    assert {row["prompt_hash"] for row in rows_of(run)} == prompts.keys()
    assert list(prompts) == sorted(prompts)


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    attempts=st.integers(1, 3),
    cells=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 20)), min_size=1, max_size=4),
    concurrency=st.integers(1, 5),
)
def test_the_rows_asked_are_the_shortest_run_of_ranks_that_fills_the_quota(
    tmp_path_factory: pytest.TempPathFactory, rate: float, attempts: int, cells: list[tuple[int, int]], concurrency: int
) -> None:
    """Against the plain sequential rule: rank by rank, attempt by attempt, until the quota is full."""
    spoils = chance(rate)
    plan = {f"both{index}/train": cell for index, cell in enumerate(cells)}
    expected = []
    for name, (quota, candidates) in plan.items():
        accepted = 0
        for rank in range(candidates):
            if accepted == quota:
                break
            row = f"{name.replace('/', '_')}-{rank:05}"
            for attempt in range(attempts):
                expected.append((row, attempt))
                if not spoils(row, attempt):
                    accepted += 1
                    break
    run = make_run(tmp_path_factory.mktemp("run"), plan, teacher={"attempts": attempts})
    pupil = Pupil(spoils)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teach, "create", lambda _name: pupil)
        teach.generate(run, limits=Limits(concurrency=concurrency))
    assert [(row["id"], row["attempt"]) for row in rows_of(run)] == expected
    assert pupil.asked == Counter(expected)


def test_same_bytes_whatever_the_concurrency(tmp_path: Path, taught_by: Callable[[Backend], None]) -> None:
    made = []
    for concurrency in (1, 2, 16):
        run = make_run(
            tmp_path / str(concurrency), {"both/train": (40, 80), "aus/train": (20, 30)}, teacher={"attempts": 2}
        )
        taught_by(Pupil(chance(0.5)))
        teach.generate(run, limits=Limits(concurrency=concurrency))
        made.append(bytes_of(run))
    assert made[0]["answers.jsonl"] == made[1]["answers.jsonl"] == made[2]["answers.jsonl"]
    assert made[0] == made[1] == made[2]


def test_a_finished_stage_is_skipped_and_a_changed_one_asks_only_what_is_new(
    tmp_path: Path, taught_by: Callable[[Backend], None]
) -> None:
    pupil = Pupil(chance(0.0))
    taught_by(pupil)
    cells = {"both/train": (30, 40)}
    teach.generate(make_run(tmp_path, cells))
    assert teach.generate(make_run(tmp_path, cells)) is None
    longer = teach.generate(make_run(tmp_path, {"both/train": (31, 40)}))
    assert longer is not None
    assert (longer.asked, longer.reused) == (1, 30)
    other_gates = teach.generate(make_run(tmp_path, {"both/train": (31, 40)}, gates=[{"name": "grammar"}]))
    assert other_gates is not None
    assert (other_gates.asked, other_gates.reused) == (0, 31)
    assert set(pupil.asked.values()) == {1}


def test_another_model_is_another_teacher(tmp_path: Path, taught_by: Callable[[Backend], None]) -> None:
    run = make_run(tmp_path, {"both/train": (5, 5)})
    for model in ("m-1", "m-2"):
        taught_by(Pupil(chance(0.0), model))
        stats = teach.generate(run)
        assert stats is not None
        assert (stats.asked, {row["model"] for row in rows_of(run)}) == (5, {model})


def test_outcomes_without_text_are_kept_and_their_rows_replaced(
    tmp_path: Path, taught_by: Callable[[Backend], None]
) -> None:
    class Moody(Pupil):
        async def answer(self, requests: Sequence[Request]) -> list[Answer]:
            answers = await super().answer(requests)
            for one in answers:
                index = int(one.sample_id[-1])
                if index < 3:
                    one.outcome = ("refusal", "failed", "cut_off")[index]
                    one.text = None if index == 1 else "I cannot say what"
            return answers

    run = make_run(tmp_path, {"both/train": (4, 10)}, gates=[{"name": "vocabulary"}])
    taught_by(Moody(chance(0.0)))
    teach.generate(run)
    assert [row["outcome"] for row in rows_of(run)] == ["refusal", "failed", "cut_off", "ok", "ok", "ok", "ok"]
    assert [row["text"] for row in rows_of(run)][:3] == ["I cannot say what", None, "I cannot say what"]


def test_equal_questions_of_two_rows_stand_under_each_row(tmp_path: Path) -> None:
    """Without pictures two rows of equal truth ask the same: one request, two rows."""
    run = make_run(tmp_path, {"emo/train": (20, 20)})
    path = run.folder(TASKS) / "tasks.jsonl"
    rows = [row for _, row in read_jsonl(path)]
    for row in rows:
        row["sample"]["meta_info"]["image_sha256"] = None
    finish(run.folder(TASKS), [], {}, {"tasks.jsonl": write_jsonl(path, rows), "cells.jsonl": 1})
    stats = teach.generate(run)
    assert stats is not None
    assert stats.asked == len({row["sample"]["labels"][0] for row in rows}) < 20
    assert [row["id"] for row in rows_of(run)] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("name", "rule", "labels", "facts"),
    [
        ("both", "any", ["fear", "surprise"], Facts("au+emotion", ("AU1", "AU5"), ("fear",))),
        ("both", "set", ["fear", "surprise"], Facts("au+emotion", ("AU1", "AU5"), ("fear", "surprise"))),
        ("aus", "any", [], Facts("au", ("AU1", "AU5"), ())),
        ("emo", "any", ["anger"], Facts("emotion", (), ("anger",))),
    ],
)
def test_the_teacher_is_told_what_the_corpus_knows_and_no_more(
    name: str, rule: str, labels: list[str], facts: Facts
) -> None:
    sample = sample_of(name, 0)
    sample.AUs, sample.labels = ["AU1", "AU5"], labels
    assert teach.facts_of(sample, rule) == facts
    text = teacher_prompt(*known_of(sample, "omit"), facts, label_rule=rule).text
    assert ("AU1" in text) == (name != "emo")
    assert all(label in text.splitlines()[-1] for label in facts.labels)


def test_a_blend_is_accepted_under_either_rule(tmp_path: Path) -> None:
    for rule in ("any", "set"):
        run = make_run(tmp_path / rule, {"both/train": (4, 4)}, label_rule=rule)
        path = run.folder(TASKS) / "tasks.jsonl"
        rows = [row for _, row in read_jsonl(path)]
        for row in rows:
            row["sample"]["labels"] = ["fear", "surprise"]
        finish(run.folder(TASKS), [], {}, {"tasks.jsonl": write_jsonl(path, rows), "cells.jsonl": 1})
        teach.generate(run)
        answers = {parse(row["text"]).answer_labels for row in rows_of(run)}
        assert answers == {("fear",) if rule == "any" else ("fear", "surprise")}
        assert len(rows_of(run)) == 4


@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_kill_at_any_moment_and_run_again_gives_the_same_bytes(tmp_path: Path, kills: int) -> None:
    cells = {"both/train": (300, 500), "aus/train": (200, 300)}
    killed_often(tmp_path, "teach", kills, cells, teacher={"attempts": 2})


def test_an_output_changed_by_hand_is_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (5, 5)})
    teach.generate(run)
    path = run.folder(ANSWERS) / "answers.jsonl"
    path.write_bytes(path.read_bytes().replace(b"template-1", b"template-2", 1))
    with pytest.raises(CorruptState, match=r"answers\.jsonl"):
        teach.generate(run)


def test_an_answer_that_the_journal_lost_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second pass over the journal must never end in a traceback."""
    run = make_run(tmp_path, {"both/train": (3, 3)})

    def lost(_journal: Journal, key: str) -> Answer:
        raise KeyError(key)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "__getitem__", lost)
        with pytest.raises(CorruptState, match=r"the journal lacks an answer.*give the same command again"):
            teach.generate(run)
    assert not (run.folder(ANSWERS) / "done.json").exists()
    teach.generate(run)
    assert len(rows_of(run)) == 3


def test_a_deleted_output_is_made_again_from_the_journal(tmp_path: Path, taught_by: Callable[[Backend], None]) -> None:
    run = make_run(tmp_path, {"both/train": (20, 30)})
    taught_by(Pupil(chance(0.3)))
    teach.generate(run)
    before = bytes_of(run)
    for name in before:
        (run.folder(ANSWERS) / name).unlink()
    pupil = Pupil(chance(0.3))
    taught_by(pupil)
    teach.generate(run)
    assert bytes_of(run) == before
    assert pupil.asked == {}


def test_tasks_that_are_not_there_are_a_clear_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (5, 5)})
    (run.folder(TASKS) / "done.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        teach.generate(run)


def test_a_task_of_an_unknown_cell_is_a_clear_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (5, 5)})
    folder = run.folder(TASKS)
    write_jsonl(folder / "cells.jsonl", [])
    finish(folder, [], {}, {"tasks.jsonl": 5, "cells.jsonl": 0})
    with pytest.raises(CorruptState, match=r"tasks\.jsonl:1: this task belongs to a cell"):
        teach.generate(run)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"teacher": {"backend": "gpt"}}, "unknown backend"),
        ({"teacher": {"options": {"heat": 1}}}, "unknown option of the backend template"),
        ({"teacher": {"options": {"name": "gpt"}}}, "unknown option of the backend template"),
        ({"gates": [{"name": "charm"}]}, "unknown gate"),
    ],
)
def test_wrong_recipes_are_told_before_a_request_is_paid(tmp_path: Path, recipe: dict[str, Any], words: str) -> None:
    run = make_run(tmp_path, {"both/train": (5, 5)}, **recipe)
    with pytest.raises(UsageError, match=words):
        teach.generate(run)
    assert not list(run.root.rglob("journal-*"))


def test_a_full_disk_is_one_clear_error_and_the_next_call_goes_on(
    tmp_path: Path, taught_by: Callable[[Backend], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "a", {"both/train": (40, 40)})
    pupil, real, calls = Pupil(chance(0.0)), os.fsync, 0
    taught_by(pupil)

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FacialR1Error, match="No space left on device"):
        teach.generate(run, limits=Limits(concurrency=1))
    monkeypatch.setattr(os, "fsync", real)
    teach.generate(run)
    assert pupil.asked.total() <= 40 + 3
    other = make_run(tmp_path / "b", {"both/train": (40, 40)})
    teach.generate(other)
    assert bytes_of(run) == bytes_of(other)


def test_a_short_cell_is_no_error_here(tmp_path: Path, taught_by: Callable[[Backend], None]) -> None:
    """The release decides what a shortage means; the journal and the answers are kept."""
    run = make_run(tmp_path, {"both/train": (10, 12)}, teacher={"attempts": 2})
    taught_by(Pupil(lambda _name, _attempt: True))
    teach.generate(run)
    tried: dict[str, list[int]] = defaultdict(list)
    for row in rows_of(run):
        tried[row["id"]].append(row["attempt"])
    assert len(tried) == 12
    assert set(map(tuple, tried.values())) == {(0, 1)}


def test_the_marker_vouches_for_the_files(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"both/train": (7, 9)})
    teach.generate(run)
    marker = orjson.loads((run.folder(ANSWERS) / "done.json").read_bytes())
    assert {name: entry["rows"] for name, entry in marker["outputs"].items()} == {
        "answers.jsonl": 7,
        "prompts.jsonl": len(rows_of(run, "prompts.jsonl")),
        "sent.json": 0,
    }
    assert marker["inputs"].keys() == {"2-tasks/tasks.jsonl", "2-tasks/cells.jsonl"}
