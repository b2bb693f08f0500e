"""A run over a stand-in of FER2013, ready for a teacher, and the command-line arguments that name the stub as one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from stub_server import Stub

from facial_r1.files import read_jsonl

Cli = Callable[..., subprocess.CompletedProcess[str]]


def select_run(cli: Cli, folder: Path, *, pool: int, reserve: float, **part: Any) -> Path:
    """``folder/run`` with two stages done, over ``folder/fer2013`` of about ``pool`` rows; returns ``folder``."""
    assert cli("corpora", "make", "fer2013", "fer2013", "--rows", pool, "-q", cwd=folder).returncode == 0
    parts = [{"corpus": "fer2013", "split": "train", **part}]
    recipe = {"name": "taught", "corpora": {"fer2013": {}}, "select": {"parts": parts, "reserve": reserve}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    for command in (("unify", "recipe.yaml", "--out", "run", "--with", "fer2013=fer2013"), ("select", "run")):
        done = cli(*command, "-q", cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def teacher(stub: Stub, *more: object) -> tuple[object, ...]:
    return ("--teacher", "openai", "--model", "gpt-4o-mini", "--base-url", stub.url, "-q", *more)


def rows_in(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path)]
