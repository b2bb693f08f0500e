"""Evaluation protocols as data: which rows, which Action Units or emotions, which threshold, which parts.

Two numbers are comparable when they were computed under the same protocol on the same rows. Every result therefore
carries the protocol's id, its lists, the number of rows and the id of the split (:func:`split_id`).

Sources: the AU lists and folds are those of ME-GraphAU, JAA-Net and LibreFace (DISFA, BP4D) and of FABA-Bench
(FABA-12: the 12 of its 20 Action Units that are averaged). RAF-AU's paper counts 26 Action Units without listing them;
the 27 here are those that occur in the frequencies published with Facial-R1. FEA-20K's test part is inferred from the
same frequencies (docs/fea20k.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from facial_r1.emotions import EMOTIONS, EMOTIONS_7
from facial_r1.errors import UsageError
from facial_r1.facs import code
from facial_r1.files import sha256_bytes
from facial_r1.folds import BP4D_PARTS, DISFA_PARTS

__all__ = ["OPEN", "PROTOCOLS", "Protocol", "find_protocol", "split_id"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way to compute benchmark numbers.

    Attributes:
        id: its name in results, such as ``DISFA-8``.
        about: one sentence.
        corpora: ``dataset`` of the rows it scores; empty takes every row.
        aus: the fixed list that macro F1 averages over; empty takes what is annotated anywhere in the rows.
        emotions: the classes; empty takes what occurs.
        requires: what every row must know, of ``au`` and ``emotion``; empty: at least one of them.
        threshold: the intensity from which an Action Unit counts as present, None where it was not coded.
        parts: part → subjects, tested in turn and averaged; empty without.
        rows: rows of the whole benchmark, None when it has no fixed size.
    """

    id: str
    about: str
    corpora: tuple[str, ...] = ()
    aus: tuple[str, ...] = ()
    emotions: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    threshold: int | None = None
    parts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    rows: int | None = None

    def part_of(self, subject: str | None) -> int | None:
        """The part a subject belongs to; None when the protocol has parts and no such subject, or no parts."""
        return next((part for part, subjects in self.parts.items() if subject in subjects), None)


def _codes(*numbers: int) -> tuple[str, ...]:
    return tuple(map(code, numbers))


_DISFA_12 = _codes(1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
_RAF_AU = _codes(1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 43)
_RAF_ML = tuple(emotion for emotion in EMOTIONS_7 if emotion != "neutral")

OPEN = Protocol("open", "Every row, every annotated Action Unit, every label: comparable with nothing but itself.")
"""What is used when no protocol is named."""

PROTOCOLS: dict[str, Protocol] = {
    protocol.id: protocol
    for protocol in (
        Protocol(
            "DISFA-8",
            "The eight AUs that papers report, present from intensity 2 on, mean of three subject-exclusive parts.",
            ("disfa",),
            _codes(1, 2, 4, 6, 9, 12, 25, 26),
            requires=("au",),
            threshold=2,
            parts=DISFA_PARTS,
            rows=130_814,
        ),
        Protocol(
            "DISFA-12",
            "All twelve coded AUs, present from intensity 2 on; one test set, as Facial-R1's code has it.",
            ("disfa",),
            _DISFA_12,
            requires=("au",),
            threshold=2,
        ),
        Protocol(
            "BP4D-12",
            "The twelve AUs that papers report, mean of three subject-exclusive parts.",
            ("bp4d",),
            _codes(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
            requires=("au",),
            parts=BP4D_PARTS,
            rows=146_847,
        ),
        Protocol(
            "RAF-AU",
            "The 27 AUs that occur in Facial-R1's copy; emotions of RAF-ML where they are joined. No official split.",
            ("raf_au",),
            _RAF_AU,
            _RAF_ML,
            requires=("au",),
        ),
        Protocol(
            "FABA-12",
            "FABA-Bench: 12 of its 20 AUs, seven emotions, REGE.",
            ("faba",),
            _codes(1, 2, 4, 5, 6, 10, 12, 17, 24, 25, 26, 43),
            EMOTIONS_7,
        ),
        Protocol(
            "FEA-20K",
            "The test part of FEA-20K: FABA-Instruct, DISFA and RAF-AU together; each AU over the rows that know it.",
            ("faba", "disfa", "raf_au"),
            _RAF_AU,
            EMOTIONS_7,
            requires=("au",),
            threshold=2,
            rows=1_688,
        ),
        Protocol(
            "FER2013-7",
            "Seven emotions on PrivateTest.",
            ("fer2013",),
            emotions=EMOTIONS_7,
            requires=("emotion",),
            rows=3_589,
        ),
        Protocol(
            "AffectNet-8",
            "Eight emotions on the validation set (500 each; one picture is missing in copies of today).",
            ("affectnet",),
            emotions=EMOTIONS,
            requires=("emotion",),
            rows=3_999,
        ),
        Protocol(
            "RAF-DB-7",
            "Seven emotions on the official test part.",
            ("raf_db",),
            emotions=EMOTIONS_7,
            requires=("emotion",),
            rows=3_068,
        ),
        OPEN,
    )
}
"""Id → protocol."""


def find_protocol(name: str) -> Protocol:
    """The protocol called ``name``, in any case.

    Raises:
        UsageError: naming the known ones.
    """
    known = {protocol.lower(): protocol for protocol in PROTOCOLS}
    if name.lower() not in known:
        raise UsageError("unknown protocol", found=name, expected=f"one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[known[name.lower()]]


def split_id(ids: Iterable[str]) -> str:
    """Twelve hexadecimal digits that name a set of rows, whatever their order: equal sets have equal ids.

    >>> split_id(["b", "a"]) == split_id(["a", "b"]), split_id(["a"]) == split_id(["a", "b"])
    (True, False)
    """
    return sha256_bytes("\n".join(sorted(ids)).encode())[:12]
