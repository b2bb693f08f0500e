"""The two kinds of label files of BP4D: one digit per frame and Action Unit, behind the number of the frame.

Occurrence (``AU_OCC``) has a header line, of one of two families that are told apart by their number of columns:

* 100 columns ``0,1,2,…,99``: column *k* is AU *k*, column 0 the frame number, column 99 the flag *occluded*;
* fewer than 50: a dummy (often ``1``, so that this name comes twice), the scored AUs by number, ``99``.

Intensity (``AU_INT``) has no header: ``frame,intensity``, one file for each AU.

All but always every line is a number and single digits, so whole files are looked at as arrays of bytes; the file that
differs is read again line by line, which finds either harmless blanks or the exact line at fault.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_builders.common.corpus import Report
from facial_r1.errors import InputError
from facial_r1.facs import BY_NUMBER

__all__ = ["OCCLUDED", "UNKNOWN", "Coded", "parse_header", "parse_intensity", "parse_occurrence"]

UNKNOWN = 9
"""The value that says *not coded*, in both kinds of files."""

OCCLUDED = 99
"""The column that marks frames not to be used."""

_LEGACY = tuple(range(100))
_FEWER = 50
_DIGITS = 9
_FRAME = re.compile(rb"0*[1-9]\d{0,%d}" % (_DIGITS - 1))
_DO = "take this file from the official archive again"


class _Values(NamedTuple):
    """The digits that may stand in a column, and what they mean."""

    digits: str
    meaning: str


_OCCURRENCE = _Values("019", "0 (absent), 1 (present) or 9 (unknown)")
_INTENSITY = _Values("0123459", "0 (absent) to 5 (maximum), or 9 (unknown)")


@dataclass(frozen=True, slots=True)
class Coded:
    """One label file.

    Attributes:
        frames: the frame number of each row, as it stands there.
        lines: the line of each row in the file, from 1.
        columns: the number in the header of each column behind the frame's.
        values: rows × columns, the digits.
    """

    frames: Sequence[int]
    lines: Sequence[int]
    columns: tuple[int, ...]
    values: NDArray[np.uint8]


def parse_occurrence(data: bytes, path: Path, report: Report) -> Coded:
    """Read the content of an ``AU_OCC`` file; rows that are no rows go to ``report.fault``.

    Raises:
        InputError: for an empty file, or a header of neither family.
    """
    header, *lines = _lines(data, path)
    columns = parse_header(header, path)
    return _parse(lines, 2, columns, _OCCURRENCE, path, report)


def parse_intensity(data: bytes, au: int, path: Path, report: Report) -> Coded:
    """Read the content of the ``AU_INT`` file of one AU; rows that are no rows go to ``report.fault``.

    Raises:
        InputError: for an empty file.
    """
    return _parse(_lines(data, path), 1, (au,), _INTENSITY, path, report)


def parse_header(line: bytes, path: Path) -> tuple[int, ...]:
    """What the columns behind the first are: FACS numbers, and :data:`OCCLUDED`.

    Raises:
        InputError: when the line is a header of neither family.
    """
    cells = [cell.strip(b' \t"') for cell in line.split(b",")]
    numbers = tuple(int(cell) if cell.isdigit() and len(cell) < 4 else -1 for cell in cells)
    if numbers == _LEGACY:
        return numbers[1:]
    columns = numbers[1:]
    fits = 2 < len(cells) < _FEWER and len(set(columns)) == len(columns)
    if fits and all(number in BY_NUMBER or number == OCCLUDED for number in columns):
        return columns
    raise InputError(
        "this is no header of an AU_OCC file of BP4D",
        path=path,
        line=1,
        found=f"{len(cells)} columns, `{_shown(line)}`",
        expected="100 columns `0,1,2,…,99`, or fewer than 50: a dummy and AU numbers, such as `1,1,2,4,5,…,39,99`",
        do=_DO,
    )


def _lines(data: bytes, path: Path) -> list[bytes]:
    lines = data.removeprefix(b"\xef\xbb\xbf").rstrip().replace(b"\r\n", b"\n").split(b"\n")
    if lines == [b""]:
        raise InputError("this label file is empty", path=path, do=_DO)
    return lines


def _parse(
    lines: list[bytes], first: int, columns: tuple[int, ...], known: _Values, path: Path, report: Report
) -> Coded:
    """The rows in ``lines``, the first of which is line ``first`` of the file."""
    plain = _plain(lines, len(columns), known)
    if plain is not None:
        return Coded(plain[0], range(first, first + len(lines)), columns, plain[1])
    frames, numbers, rows = [], [], []
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        fields = [field.strip(b' \t"') for field in line.split(b",")]
        fault = _fault(fields, columns, known)
        if fault is not None:
            what, expected = fault
            last = number == first + len(lines) - 1
            cut = " (the file seems to be cut here)" if last and len(fields) <= len(columns) else ""
            found = f"`{_shown(line)}`"
            report.fault(InputError(what + cut, path=path, line=number, found=found, expected=expected, do=_DO))
            continue
        frames.append(int(fields[0]))
        numbers.append(number)
        rows.append(b"".join(fields[1:]))
    values = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), len(columns)) - np.uint8(ord("0"))
    return Coded(frames, numbers, columns, values)


def _plain(lines: Sequence[bytes], width: int, known: _Values) -> tuple[list[int], NDArray[np.uint8]] | None:
    """Frames and values of lines that are all a number and ``width`` times a comma and a digit; else None."""
    tail = 2 * width
    tails = b"".join([line[-tail:] for line in lines])
    heads = [line[:-tail] for line in lines]
    whole = lines and len(tails) == tail * len(lines)
    if not whole or not all(map(bytes.isdigit, heads)) or max(map(len, heads)) > _DIGITS:
        return None
    frames = list(map(int, heads))
    cells = np.frombuffer(tails, np.uint8).reshape(-1, width, 2)
    allowed = np.zeros(256, bool)
    allowed[list(known.digits.encode())] = True
    if min(frames) < 1 or not (cells[..., 0] == ord(",")).all() or not allowed[cells[..., 1]].all():
        return None
    return frames, cells[..., 1] - np.uint8(ord("0"))


def _fault(fields: list[bytes], columns: tuple[int, ...], known: _Values) -> tuple[str, str] | None:
    """What is wrong with the fields of a line and what was expected; None when it is a row."""
    if len(fields) != len(columns) + 1:
        return f"this line holds {len(fields)} fields", f"{len(columns) + 1} fields: a frame and single digits"
    if not _FRAME.fullmatch(fields[0]):
        return "the first field is no frame number", "a whole number from 1"
    for column, field in zip(columns, fields[1:], strict=True):
        if len(field) != 1 or field.decode("latin-1") not in known.digits:
            name = "the column 99" if column == OCCLUDED else f"AU{column}"
            return f"{name} has a value that it cannot have", known.meaning
    return None


def _shown(line: bytes) -> str:
    return line[:60].decode("utf-8", "backslashreplace")
