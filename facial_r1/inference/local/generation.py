"""A loaded checkpoint that answers batches of questions with transformers.

Sampling is done here, one stream of random numbers for each answer: torch has a single generator for a whole batch, so
with it an answer would depend on who else is in the batch. What remains of the neighbours is rounding: a batch is
padded to its longest prompt, and sums of another shape may differ in their last bit.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.inference.local.checkpoints import Checkpoint, require
from facial_r1.inference.local.processor import load_processor, torchvision_works
from facial_r1.inference.local.sampling import Sampling
from facial_r1.pictures import Pixels

if TYPE_CHECKING:
    import torch

__all__ = ["DTYPES", "Generated", "Generator", "Tensors"]

DTYPES = ("auto", "float32", "bfloat16", "float16")
"""Precisions to compute in; ``auto`` is the one that the checkpoint was saved in."""

Tensors = dict[str, Any]
"""Name of a model input → tensor; one encoded question has batch size 1."""


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer of the model.

    Attributes:
        text: without special tokens.
        tokens: how many were generated, the end token among them.
        ended: whether the model came to an end by itself.
    """

    text: str
    tokens: int
    ended: bool


class Generator:
    """Loads a checkpoint, and its LoRA adapter if there is one.

    Args:
        checkpoint: from :func:`facial_r1.inference.local.checkpoints.open_checkpoint`.
        device: ``auto`` (all GPUs, else the CPU), or a device such as ``cpu`` or ``cuda:1``.
        dtype: one of :data:`DTYPES`.

    Raises:
        InputError: when the checkpoint cannot be loaded, or its weights are not those of its config.
        FacialR1Error: when torchvision is broken, or the memory does not suffice.
    """

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str) -> None:
        torchvision_works()  # a broken one must be named before transformers fails at it
        import torch
        from transformers import GenerationConfig

        if device == "auto":
            device = "auto" if torch.cuda.is_available() else "cpu"
        self.model = _load(checkpoint, device, dtype)
        self.processor = load_processor(checkpoint)
        self.context: int = self.model.config.get_text_config().max_position_embeddings
        ends = self.model.generation_config.eos_token_id
        self.ends = set(ends) if isinstance(ends, list) else {ends}
        self.pad = self.processor.tokenizer.pad_token_id
        # Nothing but the request says how to sample: what the checkpoint would add is not in its key.
        plain = GenerationConfig(eos_token_id=sorted(self.ends), pad_token_id=self.pad)  # type: ignore[no-untyped-call]
        self.model.generation_config = plain

    def encode(self, prompt: str, image: Pixels | None) -> Tensors:
        """One question as model inputs.

        Raises:
            ValueError: from the processor, for a picture or a prompt that it cannot take.
        """
        from PIL import Image

        parts = [{"type": "text", "text": prompt}]
        pictures = None
        if image is not None:
            parts.insert(0, {"type": "image"})
            pictures = [Image.fromarray(image).convert("RGB")]
        messages = [{"role": "user", "content": parts}]
        text = self.processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return dict(self.processor(text=[text], images=pictures, return_tensors="pt"))

    def generate(
        self, questions: Sequence[Tensors], sampling: Sampling, seeds: Sequence[int], stop: Event
    ) -> list[Generated]:
        """Answer encoded questions together; ``stop`` ends it at the next token.

        Raises:
            FacialR1Error: when the memory of the GPU does not suffice.
        """
        import torch

        inputs = {name: tensor.to(self.model.device) for name, tensor in _pad_left(questions, self.pad).items()}
        width = inputs["input_ids"].shape[1]
        draw = [_Draw(sampling, seeds)] if sampling.temperature > 0 else []

        def stopped(tokens: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
            return torch.full((len(tokens),), stop.is_set(), dtype=torch.bool, device=tokens.device)

        try:
            with torch.inference_mode():
                output = self.model.generate(
                    **inputs,
                    max_new_tokens=sampling.max_tokens,
                    do_sample=False,
                    logits_processor=draw,
                    stopping_criteria=[stopped],
                )
        except torch.OutOfMemoryError as error:
            do = "lower the option batch, or max_tokens"
            found = str(error).splitlines()[0]
            raise FacialR1Error("the GPU has too little memory for this batch", found=found, do=do) from None
        return [self._read(row) for row in output[:, width:].tolist()]

    def _read(self, tokens: list[int]) -> Generated:
        length = next((place + 1 for place, token in enumerate(tokens) if token in self.ends), 0)
        kept = tokens[:length] if length else tokens
        return Generated(self.processor.tokenizer.decode(kept, skip_special_tokens=True), len(kept), length > 0)


class _Draw:
    """Draws the next token of each row by one number of the row's own stream, and leaves only that token possible."""

    def __init__(self, sampling: Sampling, seeds: Sequence[int]) -> None:
        self.sampling = sampling
        self.dice = [random.Random(seed).random for seed in seeds]

    def __call__(self, _tokens: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        chances = torch.softmax(scores.double() / self.sampling.temperature, dim=-1)
        if self.sampling.top_k or self.sampling.top_p < 1:
            chances = self._likeliest(chances)
        reached = chances.cumsum(-1)
        thrown = torch.tensor([[die()] for die in self.dice], dtype=reached.dtype, device=reached.device)
        chosen = torch.searchsorted(reached, thrown * reached[:, -1:], right=True)
        chosen = chosen.clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)

    def _likeliest(self, chances: torch.Tensor) -> torch.Tensor:
        import torch

        ordered, order = chances.sort(descending=True, stable=True)
        if self.sampling.top_k:
            ordered[:, self.sampling.top_k :] = 0
        before = ordered.cumsum(-1) - ordered
        kept = ordered * (before < self.sampling.top_p * ordered.sum(-1, keepdim=True))
        return torch.zeros_like(chances).scatter(1, order, kept)


def _pad_left(questions: Sequence[Tensors], pad: int) -> Tensors:
    """Put questions into one batch: what is as long as the prompt is padded in front, pictures are put end to end."""
    import torch

    width = max(question["input_ids"].shape[1] for question in questions)
    batch: dict[str, list[torch.Tensor]] = {}
    for question in questions:
        length = question["input_ids"].shape[1]
        for name, tensor in question.items():
            if tensor.shape[:2] == (1, length):
                filler = pad if name == "input_ids" else 0
                tensor = torch.nn.functional.pad(tensor, (width - length, 0), value=filler)  # noqa: PLW2901
            batch.setdefault(name, []).append(tensor)
    return {name: torch.cat(tensors) for name, tensors in batch.items()}


def _load(checkpoint: Checkpoint, device: str, dtype: str) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    if checkpoint.adapter is not None:
        require("train", "peft")
    try:
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            checkpoint.base, dtype=dtype, device_map=device, output_loading_info=True
        )
        model, report = loaded
        if checkpoint.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(checkpoint.adapter))
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, SafetensorError, StrictDataclassError) as error:
        place = checkpoint.adapter or checkpoint.base
        found = str(error).strip().splitlines()[0]
        do = "copy it anew, as a whole; see whether its versions of transformers and peft fit the installed ones"
        raise InputError("this checkpoint cannot be loaded", path=place, found=found, do=do) from error
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would fill them with noise and go on
        what = "the weights are not those of this model"
        found = f"{len(missing)} parameters are missing, such as {missing[0]}"
        raise InputError(what, path=checkpoint.base, found=found, do="copy the checkpoint anew, as a whole")
    return model.eval()
