"""Files that code one Action Unit's intensity per video frame: ``frame,intensity``, one line for each frame.

A corpus has hundreds of these files and millions of lines, all but always in the one regular form. So a file is
first compared, as bytes, with the only text it can be but for the intensity digits; the rare file that differs is
read again line by line, which finds either harmless blanks or the exact line at fault.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facial_r1.errors import InputError

__all__ = ["MAX_INTENSITY", "parse_intensities", "read_intensities"]

MAX_INTENSITY = 5
"""0 is absent; 1-5 are the FACS letters A (trace) to E (maximum)."""

_LINE = re.compile(rb"[ \t]*(\d{1,9})[ \t]*,[ \t]*(\d{1,9})[ \t]*")
_EXPECTED = "`frame,intensity` with an intensity of 0-5, such as `1,0`"
_DO = "take this file from the official archive again"


def read_intensities(path: Path) -> NDArray[np.uint8]:
    """The intensities of one file: element ``n - 1`` belongs to frame ``n``, values 0-5.

    Raises:
        InputError: naming the line, for a missing or empty file, a line that is not ``frame,intensity``, a value
            outside 0-5, or frame numbers that are not 1, 2, 3, …
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"this label file cannot be read ({error.strerror})", path=path, do=_DO) from None
    return parse_intensities(data, path)


def parse_intensities(data: bytes, path: Path | str) -> NDArray[np.uint8]:
    """As :func:`read_intensities`, for the content of ``path``."""
    end = b"\r\n" if b"\r\n" in data[:16] else b"\n"
    whole = data if data.endswith(end) else data + end
    text, digits = _template(whole.count(b"\n"), end)
    if len(whole) == len(text):
        found = np.frombuffer(whole, np.uint8).copy()
        values = found[digits] - ord("0")  # bytes below "0" wrap around to large numbers
        found[digits] = ord("0")
        if (values <= MAX_INTENSITY).all() and (found == text).all():
            return values
    return _parse_lines(data, path)


@lru_cache(maxsize=16)
def _template(rows: int, end: bytes) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The text of ``rows`` frames with intensity 0 throughout, and the places of its intensity digits."""
    lines = [b"%d,0%b" % (frame, end) for frame in range(1, rows + 1)]
    digits = np.cumsum([len(line) for line in lines], dtype=np.intp) - len(end) - 1
    return np.frombuffer(b"".join(lines), np.uint8), digits


def _parse_lines(data: bytes, path: Path | str) -> NDArray[np.uint8]:
    values = bytearray()
    lines = data.removeprefix(b"\xef\xbb\xbf").rstrip().splitlines()
    if not lines:
        raise InputError("this label file is empty", path=path, expected=_EXPECTED, do=_DO)
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            cut = " (the file seems to be cut here)" if number == len(lines) else ""
            raise _fault(f"this line is not a frame and its intensity{cut}", path, number, line)
        frame, value = int(match.group(1)), int(match.group(2))
        if frame != number:
            raise _fault(f"the frame numbers are not 1, 2, 3, …: here should be {number}", path, number, line)
        if value > MAX_INTENSITY:
            raise _fault(f"the intensity {value} is outside 0-5", path, number, line)
        values.append(value)
    return np.frombuffer(bytes(values), np.uint8)


def _fault(what: str, path: Path | str, number: int, line: bytes) -> InputError:
    found = f"`{line[:60].decode('utf-8', 'backslashreplace')}`"
    return InputError(what, path=path, line=number, found=found, expected=_EXPECTED, do=_DO)
