"""The list of finished pictures beside an image folder, by which a killed run goes on where it stopped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from datasets_builders.common.corpus import Picture
from facial_r1.files import canonical_json, sha256_bytes, sha256_file, to_line
from facial_r1.sample import Sample

__all__ = ["Ledger"]


class Ledger:
    """Finished pictures by key, one JSON line each, appended once per batch.

    The key hashes the row's place in the corpus, the corpus root and the settings. An entry counts only while the
    file that the pixels came from still has its size and time stamp, and the written picture its SHA-256. A torn last
    line, or any line that cannot be read, merely means that its picture is made again.

    Args:
        path: the JSONL file.
        folder: the image folder that ``Picture.image`` is relative to, or None when pictures are only referenced.
        root: the corpus root.
        settings: everything else that shapes a picture.
    """

    def __init__(self, path: Path, folder: Path | None, root: Path, settings: Mapping[str, Any]) -> None:
        self._path, self._folder, self._root = path, folder, root
        words = {key: str(value) for key, value in settings.items()}
        self._settings = canonical_json([str(root.resolve()), words])
        self._stamp, self._origin = cache(_stamp), cache(self._file_of)
        self._entries = {entry["key"]: entry for entry in _read(path)}

    def key(self, sample: Sample) -> str:
        """What must be equal for a picture to be used again."""
        meta = sample.meta_info
        place = [meta.sample_id, meta.source, meta.box, meta.frame, meta.frame_offset]
        return sha256_bytes(self._settings + canonical_json(place))

    def finished(self, sample: Sample) -> Picture | None:
        """The picture of ``sample`` when it is finished and untouched, and so is the file it was made from."""
        entry = self._entries.get(self.key(sample)) if self._entries else None
        if entry is None or self._stamp(entry["origin"]) != entry["stamp"]:
            return None
        picture = entry["picture"]
        if self._folder is not None:
            path = self._folder / picture["image"]
            if not path.is_file() or sha256_file(path) != picture["sha256"]:
                return None
        box = picture["box"]
        return Picture(**{**picture, "box": box and (box[0], box[1], box[2], box[3])})

    def append(self, batch: Iterable[tuple[Sample, Path | None, Picture]]) -> None:
        """Enter finished pictures, each with the file it was made from (None: the one its row stands in)."""
        lines = []
        for sample, source, picture in batch:
            origin = self._origin((sample.meta_info.source or "").rpartition(":")[0] if source is None else source)
            entry = {"key": self.key(sample), "origin": origin, "stamp": self._stamp(origin), "picture": picture}
            lines.append(to_line(entry))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "ab") as handle:
            handle.write(b"".join(lines))
            handle.flush()
            os.fsync(handle.fileno())

    def _file_of(self, source: Path | str) -> str:
        return str((self._root / source).absolute())


def _stamp(path: str) -> list[int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    entries = []
    for line in path.read_bytes().splitlines():
        try:
            entries.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue
    return entries
