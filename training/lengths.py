"""How long a row is in tokens, exactly as trainer and processor will make it, without decoding its picture."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["Lengths"]


class Lengths:
    """Counts tokens with a processor whose pictures become patches, as Qwen-VL's do.

    Args:
        processor: with an image processor that knows ``get_number_of_image_patches``.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self._words = lru_cache(4096)(self._count)  # a corpus asks the same question about every face

    def __call__(self, prompt: str, text: str | None, size: tuple[int, int] | None) -> int:
        """Tokens of a prompt, of the answer ``text`` if there is one, and of a picture of ``size`` (width, height)."""
        from trl import apply_chat_template

        parts = [{"type": "text", "text": prompt}]
        if size is not None:
            parts.insert(0, {"type": "image"})
        example: dict[str, Any] = {"prompt": [{"role": "user", "content": parts}]}
        if text is not None:
            example["completion"] = [{"role": "assistant", "content": [{"type": "text", "text": text}]}]
        chat = apply_chat_template(example, self.processor)
        words = self._words(chat["prompt"]) + (self._count(chat["completion"]) if text is not None else 0)
        return words if size is None else words + self.picture(*size) - 1  # in the place of the one placeholder

    def picture(self, width: int, height: int) -> int:
        """Tokens of a picture after the processor has scaled it."""
        images = self.processor.image_processor
        return int(images.get_number_of_image_patches(height, width, {})) // int(images.merge_size) ** 2

    def _count(self, text: str) -> int:
        return len(self.processor.tokenizer(text, add_special_tokens=False)["input_ids"])
