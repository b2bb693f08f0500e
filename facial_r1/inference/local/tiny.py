"""A Qwen2.5-VL of some 0.7 million random parameters, made on the spot: what tests, training and the viewer load where
a real checkpoint of the same architecture would take gigabytes and a GPU.

It is whole: tokenizer (byte-level BPE trained on our own prompts and texts), chat template, picture processor and
weights, saved as any checkpoint is, so everything that loads a Qwen2.5-VL loads it. It knows nothing; its answers are
noise until it is trained. The same arguments give the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import InputError, UsageError
from facial_r1.facs import PROTOTYPES, REGISTRY, code, sort_codes
from facial_r1.files import TEMPORARY, sha256_bytes
from facial_r1.inference.backends.template import write
from facial_r1.inference.local.checkpoints import require
from facial_r1.inference.protocol import Facts
from facial_r1.prompt import student_prompt
from facial_r1.sample import TASKS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen2_5_VLConfig

__all__ = ["CHAT_TEMPLATE", "HEAD", "lesson_texts", "make_tiny"]

HEAD = 32
"""Width of an attention head; vLLM's attention on a CPU takes no smaller one."""

_END, _PAD = "<|im_end|>", "<|endoftext|>"
_IMAGE, _VIDEO = "<|image_pad|>", "<|video_pad|>"
_SPECIAL = (_PAD, "<|im_start|>", _END, "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", _IMAGE, _VIDEO)
_CONTEXT = 4096
_PATCH = 28  # pixels a side that become one token

# ChatML. What stands between the generation marks is what training with assistant_only_loss learns.
CHAT_TEMPLATE = """\
{%- for message in messages %}
    {{- '<|im_start|>' ~ message['role'] ~ '\\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
        {%- if message['content'] is string %}
            {{- message['content'] }}
        {%- else %}
            {%- for part in message['content'] if part['type'] == 'text' %}
                {{- part['text'] }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>' }}
        {%- endgeneration %}
    {%- elif message['content'] is string %}
        {{- message['content'] ~ '<|im_end|>' }}
    {%- else %}
        {%- for part in message['content'] %}
            {%- if part['type'] == 'text' %}
                {{- part['text'] }}
            {%- elif part['type'] == 'video' %}
                {{- '<|vision_start|><|video_pad|><|vision_end|>' }}
            {%- else %}
                {{- '<|vision_start|><|image_pad|><|vision_end|>' }}
            {%- endif %}
        {%- endfor %}
        {{- '<|im_end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""
"""The chat template of the model, in Jinja."""


def make_tiny(
    folder: Path,
    *,
    texts: Iterable[str] | None = None,
    seed: int = 0,
    hidden: int = 128,
    layers: int = 2,
    vision: int = 64,
    vocabulary: int = 1024,
    pixels: int = 112 * 112,
) -> Path:
    """Make the model and save it as a checkpoint folder.

    Args:
        folder: the new checkpoint; it may exist when it is empty, and is whole when this returns.
        texts: what the tokenizer is trained on; by default :func:`lesson_texts`.
        seed: of the weights. The state of torch's own generator is left as it was.
        hidden: width of the language model, a multiple of 64: it has ``hidden / 32`` heads, half of them key-value.
        layers: depth of the language model; the vision tower has two blocks.
        vision: width of the vision tower, a multiple of 64.
        vocabulary: at most so many tokens; few texts give fewer. At least 300, for the bytes and the special tokens.
        pixels: larger pictures are scaled down to so many; 112 × 112 become 16 tokens.

    Returns:
        ``folder``.

    Raises:
        MissingExtra: without the extra ``train``.
        InputError: when there is something in ``folder``.
        UsageError: for sizes that do not fit together.
    """
    _check(hidden, vision, vocabulary, pixels)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        do = "give another folder, or remove this one"
        raise InputError("there is something at this place already", path=folder, expected="a new folder", do=do)
    require("train", "torch", "transformers")
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    tokenizer = _tokenizer(lesson_texts() if texts is None else texts, vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2_5_VLForConditionalGeneration(_config(tokenizer, hidden, layers, vision))
    settings = model.generation_config
    settings.eos_token_id, settings.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    settings.do_sample = True  # its likeliest token is the last one again, which a server would send for ever
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.parent / f"{TEMPORARY}{token_hex(6)}-{folder.name}"
    try:
        model.save_pretrained(unfinished)
        _processor(tokenizer, pixels).save_pretrained(unfinished)
        unfinished.replace(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def lesson_texts() -> Iterator[str]:
    """Our own prompts and what the template teacher says, for every task, Action Unit and emotion; always the same."""
    for task in TASKS:
        yield student_prompt(task, "", REGISTRY, EMOTIONS).text
    for emotion, prototypes in PROTOTYPES.items():
        for task in TASKS:
            for draw, prototype in enumerate(prototypes * 3):
                facts = Facts(task, tuple(sort_codes(code(number) for number in prototype)), (emotion,))
                yield write(facts, sha256_bytes(f"{task} {emotion} {draw}".encode()))
    for unit in REGISTRY:
        yield write(Facts("au", (unit,)), sha256_bytes(unit.encode()))


def _check(hidden: int, vision: int, vocabulary: int, pixels: int) -> None:
    for name, value, step in (("hidden", hidden, 2 * HEAD), ("vision", vision, 2 * HEAD)):
        if value < step or value % step:
            raise UsageError(f"this {name} cannot be split into heads", found=value, expected=f"a multiple of {step}")
    if vocabulary < 300:
        raise UsageError("this vocabulary is too small for all bytes", found=vocabulary, expected="300 or more")
    if pixels < _PATCH**2:
        raise UsageError("this is less than one token of a picture", found=pixels, expected=f"{_PATCH**2} or more")


def _tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """Qwen2's tokenizer, its merges learnt from ``texts``."""
    from transformers import Qwen2Tokenizer

    untrained = Qwen2Tokenizer(
        vocab={_PAD: 0},
        merges=[],
        unk_token=_PAD,
        eos_token=_END,
        pad_token=_PAD,
        additional_special_tokens=list(_SPECIAL),
    )
    trained: PreTrainedTokenizerBase = untrained.train_new_from_iterator(  # type: ignore[no-untyped-call]
        texts, vocabulary, show_progress=False
    )
    trained.model_max_length = _CONTEXT
    return trained


def _config(tokenizer: PreTrainedTokenizerBase, hidden: int, layers: int, vision: int) -> Qwen2_5_VLConfig:
    from transformers import Qwen2_5_VLConfig

    ids: dict[str, Any] = {token: tokenizer.convert_tokens_to_ids(token) for token in _SPECIAL}
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": hidden // HEAD,
            "num_key_value_heads": hidden // HEAD // 2,
            "max_position_embeddings": _CONTEXT,
            # Time, height and width share the HEAD / 2 frequencies; a small base tells the few patches apart.
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [4, 6, 6]},
            "bos_token_id": ids[_PAD],
            "eos_token_id": ids[_END],
            "pad_token_id": ids[_PAD],
            "initializer_range": 0.02,
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 2,
            "hidden_size": vision,
            "intermediate_size": 2 * vision,
            "num_heads": vision // HEAD,
            "out_hidden_size": hidden,
            "fullatt_block_indexes": [0, 1],
            "window_size": 112,
            "initializer_range": 0.02,
        },
        image_token_id=ids[_IMAGE],
        video_token_id=ids[_VIDEO],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def _processor(tokenizer: PreTrainedTokenizerBase, pixels: int) -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    from facial_r1.inference.local.image_only import Qwen2_5_VLProcessor

    pictures = Qwen2VLImageProcessorPil(size={"shortest_edge": _PATCH**2, "longest_edge": pixels})
    return Qwen2_5_VLProcessor(pictures, tokenizer, CHAT_TEMPLATE)
