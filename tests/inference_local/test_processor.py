"""Loading a processor with torchvision, without it, and beside a broken one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from facial_r1.errors import FacialR1Error, InputError, MissingExtra
from facial_r1.inference.local.processor import load_processor, torchvision_works

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# What both processors make of a picture and a question, in numbers; it runs here and beside torchvision.
TENSORS = """
import sys
from PIL import Image
from facial_r1.inference.local.processor import load_processor
processor = load_processor(sys.argv[1])
messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which emotion?"}]}]
text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
made = processor(text=[text], images=[Image.open(sys.argv[2])], return_tensors="pt")
shapes = {name: tuple(made[name].shape) for name in sorted(made)}
ids = made["input_ids"].tolist()
print(type(processor).__module__)
print(hasattr(processor, "video_processor"))
print(shapes, ids, made["image_grid_thw"].tolist(), round(made["pixel_values"].double().mean().item(), 2))
"""


@pytest.fixture
def no_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)


@pytest.mark.usefixtures("no_torchvision")
def test_without_torchvision_pictures_and_text_still_work(tiny: Path) -> None:
    processor = load_processor(tiny)
    assert type(processor).__module__ == "facial_r1.inference.local.image_only"
    text = "<|vision_start|><|image_pad|><|vision_end|>Which?"
    for size, tokens in (((112, 112), 16), ((1000, 1000), 16), ((28, 28), 1), ((56, 28), 2), ((80, 80), 9)):
        made = processor(text=[text], images=[Image.new("RGB", size)], return_tensors="pt")
        assert made["input_ids"].tolist()[0].count(processor.image_token_id) == tokens
        assert made["pixel_values"].shape == (4 * tokens, 3 * 2 * 14 * 14)
    assert "pixel_values" not in processor(text=["Which?"], images=None, return_tensors="pt")


def test_both_processors_make_the_same_of_a_picture(
    tiny: Path,
    pictures: list[Path],
    python_beside_torchvision: Callable[[str, Sequence[object]], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stock = python_beside_torchvision(TENSORS, [tiny, pictures[0]]).splitlines()
    monkeypatch.setattr(sys, "argv", ["", str(tiny), str(pictures[0])])
    capsys.readouterr()
    exec(TENSORS, {})
    ours = capsys.readouterr().out.splitlines()
    assert stock[0] == "transformers.models.qwen2_5_vl.processing_qwen2_5_vl"
    assert stock[1] == "True"
    assert ours[:2] == ["facial_r1.inference.local.image_only", "False"]
    assert ours[-1] == stock[-1]


@pytest.mark.usefixtures("no_torchvision")
def test_what_it_saves_is_what_it_loaded(tiny: Path, tmp_path: Path) -> None:
    load_processor(tiny).save_pretrained(tmp_path)
    for name in ("processor_config.json", "chat_template.jinja", "tokenizer.json"):
        assert json_or_text(tmp_path / name) == json_or_text(tiny / name)
    saved = json.loads((tmp_path / "processor_config.json").read_text())
    assert saved["processor_class"] == "Qwen2_5_VLProcessor"
    assert saved["video_processor"]["video_processor_type"] == "Qwen2VLVideoProcessor"


def json_or_text(path: Path) -> Any:
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else text


def test_where_torchvision_works_the_stock_processor_is_taken(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = ModuleType("torchvision")
    fake.__spec__ = type(sys)("spec")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "torchvision", fake)
    monkeypatch.setattr(transformers.AutoProcessor, "from_pretrained", lambda place: ("stock", place))
    assert load_processor(tiny) == ("stock", str(tiny))


@pytest.mark.usefixtures("no_torchvision")
def test_a_model_that_cannot_do_without_is_named(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shutil.copytree(tiny, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "glm4v"}))

    def refuse(place: str) -> None:
        raise ImportError("Glm4vVideoProcessor requires the Torchvision library\nmore")

    monkeypatch.setattr(transformers.AutoProcessor, "from_pretrained", refuse)
    with pytest.raises(MissingExtra, match=r"needs a package. Found: Glm4vVideoProcessor requires.*library\. What"):
        load_processor(other)


def test_a_broken_torchvision_is_said_before_anything_else(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(
        FacialR1Error, match=r"does not fit the installed torch. Found: operator torchvision::nms .*pip uninstall"
    ):
        load_processor(tiny)


@pytest.mark.usefixtures("no_torchvision")
def test_no_torchvision_is_no_fault() -> None:
    assert not torchvision_works()


@pytest.mark.usefixtures("no_torchvision")
@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ("tokenizer.json", "this checkpoint has no tokenizer"),
        ("processor_config.json", "this checkpoint's processor cannot be loaded"),
    ],
)
def test_a_checkpoint_without_its_processor_is_said(tiny: Path, tmp_path: Path, gone: str, says: str) -> None:
    copy = shutil.copytree(tiny, tmp_path / "copy")
    (copy / gone).unlink()
    with pytest.raises(InputError, match=rf"{says}.*copy the tokenizer and processor files"):
        load_processor(copy)
