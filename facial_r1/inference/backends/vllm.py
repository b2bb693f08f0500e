"""vLLM's offline engine: a local checkpoint on one or many GPUs, thousands of requests at a time, no server.

One call is a chunk: its answers reach the journal together, and with several engines (``data_parallel``) several
chunks are under way at once. Each sampled answer has a seed of its own, made from its request's key. vLLM computes a
batch in whatever shape is fastest, so equal requests get equal answers as far as rounding goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from facial_r1.errors import FacialR1Error, InputError, UsageError
from facial_r1.inference.local import engine
from facial_r1.inference.local.checkpoints import open_checkpoint, require
from facial_r1.inference.local.sampling import Sampling, seed_of
from facial_r1.inference.protocol import Answer, Backend, Request

__all__ = ["create"]

_PATIENCE = 20.0  # seconds that an idle engine has to end by itself


def create(
    model: str | Path,
    tensor_parallel: int = 1,
    data_parallel: int = 1,
    dtype: str = "auto",
    max_model_len: int | None = None,
    gpu_memory_utilization: float = 0.9,
    enforce_eager: bool = False,
    batch: int = 1024,
    max_tokens: int = 1024,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int = 0,
    seed: int | None = None,
) -> Backend:
    """A backend for one checkpoint; it is loaded when the first question comes, and gone when the run ends.

    Args:
        model: a checkpoint folder, the folder of a LoRA adapter, or an id on the Hugging Face Hub.
        tensor_parallel: GPUs that share one copy of the model.
        data_parallel: copies of the model, each in a process with GPUs of its own; give the run at least as many calls
            in flight.
        dtype: ``auto`` (as it was saved), ``float32``, ``bfloat16`` or ``float16``.
        max_model_len: tokens of prompt and answer together; None takes the model's. Less needs less memory.
        gpu_memory_utilization: share of each GPU that vLLM may take, 0 to 1.
        enforce_eager: leave out CUDA graphs: starts faster, runs slower.
        batch: requests to a chunk.
        max_tokens, temperature, top_p, top_k, seed: see :class:`facial_r1.inference.local.sampling.Sampling`.

    Raises:
        MissingExtra: without the extra ``vllm``.
        UsageError: for an option out of its range, or more engines than there are GPUs.
        InputError: when ``model`` is no checkpoint.
    """
    sampling = Sampling(max_tokens, temperature, top_p, top_k, seed)
    for name, value in (("tensor_parallel", tensor_parallel), ("data_parallel", data_parallel), ("batch", batch)):
        if value < 1:
            raise UsageError(f"{name} must be positive", found=value)
    require("vllm", "vllm")
    checkpoint = open_checkpoint(model)
    options = {
        "tensor_parallel_size": tensor_parallel,
        "dtype": dtype,
        "max_model_len": max_model_len,
        "gpu_memory_utilization": gpu_memory_utilization,
        "enforce_eager": enforce_eager,
    }
    rank = int(checkpoint.settings.get("r") or 0)
    plan = engine.Plan(checkpoint.base, checkpoint.adapter, rank, checkpoint.sees, options)
    return _Vllm(checkpoint.name(), plan, _shares(tensor_parallel, data_parallel), batch, sampling)


class _Vllm:
    name = "vllm"
    endpoint: str | None = None

    def __init__(self, model: str, plan: engine.Plan, shares: list[str], batch: int, sampling: Sampling) -> None:
        self.model, self.batch = model, batch
        self.params: Mapping[str, Any] = sampling.params()
        self._plan, self._shares = plan, shares
        self._pool: ProcessPoolExecutor | None = None
        self._started: Any = None  # the ids of the engines' processes
        self._calls: set[Future[list[engine.Result]]] = set()  # that an engine works on

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        questions = [self._question(request) for request in requests]
        pool = self._pool or self._start()
        call = pool.submit(engine.answer, self._plan, questions)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            results = await asyncio.wrap_future(call)
        except BrokenProcessPool as error:
            do = "see whether the machine ran out of memory, then run the same command again: what was answered is kept"
            raise FacialR1Error("a process of the vLLM engine died", do=do) from error
        return [self._answer(request, result) for request, result in zip(requests, results, strict=True)]

    async def close(self) -> None:
        """End the engines and give their memory back; at once, when one is still busy with a call that was dropped."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        ended = asyncio.create_task(asyncio.to_thread(pool.shutdown))
        if not self._calls:
            await asyncio.wait([ended], timeout=_PATIENCE)
        while not self._started.empty():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._started.get(), signal.SIGKILL)  # with the processes that vLLM has started
        await ended

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
        devices, self._started = context.SimpleQueue(), context.SimpleQueue()
        for share in self._shares:
            devices.put(share)
        self._pool = ProcessPoolExecutor(
            len(self._shares), mp_context=context, initializer=engine.prepare, initargs=(devices, self._started)
        )
        return self._pool

    def _question(self, request: Request) -> engine.Question:
        if request.image is not None and not self._plan.sees:
            do = "take a vision-language model such as Qwen2.5-VL, or ask without pictures"
            raise InputError("this model cannot be shown pictures", path=self._plan.base, do=do)
        sampling = Sampling.of({**self.params, **request.params})
        seed = seed_of(request.key(self.model))
        return engine.Question(request.prompt, request.image, request.image_sha256, sampling, seed)

    def _answer(self, request: Request, result: engine.Result) -> Answer:
        return Answer(
            request.key(self.model),
            request.sample_id,
            result.outcome,
            result.text,
            self.model,
            request.attempt,
            result.usage,
            result.detail,
        )


def _shares(tensor_parallel: int, data_parallel: int) -> list[str]:
    """For each engine the GPUs it may see, in the form of CUDA_VISIBLE_DEVICES; empty to leave that as it is."""
    import torch

    if data_parallel == 1 or not torch.cuda.is_available():
        return [""] * data_parallel
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = named.split(",") if named else [str(index) for index in range(torch.cuda.device_count())]
    if data_parallel * tensor_parallel > len(gpus):
        found = f"data_parallel {data_parallel} × tensor_parallel {tensor_parallel}"
        raise UsageError("there are not enough GPUs", found=found, expected=f"at most {len(gpus)}")
    return [
        ",".join(gpus[first : first + tensor_parallel])
        for first in range(0, data_parallel * tensor_parallel, tensor_parallel)
    ]
