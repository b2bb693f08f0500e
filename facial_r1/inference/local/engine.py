"""vLLM's offline engine, as it runs in a process of its own; :mod:`facial_r1.inference.backends.vllm` starts it.

A process of its own, because an engine can only be stopped, and its memory given back, with its process; because
several of them side by side are vLLM's way to be data parallel; and because Ctrl-C at a terminal reaches every process
of the group: the engine leads a group of its own and finishes what it was given.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Protocol

from facial_r1.errors import FacialR1Error
from facial_r1.inference.local.sampling import Sampling
from facial_r1.inference.picture import load_chosen
from facial_r1.pictures import PictureError

__all__ = ["Plan", "Question", "Result", "answer", "prepare"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to load.

    Attributes:
        base: checkpoint folder or id on the Hub.
        adapter: folder of a LoRA adapter, or None.
        rank: the adapter's.
        sees: whether the model can be shown pictures.
        options: keyword arguments of ``vllm.LLM``.
    """

    base: str
    adapter: Path | None
    rank: int
    sees: bool
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A request, as far as the engine needs it; ``seed`` is used when the temperature is above 0."""

    prompt: str
    image: Path | None
    image_sha256: str | None
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """An answer, as far as the engine knows it; the fields are as in :class:`facial_r1.inference.protocol.Answer`."""

    outcome: str
    text: str | None
    usage: dict[str, int]
    detail: str | None = None


class _Queue(Protocol):
    def get(self) -> str: ...
    def put(self, pid: int) -> None: ...


_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The LoRA ranks that vLLM can make room for."""

_engine: _Engine | None = None  # of this process; made by the first call, so that its errors reach the caller


def prepare(devices: _Queue, started: _Queue) -> None:
    """Set up a new process: a group of its own, its share of the GPUs, and nothing reported to anybody."""
    os.setsid()
    started.put(os.getpid())
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    share = devices.get()
    if share:
        os.environ["CUDA_VISIBLE_DEVICES"] = share
    os.environ.update(VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")


def answer(plan: Plan, questions: Sequence[Question]) -> list[Result]:
    """Answer a chunk; the first call loads the model.

    Raises:
        FacialR1Error: when vLLM cannot load the model, or its engine died.
    """
    global _engine  # noqa: PLW0603 — one engine to a process, as long as the process lives
    if _engine is None:
        _engine = _Engine(plan)
    return _engine.answer(questions)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """Nobody else would tell this process and vLLM's own that the run was killed."""
    parent.join()
    os.killpg(os.getpid(), signal.SIGKILL)


class _Engine:
    def __init__(self, plan: Plan) -> None:
        import vllm
        from vllm.lora.request import LoRARequest

        options = dict(plan.options)
        if plan.sees:
            options["limit_mm_per_prompt"] = {"image": 1, "video": 0}
        if plan.adapter is not None:
            rank = next((rank for rank in _RANKS if rank >= plan.rank), _RANKS[-1])
            options.update(enable_lora=True, max_lora_rank=rank)
        try:
            self.llm = vllm.LLM(plan.base, **options)
        except (OSError, ValueError, RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
            do = "read vLLM's own messages above; lower gpu_memory_utilization or max_model_len when memory is short"
            raise FacialR1Error("vLLM cannot load this model", path=plan.base, found=_line(error), do=do) from error
        # A process that ends waits for its children first; unless they are told, vLLM's would wait for work for ever.
        Finalize(self.llm, self.llm.llm_engine.engine_core.shutdown, exitpriority=0)
        self.lora = None if plan.adapter is None else LoRARequest("adapter", 1, str(plan.adapter))

    def answer(self, questions: Sequence[Question]) -> list[Result]:
        from vllm.exceptions import VLLMClientError, VLLMServerError

        results: list[Result | None] = []
        for question in questions:
            try:
                self._enqueue(question)
            except (PictureError, ValueError, VLLMClientError) as error:
                results.append(Result("failed", None, {}, str(error)))
            else:
                results.append(None)
        try:
            outputs = iter(self.llm.wait_for_completion(use_tqdm=False))
        except (RuntimeError, VLLMServerError) as error:
            do = "read vLLM's own messages above, then run the same command again: what was answered is kept"
            raise FacialR1Error("vLLM's engine died", found=_line(error), do=do) from error
        return [_read(next(outputs)) if result is None else result for result in results]

    def _enqueue(self, question: Question) -> None:
        import vllm
        from PIL import Image

        content: list[dict[str, Any]] = [{"type": "text", "text": question.prompt}]
        if question.image is not None:
            picture = Image.fromarray(load_chosen(question.image, question.image_sha256)).convert("RGB")
            content.insert(0, {"type": "image_pil", "image_pil": picture})
        sampling = question.sampling
        params = vllm.SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            seed=question.seed if sampling.temperature > 0 else None,
        )
        messages = [{"role": "user", "content": content}]
        self.llm.enqueue_chat(messages, params, use_tqdm=False, lora_request=self.lora)


def _read(output: Any) -> Result:
    completion = output.outputs[0]
    usage = {"input": len(output.prompt_token_ids), "output": len(completion.token_ids)}
    if completion.finish_reason in ("stop", "length"):
        return Result("ok" if completion.finish_reason == "stop" else "cut_off", completion.text, usage)
    return Result("failed", None, usage, f"vLLM ended with {completion.finish_reason!r}")


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
