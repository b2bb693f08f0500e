"""What the tests of training share: one tiny model, one small release, a run of each stage, and the command line."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import yaml
from learning import row, write_pictures

from facial_r1.files import write_jsonl
from training.reading import load_training
from training.recipe import GrpoRecipe, SftRecipe

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported, which is later
os.environ.setdefault("OMP_NUM_THREADS", "1")  # so is this by torch: threads only get in a tiny model's way

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("training"))  # one process imports torch


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 48 rows to train on, of three tasks, 8 to validate on, and a manifest."""
    folder = tmp_path_factory.mktemp("training") / "5-release"
    tasks = ["au+emotion"] * 32 + ["au"] * 8 + ["emotion"] * 16
    rows = [row(number, task) for number, task in enumerate(tasks)]
    write_pictures(folder / "images", [one["image"] for one in rows])
    write_jsonl(folder / "train.jsonl", rows[:48])
    write_jsonl(folder / "val.jsonl", rows[48:])
    licence = {"terms": "Academic use only.", "url": "https://example.org"}
    corpora = {
        "corpus-a": {"title": "Corpus A", "synthetic": False, "licence": licence},
        "corpus-b": {"title": "Corpus B", "synthetic": True, "licence": licence},
    }
    (folder / "manifest.json").write_bytes(orjson.dumps({"name": "small", "corpora": corpora}))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, made once."""
    pytest.importorskip("trl")
    from facial_r1.inference.local.tiny import make_tiny

    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


_SFT = {"steps": 6, "batch": 4, "lr": 1e-3, "warmup": 1, "log_every": 1, "save_every": 3}
_GRPO = {**_SFT, "steps": 4, "save_every": 2, "generations": 4, "max_completion": 12, "show_every": 2}

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def sft_recipe(tmp_path_factory: pytest.TempPathFactory, tiny: Path, release: Path) -> Callable[..., SftRecipe]:
    """``sft_recipe(lr=…, data={…})``: a few steps of stage 1."""
    return _maker("sft", _SFT, tmp_path_factory.mktemp("recipes"), tiny, release)


@pytest.fixture(scope="session")
def grpo_recipe(tmp_path_factory: pytest.TempPathFactory, tiny: Path, release: Path) -> Callable[..., GrpoRecipe]:
    """The same of stage 2."""
    return _maker("grpo", _GRPO, tmp_path_factory.mktemp("recipes"), tiny, release)


def _maker(method: Any, base: dict[str, Any], folder: Path, tiny: Path, release: Path) -> Make:
    def make(**changes: Any) -> Any:
        raw = {"name": "small", "model": str(tiny), "gpu": False, "activation_checkpointing": False, **base}
        raw["data"] = {"release": str(release), "prompt": "question"}
        changes = copy.deepcopy(changes)
        raw["data"].update(changes.pop("data", {}))
        (folder / f"{method}.yaml").write_text(yaml.safe_dump({**raw, **changes}))
        return load_training(folder / f"{method}.yaml", method)

    return make


@pytest.fixture(scope="session")
def sft_run(sft_recipe: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run of stage 1; nobody may change it."""
    from training import sft

    return sft.train(sft_recipe(), tmp_path_factory.mktemp("runs") / "sft")


@pytest.fixture(scope="session")
def grpo_run(grpo_recipe: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run of stage 2; nobody may change it."""
    from training import grpo

    return grpo.train(grpo_recipe(), tmp_path_factory.mktemp("runs") / "grpo")


class Ended(NamedTuple):
    """What a command left."""

    code: int
    out: str
    errors: str


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``typed("train", "sft", …)``: the whole command line in this process, which has torch, in an empty folder."""
    from facial_r1.cli import main

    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["facial-r1", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Ended(int(end.value.code or 0), *capsys.readouterr())

    return run
