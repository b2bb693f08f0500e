"""Decisions of a reviewer, from the page to ``reviews.jsonl``; and what two reviewers make of the same rows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from facial_r1.emotions import try_canonical
from facial_r1.errors import InputError
from facial_r1.facs import code
from facial_r1.reviews import Review, append_review, read_reviews, standing, text_hash

__all__ = ["SHEET", "Agreement", "agreement", "decide", "mine", "prepared", "read_sheet", "sheet"]

Rows = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]
"""Ids to their rows."""


def decide(path: Path, row: Mapping[str, Any], reviewer: str, decision: str, **given: Any) -> Review:
    """Write one decision about the text that ``row`` shows; arguments and errors are those of :func:`prepared`."""
    review = prepared(row, reviewer, decision, **given)
    append_review(path, review)
    return review


def prepared(
    row: Mapping[str, Any],
    reviewer: str,
    decision: str,
    *,
    reason: str = "",
    description: str | None = None,
    aus: str | None = None,
    labels: str | None = None,
) -> Review:
    """A decision that may be written.

    Args:
        row: the row as it was shown.
        reviewer: who decides.
        decision: ``accept``, ``reject``, ``edit`` or ``undo``.
        reason: why; asked for with ``reject``.
        description, aus, labels: what an edit changes, as typed: the text, codes and nouns separated by commas. What
            equals the row's own changes nothing.

    Raises:
        InputError: for a missing name or reason, an unknown code or label, or an edit that changes nothing.
    """
    if not reviewer.strip():
        raise InputError("who reviews?", found="no name", do="type your name or initials first")
    if decision == "reject" and not reason.strip():
        raise InputError("a rejection needs a reason", do="type why, in a few words")
    changes = _changes(row, description, aus, labels) if decision == "edit" else {}
    return Review(
        id=row["id"],
        reviewer=reviewer.strip(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        decision=decision,
        text_sha256=text_hash(row["description"] or ""),
        reason=reason.strip(),
        **changes,
    )


def _changes(row: Mapping[str, Any], description: str | None, aus: str | None, labels: str | None) -> dict[str, Any]:
    text, codes, words = (description or "").strip(), _codes(aus), _nouns(labels, row)
    changes = {
        "description": text if text and text != (row["description"] or "").strip() else None,
        "AUs": codes if codes is not None and list(codes) != list(row["AUs"]) else None,
        "labels": words if words is not None and list(words) != list(row["labels"]) else None,
    }
    if all(value is None for value in changes.values()):
        raise InputError("this edit changes nothing", do="change the text, the Action Units or the labels first")
    return changes


def _codes(typed: str | None) -> tuple[str, ...] | None:
    if typed is None:
        return None
    words = [word.strip() for word in typed.split(",") if word.strip() and word.strip().lower() != "none"]
    return tuple(code(word) for word in words)


def _nouns(typed: str | None, row: Mapping[str, Any]) -> tuple[str, ...] | None:
    if typed is None:
        return None
    words = [word.strip().lower() for word in typed.split(",") if word.strip()]
    nouns = [word if word in row["label_set"] else try_canonical(word) for word in words]
    if None in nouns:
        bad = words[nouns.index(None)]
        raise InputError("this is no emotion", found=bad, expected=", ".join(row["label_set"]) or "one of the eight")
    return tuple(noun for noun in nouns if noun is not None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers on the rows that both decided.

    Attributes:
        first, second: their names.
        rows: rows with a decision of both about the same text.
        same: rows with the same decision.
        kappa: Cohen's kappa, at most 1; None where both always said one and the same.
    """

    first: str
    second: str
    rows: int
    same: int
    kappa: float | None


def agreement(reviews: Sequence[Review]) -> list[Agreement]:
    """Cohen's kappa of every two reviewers who share rows: ``(p_o - p_e) / (1 - p_e)`` (Cohen 1960).

    ``accept``, ``reject`` and ``edit`` are the three categories.
    """
    decided = standing(reviews)
    names = sorted({name for by in decided.values() for name in by})
    found = []
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            pairs = [
                (by[first].decision, by[second].decision)
                for by in decided.values()
                if first in by and second in by and by[first].text_sha256 == by[second].text_sha256
            ]
            if pairs:
                found.append(Agreement(first, second, len(pairs), sum(a == b for a, b in pairs), _kappa(pairs)))
    return found


def _kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    total = len(pairs)
    observed = sum(a == b for a, b in pairs) / total
    one, two = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(one[name] * two[name] for name in one) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


SHEET = ("id", "description", "AUs", "labels", "decision", "reason", "new_description", "new_AUs", "new_labels")
"""Columns of a review sheet; a reviewer fills the last five."""


def sheet(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV for reviewing in a spreadsheet.

    A cell that begins like a formula gets an apostrophe in front, so that a text from a model runs nothing.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(SHEET)
    for row in rows:
        cells = [row["id"], row["description"] or "", ", ".join(row["AUs"]), ", ".join(row["labels"])]
        writer.writerow([_harmless(cell) for cell in cells] + [""] * 5)
    return out.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def read_sheet(path: Path, rows_of: Rows, reviewer: str, reviews: Path) -> int:
    """Take the decisions of a filled sheet; returns how many. Nothing is written when a line is wrong.

    Args:
        path: the CSV.
        rows_of: gives the rows of ids as they are now; a line about another text is refused.
        reviewer: who filled it.
        reviews: the reviews file.

    Raises:
        InputError: naming file and line.
    """
    filled = _filled(path)
    rows = rows_of([_typed(cells["id"] or "") for _, cells in filled])
    reviews_found = []
    for line, cells in filled:
        try:
            reviews_found.append(_from_sheet(cells, rows, reviewer))
        except InputError as error:
            raise InputError(
                error.what, path=path, line=line, found=error.found, expected=error.expected, do=error.do
            ) from None
    for review in reviews_found:
        append_review(reviews, review)
    return len(reviews_found)


def _filled(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    """Line and cells of every row of a sheet that has a decision."""
    csv.field_size_limit(2**31 - 1)  # the usual limit is 131,072 characters, and a text may be longer
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in SHEET if name not in (reader.fieldnames or ())]
            if missing:
                found, do = f"no column {', '.join(missing)}", "save it with commas between the columns, all kept"
                raise InputError("this is no review sheet", path=path, line=1, found=found, do=do)
            return [(reader.line_num, cells) for cells in reader if (cells["decision"] or "").strip()]
    except (UnicodeDecodeError, csv.Error) as error:
        do = "save it as CSV in UTF-8 (in Excel: CSV UTF-8)"
        raise InputError("this review sheet cannot be read", path=path, found=str(error), do=do) from None


def _from_sheet(cells: Mapping[str, str | None], rows: Mapping[str, Mapping[str, Any]], reviewer: str) -> Review:
    name, text = (_typed(cells[column] or "") for column in ("id", "description"))
    row = rows.get(name)
    if row is None:
        raise InputError("no such row here", found=name)
    if text_hash(text) != text_hash(row["description"] or ""):
        raise InputError("another text was reviewed", found=name, do="make a new sheet: this row's text has changed")
    decision = (cells["decision"] or "").strip().lower()
    if decision not in ("accept", "reject", "edit"):
        raise InputError("unknown decision", found=decision, expected="accept, reject, edit, or nothing")
    new = {column: _typed(cells[f"new_{column}"] or "") or None for column in ("description", "AUs", "labels")}
    reason = cells["reason"] or ""
    return prepared(
        row, reviewer, decision, reason=reason, description=new["description"], aus=new["AUs"], labels=new["labels"]
    )


def _typed(cell: str) -> str:
    """A cell without the apostrophe of :func:`_harmless`."""
    return cell[1:] if cell[:1] == "'" and _harmless(cell[1:]) == cell else cell


def mine(path: Path, reviewer: str) -> int:
    """How many rows a reviewer has decided."""
    return sum(reviewer in by for by in standing(read_reviews(path)).values())
