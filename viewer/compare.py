"""Two places on the same ids: only what differs, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from viewer.filters import Filter
from viewer.pictures import data_uri
from viewer.store import Store

__all__ = ["Differences", "changed_words", "differences", "draw"]

STEP = 2_000
"""Rows of the first place that are read at once."""
COMPARED = ("AUs", "labels", "description", "verdict", "split", "task")
"""What may differ; everything else is provenance."""


class Differences(NamedTuple):
    """Counts over all ids, and the ids whose rows differ, in the order of the first place."""

    same: int
    only_first: int
    only_second: int
    changed: list[str]


def differences(first: Store, second: Store) -> Differences:
    """Compare row by row on equal ids."""
    same = only = 0
    changed = []
    for offset in range(0, first.count(), STEP):
        rows = first.page(Filter(), "file order", offset, STEP)
        others = second.rows([row["id"] for row in rows])
        for row in rows:
            other = others.get(row["id"])
            if other is None:
                only += 1
            elif _columns(row, other):
                changed.append(row["id"])
            else:
                same += 1
    return Differences(same, only, second.count() - same - len(changed), changed)


def _columns(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [name for name in COMPARED if _differ(name, before[name], after[name])]


def _differ(name: str, before: object, after: object) -> bool:
    """Verdicts differ only where both places have them: a release has none."""
    return before != after and not (name == "verdict" and None in (before, after))


def draw(found: Differences, first: Store, second: Store, *, offset: int = 0, limit: int = 20) -> Markup:
    """The counts, and some of the rows that differ, as HTML."""
    counts = Markup("<p>{:,} equal, <b>{:,} differ</b>, {:,} only in the first, {:,} only in the second</p>").format(
        found.same, len(found.changed), found.only_first, found.only_second
    )
    shown = found.changed[offset : offset + limit]
    before, after = first.rows(shown), second.rows(shown)
    rows = (_one(before[name], after[name], first) for name in shown if name in before and name in after)
    return Markup('<div class="sample">{}{}</div>').format(counts, Markup("").join(rows))


def _one(before: Mapping[str, Any], after: Mapping[str, Any], store: Store) -> Markup:
    uri, _ = data_uri(store.place.images, before["image"] or "", 144)
    picture = Markup('<img src="{}" alt="" width="96">').format(uri) if uri else Markup("")
    rows = Markup("").join(
        Markup("<tr><th>{}</th><td>{}</td></tr>").format(name, changed_words(_text(before[name]), _text(after[name])))
        for name in _columns(before, after)
    )
    return Markup("<section><h3>{}</h3>{}<table>{}</table></section>").format(before["id"], picture, rows)


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
