"""How a local model is sampled: the parameters of a request, checked, and the seed that follows from its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from facial_r1.errors import UsageError

__all__ = ["Sampling", "seed_of"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """The parameters that local backends know, by the names of OpenAI's API where it has them.

    Attributes:
        max_tokens: limit of an answer, 1 or more.
        temperature: 0 always takes the likeliest token; 1 draws from the model's own distribution.
        top_p: draws from the likeliest tokens that together have this probability, (0, 1].
        top_k: draws from so many of the likeliest tokens; 0 is all of them.
        seed: changes every draw of a run, since it enters the key that the draws follow from.

    Raises:
        UsageError: for a value outside its range.
    """

    max_tokens: int = 1024
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None

    def __post_init__(self) -> None:
        checks = {
            "max_tokens": (_is(int, self.max_tokens) and self.max_tokens >= 1, "1 or more"),
            "temperature": (_is((int, float), self.temperature) and 0 <= self.temperature <= 10, "0 to 10"),
            "top_p": (_is((int, float), self.top_p) and 0 < self.top_p <= 1, "above 0, up to 1"),
            "top_k": (_is(int, self.top_k) and self.top_k >= 0, "0 or more"),
            "seed": (self.seed is None or _is(int, self.seed), "an integer"),
        }
        for name, (right, expected) in checks.items():
            if not right:
                raise UsageError(f"{name} is out of range", found=getattr(self, name), expected=expected)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Sampling:
        """The sampling that a request asks for; what it does not name has its default.

        Raises:
            UsageError: for a parameter that local backends do not have.
        """
        known = [field.name for field in fields(cls)]
        unknown = [name for name in params if name not in known]
        if unknown:
            expected = f"only {', '.join(known)}"
            raise UsageError("a local model does not know this parameter", found=unknown[0], expected=expected)
        return cls(**params)

    def params(self) -> dict[str, Any]:
        """All of it, for :attr:`facial_r1.inference.protocol.Request.params`; a seed that is None is left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def _is(kind: type | tuple[type, ...], value: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def seed_of(key: str) -> int:
    """A seed from a request's key, 0 to 2**63 - 1: an equal request draws equally, a further attempt anew."""
    return int(key[:16], 16) >> 1
