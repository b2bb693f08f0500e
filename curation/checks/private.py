"""Paths of somebody's machine: a released row must not say where, or by whom, it was made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from facial_r1.errors import clip

__all__ = ["HINTS", "private_fields"]

HINTS = (b'"/', b'"~/', b"/home/", b"/Users/", b":\\\\", b"file://")
"""What the JSON of a row with such a path holds; a line that holds none of them need not be taken apart."""

_PATH = re.compile(r"""(?:^|")~?/\w|[A-Za-z]:\\|file://|/(?:home|Users)/""")


def private_fields(row: Mapping[str, Any], private: Iterable[str] = ()) -> Iterator[str]:
    """Each text of a row that holds a path of some machine, with its key.

    ``image`` is left out: whether it is a clean relative path is a check of its own.

    Args:
        row: a row with the right keys and types.
        private: further strings that it must not hold.
    """
    for key, text in _texts(row):
        if key != "image" and (_PATH.search(text) or any(word in text for word in private)):
            yield f"`{key}` is {clip(text)}"


def _texts(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{key}.")
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                yield f"{prefix}{key}", text
