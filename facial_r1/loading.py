"""Rows in the published schema as a Hugging Face data set: a release of this package, or anybody's JSONL and pictures.

The JSONL is read as generously as ``facial-r1 validate`` reads it (case and synonyms of labels, ``AU04``, a missing
``meta_info``), and every row comes out with the same typed columns, its picture decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facial_r1.errors import InputError, UsageError
from facial_r1.files import inside
from facial_r1.sample import read_samples

if TYPE_CHECKING:
    import datasets

__all__ = ["load_jsonl", "load_release"]


def load_release(folder: Path | str, *, split: str) -> datasets.Dataset:
    """One split of a release folder (``5-release``, or a published copy of one).

    Args:
        folder: holds ``train.jsonl`` … and ``images/``.
        split: ``train``, ``val`` or ``test``.

    Raises:
        InputError: when the folder has no such split, or a row or picture is not usable.
    """
    path = Path(folder) / f"{split}.jsonl"
    if not path.is_file():
        there = sorted(file.name for file in Path(folder).glob("*.jsonl"))
        do = "give the folder of a release, such as runs/mixed/5-release"
        raise InputError(f"this release has no split {split}", path=Path(folder), found=there or "no JSONL", do=do)
    return load_jsonl([path], [path.parent / "images"])


def load_jsonl(
    files: Sequence[Path | str], image_folders: Sequence[Path | str], *, label_set: Iterable[str] = ()
) -> datasets.Dataset:
    """Any JSONL in the published schema, such as FEA-20K, with its pictures.

    Args:
        files: JSONL files.
        image_folders: one for all files, or one for each.
        label_set: labels that are allowed beyond the eight.

    Raises:
        UsageError: when files and folders do not fit together.
        InputError: for the first row that cannot be read, or whose picture is not there.
    """
    import datasets

    from facial_r1.features import IMAGE_FEATURES

    if len(image_folders) not in (1, len(files)):
        found = f"{len(files)} files, {len(image_folders)} folders"
        raise UsageError("files and image folders do not fit together", found=found, expected="one folder, or as many")
    folders = list(image_folders) * (len(files) if len(image_folders) == 1 else 1)
    pairs = [(Path(file), Path(folder)) for file, folder in zip(files, folders, strict=True)]
    rows = [row for file, folder in pairs for row in _rows(file, folder, frozenset(label_set))]
    return datasets.Dataset.from_list(rows, features=IMAGE_FEATURES)


def _rows(file: Path, folder: Path, label_set: frozenset[str]) -> Iterator[dict[str, Any]]:
    for number, sample in enumerate(read_samples(file, label_set=label_set), 1):
        picture = inside(folder, sample.image)
        if not picture.is_file():
            what = f"the picture of row {number} ({sample.id}) is not there"
            raise InputError(what, path=picture, do="give the folder that `image` is relative to")
        yield {**sample.to_json(), "image": {"path": str(picture.absolute()), "bytes": None}}
