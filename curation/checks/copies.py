"""Pictures that are one although their bytes differ, on both sides of a split or in two corpora of a release."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.checks.check import Check, Failing, Tally, not_run
from curation.checks.flat import ask
from curation.checks.rules import Rules, synthetic_corpora
from curation.duplicates import Face
from curation.frozen import frozen_faces
from curation.splits import SPLITS
from facial_r1.errors import UsageError, clip
from facial_r1.files import inside
from facial_r1.progress import Progress

if TYPE_CHECKING:
    import duckdb

    from curation.duplicates.looks import Fingerprint

__all__ = ["COPY_CHECKS", "check_copies"]

COPY_CHECKS: dict[str, str] = {
    "near_duplicates": "no picture of one split or corpus that is a copy of a picture of another",
}
"""The check of :func:`check_copies`: name → what is expected."""

_PICTURES = """SELECT image, dataset, split_of_file, arg_min(file, number), arg_min(line, number), arg_min(id, number),
arg_min(coalesce("group", sample_id, id), number) FROM rows WHERE image <> ''
GROUP BY image, dataset, split_of_file ORDER BY min(number)"""


class _Place(NamedTuple):
    file: str
    line: int | None


def check_copies(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    manifest: Mapping[str, Any],
    rules: Rules,
    frozen: Path | None = None,
    progress: Progress | None = None,
) -> list[Check]:
    """Compare the pictures of the rows with one another, and those outside test with the frozen test set's.

    Pictures that are missing or broken are left to the checks that say so; two faces of synthetic corpora to the
    recipe's ``duplicates.rendered``.

    Raises:
        PictureError: for a picture of the frozen test set that cannot be read.
    """
    rendered = synthetic_corpora(manifest)
    places: dict[Face, _Place] = {}
    for image, dataset, split, file, line, row, group in ask(connection, _PICTURES):
        try:
            path = inside(folder / "images", image)
        except UsageError:
            continue  # the check image_path says so
        places[Face(row, path, dataset, split, group, dataset in rendered)] = _Place(file, line)
    tested = frozen_faces(frozen)
    every = [*dict.fromkeys(tested or ()), *places]
    if places and rules.duplicates.rendered is None and all(face.rendered for face in every):
        return not_run(COPY_CHECKS, "faces of synthetic corpora all look alike")
    faces, prints = _readable(every, {face.path for face in places})
    from curation.duplicates.leakage import near_duplicates

    pairs = near_duplicates(faces, prints, rules.duplicates, workers=os.cpu_count() or 1, progress=progress)
    tally = Tally()
    for pair in pairs:
        one, two = sorted((pair.first, pair.second), key=lambda face: (face in places, _ORDER.get(face.split, -1)))
        if two not in places or (one not in places and two.split == "test"):
            continue  # a test row may be what was tested on before
        where = "{0.file}:{0.line}".format(places[one]) if one in places else "the frozen test set"
        copy = f"images/{_name(two)} is a copy of images/{_name(one)} of {clip(one.id)} ({where})"
        tally.add("near_duplicates", Failing(*places[two], two.id, f"{copy}, similarity {pair.similarity:.3f}"))
    what = "pictures" if tested is not None else "pictures (those of the frozen test set do not lie beside it)"
    return tally.checks(COPY_CHECKS, sum(face in places for face in faces), what)


_ORDER = {split: place for place, split in enumerate(reversed(SPLITS))}


def _name(face: Face) -> str:
    """The picture as its row names it."""
    return face.path.as_posix().rpartition("/images/")[2]


def _readable(faces: list[Face], own: set[Path]) -> tuple[list[Face], list[Fingerprint]]:
    """The faces whose pictures can be read, and their fingerprints; all but the release's own must be."""
    from curation.duplicates.looks import fingerprint

    def read(face: Face) -> Fingerprint | None:
        from facial_r1.pictures import PictureError

        try:
            return fingerprint(face.path)
        except PictureError:
            if face.path in own:
                return None  # the checks pictures and pictures_readable say so
            raise

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [(face, one) for face, one in zip(faces, pool.map(read, faces), strict=True) if one is not None]
    return [face for face, _ in found], [one for _, one in found]
