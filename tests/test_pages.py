"""The pages on work with a run: every command and every line of code on them does what the page says, on the demo."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from stub_server import Judge

from curation.evidence import JUDGEMENTS
from facial_r1.files import read_jsonl
from facial_r1.recipe import load_recipe

DOCS = Path(__file__).parents[1] / "docs"
Cli = Callable[..., subprocess.CompletedProcess[str]]
Demo = tuple[Path, "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(demo: Demo, tmp_path: Path) -> Path:
    """Where a reader stands: a demo of one's own, and the recipes."""
    shutil.copytree(demo[0] / "demo", tmp_path / "demo", copy_function=os.link)
    shutil.copytree(DOCS.parent / "recipes", tmp_path / "recipes")
    return tmp_path


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    """The words of each command, the demo itself left out."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines]
    assert all(words[0] == "facial-r1" for words in found)
    return [words[1:] for words in found if words[1] != "demo"]


@pytest.mark.parametrize(("page", "least"), [("report.md", 4), ("release-checks.md", 2), ("duplicates.md", 2)], ids=str)
def test_the_commands_and_the_code_of_a_page_work(page: str, least: int, folder: Path, cli: Cli) -> None:
    lines = commands(page)
    assert len(lines) >= least
    for words in lines:
        done = cli(*words, cwd=folder)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        assert done.stdout.strip()
    for code in blocks(page, "python"):
        ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.strip()


def test_the_judge_of_the_page_on_gates(folder: Path, cli: Cli, judge: Judge) -> None:
    plan, ask = commands("gates.md")
    planned = cli(*plan, cwd=folder, OPENAI_API_KEY="any")
    assert planned.returncode == 0, planned.stderr
    assert "nothing was asked" in planned.stdout
    assert not (folder / "demo" / JUDGEMENTS).exists()
    asked = cli(*ask, "--base-url", judge.url, cwd=folder)
    assert asked.returncode == 0, asked.stderr
    scores = [row["score"] for _, row in read_jsonl(folder / "demo" / JUDGEMENTS)]
    assert len(scores) >= 2_100
    assert set(scores) == {6}
    query = "select count(*) from judgements join answers using (id) where criteria['facts'] = 6"
    assert f"{len(scores):,}" in cli("sql", "demo", query, cwd=folder).stdout


@pytest.mark.parametrize("page", ["gates.md", "duplicates.md", "release-checks.md"])
def test_the_settings_of_a_page_are_those_of_a_recipe(page: str) -> None:
    corpora = {"disfa": {}, "raf_au": {}, "fer2013": {}}
    recipe = {"name": "x", "corpora": corpora, "select": {"parts": [{"corpus": "disfa", "split": "train", "rows": 1}]}}
    found = [yaml.safe_load(block) for block in blocks(page, "yaml")]
    assert found
    for settings in found:
        load_recipe({**recipe, **settings})
    if page != "gates.md":  # the others show the defaults
        plain = load_recipe(recipe).model_dump(mode="json")
        for name, values in ((name, values) for settings in found for name, values in settings.items()):
            assert plain[name] | values == plain[name]


def test_the_commands_of_the_page_on_training_plan_what_they_say(folder: Path, cli: Cli) -> None:
    sft, grpo, iterate = commands("training.md")
    planned = cli(*sft, "--dry-run", cwd=folder)
    assert planned.returncode == 0, planned.stderr
    assert re.search(r"steps +300 ", planned.stdout)
    assert planned.stdout.startswith("What it would take")
    refused = cli(*grpo, "--dry-run", cwd=folder)
    assert refused.returncode == 1
    assert "runs/tiny-sft" in refused.stderr
    steps = cli(*iterate, "--dry-run", cwd=folder)
    assert steps.returncode == 0, steps.stderr
    assert steps.stdout.count("facial-r1 ") >= 9
    assert not (folder / "runs").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_commands_of_the_page_on_training_train(folder: Path, cli: Cli) -> None:
    for words in commands("training.md"):
        done = cli(*words, cwd=folder, OMP_NUM_THREADS="1")
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    rows = json.loads((folder / "runs" / "tiny-round" / "rounds.json").read_bytes())
    assert [row["round"] for row in rows] == [1, 2]
    assert rows[0]["tried"] >= rows[0]["accepted"] >= rows[0]["rows"] > rows[1]["rows"] > 0
    assert rows[1]["tried"] > rows[1]["accepted"]
    for row in rows:
        for stage in ("sft", "grpo"):
            assert row["scores"][stage]["well_formed"] > 0.3, row  # all rows of emotions, which it was trained on
