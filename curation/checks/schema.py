"""The exact form of a released row: all keys, no other, each of its type. Reading is generous; a release is not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_type_hints

import orjson

from facial_r1.errors import clip
from facial_r1.sample import KEYS, META_KEYS, Meta, Sample

__all__ = ["repeated_key", "schema_fault"]

_PAIRS: dict[str, type] = {"au_intensity": int, "au_side": str}
"""Keys of ``meta_info`` that hold ``{au, value}`` objects → the type of their value."""

_TYPES: dict[str, tuple[type, type | None, bool]] = {
    "str": (str, None, False),
    "str | None": (str, None, True),
    "int | None": (int, None, True),
    "bool | None": (bool, None, True),
    "list[str]": (list, str, False),
    "list[int] | None": (list, int, True),
}
"""Annotation → type, type of the items, may be null."""

_HINTS = {name: str(hint).removeprefix("<class '").removesuffix("'>") for name, hint in get_type_hints(Sample).items()}
_ROW = [(name, *_TYPES[_HINTS[name]]) for name in KEYS if name != "meta_info"]
_META = [(name, *_TYPES[str(hint)]) for name, hint in get_type_hints(Meta).items() if name not in _PAIRS]
_ROW_KEYS, _META_KEYS, _PAIR_KEYS = frozenset(KEYS), frozenset(META_KEYS), {"au", "value"}
_INT32 = range(-(2**31), 2**31)


def schema_fault(row: Mapping[str, Any]) -> str | None:
    """The first thing that keeps ``row`` from having the typed columns of :data:`facial_r1.FEATURES`, in words."""
    keys = _other_keys(row, _ROW_KEYS, "")
    if keys is not None:
        return keys
    meta = row["meta_info"]
    if type(meta) is not dict:
        return f"`meta_info` is {clip(meta)}, no object"
    return _other_keys(meta, _META_KEYS, "meta_info.") or next(_wrong_types(row, meta), None)


def _other_keys(found: Mapping[str, Any], wanted: frozenset[str], prefix: str) -> str | None:
    if found.keys() == wanted:
        return None
    missing = [f"`{prefix}{key}` is missing" for key in sorted(wanted - found.keys())]
    return "; ".join([*missing, *(f"`{prefix}{clip(key)[1:-1]}` is no key of a row" for key in found.keys() - wanted)])


def _wrong_types(row: Mapping[str, Any], meta: Mapping[str, Any]) -> Iterator[str]:
    for values, fields, prefix in ((row, _ROW, ""), (meta, _META, "meta_info.")):
        for name, kind, inner, null in fields:
            value = values[name]
            if value is None and null:
                continue
            items: Sequence[object] = value if type(value) is list else (value,)
            if type(value) is not kind or (inner is not None and any(type(item) is not inner for item in items)):
                yield f"`{prefix}{name}` is {clip(value)}"
            elif int in (kind, inner) and any(item not in _INT32 for item in items):
                yield f"`{prefix}{name}` is {clip(value)}, more than 32 bits"
    for name, kind in _PAIRS.items():
        pairs = meta[name]
        if type(pairs) is not list or not all(_is_pair(item, kind) for item in pairs):
            yield f"`meta_info.{name}` is {clip(pairs)}"


def _is_pair(item: object, kind: type) -> bool:
    if type(item) is not dict or item.keys() != _PAIR_KEYS:
        return False
    value = item["value"]
    return type(item["au"]) is str and type(value) is kind and (kind is str or value in _INT32)


def repeated_key(line: bytes, row: Mapping[str, Any]) -> str | None:
    """A key that stands twice in one object: readers differ in which of its values they take.

    Args:
        line: the line, without white space around it.
        row: what it was read as.
    """
    if len(orjson.dumps(row)) == len(line):
        return None  # as this package writes it; with a key twice, the line would be longer than its content
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs]
        found.extend(key for key in keys if keys.count(key) > 1)

    json.loads(line, object_pairs_hook=note)
    return found[0] if found else None
