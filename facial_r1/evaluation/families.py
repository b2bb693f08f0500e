"""Which models are relatives: one family's texts, judged or imitated by the same family, score too well."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["FAMILIES", "family", "family_warnings"]

FAMILIES: dict[str, tuple[str, ...]] = {
    "GPT": ("gpt", "chatgpt", "o1", "o3", "o4", "davinci"),
    "Qwen": ("qwen", "qwq", "qvq"),
    "Llama": ("llama", "llava", "vicuna"),
    "InternVL": ("internvl", "internlm"),
    "Gemini": ("gemini", "gemma"),
    "Claude": ("claude",),
    "Mistral": ("mistral", "mixtral", "pixtral"),
    "DeepSeek": ("deepseek", "janus"),
    "template": ("template",),
}
"""Family → beginnings of the words of a model's name."""


def family(model: str) -> str | None:
    """The family that a model's name tells of; None when it tells of none.

    >>> family("openai/gpt-4o-mini-2024-07-18"), family("checkpoints/Qwen2.5-VL-7B-sft"), family("my-model")
    ('GPT', 'Qwen', None)
    """
    words = "".join(letter if letter.isalnum() else " " for letter in model.lower()).split()
    return next((name for word in words for name, starts in FAMILIES.items() if word.startswith(starts)), None)


def family_warnings(models: Iterable[str], references: Iterable[str], judge: str) -> list[str]:
    """A sentence for every two of model, references and judge that are of one family.

    Args:
        models: who answered.
        references: who wrote the reference texts.
        judge: who judges; empty when nobody does.
    """
    roles = {
        "the model": _families(models),
        "the references": _families(references),
        "the judge": _families([judge]),
    }
    names = list(roles)
    found = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            found += [
                f"{first} and {second} are both of the family {shared}: a model prefers its own style."
                for shared in sorted(roles[first] & roles[second])
            ]
    return [sentence[0].upper() + sentence[1:] for sentence in found]


def _families(names: Iterable[str]) -> set[str]:
    return {found for name in names if (found := family(name)) is not None}
