"""DISFA: intensities 0-5 of 12 Action Units for every frame of 27 spontaneous videos, from two cameras.

Layout as unpacked from the official archives; spelling and nesting vary from copy to copy, so everything is found
by pattern, and an AU is known by the number in its file name::

    ActionUnit_Labels/SN001/SN001_au1.txt … SN001_au26.txt     `frame,intensity`, frames counted from 1
    Videos_LeftCamera/LeftVideoSN001_comp.avi
    Video_RightCamera/RightVideoSN001_Comp.avi
    Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat       66 points, pictures counted from 0

Label frame *n* belongs to the *n*-th decoded picture, whatever the lengths of video and labels: where they differ by
a frame nobody knows which end is surplus, so nothing is ever shifted. DISFA has no emotion labels: its rows are
``task: au``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datasets_builders.common.corpus import Corpus, Licence, Raw, Report
from datasets_builders.common.frame_list import read_frame_list
from datasets_builders.common.frames import VIDEO_OFFSET, compare_length, folder_offset, from_folder, from_video
from datasets_builders.common.intensity import read_intensities
from datasets_builders.common.layout import folders, numbered, some
from datasets_builders.disfa.tables import AUS, FOLD_OF, FOLDS, LANDMARKS_BAD, LINES, POSITIVES, SUBJECTS
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Meta, Sample

__all__ = ["CORPUS", "Disfa"]

_BAD = '{"landmarks_bad":true}'
"""``meta_info.extra`` of frames whose distributed landmarks are known to be wrong."""

_RIGHT = "-right"
"""Ends the id of a row whose picture is the right camera's."""

CAMERAS: dict[str, tuple[str, ...]] = {"left": ("left",), "right": ("right",), "both": ("left", "right")}

_LABELS = re.compile(r"(SN\d{3})_au0*(\d{1,2})\.txt", re.IGNORECASE)
_VIDEO = re.compile(r"(Left|Right)Video(SN\d{3})_comp\.avi", re.IGNORECASE)
_SUBJECT = re.compile(r"(Left|Right)?(?:Video)?(SN\d{3})(?:_comp)?", re.IGNORECASE)
_LANDMARK_FOLDER = re.compile(r"Landmark_?Points?", re.IGNORECASE)
_LANDMARK_FILE = re.compile(r"(?:SN\d{3}_|l0)(\d{4})_lm\.mat", re.IGNORECASE)
_PLUS = re.compile(r"AU\d{1,2}\.txt", re.IGNORECASE)


@dataclass(slots=True)
class _Copy:
    """What a folder holds of the corpus."""

    labels: dict[str, dict[int, Path]] = field(default_factory=dict)
    videos: dict[tuple[str, str], Path] = field(default_factory=dict)
    landmarks: dict[str, Path] = field(default_factory=dict)
    repeated: list[tuple[Path, Path]] = field(default_factory=list)


def _find(root: Path) -> _Copy:
    copy = _Copy()
    for folder in folders(root, closed=_LANDMARK_FOLDER):
        for name in folder.files:
            path = folder.path / name
            if label := _LABELS.fullmatch(name):
                kept = copy.labels.setdefault(label[1].upper(), {}).setdefault(int(label[2]), path)
                if kept is not path:
                    copy.repeated.append((kept, path))
            elif video := _VIDEO.fullmatch(name):
                copy.videos.setdefault((video[2].upper(), video[1].lower()), path)
        for name in filter(_LANDMARK_FOLDER.fullmatch, folder.folders):
            for inner in folders(folder.path / name, closed=_SUBJECT):
                for subject in filter(None, map(_SUBJECT.fullmatch, inner.folders)):
                    copy.landmarks.setdefault(subject[2].upper(), inner.path / subject[0])
    return copy


class Disfa(Corpus):
    """ActionUnit_Labels/SN001/SN001_au1.txt … (12 files per subject) beside the videos of the left or right camera."""

    name = "disfa"
    title = "DISFA"
    licence = Licence(
        terms="A signed agreement, academic and non-commercial use only; nothing may be passed on.",
        url="http://mohammadmahoor.com/disfa/",
    )
    au_set = tuple(f"AU{number}" for number in AUS)
    options: ClassVar[Mapping[str, Any]] = {"threshold": 2, "camera": "left", "frames": None, "paper_frames": None}
    """``threshold``: intensity (1-5) from which an AU is present; papers use 2, OpenGraphAU 1.
    ``camera``: ``left``, ``right``, or ``both`` (two rows per label).
    ``frames``: a folder, absolute or below the root, of frames that you extracted yourself, one folder per subject;
    counted from 0 when it holds a picture 0, from 1 otherwise.
    ``paper_frames``: a list of frames; only these rows are read. It counts from 0 when it has a frame 0, as the
    published lists do, from 1 otherwise."""

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: one label file or video is enough."""
        return any(
            _LABELS.fullmatch(name) or _VIDEO.fullmatch(name)
            for folder in folders(root, closed=_LANDMARK_FOLDER)
            for name in folder.files
        )

    def lookalike(self, root: Path) -> str | None:
        """DISFA+ (posed; its nine subjects also appear in DISFA) is another corpus with other files."""
        for folder in folders(root):
            if _SUBJECT.fullmatch(folder.path.parent.name) and any(map(_PLUS.fullmatch, folder.files)):
                return f"DISFA+, the posed extension, which is another corpus ({folder.path.relative_to(root)}/AU….txt)"
        return None

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: by subject, camera and frame. Rows share equal lists, so replace, do not append.

        Raises:
            InputError: for an irregular label file. With ``keep_going`` its AU becomes unknown for that subject.
        """
        threshold, cameras, frames = self._options(options)
        listed = self.settings(options)["paper_frames"]
        listed = None if listed is None else read_frame_list(Path(listed)).counted_from_one(report)
        copy = _find(root)
        if not copy.labels and not copy.videos:
            found = self.lookalike(root)
            raise NotThisCorpus("this folder is not DISFA", path=root, found=found, expected=self.__doc__)
        pictures = None if frames is None else _frame_folders(root / frames, cameras[0])
        _tell(copy, cameras, pictures, report)
        rows = _Rows(threshold)
        for subject, files in sorted(copy.labels.items()):
            labels = _read_subject(subject, files, report)
            if not labels:
                continue
            folder = files[min(labels)].parent.relative_to(root).as_posix()
            wanted = None if listed is None else listed.choose(subject, range(1, len(labels[min(labels)]) + 1))
            for camera in cameras:
                offset: int | None = VIDEO_OFFSET
                if pictures is not None:
                    offset = folder_offset(pictures[subject]) if subject in pictures else None
                elif video := copy.videos.get((subject, camera)):
                    compare_length(video, len(labels[min(labels)]), report)
                made = rows.of(subject, camera, labels, offset, folder)
                yield from made if wanted is None else (row for row in made if row.meta_info.frame in wanted)
        if listed is not None:
            listed.tell(report)

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: each video is decoded once; ``points`` (66×2) where landmarks are usable."""
        _, cameras, frames = self._options(options)
        wanted: dict[tuple[str, str], dict[int, str]] = {}
        for sample in samples:
            meta, name = sample.meta_info, sample.meta_info.sample_id or sample.id
            if meta.subject is None or meta.frame is None:
                raise InputError("this row is no row of DISFA", found=sample.id, expected="a subject and a frame")
            camera = "right" if name.endswith(_RIGHT) else "left"
            wanted.setdefault((meta.subject, camera), {})[meta.frame] = name
        copy = _find(root)
        pictures = None if frames is None else _frame_folders(root / frames, cameras[0])
        for (subject, camera), rows in sorted(wanted.items()):
            if pictures is not None:
                yield from from_folder(pictures.get(subject, {}), rows)
            elif video := copy.videos.get((subject, camera)):
                landmarks = None
                if camera == "left" and subject in copy.landmarks:
                    landmarks = partial(_landmark_files, subject, copy.landmarks[subject])
                yield from from_video(video, rows, landmarks)
            else:
                problem = ("video_missing", f"there is no {camera} video of {subject}")
                yield from (Raw(name, problem=problem) for name in rows.values())

    def published(self, **options: Any) -> Mapping[str, int]:
        """Rows, subjects, files and folds, and at threshold 2 the positives of eight AUs; see :data:`POSITIVES`.

        Nothing is published of a list of frames, so there are no counts with ``paper_frames``.
        """
        threshold, cameras, _ = self._options(options)
        if self.settings(options)["paper_frames"] is not None:
            return {}
        views = len(cameras)
        counts = {"rows": views * sum(LINES.values()), "subjects": len(SUBJECTS), "files": len(SUBJECTS) * len(AUS)}
        counts |= {subject: views * rows for subject, rows in LINES.items()}
        counts |= {f"fold{fold}/subjects": len(part) for fold, part in FOLDS.items()}
        if threshold == 2:
            for au, parts in POSITIVES.items():
                counts[f"AU{au}"] = views * sum(parts)
                counts |= {f"fold{fold}/AU{au}": views * rows for fold, rows in enumerate(parts, 1)}
        return counts

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:  # noqa: ARG002
        """See :meth:`Corpus.count`; ``files`` are the label files that could be used."""
        counts: Counter[str] = Counter()
        files: dict[str, int] = {}
        for sample in samples:
            meta = sample.meta_info
            subject = str(meta.subject)
            files[subject] = len(meta.au_annotated)
            folded = [f"fold{meta.fold}/{au}" for au in sample.AUs] if meta.fold else []
            counts.update(("rows", subject, *sample.AUs, *folded))
        counts.update({"subjects": len(files), "files": sum(files.values())})
        counts.update(f"fold{FOLD_OF[subject]}/subjects" for subject in files if subject in FOLD_OF)
        return counts

    def _options(self, options: Mapping[str, Any]) -> tuple[int, tuple[str, ...], Path | None]:
        chosen = self.settings(options)
        threshold, camera, frames = chosen["threshold"], chosen["camera"], chosen["frames"]
        if type(threshold) is not int or not 1 <= threshold <= 5:
            raise UsageError("DISFA: the option threshold is no intensity", found=threshold, expected="1 to 5")
        if camera not in CAMERAS:
            raise UsageError("DISFA: unknown camera", found=camera, expected=f"one of {', '.join(CAMERAS)}")
        if frames is not None and camera == "both":
            raise UsageError("DISFA: extracted frames belong to one camera", found=camera, expected="left or right")
        return threshold, CAMERAS[camera], None if frames is None else Path(frames)


def _read_subject(subject: str, files: Mapping[int, Path], report: Report) -> dict[int, NDArray[np.uint8]]:
    """AU → intensities of one subject, all of one length; an AU whose file cannot be used is left out, and said."""
    labels: dict[int, NDArray[np.uint8]] = {}
    for au, path in sorted(files.items()):
        if au not in AUS:
            report.remarks.append(f"{path.name}: DISFA does not code AU{au}; the file is ignored")
            continue
        try:
            labels[au] = read_intensities(path)
        except InputError as error:
            report.fault(error)
    lengths = Counter(map(len, labels.values()))
    usual = max(lengths, key=lambda length: (lengths[length], length), default=0)
    for au, values in list(labels.items()):
        if len(values) != usual:
            what = "this label file is not as long as the others of its subject"
            found, expected = f"{len(values)} lines", f"{usual} lines"
            report.fault(InputError(what, path=files[au], found=found, expected=expected, do="take it anew"))
            del labels[au]
    absent = [f"AU{au}" for au in AUS if au not in labels]
    if absent:
        report.missing.append(f"{subject}: no usable label file for {', '.join(absent)} (unknown there, not absent)")
    return labels


@dataclass(slots=True)
class _Rows:
    """Makes the rows. Equal codings share one list of AUs and one of intensities: memory, and half of the time."""

    threshold: int
    known: dict[tuple[int, ...], dict[bytes, tuple[list[str], list[dict[str, Any]]]]] = field(default_factory=dict)

    def of(
        self, subject: str, camera: str, labels: Mapping[int, NDArray[np.uint8]], offset: int | None, folder: str
    ) -> Iterator[Sample]:
        aus = tuple(labels)
        known = self.known.setdefault(aus, {})
        annotated = [f"AU{au}" for au in aus]
        codings = np.stack(list(labels.values()), axis=1)
        packed, width = codings.tobytes(), len(aus)
        bad = _bad_frames(subject)
        suffix = _RIGHT if camera == "right" else ""
        for frame in range(1, len(codings) + 1):
            coding = packed[(frame - 1) * width : frame * width]
            if (row := known.get(coding)) is None:
                row = known[coding] = self.decode(annotated, coding)
            name = f"disfa-{subject}-{frame:04d}{suffix}"
            meta = Meta(
                task="au",
                sample_id=name,
                subject=subject,
                group=subject,
                fold=FOLD_OF.get(subject),
                frame=frame,
                frame_offset=offset,
                au_annotated=annotated,
                au_intensity=row[1],
                au_threshold=self.threshold,
                au_source="human",
                source=f"{folder}:{frame}",
                extra=_BAD if frame in bad else None,
            )
            yield Sample(name, "disfa", AUs=row[0], meta_info=meta)

    def decode(self, annotated: Sequence[str], coding: bytes) -> tuple[list[str], list[dict[str, Any]]]:
        """The present AUs and all intensities of one coding (one byte per annotated AU)."""
        pairs = list(zip(annotated, coding, strict=True))
        return [au for au, value in pairs if value >= self.threshold], [_intensity(*pair) for pair in pairs]


@cache
def _intensity(au: str, value: int) -> dict[str, Any]:
    return {"au": au, "value": value}


def _tell(copy: _Copy, cameras: Iterable[str], pictures: Mapping[str, object] | None, report: Report) -> None:
    """Say which parts of the corpus are not there, and judge files that are there twice."""
    unlabelled = [subject for subject in SUBJECTS if subject not in copy.labels]
    if unlabelled:
        report.missing.append(f"label files of {len(unlabelled)} of {len(SUBJECTS)} subjects: {some(unlabelled)}")
    for subject in sorted(copy.labels.keys() - set(SUBJECTS)):
        report.remarks.append(f"{subject} is no published subject of DISFA; it is kept, without a fold")
    for camera in cameras:
        seen = pictures if pictures is not None else {subject for subject, side in copy.videos if side == camera}
        unseen = sorted(copy.labels.keys() - seen)
        if unseen:
            what = f"{camera} videos" if pictures is None else "extracted frames"
            report.missing.append(f"{what} of {len(unseen)} of {len(copy.labels)} subjects: {some(unseen)}")
    for kept, other in copy.repeated:
        if kept.read_bytes() != other.read_bytes():
            what = "two different label files for one subject and AU"
            report.fault(InputError(what, path=other, found=str(kept), do="remove the one that is wrong"))
    if copy.repeated:
        what = f"{len(copy.repeated)} label files are there more than once, with the same content"
        report.remarks.append(f"{what}; the one nearer to the root is read")


def _frame_folders(frames: Path, camera: str) -> dict[str, dict[int, Path]]:
    """Subject → picture number → file, for frames that the user extracted."""
    if not frames.is_dir():
        raise UsageError("DISFA: the option frames names no folder", path=frames, do="check the path")
    found: dict[str, dict[int, Path]] = {}
    for folder in folders(frames):
        match = _SUBJECT.fullmatch(folder.path.name)
        if match and (match[1] or camera).lower() == camera and (pictures := numbered(folder)):
            found.setdefault(match[2].upper(), pictures)
    return found


def _bad_frames(subject: str) -> frozenset[int]:
    """The frames (counted from 1) whose landmarks are known to be wrong."""
    return frozenset(index + 1 for indices in LANDMARKS_BAD.get(subject, ()) for index in indices)


def _landmark_files(subject: str, folder: Path, frames: int) -> dict[int, Path]:
    """Frame (counted from 1) → landmark file, without the frames whose landmarks are known to be wrong.

    Files count from 0. With exactly one file more than the video's ``frames``, the first file is the surplus one.
    """
    found: dict[int, Path] = {}
    for inner in folders(folder):
        for name in inner.files:
            if match := _LANDMARK_FILE.fullmatch(name):
                found.setdefault(int(match[1]), inner.path / name)
    shift = 0 if len(found) == frames + 1 else 1
    bad = _bad_frames(subject)
    return {number + shift: path for number, path in found.items() if number + shift not in bad}


CORPUS = Disfa()
