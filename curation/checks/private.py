"""Paths of somebody's machine: a released row must not say where, or by whom, it was made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from facial_r1.errors import clip

__all__ = ["HINTS", "private_fields"]

HINTS = (b'"/', b'"~/', b"/home/", b"/Users/", b":\\\\", b"file://")
"""What the JSON of a row with such a path holds; a line that holds none of them need not be taken apart."""

_PATH = re.compile(r"""(?:^|")~?/\w|(?<![A-Za-z])[A-Za-z]:\\|file://|/(?:home|Users)/""")


def private_fields(row: Mapping[str, Any], private: Iterable[str] = ()) -> Iterator[str]:
    """Each text of a row that holds a path of some machine, with its key.

    ``image`` is left out: whether it is a clean relative path is a check of its own.

    Args:
        row: a row with the right keys and types.
        private: further strings that it must not hold.
    """
    for key, text in _texts(row):
        if key != "image" and any(_is_private(part, private) for part in _inner(key, text)):
            yield f"`{key}` is {clip(text)}"


def _is_private(text: str, private: Iterable[str]) -> bool:
    return _PATH.search(text) is not None or any(word in text for word in private)


def _inner(key: str, text: str) -> Iterator[str]:
    """The text itself; of ``extra``, which is JSON, the texts inside: an escaped line feed is no path of Windows."""
    if key != "meta_info.extra":
        yield text
        return
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        held = text
    yield from (inner for _, inner in _texts({"extra": held}))


def _texts(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{key}.")
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                yield f"{prefix}{key}", text
