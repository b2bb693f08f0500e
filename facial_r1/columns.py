"""The DuckDB types of the record's columns, so that a reader of JSONL never guesses them from the first rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_type_hints

from facial_r1.sample import Meta

__all__ = ["META_TYPES", "SAMPLE_TYPES", "struct"]

_TYPES = {
    "str | None": "VARCHAR",
    "int | None": "INTEGER",
    "bool | None": "BOOLEAN",
    "list[str]": "VARCHAR[]",
    "list[int] | None": "INTEGER[]",
}
_PAIRS = {"au_intensity": "STRUCT(au VARCHAR, value INTEGER)[]", "au_side": "STRUCT(au VARCHAR, value VARCHAR)[]"}


def struct(columns: Mapping[str, str]) -> str:
    """The DuckDB type of an object with these keys.

    >>> struct({"au": "VARCHAR", "value": "DOUBLE"})
    'STRUCT("au" VARCHAR, "value" DOUBLE)'
    """
    return "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"


META_TYPES: dict[str, str] = {
    name: _PAIRS.get(name) or _TYPES[str(hint)] for name, hint in get_type_hints(Meta).items()
}
"""Key of ``meta_info`` → DuckDB type."""

SAMPLE_TYPES: dict[str, str] = {
    **dict.fromkeys(("id", "dataset", "image", "question"), "VARCHAR"),
    **dict.fromkeys(("AUs", "labels"), "VARCHAR[]"),
    "description": "VARCHAR",
    "meta_info": struct(META_TYPES),
}
"""Key of a row → DuckDB type."""
