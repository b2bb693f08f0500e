"""The copies among the pictures of whatever somebody has at hand: a run, a release, or one JSONL file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from curation.checks.rules import MANIFEST, read_manifest, synthetic_corpora
from curation.duplicates.faces import Face, Pair
from curation.duplicates.leakage import fingerprints, near_duplicates
from curation.places import files_of
from facial_r1.errors import UsageError
from facial_r1.files import inside
from facial_r1.progress import Progress
from facial_r1.recipe import Duplicates
from facial_r1.sample import read_samples

__all__ = ["copies_in"]


def copies_in(
    place: Path,
    images: Path | None,
    rules: Duplicates,
    *,
    within: bool = False,
    label_set: Iterable[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Path, int, list[Pair]]:
    """Look for copies across splits and corpora.

    Args:
        place: a run, a release folder or a JSONL file.
        images: what ``image`` is relative to; without, the folder ``images`` beside the rows.
        rules: what a copy is.
        within: also within one split of one corpus.
        label_set: labels that are allowed beyond the eight.
        workers: threads.
        progress: told about pictures and pairs.

    Returns:
        the folder of the pictures, how many there are, and the copies in the order of the rows.

    Raises:
        InputError: for a bad line, a picture that cannot be read, or a broken manifest beside the rows.
        UsageError: when there is no folder of pictures.
    """
    files, allowed = files_of(place), tuple(label_set)
    folder = images or files[0].parent / "images"
    if not folder.is_dir():
        do = "say where the pictures are: --image-folder DIR"
        raise UsageError("there is no such image folder", path=folder, do=do)
    release = files[0].parent
    rendered = synthetic_corpora(read_manifest(release)[0]) if (release / MANIFEST).is_file() else frozenset()
    faces: dict[tuple[Path, str], Face] = {}
    for file in files:
        for sample in read_samples(file, label_set=allowed):
            meta = sample.meta_info
            split, group = meta.split or file.stem, meta.group or meta.sample_id or sample.id
            path = inside(folder, sample.image)
            faces.setdefault(
                (path, split), Face(sample.id, path, sample.dataset, split, group, sample.dataset in rendered)
            )
    found = list(faces.values())
    prints = list(fingerprints([face.path for face in found], workers=workers, progress=progress))
    return folder, len(found), near_duplicates(found, prints, rules, within=within, workers=workers, progress=progress)
