"""Two places on the same ids: only what differs, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from viewer.filters import Filter
from viewer.pictures import data_uri
from viewer.store import Store

__all__ = ["Difference", "Differences", "differences", "draw"]

STEP = 2_000
"""Rows of the first place that are read at once."""
COMPARED = ("AUs", "labels", "description", "verdict", "split", "task")
"""What may differ; everything else is provenance."""


class Difference(NamedTuple):
    """One id whose rows differ, and in which columns."""

    id: str
    columns: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Differences(NamedTuple):
    """Counts over all ids, and some of the differing rows."""

    same: int
    changed: int
    only_first: int
    only_second: int
    shown: list[Difference]


def differences(first: Store, second: Store, *, offset: int = 0, limit: int = 20) -> Differences:
    """Compare row by row on equal ids, in the order of the first place.

    Args:
        first, second: the two places.
        offset, limit: which of the differing rows are kept.
    """
    same = changed = only = 0
    shown = []
    for before, after in _pairs(first, second):
        if after is None:
            only += 1
            continue
        columns = tuple(name for name in COMPARED if _differ(name, before[name], after[name]))
        if not columns:
            same += 1
            continue
        if offset <= changed < offset + limit:
            shown.append(Difference(before["id"], columns, before, after))
        changed += 1
    return Differences(same, changed, only, second.count() - same - changed, shown)


def _pairs(first: Store, second: Store) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    for offset in range(0, first.count(), STEP):
        rows = first.page(Filter(), "file order", offset, STEP)
        others = second.rows([row["id"] for row in rows])
        yield from ((row, others.get(row["id"])) for row in rows)


def _differ(name: str, before: object, after: object) -> bool:
    """Verdicts differ only where both places have them: a release has none."""
    return before != after and not (name == "verdict" and None in (before, after))


def draw(found: Differences, store: Store) -> Markup:
    """The counts and the differing rows as HTML."""
    counts = Markup("<p>{:,} equal, <b>{:,} differ</b>, {:,} only in the first, {:,} only in the second</p>").format(
        found.same, found.changed, found.only_first, found.only_second
    )
    return Markup('<div class="sample">{}{}</div>').format(
        counts, Markup("").join(_one(difference, store) for difference in found.shown)
    )


def _one(difference: Difference, store: Store) -> Markup:
    uri, _ = data_uri(store.place.images, difference.before["image"] or "", 144)
    picture = Markup('<img src="{}" alt="" width="96">').format(uri) if uri else Markup("")
    rows = Markup("").join(
        Markup("<tr><th>{}</th><td>{}</td></tr>").format(
            name, changed_words(_text(difference.before[name]), _text(difference.after[name]))
        )
        for name in difference.columns
    )
    return Markup("<section><h3>{}</h3>{}<table>{}</table></section>").format(difference.id, picture, rows)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "–" if value is None else str(value)


def changed_words(before: str, after: str) -> Markup:
    """``after`` with what is new inserted and what is gone struck out, word by word.

    >>> changed_words("lips part", "lips press")
    Markup('lips <del class="diff">part</del><ins class="diff">press</ins>')
    """
    one, two = _words(before), _words(after)
    parts = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        gone, new = "".join(one[a:b]), "".join(two[c:d])
        if kind == "equal":
            parts.append(escape(gone))
            continue
        parts += [Markup('<del class="diff">{}</del>').format(gone)] if gone else []
        parts += [Markup('<ins class="diff">{}</ins>').format(new)] if new else []
    return Markup("").join(parts)


def _words(text: str) -> Sequence[str]:
    return re.findall(r"\s+|[^\s]+", text[:20_000])
