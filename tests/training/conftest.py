"""What the tests of training share: the tiny model, and a small data set as a release and as plain files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported, which is later

HERE = Path(__file__).parent
SCORED = ["AU1", "AU4", "AU6", "AU12"]
TEXTS = {
    "happiness": (["AU6", "AU12"], "The cheeks are raised (AU6) and the lip corners are pulled up (AU12)."),
    "sadness": (["AU1", "AU4"], "The inner brows are raised (AU1) and the brows are lowered (AU4)."),
    "neutral": ([], "The brows, the lids and the lips rest."),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("training"))  # one process imports torch


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made once."""
    pytest.importorskip("torch")
    from facial_r1.inference.local.tiny import make_tiny

    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


def _row(number: int, *, split: str = "train", **changes: Any) -> dict[str, Any]:
    """A row in the published schema."""
    label = list(TEXTS)[number % len(TEXTS)]
    aus, seen = TEXTS[label]
    words = " ".join([seen] * (1 + number % 3))
    return {
        "id": f"{split}{number:03d}",
        "dataset": "toy",
        "image": f"toy/{split}{number:03d}.png",
        "question": "Which emotion is it?",
        "AUs": aus,
        "labels": [label],
        "description": f"<think>{words} So it is {label}.</think><answer>{label}</answer>",
        "meta_info": {"au_annotated": SCORED},
        **changes,
    }


def _write(path: Path, rows: list[dict[str, Any]], images: Path) -> Path:
    """A JSONL file, and a picture for each row that names one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in rows))
    for number, one in enumerate(rows):
        if one.get("image"):
            picture = images / one["image"]
            picture.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).integers(0, 255, (56, 56, 3), np.uint8)
            Image.fromarray(noise).save(picture)
    return path


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 22 rows to train on and 6 to watch."""
    folder = tmp_path_factory.mktemp("toy")
    _write(folder / "train.jsonl", [_row(number) for number in range(22)], folder / "images")
    _write(folder / "val.jsonl", [_row(number, split="val") for number in range(6)], folder / "images")
    corpora = {"toy": {"title": "Toy", "synthetic": True, "licence": {"terms": "None whatever."}}}
    (folder / "manifest.json").write_bytes(orjson.dumps({"name": "toys", "corpora": corpora}))
    return folder


Settings = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(tiny: Path, toy: Path) -> Settings:
    """``settings(lr=…, data={…})``: a recipe as a mapping, for a run of seconds."""

    def made(**changes: Any) -> dict[str, Any]:
        data = {"release": str(toy), "prompt": "question", **changes.pop("data", {})}
        plain = {"name": "toy", "model": str(tiny), "data": data, "gpu": False, "activation_checkpointing": False}
        return {**plain, "steps": 4, "lr": 2e-3, "batch": 4, "log_every": 1, "save_every": 50, "keep": 9, **changes}

    return made


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``stop_at(6)``: the next run is interrupted, as Ctrl-C does it, when step 6 is done."""

    def patched(step: int) -> None:
        from training.trainer import Clock

        went_on = Clock.on_step_end

        def killed(self: Clock, args: Any, state: Any, control: Any, **more: Any) -> None:
            went_on(self)
            if state.global_step == step:
                monkeypatch.setattr(Clock, "on_step_end", went_on)
                raise KeyboardInterrupt

        monkeypatch.setattr(Clock, "on_step_end", killed)

    return patched


def _curve(out: Path, figure: str = "loss") -> dict[int, float]:
    """Step → a figure of the log in ``run.json``."""
    log = orjson.loads((out / "run.json").read_bytes())["log"]
    return {line["step"]: line[figure] for line in log if figure in line}


def _weights(out: Path) -> dict[str, Any]:
    """Name → tensor of all weights in a checkpoint."""
    from safetensors.torch import load_file

    found: dict[str, Any] = {}
    for path in sorted(out.glob("*.safetensors")):
        found |= load_file(path)
    return found


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, Any]]:
    """``row(3, labels=[])``: a row in the published schema."""
    return _row


@pytest.fixture(scope="session")
def write() -> Callable[[Path, list[dict[str, Any]], Path], Path]:
    """``write(file, rows, images)``: a JSONL file with its pictures."""
    return _write


@pytest.fixture(scope="session")
def curve() -> Callable[..., dict[int, float]]:
    """``curve(out, "reward")``: what ``run.json`` logged."""
    return _curve


@pytest.fixture(scope="session")
def weights() -> Callable[[Path], dict[str, Any]]:
    """``weights(out)``: all tensors of a checkpoint."""
    return _weights
