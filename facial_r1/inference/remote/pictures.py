"""Pictures on their way to a model: read, checked and encoded once, however many attempts ask about them."""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass, field

from facial_r1.errors import InputError
from facial_r1.files import sha256_bytes
from facial_r1.inference.picture import read_chosen
from facial_r1.inference.protocol import Request

__all__ = ["DataUris"]

_KEPT = 64 << 20
_SENDABLE: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
"""First bytes → media type, of what the providers read; WebP is told by two places and stands below."""


@dataclass(slots=True)
class DataUris:
    """The latest pictures as data URIs, by the hash of their bytes.

    Further attempts follow soon after the first, so a few megabytes are enough for every picture to be encoded once.

    Attributes:
        limit: bytes of URIs that are kept.
        encoded: pictures encoded so far.
    """

    limit: int = _KEPT
    encoded: int = 0
    _kept: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _size: int = 0

    def __call__(self, request: Request) -> str | None:
        """The picture of ``request``, or None when it has none.

        Raises:
            PictureError: for a file that is missing or cannot be read.
            CorruptState: when the file is not the one that the request's key was made for.
            InputError: for a kind of picture that no provider reads.
        """
        path, expected = request.image, request.image_sha256
        if path is None:
            return None
        if expected is not None and expected in self._kept:
            self._kept.move_to_end(expected)
            return self._kept[expected]
        data = read_chosen(path, expected)
        kind = _media_type(data)
        if kind is None:
            do, formats = "convert it, or have the selection cut it (`max_side`)", "JPEG, PNG, WebP or GIF"
            raise InputError("no model reads such a picture", path=path, found=data[:12], expected=formats, do=do)
        self.encoded += 1
        return self._keep(
            expected or sha256_bytes(data), f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
        )

    def _keep(self, name: str, uri: str) -> str:
        self._kept[name] = uri
        self._size += len(uri)
        while self._size > self.limit and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])
        return uri


def _media_type(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SENDABLE if data.startswith(start)), None)
