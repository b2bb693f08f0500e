"""``facial-r1 generate`` on a run, taught by a real server with the tiny model: what is asked, counted and foretold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from facial_r1.files import read_jsonl

pytest.importorskip("transformers")

Cli = Callable[..., subprocess.CompletedProcess[str]]
ROWS = 16


@pytest.fixture
def folder(cli: Cli, tmp_path: Path) -> Path:
    """A folder with ``run``, whose rows and pictures are selected."""
    assert cli("corpora", "make", "raf_db", "raf_db", "--rows", 60, "-q", cwd=tmp_path).returncode == 0
    part = {"corpus": "raf_db", "split": "train", "rows": ROWS}
    recipe = {"name": "taught", "corpora": {"raf_db": {}}, "select": {"parts": [part], "reserve": 0}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    for command in (("unify", "recipe.yaml", "--out", "run", "--with", "raf_db=raf_db"), ("select", "run")):
        done = cli(*command, "-q", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_a_dry_run_foretells_requests_and_tokens(cli: Cli, folder: Path, server: str, tiny: Path) -> None:
    """Requests exactly; tokens within five per cent, once a few answers to such prompts were counted."""
    teacher = ("--teacher", "openai", "--model", tiny, "--base-url", server, "--option", "max_tokens=8", "-q")
    begun = cli("generate", "run", *teacher, "--max-requests", 6, "--concurrency", 2, cwd=folder)
    assert begun.returncode == 1
    assert "could pass --max-requests 6" in begun.stderr
    dry = cli("generate", "run", *teacher, "--dry-run", cwd=folder)
    assert dry.returncode == 0, dry.stderr
    foretold = re.search(r"([\d,]+) of text and ([\d,]+) of pictures", dry.stdout)
    asked = re.search(r"requests to the teacher: (\d+)", dry.stdout)
    assert foretold is not None
    assert asked is not None
    done = cli("generate", "run", *teacher, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"asked {ROWS - 6}, reused 6" in done.stdout
    assert int(asked[1]) == ROWS - 6
    counts = [row["usage"]["input"] for _, row in read_jsonl(folder / "run" / "3-answers" / "answers.jsonl")]
    assert len(counts) == ROWS
    a_request = sum(int(part.replace(",", "")) for part in foretold.groups()) / (ROWS - 6)
    assert abs(a_request - sum(counts) / ROWS) <= 0.05 * sum(counts) / ROWS


def test_synthesis_asks_again_for_what_an_untrained_model_gets_wrong(
    cli: Cli, folder: Path, server: str, tiny: Path
) -> None:
    """Two samples, one repair of two: four answers a row, every one kept and turned down with a reason."""
    teacher = ("--teacher", "openai", "--model", tiny, "--base-url", server, "--option", "max_tokens=8", "-q")
    done = cli("synthesize", "run", *teacher, "--samples", 2, "--repairs", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = [row for _, row in read_jsonl(folder / "run" / "3-answers" / "answers.jsonl")]
    assert len(rows) == 4 * ROWS
    assert all(row["usage"]["input"] > 0 for row in rows)
    verdicts = [row for _, row in read_jsonl(folder / "run" / "4-verdicts" / "verdicts.jsonl")]
    assert len(verdicts) == 4 * ROWS
    assert all(row["reason"] for row in verdicts)
    assert cli("release", "run", "-q", cwd=folder).returncode == 3
