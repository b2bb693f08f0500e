"""The frozen test set: what an earlier release tested on may serve in no other split of a later one.

A release writes ``frozen-test.jsonl``, one line per row of its test split: id, picture, group, other identities and
the hash of the picture. A recipe names such a file as ``select.frozen_test``. Every row that shares any of these,
directly or through its component (see :mod:`curation.components`), may then only be a test row. Where the pictures of
that release lie beside the file, so are pictures that are near-duplicates of them (see :mod:`curation.duplicates`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.checks.rules import MANIFEST, read_manifest, synthetic_corpora
from curation.duplicates import Face
from curation.rows import Row
from facial_r1.errors import InputError
from facial_r1.files import inside, read_jsonl
from facial_r1.sample import Sample, read_samples

__all__ = ["FILE", "Frozen", "beside", "frozen_faces", "frozen_line"]

FILE = "frozen-test.jsonl"
_KEYS: dict[str, type] = {"id": str, "sample_id": str, "group": str, "origin_ids": list, "image_sha256": str}


def frozen_line(sample: Sample) -> Mapping[str, Any]:
    """The line of ``frozen-test.jsonl`` for a released test row."""
    meta = sample.meta_info
    found = (sample.id, meta.sample_id, meta.group or meta.sample_id, meta.origin_ids, meta.image_sha256)
    return dict(zip(_KEYS, found, strict=True))


@dataclass(frozen=True, slots=True)
class Frozen:
    """What may be tested on only: ids of rows and pictures, groups, other identities, SHA-256 of pictures."""

    names: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    pictures: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path | None) -> Frozen:
        """Read the file that a recipe names; nothing is frozen when it names none.

        Raises:
            InputError: when it is not there, or a line is none of a frozen test set.
        """
        if path is None:
            return cls()
        lines = list(_lines(path))
        return cls(
            frozenset(name for line in lines for name in (line["id"], line["sample_id"])),
            frozenset(line["group"] for line in lines),
            frozenset(origin for line in lines for origin in line["origin_ids"]),
            frozenset(line["image_sha256"] for line in lines),
        )

    def components(self, rows: Iterable[Row], component: Sequence[int]) -> frozenset[int]:
        """The numbers of the components that hold a frozen row, group or identity."""
        return frozenset(
            number
            for row, number in zip(rows, component, strict=True)
            if row.id in self.names or row.group in self.groups or not self.origins.isdisjoint(row.origins)
        )


def beside(path: Path) -> Path | None:
    """The release that a frozen test set lies in; None when it lies alone."""
    release = path.parent
    return release if (release / "test.jsonl").is_file() and (release / "images").is_dir() else None


def frozen_faces(path: Path | None) -> list[Face] | None:
    """The pictures of a frozen test set; None when they do not lie beside it, as they do in the release it came from.

    Raises:
        InputError: when the manifest of that release or a row of its ``test.jsonl`` cannot be read.
    """
    if path is None:
        return []
    folder = beside(path)
    if folder is None:
        return None
    rendered, label_set = frozenset[str](), tuple[str, ...]()
    if (folder / MANIFEST).is_file():
        manifest, rules = read_manifest(folder)
        rendered, label_set = synthetic_corpora(manifest), rules.label_set
    faces = {}
    for sample in read_samples(folder / "test.jsonl", label_set=label_set):
        meta, dataset = sample.meta_info, f"frozen {sample.dataset}"
        place, group = inside(folder / "images", sample.image), meta.group or meta.sample_id or sample.id
        faces[place] = Face(sample.id, place, dataset, "test", group, sample.dataset in rendered)
    return list(faces.values())


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in read_jsonl(path):
        if line.keys() != _KEYS.keys() or any(type(line[key]) is not kind for key, kind in _KEYS.items()):
            what, do = "this line is none of a frozen test set", f"name the {FILE} of a release"
            expected = f"the keys {', '.join(_KEYS)}"
            raise InputError(what, path=path, line=number, found=line, expected=expected, do=do)
        yield line
