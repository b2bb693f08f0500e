"""The page on evaluation: every command on it runs, and its table is the code's."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from stub_server import Judge
from typer.testing import CliRunner

from facial_r1.cli import evaluate as commands
from facial_r1.evaluation.protocols import PROTOCOLS
from facial_r1.facs import number

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
Demo = tuple[Path, "subprocess.CompletedProcess[str]"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_command_runs_and_gives_its_number(
    demo: Demo, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command()(commands.predict)
    app.command()(commands.evaluate)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(demo[0] / "demo")
    first, *lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert first == "facial-r1 demo --out demo"
    for line in lines:
        words = shlex.split(line.replace("http://127.0.0.1:8000/v1", judge.url))
        done = CliRunner().invoke(app, [*words[1:], "-q"])
        assert done.exit_code == 0, (line, done.exception)
    (code,) = blocks("python")
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert printed.stdout.startswith("1.0 ("), printed.stderr
    results = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("results/*/result.json")}
    assert results["au-f1"]["aus"]["macro_present"] == 1.0
    assert results["accuracy"]["emotions"]["accuracy"] == 1.0
    assert 0.2 < results["rouge-l"]["texts"]["rougeL_rs_stem"]["value"] < 0.6
    assert {(one["kind"], one["reader"]) for one in results["rege"]["rege"]} == {
        ("emotion", "faba"), ("emotion", "tags"), ("au", "faba"),
    }  # fmt: skip
    assert results["gpt-score"]["judge"]["score"]["value"] == 6.0
    assert results["both"]["comparisons"][0]["differences"]["accuracy"]["value"] == 0.0
    assert results["both"]["control"] is not None


def test_the_table_of_protocols_is_the_codes() -> None:
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row[1])}
    assert named == set(PROTOCOLS)
    for row in rows:
        (protocol, *_) = (PROTOCOLS[name] for name in re.findall(r"`([\w-]+)`", row[1]))
        listed = row[3].split(",")[0].split()
        if listed and listed[0].isdigit():
            assert [int(one) for one in listed] == [number(code) for code in protocol.aus]
        if protocol.rows is not None:
            assert f"{protocol.rows:,}" in row[2]
