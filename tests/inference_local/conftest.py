"""What the tests of local models share: the tiny model, pictures to show it, and torchvision for other processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facial_r1.files import sha256_bytes, sha256_file
from facial_r1.inference.protocol import Answer, Backend, Request

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported, which is later

HERE = Path(__file__).parent
STAND_IN = HERE / "torchvision_stand_in"
TORCHVISION = "torchvision==0.28.0"  # the one for torch 2.13


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("local models"))  # one process imports torch, one server runs


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made once."""
    pytest.importorskip("torch")
    from facial_r1.inference.local.tiny import make_tiny

    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six pictures of noise in six sizes, one of them grey."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(7)
    for number in range(6):
        shape = (60 + 20 * number, 100) if number == 5 else (60 + 20 * number, 100, 3)
        Image.fromarray(noise.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


Question = Callable[..., Request]
Ask = Callable[..., list[Answer]]


@pytest.fixture(scope="session")
def question() -> Question:
    """``question(text, picture, attempt=0, temperature=0.0, …)``: a request as the stages make them."""

    def make(text: str, picture: Path | None = None, attempt: int = 0, **params: object) -> Request:
        image_hash = sha256_file(picture) if picture is not None and picture.is_file() else None
        return Request(
            f"row {text}",
            text,
            sha256_bytes(text.encode()),
            image=picture,
            image_sha256=image_hash,
            params=params,
            attempt=attempt,
        )

    return make


@pytest.fixture(scope="session")
def ask() -> Ask:
    """``ask(backend, request, …)``: the answers to one call, made in a loop of its own."""

    def call(backend: Backend, *requests: Request) -> list[Answer]:
        return asyncio.run(backend.answer(requests))

    return call


@pytest.fixture(scope="session")
def torchvision(pytestconfig: pytest.Config) -> Path:
    """A folder with torchvision and nothing else, kept between runs; the project's environment has none on purpose."""
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir(TORCHVISION.replace("==", "-"))
    if not (folder / "torchvision").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, TORCHVISION]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip cannot fetch {TORCHVISION}: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="session")
def beside_torchvision(torchvision: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that has torchvision, as far as a CPU goes, and no network."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(STAND_IN), str(torchvision)]),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(tmp_path_factory.mktemp("hub")),  # /v1/models fails when it does not exist
        "CUDA_VISIBLE_DEVICES": "",
    }


@pytest.fixture(scope="session")
def python_beside_torchvision(beside_torchvision: dict[str, str]) -> Callable[[str, Sequence[object]], str]:
    """Run a piece of Python in such a process; what it prints."""

    def run(code: str, arguments: Sequence[object]) -> str:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, env=beside_torchvision, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def server(tiny: Path, beside_torchvision: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real server that speaks OpenAI's API, ``transformers serve``, with the tiny model."""
    script = Path(sys.executable).parent / "transformers"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [script, "serve", tiny, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("server") / "log"
    with open(log, "wb") as handle:
        process = subprocess.Popen(
            command, env=beside_torchvision, stdout=handle, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        until = time.monotonic() + 120
        while not _up(f"{address}/health"):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield f"{address}/v1"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
