"""Fixtures of the viewer: a run with accepted and rejected answers, a server as a user starts it, a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
SCRIPT = Path(sys.executable).parent / "facial-r1"
ROWS = 60
Cli = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("viewer"))  # one process builds the run and drives the browser


@pytest.fixture(scope="session")
def built(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two synthetic corpora in which about a third of the answers was turned down."""
    folder = tmp_path_factory.mktemp("viewed")
    for name, rows in (("fer2013", 400), ("raf_au", 200)):
        done = cli("corpora", "make", name, name, "--rows", rows, "-q", cwd=folder)
        assert done.returncode == 0, done.stderr
    parts = [
        {"corpus": "fer2013", "split": "train", "rows": ROWS // 2},
        {"corpus": "raf_au", "split": "test", "rows": ROWS // 2},
    ]
    gates = [{"name": name} for name in ("grammar", "task_rules", "au_set", "label", "vocabulary")]
    recipe = {
        "name": "viewed",
        "corpora": {"fer2013": {"root": "fer2013"}, "raf_au": {"root": "raf_au"}},
        "select": {"parts": parts, "reserve": 0.6},
        "gates": [*gates, {"name": "drill", "params": {"share": 0.3}}],
        "allow_short": True,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    done = cli("build", "recipe.yaml", "--out", "run", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture
def run(built: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(built, tmp_path / "run"))


@pytest.fixture
def serve() -> Callable[..., Any]:
    """``with serve(RUN) as (url, process)``: ``facial-r1 view`` as a user starts it, ended afterwards."""

    @contextmanager
    def start(place: Path, *more: object, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        number = port or _free_port()
        command = [str(SCRIPT), "view", str(place), "--port", str(number), *map(str, more)]
        own = {key: value for key, value in os.environ.items() if not key.startswith(("FACIAL_R1_", "GRADIO_"))}
        process = subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        url = f"http://127.0.0.1:{number}/"
        try:
            until = time.monotonic() + 90
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"the viewer did not start:\n{process.communicate(timeout=5)[0][-3000:]}")
                time.sleep(0.2)
            yield url, process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    return start


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status in (200, 401))
    except OSError:
        return False


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real browser; the tests that need one say so where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("NO BROWSER: install chromium to run the tests of the viewer's pages")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Callable[..., Any]]:
    """``window(URL)``: a fresh window; a request to another host, or an error of the page, fails the test."""
    contexts, strangers, errors = [], [], []

    def look(url: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)

        def route(one: Any) -> None:
            if one.request.url.startswith((url, "data:", "blob:")):
                one.continue_()
            else:
                strangers.append(one.request.url)
                one.abort()

        page.route("**/*", route)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".card")
        page.wait_for_selector(".sample h2")
        return page

    yield look
    for context in contexts:
        context.close()
    assert not strangers, "the page asked another host"
    assert not errors
