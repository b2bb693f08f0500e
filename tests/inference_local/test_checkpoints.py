"""Which model it is: the name follows what a checkpoint holds, never where it lies."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from facial_r1.errors import InputError, MissingExtra
from facial_r1.inference.local.checkpoints import open_checkpoint, require


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint with all that a trainer leaves beside it, typed by hand."""
    folder = tmp_path / "checkpoint-500"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl", "vision_config": {}, "_name_or_path": "/a/b"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ x }}")
    (folder / "processor_config.json").write_text("{}")
    return folder


def adapter(folder: Path, base: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": base}))
    (folder / "adapter_model.safetensors").write_bytes(b"lora")
    return folder


def test_a_name_survives_a_move_and_what_a_trainer_adds(folder: Path, tmp_path: Path) -> None:
    before = open_checkpoint(folder)
    assert before.name().startswith("qwen2_5_vl@")
    assert len(before.name()) == len("qwen2_5_vl@") + 12
    assert (before.base, before.adapter, before.sees) == (str(folder), None, True)
    moved = tmp_path / "elsewhere" / "best"
    shutil.copytree(folder, moved)
    (moved / "config.json").write_text('{"_name_or_path": "/c", "vision_config": {}, "model_type": "qwen2_5_vl"}')
    for name in ("trainer_state.json", "optimizer.pt", "training_args.bin", "README.md"):
        (moved / name).write_text("{}")
    assert open_checkpoint(str(moved)).name() == before.name()


@pytest.mark.parametrize(
    "part", ["model.safetensors", "tokenizer.json", "chat_template.jinja", "processor_config.json", "config.json"]
)
def test_a_name_follows_everything_that_shapes_an_answer(folder: Path, part: str) -> None:
    before = open_checkpoint(folder).name()
    (folder / part).write_text('{"model_type": "qwen2_5_vl", "vision_config": {"depth": 3}}')
    assert open_checkpoint(folder).name() != before


def test_an_adapter_is_named_with_its_base(folder: Path, tmp_path: Path) -> None:
    first = open_checkpoint(adapter(tmp_path / "lora", str(folder)))
    assert first.name().startswith(f"{open_checkpoint(folder).name()}+lora@")
    assert (first.base, first.adapter, first.sees) == (str(folder), tmp_path / "lora", True)
    name = first.name()
    folder.rename(tmp_path / "moved")
    again = open_checkpoint(adapter(tmp_path / "lora2", str(tmp_path / "moved")))
    assert again.name() == name
    (tmp_path / "lora2" / "adapter_model.safetensors").write_bytes(b"other")
    assert open_checkpoint(tmp_path / "lora2").name() != name


@pytest.mark.parametrize("base", [None, "/nowhere/at/all", ""])
def test_an_adapter_without_its_base_is_said(tmp_path: Path, base: object) -> None:
    with pytest.raises(
        InputError, match=r"adapter_config.json: the model that this LoRA adapter was trained on is not"
    ):
        open_checkpoint(adapter(tmp_path / "lora", base))


def test_a_text_model_sees_nothing(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    assert not open_checkpoint(folder).sees


@pytest.mark.parametrize("name", ["/no/such/folder", "./gone", "one", "a/b/c", "", "ORG/name with blank"])
def test_a_path_to_nothing_is_said(name: str) -> None:
    with pytest.raises(InputError, match=r"there is no such checkpoint.*a folder with config.json"):
        open_checkpoint(name)


def test_a_file_is_no_checkpoint(folder: Path) -> None:
    with pytest.raises(InputError, match="there is no such checkpoint"):
        open_checkpoint(folder / "model.safetensors")


def test_a_folder_of_checkpoints_points_into_itself(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this folder is no checkpoint.*such as .*checkpoint-500"):
        open_checkpoint(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"this folder is no checkpoint.*check the path"):
        open_checkpoint(tmp_path / "nothing")


def test_a_checkpoint_without_weights_is_said(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "training_args.bin").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"this checkpoint has no weights.*Expected: model\*.safetensors"):
        open_checkpoint(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", '"x"'])
def test_a_torn_config_is_said(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config.json: this file (cannot be read|holds no settings)"):
        open_checkpoint(folder)


def test_a_model_of_the_hub_is_named_with_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commit = "66285546d2b821cf421d4f5eb2576359d3770cd3"
    place = tmp_path / "snapshots" / commit / "config.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"model_type": "qwen2_5_vl", "vision_config": {}}')
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_: str(place))
    found = open_checkpoint("Qwen/Qwen2.5-VL-3B-Instruct")
    assert (found.base, found.name()) == ("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen/Qwen2.5-VL-3B-Instruct@66285546d2b8")


def test_a_model_that_cannot_be_fetched_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"the model no/such cannot be fetched from the Hub.*or give a folder"):
        open_checkpoint("no/such")


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"needs the package peft.*pip install 'facial-r1\[train\]'"):
        require("train", "json", "peft")
    require("train", "json")
