"""Pictures for the page: only files below the image folder, shrunk once, handed over inside the page itself.

The server has no address under which a file could be asked for: what is not shown cannot be fetched.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.files import inside
from facial_r1.pictures import load_picture

__all__ = ["data_uri", "locate"]

KEPT = 8192
"""Shrunken pictures that stay in memory; a thumbnail takes about 4 kB."""


def locate(images: Path, name: str) -> Path:
    """The file of a row's ``image``.

    Raises:
        UsageError: for an absolute path or one with ``..``.
        InputError: when it leads out of the image folder by a link, or is not there.
    """
    path = inside(images, name)
    if not path.is_file():
        raise InputError("this picture is not in the image folder", path=path, do="give --image-folder")
    if not path.resolve().is_relative_to(images.resolve()):
        raise InputError("this picture is a link that leads out of the image folder", path=path)
    return path


def data_uri(images: Path, name: str, side: int) -> tuple[str, str]:
    """A picture whose longer side is at most ``side`` pixels, as a ``data:`` URI, and why there is none.

    Returns:
        The URI and an empty reason, or an empty URI and the reason: a broken picture is a row like any other.
    """
    try:
        path = locate(images, name)
        state = path.stat()
        return _shrunk(path, state.st_mtime_ns, state.st_size, side), ""
    except (FacialR1Error, OSError) as error:
        return "", getattr(error, "what", None) or str(error)


@lru_cache(maxsize=KEPT)
def _shrunk(path: Path, _modified: int, _size: int, side: int) -> str:
    import cv2

    pixels = load_picture(path)
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    shown = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".webp", shown, [cv2.IMWRITE_WEBP_QUALITY, 85])[1].tobytes()
    return "data:image/webp;base64," + base64.b64encode(data).decode()
