"""The tiny model: whole, loadable by anybody, the same bytes every time, and as small as it says."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1.errors import InputError, MissingExtra, UsageError
from facial_r1.files import sha256_file
from facial_r1.inference.local.tiny import CHAT_TEMPLATE, HEAD, lesson_texts, make_tiny

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(tiny)


def test_the_same_arguments_give_the_same_bytes_in_another_process(tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from facial_r1.inference.local.tiny import make_tiny; "
        "make_tiny(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, tmp_path / "new" / "tiny"]
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "1"}, capture_output=True, check=True)
    assert hashes(tmp_path / "new" / "tiny") == hashes(tiny)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny"]  # and nothing unfinished beside it


def test_another_seed_changes_the_weights_alone(tiny: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    other = hashes(make_tiny(tmp_path / "other", seed=1))
    assert torch.equal(torch.rand(1), expected)  # the caller's random numbers went on as if nothing had happened
    assert [name for name, value in hashes(tiny).items() if other[name] != value] == ["model.safetensors"]


def test_it_is_a_small_qwen_with_heads_that_vllm_accepts(tiny: Path) -> None:
    model = transformers.AutoModelForImageTextToText.from_pretrained(tiny)
    text = model.config.get_text_config()
    assert type(model).__name__ == "Qwen2_5_VLForConditionalGeneration"
    assert 600_000 < model.num_parameters() < 800_000
    assert text.hidden_size // text.num_attention_heads == HEAD == 32
    assert sum(text.rope_parameters["mrope_section"]) == HEAD // 2
    ids = torch.arange(8, 40)[None]
    loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss.item()
    assert abs(loss - math.log(text.vocab_size)) < 0.3  # it knows nothing yet


def test_weights_follow_the_sizes(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", hidden=64, layers=1, vision=128, vocabulary=320, pixels=56 * 56)
    config = json.loads((folder / "config.json").read_text())
    assert config["text_config"]["num_attention_heads"] == 2
    assert config["text_config"]["num_key_value_heads"] == 1
    assert config["vision_config"]["num_heads"] == 4
    assert config["vision_config"]["out_hidden_size"] == 64
    assert config["text_config"]["vocab_size"] == 320
    assert transformers.AutoModelForImageTextToText.from_pretrained(folder).config.text_config.num_hidden_layers == 1


def test_training_sees_exactly_the_reply(tokenizer: Any) -> None:
    reply = "<think>The lip corners rise (AU12).</think><answer>happiness</answer>"
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which emotion?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": reply}]},
    ]
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    pairs = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    assert tokenizer.decode([token for token, mine in pairs if mine]) == f"{reply}<|im_end|>"
    plain = [{**messages[0]}, {**messages[1]}, {"role": "assistant", "content": reply}]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Which emotion?<|im_end|>\n"
        f"<|im_start|>assistant\n{reply}<|im_end|>\n"
    )
    assert tokenizer.apply_chat_template(plain, tokenize=False).endswith(f"assistant\n{reply}<|im_end|>\n")


def test_a_question_ends_where_the_reply_begins(tokenizer: Any) -> None:
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.chat_template == CHAT_TEMPLATE


@settings(max_examples=100, deadline=None)
@given(text=st.text())
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    normal = unicodedata.normalize("NFC", text)  # as Qwen's own tokenizer does
    assert tokenizer.decode(tokenizer(text)["input_ids"], clean_up_tokenization_spaces=False) == normal


def test_our_own_texts_are_short_in_it(tokenizer: Any) -> None:
    texts = list(lesson_texts())
    tokens = sum(len(tokenizer(text)["input_ids"]) for text in texts)
    assert sum(map(len, texts)) / tokens > 3
    assert len(tokenizer) == 1024
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")


def test_it_learns_the_words_of_given_texts(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "m", texts=["zygomaticus major"] * 5, vocabulary=512)
    own = transformers.AutoTokenizer.from_pretrained(folder)
    assert own.tokenize("zygomaticus major") == ["zygomaticus", "Ġmajor"]
    assert len(own) < 300


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"there is something at this place already.*a new folder"):
        make_tiny(tmp_path)
    with pytest.raises(InputError, match="there is something at this place already"):
        make_tiny(tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_what_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transformers.ProcessorMixin, "save_pretrained", full)
    with pytest.raises(OSError, match="No space left"):
        make_tiny(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"hidden": 96}, "this hidden cannot be split into heads. Found: 96. Expected: a multiple of 64"),
        ({"vision": 0}, "this vision cannot be split into heads"),
        ({"vocabulary": 200}, "this vocabulary is too small for all bytes"),
        ({"pixels": 100}, "this is less than one token of a picture"),
    ],
)
def test_sizes_that_do_not_fit_are_said(tmp_path: Path, sizes: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_tiny(tmp_path / "m", **sizes)  # type: ignore[arg-type]


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"the package torch, which is not installed.*facial-r1\[train\]"):
        make_tiny(tmp_path / "m")


def test_importing_the_factory_is_light(tmp_path: Path) -> None:
    modules = ["local.tiny", "local.processor", "backends.transformers", "backends.vllm"]
    code = (
        f"import sys, {', '.join(f'facial_r1.inference.{module}' for module in modules)}; "
        "print([m for m in ('torch', 'transformers', 'vllm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
