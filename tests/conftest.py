"""Fixtures of the whole tree: the command line as a user runs it, one demo run, and the real pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stub_server import Judge, Stub

SCRIPT = Path(sys.executable).parent / "facial-r1"
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """``cli("demo", "--out", x, cwd=…)`` runs the installed script; nothing of this process leaks into it."""

    def run(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("FACIAL_R1_")}
        return subprocess.run(
            [SCRIPT, *map(str, arguments)],
            cwd=cwd,
            env={**own, "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=1500,  # pytest has the shorter one, where no test says otherwise
        )

    return run


@pytest.fixture(scope="session")
def demo(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which ``facial-r1 demo`` was run, and what it printed."""
    folder = tmp_path_factory.mktemp("newcomer")
    return folder, cli("demo", "--out", "demo", cwd=folder)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real FER2013 rows and ExpW photographs; skips, and says so, when there is none."""
    folder = os.environ.get("FACIAL_R1_REAL_DATA")
    if not folder:
        pytest.skip("FACIAL_R1_REAL_DATA is unset: no real pictures here")
    return Path(folder)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A server that speaks OpenAI's API and does what the prompt says."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    server = Stub().start()
    yield server
    server.stop()


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """A server that speaks the same, and gives everything a six."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    server = Judge().start()
    yield server
    server.stop()
