"""One source picture on its way to the image folder: passed through as it is, or cut, shrunk and encoded again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets_builders.common.corpus import Picture, Raw
from datasets_builders.common.crops import Box, clip_box, crop_to, landmark_square, shrink
from facial_r1.errors import clip
from facial_r1.files import sha256_bytes
from facial_r1.pictures import (
    Header,
    PictureError,
    Pixels,
    decode_picture,
    encode_picture,
    prove_picture,
    read_header,
    read_picture,
)

__all__ = ["PASSED", "Developed", "Style", "develop"]

PASSED = {"JPEG": "jpg", "PNG": "png"}
"""Formats that every trainer reads, hence passed through byte for byte; others are encoded again."""


@dataclass(frozen=True, slots=True)
class Style:
    """How pictures are made.

    Attributes:
        dataset: the corpus' name, first part of every picture's path.
        root: the corpus' folder; ``reference`` names pictures relative to it.
        crop: ``none``, ``box`` (the corpus' face box) or ``landmarks`` (a square around the face points).
        max_side: longest side in pixels, or None.
        mode: ``copy``, ``hardlink`` or ``reference``.
    """

    dataset: str
    root: Path
    crop: str
    max_side: int | None
    mode: str

    def passes(self, header: Header) -> bool:
        """Whether a picture file of this header is used byte for byte."""
        if self.mode == "reference":
            return True
        fits = self.max_side is None or max(header.width, header.height) <= self.max_side
        return self.crop == "none" and fits and header.upright and header.format in PASSED


@dataclass(frozen=True, slots=True)
class Developed:
    """A picture and what must be written for it.

    Attributes:
        picture: the result.
        source: the picture file it was made from; None when the pixels came from inside another file.
        data: what must be written; None: nothing.
        same: whether ``data`` is exactly the content of ``source``, which may then be linked instead.
    """

    picture: Picture
    source: Path | None = None
    data: bytes | None = None
    same: bool = False


class _Unusable(Exception):
    """A row whose picture cannot be made although nothing is wrong with a file."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def develop(raw: Raw, style: Style) -> Developed:
    """Make one picture. Whatever is wrong with it becomes ``picture.reason``; nothing is raised, nothing is written."""
    if raw.later is not None:
        raw = raw.later()
    try:
        if raw.problem is not None:
            raise _Unusable(*raw.problem)
        return _from_pixels(raw, raw.pixels, style) if raw.path is None else _from_file(raw, raw.path, style)
    except (PictureError, _Unusable) as error:
        return Developed(Picture(raw.sample_id, None, None, reason=error.reason, detail=error.detail))


def _from_file(raw: Raw, path: Path, style: Style) -> Developed:
    data = read_picture(path)
    header = read_header(data, path=path)
    box = _face(raw, header.width, header.height, style.crop)
    if not style.passes(header):
        return _edited(raw, decode_picture(data, header, path=path), box, style)
    prove_picture(data, header, path=path)
    name = _reference(path, style.root) if style.mode == "reference" else _name(raw, style, PASSED[header.format])
    picture = Picture(raw.sample_id, name, sha256_bytes(data), header.width, header.height, box)
    return Developed(picture, path) if style.mode == "reference" else Developed(picture, path, data, same=True)


def _from_pixels(raw: Raw, pixels: Pixels, style: Style) -> Developed:
    if style.mode == "reference":
        raise _Unusable("no_file", "this corpus keeps its pictures inside other files; use mode copy")
    height, width = pixels.shape[:2]
    return _edited(raw, pixels, _face(raw, width, height, style.crop), style)


def _edited(raw: Raw, pixels: Pixels, box: Box | None, style: Style) -> Developed:
    face = pixels if box is None or style.crop == "none" else crop_to(pixels, box)
    final = np.ascontiguousarray(shrink(face, style.max_side))
    data, extension = encode_picture(final)
    height, width = final.shape[:2]
    picture = Picture(raw.sample_id, _name(raw, style, extension), sha256_bytes(data), width, height, box)
    return Developed(picture, raw.path, data)


def _face(raw: Raw, width: int, height: int, crop: str) -> Box | None:
    """The face in the picture; with ``crop: none`` merely recorded, so that a missing one is no problem."""
    box = raw.box
    if crop == "landmarks":
        box = None if raw.points is None else landmark_square(np.asarray(raw.points, dtype=np.float64))
    clipped = None if box is None else clip_box(box, width, height)
    if clipped is None and crop != "none":
        if box is not None:
            raise _Unusable("box_outside", f"the face {box} lies outside the picture of {width} × {height} pixels")
        reason = "no_box" if crop == "box" else "no_landmarks"
        raise _Unusable(reason, f"crop: {crop} was asked for, but the corpus gives none for this row")
    return clipped


def _name(raw: Raw, style: Style, extension: str) -> str:
    if "/" in raw.sample_id or raw.sample_id.startswith("."):
        raise _Unusable("bad_id", f"the id {clip(raw.sample_id)} cannot name a file")
    return f"{style.dataset}/{raw.sample_id}.{extension}"


def _reference(path: Path, root: Path) -> str:
    if not path.is_relative_to(root):
        raise _Unusable("no_file", f"{path.name} does not lie below the corpus root; use mode copy")
    return path.relative_to(root).as_posix()
