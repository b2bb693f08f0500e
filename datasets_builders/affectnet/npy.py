"""AffectNet's later distribution: four .npy files for every picture, three of them with one value.

``12_exp.npy`` holds the class, ``12_val.npy`` valence, ``12_aro.npy`` arousal: arrays of no dimension that hold *text*
in the official copy, numbers in some repacked ones. ``12_lnd.npy`` holds 136 numbers; it is read for chosen rows only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets_builders.affectnet.rows import FEELING, ORDER, POINTS, dropped, extra, feeling, make
from datasets_builders.affectnet.sets import Part, in_order, number_of, opened, read, tell_pictures
from datasets_builders.affectnet.tables import LABELS, REASONS
from datasets_builders.common.corpus import Dropped, Report
from datasets_builders.common.layout import some
from datasets_builders.common.npy import Value, numbers, value
from facial_r1.errors import InputError, clip
from facial_r1.sample import Sample

__all__ = ["FILES", "is_annotation", "points", "scan_npy"]

FILES: tuple[str, ...] = ("exp", "val", "aro", "lnd")

_BITS = {f"{kind}.npy": 1 << at for at, kind in enumerate(FILES)}
_EXP, _VAL, _ARO, _ALL = 1, 2, 4, 15
_EXPRESSIONS: dict[Value, int] = {
    written: number for number in (*range(len(LABELS)), *REASONS) for written in (number, str(number))
}
"""As number (a float that is whole is found by it too) or as text."""
_DO = "take this file from the official archive again"


def is_annotation(name: str) -> bool:
    """Whether a file has the name of one of the four."""
    stem, _, kind = name.rpartition("_")
    return kind in _BITS and stem.isdecimal()


def scan_npy(part: Part, root: Path, report: Report) -> Iterator[Sample]:
    """The rows of one part by number. The landmarks are not opened; that they are there is seen in the listing."""
    place, split, known = part.annotations.relative_to(root).as_posix(), part.split, dict[bytes, int]()
    found = _list(part)
    with opened(part.annotations) as folder:
        for stem in in_order(found):
            identity, source = f"affectnet-{part.name}-{number_of(stem)}", f"{place}/{stem}_exp.npy"
            there = found[stem]
            if not there & _EXP:
                detail = f"there is no {stem}_exp.npy"
                report.dropped.append(Dropped("affectnet", identity, "no_label_file", detail, source))
                continue
            try:
                data = read(folder, f"{stem}_exp.npy", part.annotations)
                expression = known.get(data)
                if expression is None:
                    expression = known[data] = _expression(data, part.annotations / f"{stem}_exp.npy")
                valence = _feeling(folder, f"{stem}_val.npy", part.annotations) if there & _VAL else None
                arousal = _feeling(folder, f"{stem}_aro.npy", part.annotations) if there & _ARO else None
            except InputError as error:
                report.fault(error)
                continue
            if expression in REASONS:
                report.dropped.append(dropped(identity, expression, source))
                continue
            yield make(identity, expression, split, source, extra(valence, arousal))
    _tell_files(place, found, report)
    tell_pictures(part, found, root, report)


def points(path: Path) -> NDArray[np.float64] | None:
    """The 68 points (68×2, x and y in pixels) beside ``12_exp.npy``; None where they cannot be read."""
    try:
        flat = numbers(path.with_name(f"{path.stem.partition('_')[0]}_lnd.npy").read_bytes())
    except (OSError, ValueError):
        return None
    return flat.reshape(POINTS, 2) if flat.size == 2 * POINTS else None


def _list(part: Part) -> dict[str, int]:
    """Stem → which of its four files are there, as bits."""
    found: dict[str, int] = {}
    for name in part.names():
        stem, _, kind = name.rpartition("_")
        bit = _BITS.get(kind)
        if bit is not None and stem.isdecimal():
            found[stem] = found.get(stem, 0) | bit
    return found


def _expression(data: bytes, path: Path) -> int:
    written = _value(data, path, f"one integer of the order {ORDER}")
    expression = _EXPRESSIONS.get(written)
    if expression is None:
        expected = f"an integer of the order {ORDER}"
        raise InputError("this is no class of AffectNet", path=path, found=clip(written), expected=expected, do=_DO)
    return expression


def _feeling(folder: int, name: str, place: Path) -> float | None:
    data = read(folder, name, place)
    written = _value(data, place / name, FEELING)
    try:
        return feeling(float(written))
    except ValueError:
        what, path = "this valence or arousal is wrong", place / name
        raise InputError(what, path=path, found=clip(written), expected=FEELING, do=_DO) from None


def _value(data: bytes, path: Path, expected: str) -> Value:
    try:
        return value(data)
    except ValueError as error:
        raise InputError(
            "this annotation cannot be read", path=path, found=str(error), expected=expected, do=_DO
        ) from None


def _tell_files(place: str, found: dict[str, int], report: Report) -> None:
    absent = [
        f"{stem}_{kind}"
        for stem in in_order(stem for stem, there in found.items() if there != _ALL)
        for kind, bit in _BITS.items()
        if not found[stem] & bit
    ]
    if absent:
        report.missing.append(f"{len(absent):,} of the annotation files of {place}: {some(absent)}")
