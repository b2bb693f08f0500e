"""The part of vLLM's offline interface that the backend uses, with an engine that repeats what it was asked.

It answers with JSON that says how it was asked, so that tests see what reached it, and fails where a prompt says so.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vllm.exceptions import EngineDeadError, VLLMValidationError


@dataclass
class SamplingParams:
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    seed: int | None


def _shut_down() -> None:
    if file := os.environ.get("SHUT_DOWN_FILE"):
        Path(file).write_text("in good order")


class LLM:
    def __init__(self, model: str, **options: Any) -> None:
        if options["max_model_len"] == 1:
            raise ValueError("max_model_len is too small\nand more words")
        self.model, self.options = model, options
        self.llm_engine = SimpleNamespace(engine_core=SimpleNamespace(shutdown=_shut_down))
        self.waiting: list[tuple[str, dict[str, Any]]] = []

    def enqueue_chat(self, messages: Any, params: SamplingParams, *, use_tqdm: bool, lora_request: Any) -> None:
        (message,) = messages
        *pictures, text = message["content"]
        prompt = text["text"]
        if "too long" in prompt:
            raise VLLMValidationError("the prompt is longer than the maximum model length")
        said = {
            "role": message["role"],
            "pictures": [(part["type"], part["image_pil"].mode, part["image_pil"].size) for part in pictures],
            "prompt": prompt,
            "params": asdict(params),
            "lora": lora_request and asdict(lora_request),
            "model": self.model,
            "options": self.options,
            "tqdm": use_tqdm,
            "process": os.getpid(),
            "group": os.getpgid(0),
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "telemetry": [os.environ.get(name) for name in ("VLLM_NO_USAGE_STATS", "DO_NOT_TRACK")],
        }
        self.waiting.append((prompt, said))

    def wait_for_completion(self, *, use_tqdm: bool) -> list[Any]:
        assert not use_tqdm
        outputs = []
        for prompt, said in self.waiting:
            if prompt == "dead engine":
                raise EngineDeadError("EngineCore encountered an issue")
            if prompt == "killed":
                os._exit(9)
            if prompt.startswith("sleep "):
                time.sleep(float(prompt.split()[1]))
            reason = {"cut": "length", "abort": "abort"}.get(prompt, "stop")
            text = json.dumps(said)
            completion = SimpleNamespace(text=text, token_ids=list(range(5)), finish_reason=reason)
            outputs.append(SimpleNamespace(prompt_token_ids=prompt.split(), outputs=[completion]))
        self.waiting = []
        return outputs
