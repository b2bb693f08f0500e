"""Pictures as text in a CSV, one per row, as FER2013 ships them: labels without parsing pixels, pixels of some rows.

Copies differ in the order of their columns, blanks before header names, quotes and line ends, so a column is known by
its stripped name. A row of 8 KB is nearly all pixels: that their number is right is told by counting blanks, at a
thirtieth of the cost of parsing them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from datasets_builders.common.corpus import Report
from facial_r1.errors import InputError
from facial_r1.pictures import Pixels

__all__ = ["PixelCsv", "Row", "columns_of", "parse_pixels"]

Row: TypeAlias = tuple[int, bytes, bytes]
"""1-based line number, emotion field, usage field (empty when the file has no such column)."""

_TRIM = b'" \t\r\n'
_BLANK = np.uint8(ord(" "))
_COMMAS = bytes.maketrans(b" ", b",")
_BUFFER = 1 << 20
_BLOCK = 1 << 18
_BOM = b"\xef\xbb\xbf"


def columns_of(path: Path) -> tuple[str, ...]:
    """The column names of a CSV, stripped and in lower case."""
    with open(path, "rb") as handle:
        first = handle.readline(4096).removeprefix(_BOM)
    return tuple(name.strip(_TRIM).decode("ascii", "replace").lower() for name in first.split(b","))


@dataclass(frozen=True, slots=True)
class PixelCsv:
    """A CSV with the columns ``emotion`` and ``pixels``, and perhaps ``usage``.

    Attributes:
        path: the file.
        columns: its column names, see :func:`columns_of`.
        side: height and width of the pictures.
    """

    path: Path
    columns: tuple[str, ...]
    side: int

    @classmethod
    def open(cls, path: Path, side: int) -> PixelCsv:
        """Read the header.

        Raises:
            InputError: when it does not name ``emotion`` and ``pixels``.
        """
        columns = columns_of(path)
        if not {"emotion", "pixels"} <= set(columns):
            expected = "the columns emotion, pixels and Usage, in any order"
            raise InputError("the header names other columns", path=path, line=1, found=columns, expected=expected)
        return cls(path, columns, side)

    def rows(self, report: Report) -> Iterator[Row]:
        """Yield the rows of the right shape; any other is a fault of ``report`` that names its line."""
        emotion, pixels = self.columns.index("emotion"), self.columns.index("pixels")
        usage = self.columns.index("usage") if "usage" in self.columns else None
        blanks, width = self.side**2 - 1, len(self.columns)
        for number, line, blank in _lines(self.path):
            bounds = _bounds(line)
            if len(bounds) != width + 1 or not line.isascii():
                if line.strip():
                    report.fault(self._fault(line, number))
                continue
            if (
                np.count_nonzero(blank[bounds[pixels] + 1 : bounds[pixels + 1]]) != blanks
                and _field(line, bounds, pixels).count(b" ") != blanks  # blanks around the field do no harm
            ):
                report.fault(self._fault(line, number))
                continue
            # `_field` written out: two calls less are a tenth of the whole scan
            part = b"" if usage is None else line[bounds[usage] + 1 : bounds[usage + 1]].strip(_TRIM)
            yield number, line[bounds[emotion] + 1 : bounds[emotion + 1]].strip(_TRIM), part

    def fields(self, lines: Collection[int]) -> Iterator[tuple[int, bytes]]:
        """Yield line number and pixels (as text, for :func:`parse_pixels`) of some lines, in one pass over the file.

        The text is empty where the line has another number of columns. A line beyond the end is left out.
        """
        wanted, pixels = set(lines), self.columns.index("pixels")
        with open(self.path, "rb", buffering=_BUFFER) as handle:
            for number, line in enumerate(islice(handle, max(wanted, default=0)), 1):
                if number in wanted:
                    bounds = _bounds(line)
                    yield number, _field(line, bounds, pixels) if len(bounds) == len(self.columns) + 1 else b""

    def _fault(self, line: bytes, number: int) -> InputError:
        """Say what is irregular about a row."""
        fields = line.split(b",")
        if not line.isascii():
            what = "this row holds bytes that are no ASCII text"
            at = next(at for at, byte in enumerate(line) if byte > 127)
            found, expected = f"0x{line[at]:02x} at byte {at + 1}", "digits, blanks, commas and the usage's name"
        elif len(fields) != len(self.columns):
            what = "this row has the wrong number of columns"
            found, expected = f"{len(fields)}", f"{len(self.columns)}: {', '.join(self.columns)}"
        else:
            what = "this row has the wrong number of pixels"
            text = fields[self.columns.index("pixels")].strip(_TRIM)
            found, expected = (
                f"{len(text.split())}, {text.count(b' ')} blanks",
                f"{self.side**2}, one blank between two",
            )
        do = "mend or remove the row"
        if not line.endswith(b"\n"):
            what, do = f"{what}; the file ends here", "copy the file again, this copy seems to be cut off"
        return InputError(what, path=self.path, line=number, found=found, expected=expected, do=do)


def _lines(path: Path) -> Iterator[tuple[int, bytes, NDArray[np.bool]]]:
    """Number, text and places of the blanks of every line but the first; blanks are found for many lines at once."""
    number = 1
    with open(path, "rb", buffering=_BUFFER) as handle:
        handle.readline()
        while lines := handle.readlines(_BLOCK):
            blank = np.frombuffer(b"".join(lines), np.uint8) == _BLANK
            start = 0
            for line in lines:
                number += 1
                yield number, line, blank[start : start + len(line)]
                start += len(line)


def _bounds(line: bytes) -> list[int]:
    """Where the commas are, with -1 before and the length behind. On long fields much faster than ``split``."""
    bounds = [-1]
    at = line.find(b",")
    while at >= 0:
        bounds.append(at)
        at = line.find(b",", at + 1)
    bounds.append(len(line))
    return bounds


def _field(line: bytes, bounds: list[int], index: int) -> bytes:
    return line[bounds[index] + 1 : bounds[index + 1]].strip(_TRIM)


def parse_pixels(text: bytes, side: int) -> Pixels | None:
    """The numbers of a row as a grey picture of side × side; None unless they are so many numbers from 0 to 255.

    Read as a JSON list they are parsed strictly: no sign, no letter, nothing above 255.
    """
    if b"e" in text:
        return None  # `true` and `false` are the only other JSON values that pass for bytes
    try:
        values = bytes(orjson.loads(b"[%b]" % text.translate(_COMMAS)))
    except (ValueError, TypeError):
        return None
    return np.frombuffer(values, np.uint8).reshape(side, side) if len(values) == side**2 else None
