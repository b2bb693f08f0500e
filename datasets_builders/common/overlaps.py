"""Which corpora hold the same photographs, and whether that can be told by name.

A picture that stands in two corpora must not be trained on in one and tested on in the other. Where both builders
write a common name into ``origin_ids``, selection joins them; where no key exists, only the pixels can tell, and a
release says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

__all__ = ["OVERLAPS", "Overlap", "overlaps"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two corpora that share pictures.

    Attributes:
        corpora: their names.
        key: the prefix of the origin ids that join them, such as ``affectnet``; None where there is no key.
        why: what is known about it, in a sentence.
    """

    corpora: tuple[str, str]
    key: str | None
    why: str


OVERLAPS: tuple[Overlap, ...] = (
    Overlap(("affectnet", "faba"), "affectnet", "FABA-Instruct describes pictures of AffectNet"),
    Overlap(("raf_au", "raf_db"), None, "about one in fifty pictures of RAF-AU is said to stand in RAF-DB as well"),
    Overlap(("affectnet", "raf_db"), None, "both were collected from the web by emotion words"),
    Overlap(("affectnet", "expw"), None, "both were collected from the web by emotion words"),
    Overlap(("affectnet", "fer2013"), None, "both were collected from the web by emotion words"),
    Overlap(("expw", "fer2013"), None, "both were collected from the web by emotion words"),
    Overlap(("expw", "raf_db"), None, "both were collected from the web by emotion words"),
    Overlap(("fer2013", "raf_db"), None, "both were collected from the web by emotion words"),
)
"""The first two pairs are documented, the others a possibility that nobody can rule out by name.

FABA-Instruct names its pictures by the hash of the 2017 distribution of AffectNet; the later distributions number
theirs anew, so that with them the first pair cannot be joined either.
"""


def overlaps(prefixes: Mapping[str, Collection[str]]) -> list[tuple[Overlap, bool]]:
    """The overlaps among some corpora, each with whether their rows can be joined by name.

    Args:
        prefixes: corpus → the prefixes that its rows' origin ids have, such as ``{"affectnet"}``.
    """
    found = []
    for overlap in OVERLAPS:
        first, second = overlap.corpora
        if first in prefixes and second in prefixes:
            joined = overlap.key in prefixes[first] and overlap.key in prefixes[second]
            found.append((overlap, joined))
    return found
