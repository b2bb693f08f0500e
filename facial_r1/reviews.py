"""Human reviews: an append-only ``reviews.jsonl`` that outlives two writers at once and a killed one.

A line is one decision of one reviewer about one text. Nothing is ever changed or removed: who thinks again appends
another review, or an ``undo``. What counts in the end is :func:`standing`.

A review names the text that its reviewer saw by :func:`text_hash`. When the row has another text later, the review says
nothing about it.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from facial_r1.emotions import try_canonical
from facial_r1.errors import FacialR1Error, InputError
from facial_r1.facs import REGISTRY, sort_codes
from facial_r1.files import fsync_folder, parse_json, sha256_bytes, to_line
from facial_r1.progress import Progress

__all__ = ["DECISIONS", "Review", "append_review", "read_reviews", "reviews_of", "standing", "text_hash"]

DECISIONS: tuple[str, ...] = ("accept", "reject", "edit", "undo")
"""``undo`` takes back the reviewer's latest decision on the row that is not taken back yet."""

_RELEASE = "5-release"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def reviews_of(place: Path) -> Path:
    """The usual file for the reviews of a run (inside it), of a release folder, or of a JSONL file (beside them)."""
    place = place.absolute()  # of "." the name is wanted
    if place.is_file():
        return place.with_suffix(".reviews.jsonl")
    if (place / "recipe.yaml").is_file():
        return place / "reviews.jsonl"
    return place.with_name("reviews.jsonl" if place.name == _RELEASE else f"{place.name}.reviews.jsonl")


def text_hash(description: str) -> str:
    """What names a text in a review: hex SHA-256 of the description without surrounding white space."""
    return sha256_bytes(description.strip().encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Review:
    """One decision.

    Attributes:
        id: the row's id.
        reviewer: who decided; not blank.
        time: when, ISO-8601 in UTC, such as ``2026-01-31T12:00:00+00:00`` (or ``…Z``).
        decision: one of :data:`DECISIONS`.
        text_sha256: :func:`text_hash` of the description that was seen.
        reason: why, in the reviewer's words; a ``reject`` should have one.
        description: the new text of an ``edit``; None keeps the old.
        AUs: the corrected Action Units of an ``edit``, canonical and by number; None keeps the old, ``()`` says none.
        labels: the corrected labels of an ``edit``, canonical nouns; None keeps the old.

    Raises:
        InputError: for a field that is not as above, or an ``edit`` that changes nothing.
    """

    id: str
    reviewer: str
    time: str
    decision: str
    text_sha256: str
    reason: str = ""
    description: str | None = None
    AUs: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("id", "reviewer", "time", "decision", "text_sha256", "reason"):
            value = getattr(self, name)
            if not isinstance(value, str) or (name != "reason" and not value.strip()):
                raise _wrong(name, value, "a text" if name == "reason" else "a text that is not blank")
        for name in ("id", "reviewer", "reason", "description"):
            _encodable(name, getattr(self, name))
        if self.decision not in DECISIONS:
            raise _wrong("decision", self.decision, f"one of {', '.join(DECISIONS)}")
        if not _SHA256.fullmatch(self.text_sha256):
            raise _wrong("text_sha256", self.text_sha256, "64 hexadecimal digits in lower case")
        if not _utc(self.time):
            raise _wrong("time", self.time, "ISO-8601 in UTC, such as 2026-01-31T12:00:00+00:00")
        self._check_edit()

    def _check_edit(self) -> None:
        if self.description is not None and (not isinstance(self.description, str) or not self.description.strip()):
            raise _wrong("description", self.description, "a text, or null")
        for name, known in (("AUs", REGISTRY.__contains__), ("labels", _is_label)):
            values = getattr(self, name)
            if values is None:
                continue
            if not isinstance(values, list | tuple) or not all(isinstance(one, str) and known(one) for one in values):
                raise _wrong(name, values, "a list of canonical codes or nouns, or null")
            ordered = sort_codes(values) if name == "AUs" else dict.fromkeys(values)
            object.__setattr__(self, name, tuple(ordered))
        changes = any(value is not None for value in (self.description, self.AUs, self.labels))
        if changes != (self.decision == "edit"):
            expected = "description, AUs or labels in an edit, and in nothing else"
            raise _wrong("decision", f"{self.decision} {'with' if changes else 'without'} changes", expected)


def _wrong(name: str, value: object, expected: str) -> InputError:
    return InputError(f"`{name}` of this review is not valid", found=value, expected=expected)


def _encodable(name: str, value: object) -> None:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise _wrong(name, value, "text that UTF-8 can hold (no half of a surrogate pair)") from None


def _utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


def _is_label(word: str) -> bool:
    # A recipe may allow labels beyond the eight, so a word is refused only where a canonical spelling is known.
    return bool(word.strip()) and try_canonical(word) in (None, word)


def append_review(path: Path, review: Review) -> None:
    """Add one review; when this returns it survives a crash of the process and of the machine.

    Any number of processes may do so at once: each holds the file's lock while it writes. Half a line, left by a writer
    that was killed, was never acknowledged and is cut off first.

    Raises:
        FacialR1Error: when the file cannot be written; what stood in it before is safe.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file is closed, also by a kill
            _mend_end(handle)
            handle.write(to_line(asdict(review)))
            handle.flush()
            os.fsync(handle.fileno())
        fsync_folder(path.parent)
    except OSError as error:
        what = f"the review could not be written: {error.strerror or error}"
        raise FacialR1Error(
            what, path=path, do="make room or mend the permissions, then review this row again"
        ) from error


def _mend_end(handle: IO[bytes]) -> None:
    """Cut a torn last line; end a whole one whose line feed an editor left out."""
    size = end = handle.seek(0, os.SEEK_END)
    tail = b""
    while end and b"\n" not in tail:
        start = max(0, end - 65_536)
        handle.seek(start)
        tail = handle.read(end - start) + tail
        end = start
    torn = tail.rpartition(b"\n")[2]
    if not torn:
        return
    if _whole(torn):
        handle.write(b"\n")
    else:
        handle.truncate(size - len(torn))


def _whole(line: bytes) -> bool:
    try:
        parse_json(line, "", 0)
    except InputError:
        return False
    return True


def read_reviews(path: Path, progress: Progress | None = None) -> list[Review]:
    """All reviews in the order in which they were given; none where there is no such file.

    Args:
        path: a ``reviews.jsonl``.
        progress: told about a torn last line, which is left out.

    Raises:
        InputError: naming file and line, for a line that is no review.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    reviews = []
    for number, line in enumerate(lines, 1):
        if number == len(lines) and line and not _whole(line):
            (progress or Progress()).say(f"{path}: the last line is torn ({len(line)} bytes); it is left out.")
        elif line.strip():
            reviews.append(_read(line, path, number))
    return reviews


_FIELDS = {field.name for field in fields(Review)}


def _read(line: bytes, path: Path, number: int) -> Review:
    row: dict[str, Any] = parse_json(line, path, number)
    do = "mend or remove this line"
    if unknown := sorted(row.keys() - _FIELDS):
        raise InputError("unknown key of a review", path=path, line=number, found=", ".join(unknown), do=do)
    try:
        return Review(**row)
    except InputError as error:
        raise InputError(
            error.what, path=path, line=number, found=error.found, expected=error.expected, do=do
        ) from None
    except TypeError:
        missing = ", ".join(name for name in ("id", "reviewer", "time", "decision", "text_sha256") if name not in row)
        raise InputError("this review is not complete", path=path, line=number, found=f"no {missing}", do=do) from None


def standing(reviews: Iterable[Review]) -> dict[str, dict[str, Review]]:
    """Row → reviewer → the decision that holds: the latest that the same reviewer has not undone.

    Two undos take back two decisions. Rows and reviewers without any are left out; no ``undo`` is among the values.
    """
    given: dict[str, dict[str, list[Review]]] = {}
    for review in reviews:
        decisions = given.setdefault(review.id, {}).setdefault(review.reviewer, [])
        if review.decision != "undo":
            decisions.append(review)
        elif decisions:
            decisions.pop()
    latest = {row: {who: made[-1] for who, made in by.items() if made} for row, by in given.items()}
    return {row: by for row, by in latest.items() if by}
