"""``facial-r1 synthesize`` with a model behind OpenAI's API: the command line, a real socket, gates and release."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from stub_server import Reply, Stub, completion, prompt_of
from teaching import Cli, rows_in, select_run, teacher

ROWS = 14
"""Two of each of the seven emotions."""


@pytest.fixture(scope="module")
def selected(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every class has a reserve."""
    return select_run(cli, tmp_path_factory.mktemp("synthesis"), pool=200, reserve=1, rows=ROWS, balance="label")


@pytest.fixture
def model(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Sees happiness in every face, and says what it is told where it is told the emotion."""

    def reply(_name: str, _argument: str, body: dict[str, Any]) -> Reply:
        told = re.search("^Emotion: (.+)$", prompt_of(body)[0], re.MULTILINE)
        emotion = told[1] if told else "happiness"
        return completion(f"<think>The face shows it.</think><answer>{emotion}</answer>", body)

    monkeypatch.setattr(stub, "reply", reply)
    return stub


def labels_of(run: Path) -> dict[str, str]:
    return {row["id"]: row["sample"]["labels"][0] for row in rows_in(run / "2-tasks/tasks.jsonl")}


def test_blind_first_repaired_then_told_and_released(cli: Cli, run: Path, model: Stub) -> None:
    done = cli("synthesize", run, *teacher(model, "--unconditioned", "--repairs", 2))
    assert done.returncode == 0, done.stderr
    answers, labels = rows_in(run / "3-answers/answers.jsonl"), labels_of(run)
    assert Counter(row["id"] for row in answers) == {
        name: 1 if labels[name] == "happiness" else 3 for name in {row["id"] for row in answers}
    }
    assert sum(model.counts.values()) == len(answers) == 2 + 3 * 12
    assert yaml.safe_load((run / "recipe.yaml").read_text())["synthesis"]["conditioned"] is False
    table = {
        line.split()[0] + line.split()[1]: line.split()[2:] for line in done.stdout.splitlines() if "label " in line
    }
    assert table["labelhappiness"] == ["2", "2", "100.0"]
    assert table["labelfear"] == ["6", "2", "33.3"]
    assert "label_mismatch" in done.stdout
    assert "fer2013/train" in done.stdout
    assert cli("release", run, "-q").returncode == 0
    released = rows_in(run / "5-release/train.jsonl")
    assert Counter(row["labels"][0] for row in released) == dict.fromkeys(set(labels.values()), 2)
    for row in released:
        meta = row["meta_info"]
        assert meta["label_conditioned"] == (row["labels"][0] != "happiness")
        assert meta["attempts"] == (3 if meta["label_conditioned"] else 1)
    before = sum(model.counts.values())
    again = cli("synthesize", run, *teacher(model))
    assert again.returncode == 0
    assert "label fear" in again.stdout
    assert sum(model.counts.values()) == before


def test_what_finds_no_echo_is_turned_down(cli: Cli, run: Path, model: Stub) -> None:
    """Told the truth this model is always right; asked blind it is right about happiness alone."""
    done = cli("synthesize", run, *teacher(model, "--blind", 2, "--min-agreement", 0.5))
    assert done.returncode == 0, done.stderr
    summary = orjson.loads((run / "4-verdicts" / "summary.json").read_bytes())
    assert summary["accepted"] == summary["label"]["happiness"]["accepted"] == 2
    assert summary["rejected"] == {"low_agreement": len(labels_of(run)) - 4}
    found = rows_in(run / "3-answers/confidence.jsonl")
    assert {row["right"] for row in found} == {0, 2}
    short = cli("release", run, "-q")
    assert short.returncode == 3
    assert "low_agreement" in done.stdout


def test_a_dry_run_counts_every_sample_and_writes_nothing(cli: Cli, run: Path, model: Stub) -> None:
    before = (run / "recipe.yaml").read_bytes()
    done = cli("synthesize", run, *teacher(model, "--samples", 3, "--blind", 2, "--dry-run"))
    assert done.returncode == 0, done.stderr
    assert f"requests to the teacher: {5 * ROWS}" in done.stdout
    assert not model.counts
    assert (run / "recipe.yaml").read_bytes() == before


def test_generate_and_synthesize_take_turns(cli: Cli, run: Path, model: Stub) -> None:
    """Each is the stage's only filler when it ran last, and the answers that both need are paid once."""
    assert cli("generate", run, *teacher(model)).returncode == 0
    assert cli("synthesize", run, *teacher(model, "--samples", 2)).returncode == 0
    assert sum(model.counts.values()) == 2 * ROWS
    assert len(rows_in(run / "3-answers/answers.jsonl")) == 2 * ROWS
    assert cli("generate", run, *teacher(model)).returncode == 0
    assert len(rows_in(run / "3-answers/answers.jsonl")) == ROWS
    assert sum(model.counts.values()) == 2 * ROWS
    assert yaml.safe_load((run / "recipe.yaml").read_text())["synthesis"] is None


def test_at_temperature_zero_several_samples_are_refused_and_another_temperature_mends_it(
    cli: Cli, run: Path, model: Stub
) -> None:
    cold = cli("synthesize", run, *teacher(model, "--samples", 2, "--option", "temperature=0"))
    assert cold.returncode == 2, cold.stderr
    assert "at temperature 0 several answers" in cold.stderr
    assert not model.counts
    assert cli("synthesize", run, *teacher(model, "--option", "temperature=0.9")).returncode == 0
    assert {body["temperature"] for body in model.bodies} == {0.9}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--min-agreement", 0.5), "synthesis.min_agreement needs synthesis.blind"),
        (("--samples", 0), "`synthesis.samples` in the recipe: input should be greater than or equal to 1"),
        (("--blind", 2, "--labels-only"), "synthesis.blind and synthesis.conditioned: false need teacher.pictures"),
    ],
)
def test_wrong_options_are_one_clear_error(
    cli: Cli, run: Path, model: Stub, arguments: tuple[object, ...], words: str
) -> None:
    before = (run / "recipe.yaml").read_bytes()
    done = cli("synthesize", run, *teacher(model, *arguments))
    assert done.returncode == 2, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not model.counts
    assert (run / "recipe.yaml").read_bytes() == before, "a wrong option changes no recipe"
