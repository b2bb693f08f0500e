"""A judge over a run, against a server that misbehaves: strict JSON, scores by text, failures missing and never 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from lessons import make_run, rows_of
from stub_server import Judge, prompt_of
from typer import Typer
from typer.testing import CliRunner

from curation import judging, teach
from curation.evidence import JUDGEMENTS
from curation.release import cell_table
from curation.run import Run
from curation.spending import Limits
from curation.verdicts import gate
from facial_r1.cli.judge import judge as command
from facial_r1.errors import UsageError
from facial_r1.evaluation.judge import OPTIONS
from facial_r1.files import read_jsonl, sha256_file
from facial_r1.inference.backends import create
from facial_r1.inference.budget import CapReached
from facial_r1.inference.protocol import Backend
from facial_r1.recipe import DEFAULT_GATES
from facial_r1.reviews import text_hash

GATES = [*(one.model_dump() for one in DEFAULT_GATES), {"name": "judge_score", "params": {"least": 6}}]
SIX = dict.fromkeys(judging.CRITERIA, 6)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = make_run(tmp_path / "run", {"both/train": (4, 6), "aus/train": (3, 5), "emo/train": (3, 5)}, gates=GATES)
    teach.generate(made)
    return made


def backend(judge: Judge) -> Backend:
    return create("openai", model="gpt-4o-mini", base_url=judge.url, **OPTIONS)


def lines(run: Run) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(run.root / JUDGEMENTS)]


def test_every_text_is_scored_by_the_mean_of_its_criteria(run: Run, judge: Judge) -> None:
    texts = [row["text"] for row in rows_of(run)]
    verdict = {"facts": 9, "description": 8, "reasoning": 10, "language": 7, "reason": "good"}
    judge.answers = {texts[0]: json.dumps(verdict)}
    found = judging.judge(run, backend(judge))
    assert (found.texts, found.scored, found.stats.asked) == (10, 10, 10)
    rows = lines(run)
    assert [row["id"] for row in rows] == [row["id"] for row in rows_of(run)]
    assert [row["text_sha256"] for row in rows] == [text_hash(text) for text in texts]
    assert rows[0]["score"] == 8.5
    assert rows[0]["criteria"] == {name: verdict[name] for name in judging.CRITERIA}
    assert {row["score"] for row in rows[1:]} == {6.0}
    assert found.mean == pytest.approx((8.5 + 9 * 6) / 10)
    (body, *_) = judge.bodies
    assert body["temperature"] == 0
    assert body["response_format"]["json_schema"]["schema"]["required"] == [*judging.CRITERIA, "reason"]
    assert isinstance(body["messages"][-1]["content"], str) or len(body["messages"][-1]["content"]) == 1  # no picture


def test_the_judge_is_told_what_the_corpus_knows_and_nothing_it_does_not(run: Run, judge: Judge) -> None:
    judging.judge(run, backend(judge))
    by_text = {row["text"]: row["id"] for row in rows_of(run)}
    for prompt in judge.counts:
        row = next(name for text, name in by_text.items() if text in prompt)
        reference = prompt.split("Reference:\n-----\n")[1].split("\n-----")[0]
        assert ("Active Action Units: " in reference) is not row.startswith("emo")
        assert ("Emotion: " in reference) is not row.startswith("aus")


@pytest.mark.parametrize("answer", [None, "7", '{"facts": 11}', "Sure! Here it is:"])
def test_a_judge_that_fails_gives_no_score_and_rejects_nothing(run: Run, judge: Judge, answer: str | None) -> None:
    text = rows_of(run)[0]["text"]
    judge.answers = {text: answer}
    found = judging.judge(run, backend(judge))
    assert (found.texts, found.scored, found.mean) == (10, 9, 6.0)
    assert (lines(run)[0]["score"], lines(run)[0]["criteria"]) == (None, None)
    gate(run)
    assert sum(cell.accepted for cell in cell_table(run)) == 10


def test_low_scores_are_turned_down_and_replaced_by_the_next_build(run: Run, judge: Judge) -> None:
    low = {**SIX, "facts": 2, "reason": "an Action Unit is missing"}
    judge.answers = {rows_of(run)[0]["text"]: json.dumps(low)}
    judging.judge(run, backend(judge))
    summary = gate(run)
    assert summary["rejected"] == {"low_score": 1}
    assert cell_table(run)[0].short == 1
    stats = teach.generate(run)
    assert stats is not None
    assert (stats.asked, stats.reused) == (1, 10)
    gate(run)
    assert all(cell.short == 0 for cell in cell_table(run))
    found = judging.judge(run, backend(judge))  # only the new text is asked; the one turned down keeps its score
    assert (found.texts, found.stats.asked, found.stats.reused) == (11, 1, 10)
    assert lines(run)[0]["score"] == 5.0


def test_what_the_gates_reject_is_not_worth_a_question(run: Run, judge: Judge) -> None:
    strict = run.recipe.model_copy(update={"gates": (*run.recipe.gates, *_gates("words", {"least": 500}))})
    assert judging.judge(Run(run.root, strict), backend(judge)).texts == 0
    assert judge.counts == {}


def _gates(name: str, params: dict[str, Any]) -> tuple[Any, ...]:
    from facial_r1.recipe import Gate

    return (Gate(name=name, params=params),)


def test_a_cap_stops_it_and_the_same_call_goes_on(run: Run, judge: Judge) -> None:
    with pytest.raises(CapReached, match="--max-requests 4"):
        judging.judge(run, backend(judge), limits=Limits(concurrency=2, max_requests=4))
    assert not (run.root / JUDGEMENTS).exists()
    found = judging.judge(run, backend(judge))
    assert (found.stats.asked, found.stats.reused, found.scored) == (6, 4, 10)
    assert max(judge.counts.values()) == 1
    first = sha256_file(run.root / JUDGEMENTS)
    judging.judge(run, backend(judge))
    assert sha256_file(run.root / JUDGEMENTS) == first
    assert max(judge.counts.values()) == 1


def test_an_estimate_asks_nothing(run: Run, judge: Judge) -> None:
    found = judging.estimated(run, backend(judge))
    assert (found.requests, found.pictures) == (10, 0)
    assert found.online is not None
    assert found.online > 0
    assert not (run.root / JUDGEMENTS).parent.exists()
    judging.judge(run, backend(judge))
    assert judging.estimated(run, backend(judge)).requests == 0
    assert sum(judge.counts.values()) == 10


def test_pictures_are_shown_on_demand_and_their_leave_is_asked(
    run: Run, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in rows_of(run):
        path = run.images / row["id"].rpartition("-")[0] / f"{row['id'].rpartition('-')[2]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), np.full((48, 48), 90, np.uint8))
    found = judging.judge(run, backend(judge), pictures=True)
    assert found.scored == 10
    (body, *_) = judge.bodies
    assert [part["type"] for part in body["messages"][-1]["content"]] == ["image_url", "text"]
    assert '"picture": 1-10' in prompt_of(body)[0]
    assert json.loads((run.root / JUDGEMENTS).with_name("sent.json").read_bytes()) == {}
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    source = run.recipe.corpora["emo"].model_copy(update={"root": run.root})
    real = run.recipe.model_copy(update={"corpora": {**run.recipe.corpora, "emo": source}})
    far = create("openai", model="gpt-4o-mini", base_url="https://judge.example/v1")
    with pytest.raises(UsageError, match="pictures of emo would leave this machine"):
        judging.judge(Run(run.root, real), far, pictures=True)


def test_a_judge_needs_a_model_that_there_is(run: Run) -> None:
    app = Typer()
    app.command()(command)
    wrong = {
        "--backend openai": "the backend openai needs the option model",
        "--backend nobody --model m": "unknown backend. Found: nobody",
    }
    for arguments, said in wrong.items():
        failed = CliRunner().invoke(app, [str(run.root), *arguments.split()])
        assert isinstance(failed.exception, UsageError), failed.exception
        assert said in str(failed.exception)


def test_the_command(run: Run, judge: Judge) -> None:
    app = Typer()
    app.command()(command)
    arguments = [str(run.root), "--model", "gpt-4o-mini", "--base-url", judge.url, "-q"]
    dry = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "requests to the judge: 10" in dry.output
    assert "nothing was asked" in dry.output
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "asked 10, reused 0" in done.output
    assert "scored 10 of 10 texts, mean 6.00 of 10" in done.output
    assert (run.root / JUDGEMENTS).is_file()
