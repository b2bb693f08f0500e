"""Fixtures of the inference tests: the server that misbehaves, requests, and a picture."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from facial_r1.files import sha256_bytes
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Request


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal") as opened:
        yield opened


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    assert cv2.imwrite(str(path), np.arange(48 * 48, dtype=np.uint8).reshape(48, 48))
    return path


Ask = Callable[..., Request]


@pytest.fixture
def about(picture: Path) -> Ask:
    """``about(backend, "a prompt ⟦429;ok⟧")``: a request with the picture, as a stage would make it."""

    def make(backend: object, prompt: str, attempt: int = 0, image: Path | None = picture) -> Request:
        digest = None if image is None else sha256_bytes(image.read_bytes())
        params = backend.params  # type: ignore[attr-defined]
        return Request(prompt[:12], prompt, sha256_bytes(prompt.encode()), None, image, digest, params, attempt)

    return make


@pytest.fixture
def run(selected: Path, tmp_path: Path) -> Path:
    """A copy of the run that a module's ``selected`` made; the corpus stays where the recipe says."""
    shutil.copytree(selected / "run", tmp_path / "run")
    return tmp_path / "run"
