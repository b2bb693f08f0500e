"""AffectNet+: one JSON object for every picture, with the human label, a soft label, and facts about the person.

The keys have hyphens: ``human-label`` (an integer), ``soft-label`` (eight probabilities), ``subset`` (0 easy,
1 challenging, 2 difficult) and ``meta-data`` with ``valence``, ``arousal``, ``age``, ``gender``, ``race``,
``landmark-68`` and more. Only one public reader describes them, so all but the human label may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from datasets_builders.affectnet.rows import FEELING, ORDER, POINTS, dropped, feeling, make
from datasets_builders.affectnet.sets import Part, in_order, number_of, opened, read, tell_pictures
from datasets_builders.affectnet.tables import REASONS
from datasets_builders.common.corpus import Dropped, Report
from facial_r1.errors import InputError, clip
from facial_r1.sample import Sample

__all__ = ["is_annotation", "points", "scan_plus"]

_KEY = "human-label"
_PERSON = ("age", "gender", "race")
_NO_LABEL = -1
_DO = "take this file from the official archive again"


def is_annotation(path: Path) -> bool:
    """Whether a file is a JSON object of AffectNet+."""
    if path.suffix != ".json" or not path.stem.isdecimal():
        return False
    try:
        row = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(row, dict) and _KEY in row


def scan_plus(part: Part, root: Path, report: Report) -> Iterator[Sample]:
    """The rows of one part by number."""
    place, prefix = part.annotations.relative_to(root).as_posix(), f"affectnet-plus-{part.name}-"
    stems = in_order(name[:-5] for name in part.names() if name.endswith(".json") and name[:-5].isdecimal())
    with opened(part.annotations) as folder:
        for stem in stems:
            identity, source = f"{prefix}{number_of(stem)}", f"{place}/{stem}.json"
            path = part.annotations / f"{stem}.json"
            try:
                row = _object(read(folder, f"{stem}.json", part.annotations), path)
                label, facts = _label(row, path), _facts(row, path)
            except InputError as error:
                report.fault(error)
                continue
            if label == _NO_LABEL:
                detail = "its human label is -1"
                report.dropped.append(Dropped("affectnet", identity, "no_label", detail, source))
            elif label in REASONS:
                report.dropped.append(dropped(identity, label, source))
            else:
                yield make(identity, label, part.split, source, facts)
    tell_pictures(part, stems, root, report)


def points(path: Path) -> NDArray[np.float64] | None:
    """The 68 points (68×2, x and y in pixels) in an object, as pairs or in a row; None where there are none."""
    try:
        flat = np.array(_meta(_object(path.read_bytes(), path)).get("landmark-68"), dtype=np.float64)
    except (OSError, ValueError, TypeError):
        return None
    return flat.reshape(POINTS, 2) if flat.size == 2 * POINTS else None


def _object(data: bytes, path: Path) -> dict[str, Any]:
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        row, what = None, f"this annotation is not JSON ({error.msg} at column {error.colno})"
    else:
        what = "this annotation is not a JSON object"
    if not isinstance(row, dict):
        found = clip(data[:60].decode("utf-8", "backslashreplace"))
        raise InputError(what, path=path, found=found, expected="one JSON object", do=_DO)
    return row


def _meta(row: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = row.get("meta-data")
    return meta if isinstance(meta, dict) else {}


def _label(row: Mapping[str, Any], path: Path) -> int:
    label = row.get(_KEY)
    if type(label) is not int or not _NO_LABEL <= label <= max(REASONS):
        what, expected = f"the key `{_KEY}` is wrong", f"an integer of the order {ORDER}"
        found = "no such key" if label is None else clip(label)
        raise InputError(what, path=path, found=found, expected=expected, do=_DO)
    return label


def _facts(row: Mapping[str, Any], path: Path) -> str:
    """``meta_info.extra``: what of an object is no label; null where it is not there."""
    meta = _meta(row)
    facts = {name: _feeling(name, meta.get(name), path) for name in ("valence", "arousal")}
    facts |= {name: meta.get(name) for name in _PERSON}
    return orjson.dumps({**facts, "subset": row.get("subset"), "soft_label": row.get("soft-label")}).decode()


def _feeling(name: str, written: object, path: Path) -> float | None:
    if written is None:
        return None
    try:
        if isinstance(written, (int, float, str)):
            return feeling(float(written))
    except ValueError:
        pass
    raise InputError(f"the key `{name}` is wrong", path=path, found=clip(written), expected=FEELING, do=_DO)
