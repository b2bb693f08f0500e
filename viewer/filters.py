"""What is chosen on the page, as SQL over the table ``rows``; values are always parameters, never text of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from facial_r1.errors import UsageError

__all__ = ["AU_MODES", "SORTS", "Filter", "order", "where"]

AU_MODES = ("any", "all", "none")
"""``none`` asks for rows in which the Action Units were scored and are absent: unknown is not absent."""

SORTS = {
    "file order": "place",
    "id": "id",
    "shortest text": "words NULLS LAST, place",
    "longest text": "words DESC NULLS LAST, place",
    "lowest score": "score NULLS LAST, place",
    "highest score": "score DESC NULLS LAST, place",
    "shuffled": "hash(id), place",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are shown; an empty field lets everything through.

    Attributes:
        corpora, splits, tasks, labels, verdicts, reasons, models: values of which a row must have one.
        aus: Action Units, and ``au_mode`` how they must be true of a row.
        subject: a subject or group.
        text: what the description, the question or the id must contain, whatever the case.
        words: least and greatest length of the reasoning in words.
        score: least and greatest score, 0-1: the judge's, where there is one, else the F1 of the Action Units.
        review: ``unreviewed``, ``accept``, ``reject`` or ``edit``.
    """

    corpora: Sequence[str] = ()
    splits: Sequence[str] = ()
    tasks: Sequence[str] = ()
    labels: Sequence[str] = ()
    aus: Sequence[str] = ()
    au_mode: str = "any"
    verdicts: Sequence[str] = ()
    reasons: Sequence[str] = ()
    models: Sequence[str] = ()
    subject: str = ""
    text: str = ""
    words: tuple[int | None, int | None] = (None, None)
    score: tuple[float | None, float | None] = (None, None)
    review: Sequence[str] = ()


def where(chosen: Filter) -> tuple[str, list[Any]]:
    """The condition and its parameters.

    >>> where(Filter(splits=["test"], text="smile"))[1]
    [['test'], 'smile']

    Raises:
        UsageError: for an unknown mode of Action Units.
    """
    if chosen.au_mode not in AU_MODES:
        raise UsageError("unknown way to ask for Action Units", found=chosen.au_mode, expected=", ".join(AU_MODES))
    parts: list[tuple[str, list[Any]]] = []
    for column, values in (
        ("dataset", chosen.corpora),
        ("split", chosen.splits),
        ("task", chosen.tasks),
        ("verdict", chosen.verdicts),
        ("reason", chosen.reasons),
        ("model", chosen.models),
        ("review", chosen.review),
    ):
        if values:
            parts.append((f"list_contains(?, {column})", [list(values)]))
    if chosen.labels:
        parts.append(("list_has_any(labels, ?)", [list(chosen.labels)]))
    if chosen.aus:
        codes = list(chosen.aus)
        if chosen.au_mode == "any":
            parts.append(('list_has_any("AUs", ?)', [codes]))
        else:
            present = 'list_contains("AUs", ?)'
            absent = 'list_contains(au_annotated, ?) AND NOT list_contains("AUs", ?)'
            one, times = (present, 1) if chosen.au_mode == "all" else (absent, 2)
            parts += [(one, [code] * times) for code in codes]
    if chosen.subject.strip():
        parts.append(('(subject = ? OR "group" = ?)', [chosen.subject.strip()] * 2))
    if chosen.text.strip():
        parts.append(("contains(searched, ?)", [chosen.text.strip().lower()]))
    for column, bounds in (("words", chosen.words), ("score", chosen.score)):
        for sign, bound in zip((">=", "<="), bounds, strict=True):
            if bound is not None:
                parts.append((f"{column} {sign} ?", [bound]))
    condition_text = " AND ".join(f"({text})" for text, _ in parts) or "true"
    return condition_text, [value for _, values in parts for value in values]


def order(sort: str) -> str:
    """The ORDER BY of a sort's name.

    Raises:
        UsageError: for an unknown one.
    """
    if sort not in SORTS:
        raise UsageError("unknown order", found=sort, expected=", ".join(SORTS))
    return SORTS[sort]
