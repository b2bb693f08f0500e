"""BP4D (BP4D-Spontaneous): occurrence of 34 Action Units in 146,847 pictures of 41 people at 8 emotion-eliciting tasks.

Layout, found by pattern at any depth; spelling, nesting and padding vary from copy to copy::

    AUCoding/AU_OCC/F001_T1.csv              or AUCoding/F001_T1.csv; frames counted from 1, 0 / 1 / 9 (unknown)
    AUCoding/AU_INT/AU06/F001_T1_AU06.csv    or AU-Intensity-Codes3.0/AU06/…; `frame,intensity`, 0-5 / 9 (unknown)
    Sequences(2D+3D)/F001/T1/2440.jpg        or any folder; pictures, usually counted from 0
    2DFeatures/F001_T1.mat                   49 points per picture

About 20 seconds of each task were coded. The task says what was to be elicited, which stands in ``extra`` and is no
label: BP4D has no emotion labels, its rows are ``task: au``. Both header families of ``AU_OCC`` are described in
:mod:`datasets_builders.bp4d.codes`.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from datasets_builders.bp4d.copy import Copy, Key, find, offset_of, pictures_in
from datasets_builders.bp4d.rows import OCCLUSION, Rows, read_sequence
from datasets_builders.bp4d.tables import (
    FOLD_OF,
    FOLDS,
    OFF_BY_ONE,
    POSITIVES,
    ROWS,
    SCORED,
    SUBJECT_ROWS,
    SUBJECTS,
    TASK_ROWS,
    TASKS,
)
from datasets_builders.bp4d.told import Told, tell_parts
from datasets_builders.common.corpus import Corpus, Licence, Raw, Report
from datasets_builders.common.frame_list import read_frame_list
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample

__all__ = ["CORPUS", "Bp4d"]

log = logging.getLogger(__name__)

_ID = re.compile(r"bp4d-([FM]\d{3})-(T\d)-\d+")
_OFFSETS: tuple[str | int, ...] = ("auto", 0, -1)
_OCCLUDED = ("drop", "keep")


class _Options(NamedTuple):
    offset: int | None
    keep_occluded: bool
    pictures: Path | None
    frames: Path | None


class Bp4d(Corpus):
    """AUCoding/AU_OCC/F001_T1.csv … (one per subject and task) beside pictures such as …/F001/T1/2440.jpg."""

    name = "bp4d"
    title = "BP4D"
    licence = Licence(
        terms="An agreement that the institution signs; research use only, nothing may be passed on.",
        url="https://www.cs.binghamton.edu/~lijun/Research/3DFE/3DFE_Analysis.html",
    )
    au_set = SCORED
    options: ClassVar[Mapping[str, Any]] = {
        "frame_offset": "auto",
        "occluded": "drop",
        "pictures": None,
        "paper_frames": None,
    }
    """``frame_offset``: what must be added to a frame number of a label file to get the number of its picture: ``auto``
    (by inspection of each task folder), ``-1``, or ``0``, as JAA-Net and ME-GraphAU have it.
    ``occluded``: ``drop`` rows that column 99 marks, or ``keep`` them, marked in ``extra``.
    ``pictures``: the folder, absolute or below the root, to look for pictures in, where there are several.
    ``paper_frames``: a list of frames; only these rows are read."""
    tolerances: ClassVar[Mapping[str, int]] = {
        **{f"AU{au}": 1 for au in OFF_BY_ONE},
        **{f"fold{fold}/AU{au}": 1 for au in OFF_BY_ONE for fold in FOLDS},
    }

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: one label file or task folder is enough, unless BP4D does not have it."""
        return find(root).usable

    def lookalike(self, root: Path) -> str | None:
        """BP4D+ has the same layout, but other people (up to F082 and M058) and ten tasks."""
        foreign = find(root).foreign
        return f"BP4D+, which is another corpus ({foreign[0]} is no sequence of BP4D)" if foreign else None

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: by subject, task and line. Rows share equal lists, so replace, do not append.

        Raises:
            InputError: for an irregular label file, with ``keep_going`` only that row or file is left out; for an
                irregular list of frames.
        """
        chosen = self._options(options)
        listed = None if chosen.frames is None else read_frame_list(chosen.frames)
        copy = _find(root, chosen)
        if not copy.usable:
            found = self.lookalike(root)
            raise NotThisCorpus("this folder is not BP4D", path=root, found=found, expected=self.__doc__)
        tell_parts(copy, root, report)
        rows, told = Rows(chosen.keep_occluded), Told()
        for key, path in sorted(copy.occurrence.items()):
            coding = read_sequence(key, copy, told, report)
            if coding is None:
                continue
            wanted = None if listed is None else listed.choose(str(key), coding.frames)
            frames = [frame for frame in coding.frames if wanted is None or frame in wanted]
            pictures = _pictures(copy, key, report)
            offset = chosen.offset
            if offset is None and pictures:
                offset = offset_of(pictures, coding.frames)
            told.pictures(key, pictures, frames, offset)
            yield from rows.of(key, coding, offset, path.relative_to(root).as_posix(), wanted, report)
        told.finish(report)
        if listed is not None:
            listed.tell(report)

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: by subject, task and frame; ``points`` (49×2) where there are landmarks."""
        copy = _find(root, self._options(options))
        wanted: dict[Key, list[Sample]] = {}
        for sample in samples:
            match = _ID.fullmatch(_name(sample))
            if match is None or sample.meta_info.frame is None:
                raise InputError(
                    "this row is no row of BP4D", found=sample.id, expected="an id such as bp4d-F001-T1-2440"
                )
            wanted.setdefault(Key(match[1], match[2]), []).append(sample)
        for key, own in sorted(wanted.items()):
            yield from _raw(copy, key, sorted(own, key=lambda sample: sample.meta_info.frame or 0))

    def published(self, **options: Any) -> Mapping[str, int]:
        """Rows, sequences and subjects, rows by task and part, and positives of 12 AUs in all and by part.

        Nothing is published of a list of frames, so there are no counts with ``paper_frames``.
        """
        if self._options(options).frames is not None:
            return {}
        counts = {"rows": sum(ROWS.values()), "subjects": len(SUBJECTS), "sequences": len(SUBJECTS) * len(TASKS)}
        counts |= TASK_ROWS | SUBJECT_ROWS
        for fold, part in FOLDS.items():
            counts |= {f"fold{fold}/rows": ROWS[fold], f"fold{fold}/subjects": len(part)}
        for au, parts in POSITIVES.items():
            counts[f"AU{au}"] = sum(parts)
            counts |= {f"fold{fold}/AU{au}": rows for fold, rows in enumerate(parts, 1)}
        return counts

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        """See :meth:`Corpus.count`; occluded rows count although they are dropped, as in the published figures."""
        sequences: Counter[tuple[str, str]] = Counter()
        codings: Counter[tuple[int, tuple[str, ...]]] = Counter()
        for sample in samples:
            _, subject, task, _ = sample.id.split("-")
            sequences[subject, task] += 1
            codings[FOLD_OF[subject], tuple(sample.AUs)] += 1
        for row in report.dropped:
            if row.reason == OCCLUSION and row.id is not None:
                _, subject, task, _ = row.id.split("-")
                sequences[subject, task] += 1
                codings[FOLD_OF[subject], row.AUs] += 1
        counts: Counter[str] = Counter(rows=sequences.total(), sequences=len(sequences))
        for (subject, task), rows in sequences.items():
            counts.update({subject: rows, task: rows, f"fold{FOLD_OF[subject]}/rows": rows})
        subjects = {subject for subject, _ in sequences}
        counts["subjects"] = len(subjects)
        counts.update(f"fold{FOLD_OF[subject]}/subjects" for subject in subjects)
        for (fold, aus), rows in codings.items():
            counts.update(dict.fromkeys((*aus, *(f"fold{fold}/{au}" for au in aus)), rows))
        return counts

    def _options(self, options: Mapping[str, Any]) -> _Options:
        chosen = self.settings(options)
        offset, occluded = chosen["frame_offset"], chosen["occluded"]
        if isinstance(offset, bool) or offset not in _OFFSETS:
            raise UsageError("BP4D: unknown frame_offset", found=offset, expected="auto, 0 or -1")
        if occluded not in _OCCLUDED:
            raise UsageError("BP4D: unknown value of the option occluded", found=occluded, expected="drop or keep")
        pictures, frames = (
            None if chosen[name] is None else Path(chosen[name]) for name in ("pictures", "paper_frames")
        )
        return _Options(None if offset == "auto" else offset, occluded == "keep", pictures, frames)


def _find(root: Path, chosen: _Options) -> Copy:
    return find(root, None if chosen.pictures is None else root / chosen.pictures)


def _pictures(copy: Copy, key: Key, report: Report) -> Mapping[int, Path]:
    try:
        return pictures_in(copy.pictures.get(key, ()))
    except InputError as error:
        report.fault(error)
        return {}


def _raw(copy: Copy, key: Key, samples: Sequence[Sample]) -> Iterator[Raw]:
    """The pictures of one sequence, with the points of those that have any."""
    rows = sorted((sample.meta_info.frame or 0, sample.meta_info.frame_offset, _name(sample)) for sample in samples)
    try:
        pictures = pictures_in(copy.pictures.get(key, ()))
    except InputError as error:
        yield from (Raw(name, problem=("pictures_unclear", str(error))) for _, _, name in rows)
        return
    found = {frame + offset for frame, offset, _ in rows if offset is not None} & pictures.keys()
    first = 0 if 0 in pictures or any(offset == -1 for _, offset, _ in rows) else 1
    points = _points(copy.landmarks.get(key), {number - first for number in found})
    for frame, offset, name in rows:
        number = None if offset is None else frame + offset
        if number in found:
            yield Raw(name, path=pictures[number], points=points.get(number - first))
        else:
            picture = "picture" if number is None else f"picture {number}"
            yield Raw(name, problem=("missing", f"there is no {picture} for frame {frame} of {key}"))


def _points(track: Path | None, places: Collection[int]) -> Mapping[int, object]:
    """The landmarks of pictures counted from 0; a file that cannot be read is logged and gives none."""
    from datasets_builders.common.landmark_track import read_track

    if track is None or not places:
        return {}
    try:
        return read_track(track, places)
    except InputError as error:
        log.warning("%s", error)
        return {}


def _name(sample: Sample) -> str:
    return sample.meta_info.sample_id or sample.id


CORPUS = Bp4d()
