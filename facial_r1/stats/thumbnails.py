"""Small pictures inside a page, as data URIs: a page never refers to a file."""

from __future__ import annotations

import base64
from pathlib import Path

from markupsafe import Markup

__all__ = ["thumbnail"]

_QUALITY = 80


def thumbnail(path: Path | str, side: int = 112) -> Markup:
    """A picture whose longer side is at most ``side`` pixels, as ``<img>``; what is wrong with it where it has none.

    A face is personal data: only pages that stay with the corpus may hold one.
    """
    import cv2  # slow to import, and most pages have no picture

    from facial_r1.pictures import REASONS, PictureError, load_picture

    try:
        pixels = load_picture(path)
    except PictureError as error:
        return Markup('<span class="no-picture">{}</span>').format(REASONS[error.reason])
    height, width = pixels.shape[:2]
    share = min(1.0, side / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if share < 1 else pixels
    stored = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    image = '<img src="{}" width="{}" height="{}" alt="the picture of this row">'
    return Markup(image).format(uri, *size)
