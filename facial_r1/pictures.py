"""Opening pictures safely, once for everybody: builders, validation, gates and viewer.

A corpus folder holds what it holds: zero-byte files, downloads cut in the middle, web pages named ``.jpg``, files whose
header promises a terabyte of pixels. Each of these becomes one :class:`PictureError` with a countable ``reason``.
The size is judged from the header before anything is decoded. Pillow reads the header (it knows the size without the
pixels); OpenCV decodes, because it refuses a cut file and can decode at an eighth of the size to prove a file whole.

A picture is shown upright: the EXIF orientation is applied, so sizes and boxes refer to what a viewer sees.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from facial_r1.errors import InputError

__all__ = [
    "MAX_PIXELS",
    "REASONS",
    "Header",
    "PictureError",
    "Pixels",
    "decode_picture",
    "encode_picture",
    "load_picture",
    "prove_picture",
    "read_header",
    "read_picture",
]

Pixels: TypeAlias = NDArray[np.uint8]
"""uint8, height × width (grey) or height × width × 3 (RGB)."""

MAX_PIXELS = 50_000_000
"""Larger pictures are refused; the largest of the known corpora are photographs of some 10 million pixels."""

REASONS: dict[str, str] = {
    "missing": "there is no such file",
    "empty": "the file has no bytes",
    "not_a_picture": "this is no picture that can be read",
    "too_large": "the picture is larger than allowed",
    "truncated": "the picture is cut off",
    "unreadable": "the picture cannot be decoded",
}
"""Every reason a :class:`PictureError` can have, in words."""

_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
_ORIENTATION = 0x0112
_SMALL = 128
_DISK_BLOCK = 4096
_JPEG_QUALITY = 95

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
# A broken picture is said once, by PictureError, and not also by OpenCV on stderr.


class PictureError(InputError):
    """A picture that cannot be used; ``reason`` is one of :data:`REASONS`, ``detail`` is for people."""

    def __init__(self, reason: str, detail: str = "", path: Path | str | None = None) -> None:
        self.reason, self.detail = reason, detail or REASONS[reason]
        super().__init__(REASONS[reason], path=path, found=detail or None)

    def __reduce__(self) -> tuple[object, ...]:
        return (PictureError, (self.reason, self.detail, self.path))


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says about itself before it is decoded.

    Attributes:
        format: ``JPEG``, ``PNG``, ``BMP``, ``WEBP``, ``TIFF`` or ``GIF``.
        width, height: in pixels, as shown (after the EXIF orientation).
        upright: whether the stored pixels need no turning.
    """

    format: str
    width: int
    height: int
    upright: bool


def read_picture(path: Path, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """The bytes of a picture file.

    Raises:
        PictureError: ``missing``, ``empty``, ``unreadable`` (the file system says no), or ``too_large`` for a file
            with more bytes than an uncompressed picture of ``max_pixels`` would have.
    """
    try:
        size = path.stat().st_size
        if size > 4 * max_pixels + 65_536:
            raise PictureError("too_large", f"a file of {size:,} bytes", path)
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError("missing", path=path) from None
    except OSError as error:
        raise PictureError("unreadable", error.strerror or str(error), path) from None
    if not data:
        raise PictureError("empty", path=path)
    return data


def read_header(data: bytes, *, max_pixels: int = MAX_PIXELS, path: Path | None = None) -> Header:
    """Format and size of a picture, without decoding it.

    Raises:
        PictureError: ``empty``, ``not_a_picture`` or ``too_large``.
    """
    if not data:
        raise PictureError("empty", path=path)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            # A multi-picture JPEG (MPO, from phones) is read as its first picture.
            kind = "JPEG" if image.format == "MPO" else cast("str", image.format)
            turned = image.getexif().get(_ORIENTATION, 1) if "exif" in image.info else 1
    except Image.DecompressionBombError as error:
        raise PictureError("too_large", str(error), path) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError, OverflowError):
        raise PictureError("not_a_picture", f"the file begins with {data[:12]!r}", path) from None
    if width * height > max_pixels:
        raise PictureError("too_large", f"{width} × {height} pixels, allowed are {max_pixels:,}", path)
    if turned in (5, 6, 7, 8):
        width, height = height, width
    return Header(kind, width, height, turned not in range(2, 9))


def decode_picture(data: bytes, header: Header, *, path: Path | None = None) -> Pixels:
    """The pixels of a picture whose header was read: grey stays grey, everything else becomes RGB (alpha is dropped).

    Raises:
        PictureError: ``truncated`` or ``unreadable``.
    """
    pixels = _decode(data, header, cv2.IMREAD_ANYCOLOR, path)
    return pixels if pixels.ndim == 2 else cast("Pixels", cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def prove_picture(data: bytes, header: Header, *, path: Path | None = None) -> None:
    """Prove that a picture can be decoded to its end. Raises :class:`PictureError` as :func:`decode_picture`.

    The whole stream is read, but a JPEG is reconstructed at an eighth of its size, at less than half the cost.
    """
    _decode(data, header, cv2.IMREAD_REDUCED_GRAYSCALE_8, path)


def load_picture(source: Path | str | bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Open a picture file (or its bytes) safely.

    Returns:
        uint8, height × width for grey pictures, else height × width × 3 RGB; upright.

    Raises:
        PictureError: its ``reason`` is one of :data:`REASONS`.
    """
    path = None if isinstance(source, bytes) else Path(source)
    data = source if isinstance(source, bytes) else read_picture(Path(source), max_pixels=max_pixels)
    return decode_picture(data, read_header(data, max_pixels=max_pixels, path=path), path=path)


def encode_picture(pixels: Pixels) -> tuple[bytes, str]:
    """Encode ``pixels`` and say the file name's extension.

    Grey pictures and those of at most 128 pixels a side become PNG: they are cheap to keep exactly, and JPEG's blocks
    would blur what an Action Unit moves. Anything else becomes JPEG of quality 95.
    """
    if pixels.ndim == 2 and pixels.size < _DISK_BLOCK:
        return _stored_png(pixels), "png"
    if pixels.ndim == 2 or max(pixels.shape) <= _SMALL:
        return _encode(".png", pixels, cv2.IMWRITE_PNG_COMPRESSION, 1), "png"
    return _encode(".jpg", pixels, cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY), "jpg"


def _stored_png(pixels: Pixels) -> bytes:
    """A grey picture as a PNG without compression, which would save no disk block but cost ten times the time."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = pixels
    data = rows.tobytes()
    # The one and last block of the stream.
    size = struct.pack("<BHH", 1, len(data), len(data) ^ 0xFFFF)
    stored = b"".join((b"\x78\x01", size, data, struct.pack(">I", zlib.adler32(data))))
    return b"".join((_png_head(height, width), _chunk(b"IDAT", stored), _PNG_END))


@cache
def _png_head(height: int, width: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of grey, not interlaced
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))))


_PNG_END = _chunk(b"IEND", b"")


def _encode(kind: str, pixels: Pixels, option: int, value: int) -> bytes:
    stored = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(kind, stored, [option, value])[1].tobytes()


def _decode(data: bytes, header: Header, flags: int, path: Path | None) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise PictureError("unreadable", f"{header.format}: {error.err}", path) from None
    if pixels is None:
        end = _ENDS.get(header.format)
        cut = end is not None and end not in data[-4096:]
        raise PictureError("truncated" if cut else "unreadable", f"{header.format} of {len(data):,} bytes", path)
    return cast("Pixels", pixels)
