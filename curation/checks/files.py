"""The files of a release, held against what its manifest states about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.checks.check import Check, Failing, Tally
from curation.checks.lines import split_files
from facial_r1.errors import UsageError, clip
from facial_r1.files import inside, sha256_file

__all__ = ["FILE_CHECKS", "check_files"]

FILE_CHECKS: dict[str, str] = {"files": "every file as the manifest states it: SHA-256, bytes and lines; no other rows"}
"""The check of :func:`check_files`: name → what is expected."""


def check_files(folder: Path, manifest: Mapping[str, Any]) -> list[Check]:
    """Hold the files of a release against its manifest."""
    tally = Tally()
    for name, stated in manifest["files"].items():
        for found in _file_faults(folder, name, stated):
            tally.add("files", Failing(name, None, None, found))
    for path in split_files(folder):
        if path.name not in manifest["files"]:
            tally.add("files", Failing(path.name, None, None, "the manifest does not know this file"))
    return tally.checks(FILE_CHECKS, len(manifest["files"]), "files")


def _file_faults(folder: Path, name: str, stated: object) -> Iterator[str]:
    try:
        path = inside(folder, name)
    except UsageError:
        yield "this is no name of a file in the release"
        return
    if not path.is_file() or type(stated) is not dict:
        yield f"the manifest states {clip(stated)} about it" if path.is_file() else "there is no such file"
        return
    lines = _lines(path) if "rows" in stated else None
    found = {"sha256": sha256_file(path), "bytes": path.stat().st_size, "rows": lines}
    for key, value in stated.items():
        if found.get(key) != value:
            yield f"{key} {found.get(key)}, but the manifest states {value}"


def _lines(path: Path) -> int:
    with open(path, "rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))
