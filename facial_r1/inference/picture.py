"""The picture of a request: read from its file, and only if it is still the one that the request's key was made for."""

from __future__ import annotations

from pathlib import Path

from facial_r1.errors import CorruptState
from facial_r1.files import sha256_bytes
from facial_r1.pictures import Pixels, decode_picture, read_header, read_picture

__all__ = ["load_chosen", "read_chosen"]


def read_chosen(path: Path, sha256: str | None) -> bytes:
    """The bytes of a picture; ``sha256`` is what they have to be, None for whatever they are.

    Raises:
        PictureError: for a file that is missing or cannot be read.
        CorruptState: for another picture; its answer would be taken for one about the picture that was chosen.
    """
    data = read_picture(path)
    if sha256 is not None and (found := sha256_bytes(data)) != sha256:
        what, do = "this picture is not the one that was chosen", "do the stage that wrote the pictures again"
        raise CorruptState(what, path=path, found=found, expected=sha256, do=do)
    return data


def load_chosen(path: Path, sha256: str | None) -> Pixels:
    """The pixels of a picture, as :func:`facial_r1.pictures.load_picture` gives them.

    Raises:
        PictureError, CorruptState: as :func:`read_chosen`; a PictureError also for a file that cannot be decoded.
    """
    data = read_chosen(path, sha256)
    return decode_picture(data, read_header(data, path=path), path=path)
