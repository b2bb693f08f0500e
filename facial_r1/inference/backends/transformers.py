"""A local checkpoint through transformers: batched, on a GPU or a CPU, nothing leaves the machine.

An equal request gets an equal answer whoever else is in its batch: greedy answers as far as rounding goes, and sampled
ones too, because each draws from its own numbers (:mod:`facial_r1.inference.local.generation`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from facial_r1.errors import InputError, UsageError
from facial_r1.files import canonical_json
from facial_r1.inference.local.checkpoints import Checkpoint, open_checkpoint, require
from facial_r1.inference.local.generation import DTYPES, Generated, Generator, Tensors
from facial_r1.inference.local.sampling import Sampling, seed_of
from facial_r1.inference.picture import load_chosen
from facial_r1.inference.protocol import Answer, Backend, Request

__all__ = ["create"]


def create(
    model: str | Path,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 8,
    max_tokens: int = 1024,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    seed: int | None = None,
) -> Backend:
    """A backend for one checkpoint; it is loaded when the first question comes.

    Args:
        model: a checkpoint folder, the folder of a LoRA adapter, or an id on the Hugging Face Hub.
        device: ``auto`` (all GPUs, else the CPU), or a device such as ``cpu`` or ``cuda:1``.
        dtype: ``auto`` (as it was saved), ``float32``, ``bfloat16`` or ``float16``.
        batch: questions that are answered together; what fits into the memory.
        max_tokens, temperature, top_p, top_k, seed: see :class:`facial_r1.inference.local.sampling.Sampling`. What the
            checkpoint's own ``generation_config.json`` says about sampling does not apply.

    Raises:
        MissingExtra: without the extra ``train``.
        UsageError: for an option out of its range.
        InputError: when ``model`` is no checkpoint, or one that cannot be shown pictures.
    """
    sampling = Sampling(max_tokens, temperature, top_p, top_k, seed)
    if dtype not in DTYPES:
        raise UsageError("unknown dtype", found=dtype, expected=f"one of {', '.join(DTYPES)}")
    if batch < 1:
        raise UsageError("batch must be positive", found=batch)
    require("train", "torch", "transformers")
    checkpoint = open_checkpoint(model)
    if not checkpoint.sees:
        found = f"model type {checkpoint.config.get('model_type')!r}"
        do = "take a vision-language model such as Qwen2.5-VL, or a server through the backend openai"
        raise InputError("this model cannot be shown pictures", path=checkpoint.base, found=found, do=do)
    return _Transformers(checkpoint, device, dtype, batch, sampling)


class _Transformers:
    name = "transformers"
    endpoint: str | None = None

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str, batch: int, sampling: Sampling) -> None:
        self.model, self.batch = checkpoint.name(), batch
        self.params: Mapping[str, Any] = sampling.params()
        self._checkpoint, self._device, self._dtype = checkpoint, device, dtype
        self._generator: Generator | None = None
        # One thread of its own: calls take turns, and none of them keeps the journal from a thread of the pool.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="generate")

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        stop = Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, requests, stop)
        except asyncio.CancelledError:
            stop.set()  # a thread cannot be cancelled; this ends it at the next token
            raise

    def _answer(self, requests: Sequence[Request], stop: Event) -> list[Answer]:
        if self._generator is None:
            self._generator = Generator(self._checkpoint, self._device, self._dtype)
        answers: dict[int, Answer] = {}
        alike: dict[bytes, list[tuple[int, Tensors]]] = {}
        for place, request in enumerate(requests):
            params = {**self.params, **request.params}
            try:
                question = self._encode(self._generator, request, Sampling.of(params))
            except ValueError as error:  # a PictureError is one
                answers[place] = self._failed(request, str(error))
            else:
                alike.setdefault(canonical_json(params), []).append((place, question))
        for group in alike.values():
            places = [place for place, _ in group]
            sampling = Sampling.of({**self.params, **requests[places[0]].params})
            seeds = [seed_of(requests[place].key(self.model)) for place in places]
            questions = [question for _, question in group]
            for place, question, generated in zip(
                places, questions, self._generator.generate(questions, sampling, seeds, stop), strict=True
            ):
                answers[place] = self._said(requests[place], question, generated)
        return [answers[place] for place in range(len(requests))]

    def _encode(self, generator: Generator, request: Request, sampling: Sampling) -> Tensors:
        image = None if request.image is None else load_chosen(request.image, request.image_sha256)
        question = generator.encode(request.prompt, image)
        length = question["input_ids"].shape[1]
        if length + sampling.max_tokens > generator.context:
            raise ValueError(
                f"the prompt's {length} tokens and the {sampling.max_tokens} of the answer (max_tokens) are more than "
                f"the {generator.context} of the model's context"
            )
        return question

    def _said(self, request: Request, question: Tensors, generated: Generated) -> Answer:
        usage = {"input": question["input_ids"].shape[1], "output": generated.tokens}
        outcome = "ok" if generated.ended else "cut_off"
        key = request.key(self.model)
        return Answer(key, request.sample_id, outcome, generated.text, self.model, request.attempt, usage)

    def _failed(self, request: Request, detail: str) -> Answer:
        key = request.key(self.model)
        return Answer(key, request.sample_id, "failed", None, self.model, request.attempt, detail=detail)
