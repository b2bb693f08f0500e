"""How many tokens a request will cost, before it is asked.

Text is taken at four characters a token, which is what English prose comes to with the usual tokenizers, plus what
the chat format adds. A picture has a price in tokens of its own at each model (:mod:`facial_r1.inference.prices`).
The answer is taken at its limit. So input is an estimate, within some per cent where pictures dominate, and output
an upper bound.
"""

from __future__ import annotations

import math

from facial_r1.inference.prices import Price
from facial_r1.inference.protocol import Request

__all__ = ["expected", "most", "picture_tokens", "text_tokens"]

CHARACTERS = 4
"""Characters a token, of English prose."""
FRAME = 7
"""Tokens that the chat format adds to a user message: a picture of 2,833 and five words were billed at 2,845 tokens."""

_FIT, _SHORT, _TILE = 2048, 768, 512


def text_tokens(text: str) -> int:
    """Tokens of ``text``, estimated."""
    return math.ceil(len(text) / CHARACTERS)


def picture_tokens(price: Price, detail: str, width: int, height: int) -> int:
    """Tokens of a picture of ``width`` × ``height`` pixels.

    At detail ``low`` a model takes its base. At ``high``, and at ``auto``, which may become that, the picture is fitted
    into 2048 × 2048, then its shorter side is brought down to 768, and every 512-pixel tile it touches is added.
    """
    if detail == "low":
        return price.picture
    scale = min(1.0, _FIT / max(width, height))
    scale *= min(1.0, _SHORT / (min(width, height) * scale))
    tiles = math.ceil(round(width * scale, 6) / _TILE) * math.ceil(round(height * scale, 6) / _TILE)
    return price.picture + price.tile * tiles


def expected(request: Request, price: Price | None) -> dict[str, int]:
    """``{"input": tokens, "picture": tokens, "output": tokens}`` of a request; ``input`` includes the picture.

    Raises:
        PictureError: when the size of the picture decides and cannot be read.
    """
    picture = _picture(request, price)
    output = int(request.params.get("max_tokens") or 0)
    return {"input": text_tokens(request.prompt) + FRAME + picture, "picture": picture, "output": output}


def most(request: Request, price: Price) -> dict[str, int]:
    """Tokens that a request cannot exceed: no tokenizer makes more than one token of a byte."""
    text = len(request.prompt.encode("utf-8", "replace")) + FRAME
    return {"input": text + _picture(request, price), "output": int(request.params.get("max_tokens") or 0)}


def _picture(request: Request, price: Price | None) -> int:
    if request.image is None or price is None:
        return 0
    detail = str(request.params.get("detail", "auto"))
    if detail == "low":
        return price.picture
    from facial_r1.pictures import read_header, read_picture  # OpenCV is slow to import, and mostly not needed

    header = read_header(read_picture(request.image), path=request.image)
    return picture_tokens(price, detail, header.width, header.height)
