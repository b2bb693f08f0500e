"""The marker file of a stand-in: it says that the data is synthetic, how it was made, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

import facial_r1
from datasets_builders.synthetic import MARKER
from datasets_builders.synthetic.order import Order
from facial_r1.errors import InputError
from facial_r1.files import canonical_json, sha256_bytes, sweep, write_atomic

__all__ = ["Marker", "claim"]

_NOTICE = "Synthetic data: rendered faces and invented labels in the layout of the corpus. No person is shown."


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker in ``root``; ``finished`` when everything that it promises is already there."""

    root: Path
    request: Mapping[str, Any]
    finished: bool

    def finish(self, rows: int) -> None:
        """Write down that everything is there, with an inventory by which a later call sees what was removed."""
        _write(self.root, {**self.request, "rows": rows, "inventory": _inventory(self.root)})


def claim(root: Path, order: Order, options: Mapping[str, Any]) -> Marker:
    """Take ``root`` for this order: write the marker, unfinished, before anything else is written there.

    Raises:
        InputError: when ``root`` is a file, holds something else, or a stand-in that was ordered differently.
    """
    only = None if order.only is None else sha256_bytes("\n".join(sorted(order.only)).encode())
    request = {
        "synthetic": True,
        "notice": _NOTICE,
        "corpus": order.corpus,
        "version": facial_r1.__version__,
        "order": {"seed": order.seed, "rows": order.rows, "labels_only": order.labels_only, "only": only, **options},
    }
    path = root / MARKER
    if root.exists() and not root.is_dir():
        raise InputError("a stand-in needs a folder, and this is a file", path=root, do="give the name of a new folder")
    if path.is_file():
        found = orjson.loads(path.read_bytes())
        _same_order(path, request, found)
        if found["inventory"] == _inventory(root):
            return Marker(root, request, finished=True)
        sweep(root)
    elif root.is_dir() and any(root.iterdir()):
        names = ", ".join(sorted(entry.name for entry in root.iterdir())[:5])
        raise InputError(
            "this folder holds other files, and synthetic ones must never mix with real ones",
            path=root,
            found=names,
            expected=f"a new or empty folder, or one with {MARKER}",
            do="give another folder",
        )
    _write(root, {**request, "rows": None, "inventory": None})
    return Marker(root, request, finished=False)


def _same_order(path: Path, request: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    differing = [key for key in ("corpus", "version", "order") if request[key] != found.get(key)]
    if differing:
        raise InputError(
            "this folder holds a stand-in that was ordered differently",
            path=path,
            found=canonical_json({key: found.get(key) for key in differing}).decode(),
            expected=canonical_json({key: request[key] for key in differing}).decode(),
            do="give another folder, or delete this one",
        )


def _inventory(root: Path) -> dict[str, int]:
    files = [path for path in root.rglob("*") if path.is_file() and path.name != MARKER]
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}


def _write(root: Path, content: Mapping[str, Any]) -> None:
    write_atomic(root / MARKER, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
