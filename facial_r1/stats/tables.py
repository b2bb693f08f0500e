"""Tables as HTML, and how a value is written in tables and charts alike."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

__all__ = ["cell", "markdown_table", "markdown_text", "number", "numbers", "table"]

_NUMERIC = re.compile(r"[-+−]?[0-9][0-9,.]*\s?%?|–")


def number(value: float | None, unit: str = "") -> str:
    """A number for people: thousands separators, three significant digits, a dash for None and NaN.

    >>> number(12345), number(0.04567), number(48.0, "%"), number(None)
    ('12,345', '0.046', '48.0 %', '–')
    """
    return numbers([value], unit)[0]


def numbers(values: Sequence[float | None], unit: str = "") -> list[str]:
    """Numbers that stand below each other: all with the decimals that suit the largest.

    >>> numbers([0.5, 12.25, None]), numbers([3, 4000])
    (['0.5', '12.2', '–'], ['3', '4,000'])
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    size = max((abs(value) for value in known), default=0.0)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    if all(isinstance(value, int) for value in known):
        places = 0
    tail = f" {unit}" if unit else ""
    return ["–" if v is None or math.isnan(v) else f"{v:,.{places}f}{tail}" for v in values]


def cell(value: object) -> Markup:
    """One value as escaped markup: numbers by :func:`number`, yes and no, a dash for what is unknown."""
    if value is None:
        return Markup("–")
    if isinstance(value, bool):
        return Markup("yes" if value else "no")
    return escape(number(value)) if isinstance(value, int | float) else escape(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> Markup:
    """A table. Its first column heads the rows; columns that hold only numbers are aligned to the right.

    Args:
        columns: the header.
        rows: the cells: text (escaped), numbers, None (a dash), or ``Markup`` as it stands.
        caption: says what is counted, of what; a screen reader announces the table with it.
    """
    body = [tuple(row) for row in rows]
    numeric = [bool(body) and all(_is_number(row[place]) for row in body) for place in range(len(columns))]
    side = [Markup(' class="number"') if right else Markup("") for right in numeric]
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(align, name) for name, align in zip(columns, side, strict=True)
    )
    title = Markup("<caption>{}</caption>").format(caption) if caption else Markup("")
    lines = Markup("").join(_row(row, side) for row in body)
    label = Markup(' role="region" aria-label="{}"').format(caption) if caption else Markup("")
    grid = Markup("<table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(title, head, lines)
    return Markup('<div class="scroll" tabindex="0"{}>{}</div>').format(label, grid)


def _row(row: Sequence[object], side: Sequence[Markup]) -> Markup:
    first, *others = zip(row, side, strict=True)
    head = Markup('<th scope="row"{}>{}</th>').format(first[1], cell(first[0]))
    rest = Markup("").join(Markup("<td{}>{}</td>").format(align, cell(value)) for value, align in others)
    return Markup("<tr>{}{}</tr>").format(head, rest)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return _NUMERIC.fullmatch(value) is not None
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The same as Markdown; nothing inside a cell can break the table, or be anything else than text.

    >>> print(markdown_table(("corpus", "rows"), [("a|b", 1200)]))
    | corpus | rows |
    | --- | --- |
    | a\\|b | 1,200 |
    """
    head, *body = ([markdown_text(cell(value).unescape()) for value in row] for row in (columns, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(columns), *body))


def markdown_text(text: str) -> str:
    """Text of any origin as one line of Markdown that shows it as it is."""
    return " ".join(re.sub(r"[\\`*_{}\[\]<>|]", r"\\\g<0>", text).split())
