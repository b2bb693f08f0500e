"""Qwen2.5-VL's processor without videos: the stock one cannot be made without torchvision.

It needs torch and transformers where it is imported; :mod:`facial_r1.inference.local.processor` imports it so.
"""

from __future__ import annotations

from typing import Any

from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor as _Stock
from transformers.processing_utils import ProcessorMixin

__all__ = ["Qwen2_5_VLProcessor"]


class Qwen2_5_VLProcessor(_Stock):  # noqa: N801 — it is saved under the stock name, for everybody to load
    """Pictures and text in, tensors out, as the stock processor does.

    transformers reads off this signature what a processor consists of, so the parameters must be these.
    """

    def __init__(
        self, image_processor: Any = None, tokenizer: Any = None, chat_template: str | None = None, **_videos: Any
    ) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)  # type: ignore[no-untyped-call]

    def to_dict(self) -> dict[str, Any]:
        """What is saved: with a section on videos, without which the stock class would not load it."""
        saved: dict[str, Any] = super().to_dict()
        frames = {name: value for name, value in saved["image_processor"].items() if name != "image_processor_type"}
        saved["video_processor"] = {**frames, "video_processor_type": "Qwen2VLVideoProcessor"}
        return saved
