"""Stage 4: one verdict per answer, and a summary that adds up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.run import ANSWERS, VERDICTS, Run
from curation.verdicts import Tally, answered, gate
from facial_r1.errors import CorruptState, InputError, UsageError
from facial_r1.files import read_jsonl
from facial_r1.sample import Sample

BAD = "<think>A face (AU4).</think><answer>AU4</answer>"


def verdicts(run: Run) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(run.folder(VERDICTS) / "verdicts.jsonl")]


@pytest.fixture
def mixed(building: Callable[..., Any], sample: Callable[..., Sample], text: Callable[[Sample], str]) -> Run:
    """Accepted at once, accepted at the second attempt, refused, wrong, never asked; and one label-only row."""
    rows = [sample(number) for number in range(1, 6)]
    build = building()
    build.add(rows[0], text(rows[0]))
    build.add(rows[1], BAD, text(rows[1]))
    build.add(rows[2], None, outcome="failed")
    build.add(rows[3], "I cannot judge a person.", outcome="refusal")
    build.add(rows[4])
    face = sample(6, "fer2013")
    build.add(face, "<think>Perhaps a smile.</think><answer>happiness</answer>")
    return build.write()


def test_one_row_per_answer_in_their_order(mixed: Run) -> None:
    gate(mixed)
    assert [(row["id"], row["attempt"], row["reason"]) for row in verdicts(mixed)] == [
        ("disfa-0001", 0, None),
        ("disfa-0002", 0, "au_mismatch"),
        ("disfa-0002", 1, None),
        ("disfa-0003", 0, "failed"),
        ("disfa-0004", 0, "refusal"),
        ("fer2013-0006", 0, "uncertain_word"),
    ]
    first = verdicts(mixed)[0]
    assert set(first) == {"id", "key", "attempt", "cell", "rank", "accepted", "reason", "verdicts", "edit"}
    assert (first["accepted"], first["cell"], first["rank"]) == (True, "disfa/train", 0)
    assert [ruling["gate"] for ruling in first["verdicts"]] == [spec.name for spec in mixed.recipe.gates]
    assert first["verdicts"][2] == {"gate": "au_set", "ok": True, "reason": None, "detail": "", "value": 1.0}


def test_the_summary_counts_by_reason_corpus_label_and_au(mixed: Run) -> None:
    summary = gate(mixed)
    rejected = {"au_mismatch": 1, "failed": 1, "refusal": 1}
    assert (summary["accepted"], summary["rejected"]) == (2, {**rejected, "uncertain_word": 1})
    assert summary["corpus"]["disfa"] == {"accepted": 2, "rejected": rejected}
    assert summary["label"] == {"happiness": {"accepted": 0, "rejected": {"uncertain_word": 1}}}
    assert summary["au"] == {au: {"accepted": 2, "rejected": rejected} for au in ("AU6", "AU12")}
    assert orjson.loads((mixed.folder(VERDICTS) / "summary.json").read_bytes()) == summary


def test_aus_are_in_order_of_their_number(sample: Callable[..., Sample]) -> None:
    tally = Tally()
    tally.add(sample(1, AUs=["AU2", "AU12", "AU25"]), None)
    tally.add(sample(2, AUs=["AU1", "AU9"]), "au_mismatch")
    assert list(tally.to_json()["au"]) == ["AU1", "AU2", "AU9", "AU12", "AU25"]


def test_a_second_call_does_nothing(mixed: Run) -> None:
    first = gate(mixed)
    path = mixed.folder(VERDICTS) / "verdicts.jsonl"
    before = path.stat().st_mtime_ns
    assert gate(mixed) == first
    assert path.stat().st_mtime_ns == before


def test_other_gates_judge_anew(mixed: Run) -> None:
    gate(mixed)
    lenient = mixed.recipe.model_copy(update={"gates": mixed.recipe.gates[:1]})
    summary = gate(Run(mixed.root, lenient))
    assert summary["accepted"] == 4
    assert summary["rejected"] == {"failed": 1, "refusal": 1}


def test_a_changed_verdict_is_an_error(mixed: Run) -> None:
    gate(mixed)
    path = mixed.folder(VERDICTS) / "verdicts.jsonl"
    path.write_bytes(path.read_bytes().replace(b"false", b"true"))
    with pytest.raises(CorruptState, match=r"verdicts\.jsonl is not the one its marker vouches for"):
        gate(mixed)


def test_an_unknown_gate_stops_before_anything_is_written(mixed: Run) -> None:
    from facial_r1.recipe import Gate

    wrong = mixed.recipe.model_copy(update={"gates": (Gate(name="gramar"),)})
    with pytest.raises(UsageError, match="unknown gate"):
        gate(Run(mixed.root, wrong))
    assert not (mixed.folder(VERDICTS) / "verdicts.jsonl").exists()


def test_answers_must_exist(small: Any) -> None:
    with pytest.raises(InputError, match="not finished"):
        gate(small.run)


def test_an_answer_without_its_task_is_named(mixed: Run, small: Any) -> None:
    small.answers.insert(0, {**small.answers[0], "id": "disfa-0666"})
    run = small.write()
    with pytest.raises(CorruptState) as caught:
        list(answered(run))
    message = str(caught.value)
    assert f"{run.folder(ANSWERS) / 'answers.jsonl'}:1: this answer belongs to no task" in message
    assert "Found: disfa-0666" in message


def test_progress_is_told(mixed: Run, told: Any) -> None:
    gate(mixed, progress=told)
    assert told.steps[-1] == ("answers judged", 6, 6)


def test_the_recipes_label_set_and_rule_are_used(
    building: Callable[..., Any], sample: Callable[..., Sample], tmp_path: Path
) -> None:
    row = sample(1, "fer2013", labels=["happiness", "confusion"], label_set=["happiness", "confusion"])
    answer = "<think>A smile over a furrowed brow.</think><answer>confusion and happiness</answer>"
    strict = building("strict").add(row, answer).write()
    assert gate(strict)["rejected"] == {"answer_not_an_emotion": 1}
    kind = building("kind", label_set=["confusion"], label_rule="set").add(row, answer).write()
    assert gate(kind)["accepted"] == 1
