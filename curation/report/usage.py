"""What a run used of its teacher: answers, tokens, money."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.spending import cost_of
from facial_r1.recipe import Teacher

__all__ = ["Meter", "Usage"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one model was used for.

    Attributes:
        model: its name.
        answers: all of them.
        told: answers that came with token counts; the sums are over these.
        input, output: tokens; None when no answer told them.
        cost: US dollars for these tokens; None when they or the price are not known.
    """

    model: str
    answers: int
    told: int
    input: int | None
    output: int | None
    cost: float | None


class Meter:
    """Adds up tokens per model; the tokens of an answer that tells none are unknown, not zero."""

    def __init__(self) -> None:
        self.answers, self.told = Counter[str](), Counter[str]()
        self.tokens: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, answer: Mapping[str, Any]) -> None:
        """Count one line of ``answers.jsonl`` or ``blind.jsonl``."""
        model = answer["model"] or "–"
        self.answers[model] += 1
        self.told[model] += bool(answer["usage"])
        self.tokens[model].update(answer["usage"])

    def total(self, teacher: Teacher) -> list[Usage]:
        """One line per model, by name; the price is that of the recipe's teacher."""
        lines = []
        for model, count in sorted(self.answers.items()):
            tokens = self.tokens[model]
            if not self.told[model]:
                lines.append(Usage(model, count, 0, None, None, None))
                continue
            cost = cost_of(teacher, tokens, model)
            lines.append(Usage(model, count, self.told[model], tokens["input"], tokens["output"], cost))
        return lines
