"""RAF-DB's annotation files, three small ones per picture, all in pixels of the original (not the aligned) picture.

* ``train_00001_manu_attri.txt``: five landmarks by hand (``x y`` a line: both eyes, nose, both corners of the mouth),
  then the codes of gender, race and age, one a line;
* ``train_00001_auto_attri.txt``: 37 landmarks of a detector, ``x y`` a line;
* ``train_00001_boundingbox.txt``: ``x_min y_min x_max y_max``.

The numbers are separated by tabs in some files and by blanks in others, so any white space will do.
"""

from __future__ import annotations

import math
import os
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facial_r1.errors import InputError

__all__ = ["AGES", "GENDERS", "RACES", "read_attributes", "read_box", "read_landmarks"]

GENDERS: tuple[str, ...] = ("male", "female", "unsure")
RACES: tuple[str, ...] = ("Caucasian", "African-American", "Asian")
AGES: tuple[str, ...] = ("0-3", "4-19", "20-39", "40-69", "70+")
"""The words of the codes from 0, as the official readme has them; ages in years. What is unsure stays unsure."""

_BY_HAND, _DETECTED = 5, 37
_MOST_BYTES, _MOST_PIXELS = 4096, 1e6
_DO = "take this file from the official archive again"

_ATTRIBUTES: dict[tuple[bytes, ...], dict[str, str]] = {
    (b"%d" % gender, b"%d" % race, b"%d" % age): {"gender": GENDERS[gender], "race": RACES[race], "age": AGES[age]}
    for gender, race, age in product(range(len(GENDERS)), range(len(RACES)), range(len(AGES)))
}


def read_attributes(path: Path) -> dict[str, str]:
    """Gender, race and age of a ``manu_attri`` file, in words. Equal ones are one object: do not change it.

    Raises:
        InputError: when it is not five landmarks and three codes.
    """
    fields = _fields(path)
    found = _ATTRIBUTES.get(tuple(fields[2 * _BY_HAND :]))
    if found is None or _numbers(fields[: 2 * _BY_HAND]) is None:
        expected = "five lines of x and y, then gender (0-2), race (0-2) and age (0-4), one a line"
        raise InputError("this is no attribute file", path=path, found=_shown(fields), expected=expected, do=_DO)
    return found


def read_landmarks(path: Path) -> NDArray[np.float64]:
    """The landmarks, N×2 (x and y in pixels), of an ``auto_attri`` (37) or a ``manu_attri`` (5) file.

    Raises:
        InputError: when the file holds no such landmarks.
    """
    fields = _fields(path)
    by_hand = len(fields) == 2 * _BY_HAND + 3
    numbers = _numbers(fields[: 2 * _BY_HAND] if by_hand else fields)
    if numbers is None or len(numbers) not in (2 * _BY_HAND, 2 * _DETECTED):
        expected = f"{_DETECTED} lines of x and y, or {_BY_HAND} and three codes"
        raise InputError("this file holds no landmarks", path=path, found=_shown(fields), expected=expected, do=_DO)
    return np.array(numbers).reshape(-1, 2)


def read_box(path: Path) -> list[int]:
    """Left, top, right, bottom: the smallest box of whole pixels around that of a ``boundingbox`` file.

    It is not clipped: real boxes reach beyond their picture.

    Raises:
        InputError: when it is not four numbers, or they span no area.
    """
    fields = _fields(path)
    numbers = _numbers(fields)
    if numbers is None or len(numbers) != 4 or numbers[0] >= numbers[2] or numbers[1] >= numbers[3]:
        expected = "x_min y_min x_max y_max, with x_min < x_max and y_min < y_max"
        raise InputError("this file holds no face box", path=path, found=_shown(fields), expected=expected, do=_DO)
    left, top, right, bottom = numbers
    return [math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)]


def _fields(path: Path) -> list[bytes]:
    """What stands between white space. The plain calls matter: a scan reads 15,339 of these files."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            data = os.read(handle, _MOST_BYTES + 1)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(f"this file cannot be read ({error.strerror})", path=path, do=_DO) from None
    if len(data) > _MOST_BYTES:
        expected = "an annotation file of about 100 to 1,000 bytes"
        raise InputError("this file is too long", path=path, found=f"over {_MOST_BYTES} bytes", expected=expected)
    return data.split()


def _numbers(fields: list[bytes]) -> list[float] | None:
    """The fields as pixel coordinates; None when one is none."""
    try:
        numbers = [float(field) for field in fields]
    except ValueError:
        return None
    return numbers if all(abs(number) < _MOST_PIXELS for number in numbers) else None  # also refuses nan


def _shown(fields: list[bytes]) -> str:
    text = b" ".join(fields[:14]).decode("ascii", "backslashreplace")
    return f"{len(fields)} fields: `{text[:80]}`"
