"""Answers to look at: some that were accepted, and some that were rejected for every reason.

Which ones follows from the SHA-256 of their request, so they are neither the first ones nor chosen by hand, and the
same run always shows the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from facial_r1.files import sha256_bytes
from facial_r1.sample import Sample

__all__ = ["ACCEPTED", "EACH", "Example", "Examples", "render"]

EACH = 10
"""Examples at most of accepted answers, and of each reason."""
ACCEPTED = ""
"""The key under which accepted answers are kept."""


@dataclass(frozen=True, slots=True)
class Example:
    """One answer: its row with the text as ``description``, the key of its request, and its line of verdicts."""

    sample: Sample
    key: str
    verdict: Mapping[str, Any]

    @property
    def rejections(self) -> list[Mapping[str, Any]]:
        """The rulings that reject, in the order of the gates."""
        return [ruling for ruling in self.verdict["verdicts"] if ruling["ok"] is False]


@dataclass(slots=True)
class Examples:
    """Keeps the :data:`EACH` answers with the smallest hashes for every reason, however many pass by."""

    kept: dict[str, list[tuple[int, str, Example]]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def offer(self, example: Example) -> None:
        """Consider one answer."""
        reason = example.verdict["reason"] or ACCEPTED
        self.seen[reason] = self.seen.get(reason, 0) + 1
        heap = self.kept.setdefault(reason, [])
        entry = (-int(sha256_bytes(example.key.encode())[:15], 16), example.key, example)
        if len(heap) < EACH:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)

    def of(self, reason: str) -> list[Example]:
        """The examples of one reason (:data:`ACCEPTED` for the accepted), in the order of their hashes."""
        return [example for _, _, example in sorted(self.kept.get(reason, ()), key=lambda entry: (-entry[0], entry[1]))]

    def reasons(self) -> list[str]:
        """The reasons for which there are examples, the most common first."""
        return sorted((reason for reason in self.kept if reason), key=lambda reason: (-self.seen[reason], reason))


def render(example: Example, picture: Callable[[Sample], Markup] | None) -> Markup:
    """An example as markup.

    Args:
        example: what to show.
        picture: makes the thumbnail of a row; None leaves out the picture and everything that could name who it
            shows: the row's id, and the details of gates, which may quote other rows.
    """
    sample = example.sample
    shown = picture(sample) if picture else Markup("")
    name = Markup("<code>{}</code> ").format(sample.id) if picture else Markup("")
    truth = [("corpus", sample.dataset), ("truth", _truth(sample))]
    facts = Markup(" · ").join(Markup("{} <b>{}</b>").format(*pair) for pair in truth)
    text = Markup("<pre>{}</pre>").format(sample.description or "no text")
    rulings = Markup("").join(_ruling(ruling, details=picture is not None) for ruling in example.rejections)
    return Markup('<article class="example">{}<div><p class="note">{}{}</p>{}{}</div></article>').format(
        shown, name, facts, text, rulings
    )


def _truth(sample: Sample) -> str:
    known = []
    if sample.meta_info.au_annotated:
        known.append(", ".join(sample.AUs) or "no AU")
    if sample.labels:
        known.append(" and ".join(sample.labels))
    return "; ".join(known) or "unknown"


def _ruling(ruling: Mapping[str, Any], *, details: bool) -> Markup:
    detail = f": {ruling['detail']}" if details and ruling["detail"] else ""
    return Markup('<p class="ruling">{} → {}{}</p>').format(ruling["gate"], ruling["reason"], detail)
