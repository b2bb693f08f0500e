"""``facial-r1 predict`` and ``facial-r1 evaluate`` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from stub_server import Stub
from typer.testing import CliRunner, Result

from facial_r1.cli import evaluate as commands
from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.sample import Sample

from .conftest import Make

Written = Callable[[Sequence[Sample]], Path]
Run = Callable[..., Result]
APP = typer.Typer()
APP.command()(commands.predict)
APP.command()(commands.evaluate)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("evaluate", …)``; the error of a failed command is its ``exception``."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(APP, [*map(str, arguments), "-q"])

    return call


@pytest.fixture
def data(on_disk: Written, sample: Make) -> Path:
    text = "<think>Wide eyes.</think><answer>{}</answer>"
    labels = ["fear", "anger"] * 4
    rows = [
        sample(f"r{at}", labels=[label], dataset="expw", annotated=(), description=text.format(label))
        for at, label in enumerate(labels)
    ]
    return on_disk(rows)


def server(stub: Stub) -> tuple[object, ...]:
    return "--backend", "openai", "--model", "gpt-4o-mini", "--base-url", stub.url


def test_from_a_data_set_to_a_report(run: Run, data: Path, stub: Stub, tmp_path: Path) -> None:
    dry = run("predict", data, "--out", tmp_path / "p.jsonl", *server(stub), "--dry-run")
    assert "requests to the model: 8\n" in dry.stdout
    assert not stub.counts
    done = run("predict", data, "--out", tmp_path / "p.jsonl", *server(stub))
    assert done.exit_code == 0, done.exception
    assert "asked 8, reused 0: 8 ok" in done.stdout
    shuffled = ("--shuffle-pictures", 3)
    assert run("predict", data, "--out", tmp_path / "c.jsonl", *server(stub), *shuffled).exit_code == 0
    done = run(
        *("evaluate", tmp_path / "p.jsonl", "--data", data, "--out", tmp_path / "e", "--name", "stub"),
        *("--control", tmp_path / "c.jsonl", "--resamples", 50),
    )
    assert done.exit_code == 0, done.exception
    assert "stub: protocol open; split" in done.stdout
    assert "accuracy (WAR)" in done.stdout
    result = json.loads((tmp_path / "e" / "result.json").read_text())
    assert result["about"] == {"data": "test.jsonl", "predictions": ["p.jsonl"]}
    assert result["control"]["other"] == "the same model, shown other rows' pictures"
    assert "Control with shuffled pictures" in (tmp_path / "e" / "report.html").read_text()


@pytest.fixture
def judged(data: Path, stub: Stub, tmp_path: Path) -> Callable[[Callable[[int], str]], tuple[object, ...]]:
    """``judged(program)``: a command that has every row judged by what ``program`` makes the stub say about it."""

    def arguments(program: Callable[[int], str]) -> tuple[object, ...]:
        lines = [json.loads(line) for line in data.read_text().splitlines()]
        for at, row in enumerate(lines):
            row["description"] = f"text {at} ⟦{program(at)}⟧"
        data.write_text("".join(f"{json.dumps(row)}\n" for row in lines))
        predicted = tmp_path / "p.jsonl"
        predicted.write_text("".join(f'{{"id": "{row["id"]}", "prediction": "fear"}}\n' for row in lines))
        judge = ("--judge", "openai", "--judge-model", "gpt-4o-mini", "--judge-url", stub.url)
        return "evaluate", predicted, "--data", data, "--out", tmp_path / "e", *judge

    return arguments


def verdict(score: int) -> str:
    return f'ok:{{"score": {score}, "reason": "r"}}'


def test_a_judge(run: Run, judged: Callable[..., tuple[object, ...]], stub: Stub) -> None:
    how = judged(lambda at: verdict(at + 1))
    done = run(*how)
    assert done.exit_code == 0, done.exception
    assert "judge score" in done.stdout
    assert "4.50 [" in done.stdout
    assert sum(stub.counts.values()) == 8
    assert run(*how).exit_code == 0
    assert sum(stub.counts.values()) == 8


def test_a_judges_permanent_error_is_asked_again_on_demand_only(
    run: Run, judged: Callable[..., tuple[object, ...]], stub: Stub, tmp_path: Path
) -> None:
    how = judged(lambda at: verdict(5) if at else f"400:x:y;400:x:y;{verdict(5)}")  # with a schema, and without
    for more, rows, asked in (((), 7, 9), ((), 7, 9), (("--retry-failed",), 8, 10)):
        assert run(*how, *more).exit_code == 0
        assert json.loads((tmp_path / "e" / "result.json").read_text())["judge"]["score"]["rows"] == rows
        assert stub.counts.total() == asked


def test_unreviewed_tests_stop_with_exit_code_3(run: Run, data: Path, tmp_path: Path) -> None:
    assert run("predict", data, "--out", tmp_path / "p.jsonl", "--backend", "template").exit_code == 0
    done = run("evaluate", tmp_path / "p.jsonl", "--data", data, "--out", tmp_path / "e", "--require-reviewed-test")
    assert isinstance(done.exception, FacialR1Error)
    assert done.exception.exit_code == 3
    assert "8 of 8 are not accepted" in str(done.exception)
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--protocol", "DISFA-9"), "unknown protocol"),
        (("--rubric", "stars"), "unknown rubric"),
        (("--rouge", "rougeL"), "unknown ROUGE"),
        (("--label-rule", "most"), "unknown label rule"),
        (("--reader", "regex"), "unknown reader"),
        (("--judge", "openai"), "a judge needs a model. Found: openai. What to do: name it with --judge-model"),
        (("--judge", "magic", "--judge-model", "m"), "unknown backend"),
        (("--judge-model", "m"), "nobody is to judge"),
        (("--allow-send", "expw"), "--allow-send needs NAME=REASON"),
        (("--part", "1"), "open has no such part"),
    ],
)
def test_wrong_options(
    run: Run, data: Path, tmp_path: Path, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert run("predict", data, "--out", tmp_path / "p.jsonl", "--backend", "template").exit_code == 0
    done = run("evaluate", tmp_path / "p.jsonl", "--data", data, "--out", tmp_path / "e", *arguments)
    assert isinstance(done.exception, FacialR1Error)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2


def test_a_template_with_options_is_refused(run: Run, data: Path, tmp_path: Path) -> None:
    done = run("predict", data, "--out", tmp_path / "p", "--backend", "template", "--model", "m")
    assert isinstance(done.exception, UsageError)
    assert "unknown option of the backend template. Found: model" in str(done.exception)


def test_what_cannot_be_written_is_refused_before_anything_is_asked(run: Run, data: Path, tmp_path: Path) -> None:
    asked = ("--backend", "openai", "--model", "m", "--base-url", "http://127.0.0.1:9/v1")
    done = run("predict", data, "--out", tmp_path, *asked)
    assert (done.exit_code, "is a directory" in done.output) == (2, True)
    for wrong, message in (
        (("--out", data), "is a file"),
        (("--out", tmp_path / "e", "--reviews", tmp_path / "none.jsonl"), "does not exist"),
        (("--out", tmp_path / "e", "--seed", -1), "greater than or equal to 0"),
    ):
        done = run("evaluate", data, "--data", data, *wrong)
        assert (done.exit_code, message in done.output) == (2, True), done.output


def test_nothing_of_a_release_is_written_over(run: Run, data: Path, tmp_path: Path) -> None:
    before = data.read_bytes()
    done = run("predict", data, "--out", data, "--backend", "template")
    assert isinstance(done.exception, UsageError)
    assert "this file is there and holds no predictions" in str(done.exception)
    assert data.read_bytes() == before
    predicted = tmp_path / "p.jsonl"
    for _ in range(2):  # what was predicted may be predicted again
        assert run("predict", data, "--out", predicted, "--backend", "template").exit_code == 0
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "manifest.json").touch()
    done = run("evaluate", predicted, "--data", data, "--out", tmp_path / "release")
    assert isinstance(done.exception, UsageError)
    assert [path.name for path in (tmp_path / "release").iterdir()] == ["manifest.json"]
