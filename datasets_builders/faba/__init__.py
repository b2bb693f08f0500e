"""FABA-Instruct ("FABA" in Facial-R1): AffectNet pictures with two machine-written texts each, on AUs and on emotion.

Layout, found by name at any depth::

    train/train_au_anno.json  train/train_emotion_anno.json   JSON lists, see datasets_builders.faba.records
    eval/eval_au_anno.json    eval/eval_emotion_anno.json     (the split is the file's name: eval is our test)
    train/images/AffectNet/AffectNet_v2/7/<hash>.jpg          and the same below eval/images
    train/landmarks/AffectNet/AffectNet_v2/7/<hash>.npy       212 numbers: 106 points of the picture

The AU records and the emotion records are two samples of the pictures, in orders of their own: they are joined by the
picture's name. What the texts say is read by :mod:`datasets_builders.faba.truth`; a truth that cannot be read is
unknown, and a row without any is dropped. The texts themselves are kept in ``extra``.

The pictures are AffectNet's: ``origin_ids`` names the AffectNet picture, so that no picture stands in two splits when
both corpora are used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from datasets_builders.common.corpus import Corpus, Licence, Raw, Report
from datasets_builders.common.layout import PICTURE_SUFFIXES, folders, some
from datasets_builders.faba.points import points
from datasets_builders.faba.records import identity
from datasets_builders.faba.rows import PREFIX, Part, join, read_entries
from datasets_builders.faba.truth import OCCURRING, SEVERAL
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample

__all__ = ["CORPUS", "FILES", "PUBLISHED", "TOLERANCES", "Faba"]

FILES: dict[Part, str] = {
    ("train", "au"): "train_au_anno.json",
    ("train", "emotion"): "train_emotion_anno.json",
    ("test", "au"): "eval_au_anno.json",
    ("test", "emotion"): "eval_emotion_anno.json",
}
"""Split and kind → name of the annotation file."""

PUBLISHED: dict[str, int] = {
    "au/train": 15_838,
    "au/test": 325,
    "emotion/train": 19_474,
    "emotion/test": 403,
    "pictures": 19_877,
    "test/pictures": 414,
    "test/both": 314,
}
"""Records by kind and split, and pictures in all, as the owners' table has them. The table's pictures are exactly its
emotion records (19,474 + 403), so it counts training and evaluation together, and every picture has an emotion record.
Test pictures with both records: Facial-R1's published frequencies fit 314; 414 follows as 325 + 403 − 314."""

TOLERANCES: dict[str, int] = {"test/pictures": 11, "test/both": 11}
"""Those 314 may be what Facial-R1 could read: with all 325 AU records on pictures of the emotion file there are 403
test pictures, 325 of them with both."""

_PLACE = re.compile("|".join(rf"{re.escape(name)}:\d+" for name in FILES.values()), re.IGNORECASE)
_PART = {name: f"{kind}/{split}" for (split, kind), name in FILES.items()}
_ARCHIVES = re.compile("images|landmarks", re.IGNORECASE)


@dataclass(slots=True)
class _Copy:
    """What a folder holds: annotation files by split and kind, and the folders of pictures and of landmarks."""

    files: dict[Part, Path] = field(default_factory=dict)
    images: list[Path] = field(default_factory=list)
    landmarks: list[Path] = field(default_factory=list)


def _find(root: Path) -> _Copy:
    copy = _Copy()
    wanted = {name: part for part, name in FILES.items()}
    for folder in folders(root, closed=_ARCHIVES):
        for name in folder.files:
            if part := wanted.get(name.lower()):
                copy.files.setdefault(part, folder.path / name)
        for name in filter(_ARCHIVES.fullmatch, folder.folders):
            (copy.images if name.lower() == "images" else copy.landmarks).append(folder.path / name)
    return copy


def _by_name(bases: Iterable[Path], suffixes: Iterable[str]) -> dict[str, Path]:
    """Picture name (:func:`identity`) → file, for all files below ``bases``; the first one counts."""
    allowed = tuple(suffixes)
    found: dict[str, Path] = {}
    for base in bases:
        for folder in folders(base):
            parent = folder.path.relative_to(base.parent).as_posix()
            for name in folder.files:
                if name.lower().endswith(allowed):
                    found.setdefault(identity(f"{parent}/{name}"), folder.path / name)
    return found


class Faba(Corpus):
    """train_au_anno.json, train_emotion_anno.json (or eval_…) beside the folders images and landmarks."""

    name = "faba"
    title = "FABA-Instruct"
    licence = Licence(
        terms="The pictures are AffectNet's and need its signed agreement; for the texts no clear terms are given.",
        url="https://github.com/JackYFL/EmoLA",
    )
    label_set = EMOTIONS_7
    au_set = OCCURRING
    tolerances = TOLERANCES
    options: ClassVar[Mapping[str, Any]] = {"several": "unknown", "soft_words": False}
    """``several``: what becomes of a text that names several emotions: ``unknown``, or ``first_sentence`` (the one that
    the first sentence that names any names alone).
    ``soft_words``: where no emotion is named, let *smile*, *calm* and *anxious* stand for one."""

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: one annotation file is enough."""
        return bool(_find(root).files)

    def lookalike(self, root: Path) -> str | None:
        """The pictures without the annotation files."""
        for base in _find(root).images:
            if any(folder.path.name.lower() == "affectnet_v2" for folder in folders(base, depth=2)):
                return f"pictures as FABA-Instruct names them ({base.relative_to(root)}), without its annotation files"
        return None

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: train then test, in the order of the emotion file and then the AU file.

        Rows share equal lists, so replace, do not append.
        """
        chosen = self._chosen(options)
        copy = _find(root)
        if not copy.files:
            raise NotThisCorpus("this folder is not FABA-Instruct", path=root, expected=self.__doc__)
        absent = [name for part, name in FILES.items() if part not in copy.files]
        report.missing += [f"the annotation file {name}" for name in absent]
        entries = {part: read_entries(path, part[1], root, chosen, report) for part, path in copy.files.items()}
        names: list[str] = []
        for sample in join(entries, report):
            names.append(sample.id.removeprefix(PREFIX))
            yield sample
        _tell_pictures(copy, names, report)

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: picture files, with ``points`` (106×2 in a published copy) where there are any."""
        self._chosen(options)
        copy = _find(root)
        pictures, landmarks = _by_name(copy.images, PICTURE_SUFFIXES), _by_name(copy.landmarks, (".npy",))
        for sample in samples:
            name = sample.meta_info.sample_id or sample.id
            picture = name.removeprefix(PREFIX)
            path, numbers = pictures.get(picture), landmarks.get(picture)
            if path is None:
                yield Raw(name, problem=("missing", f"there is no picture {picture} below a folder images"))
                continue
            try:
                yield Raw(name, path=path, points=points(numbers, path) if numbers else None)
            except InputError as error:
                yield Raw(name, problem=("bad_landmarks", str(error)))

    def published(self, **options: Any) -> Mapping[str, int]:
        """See :meth:`Corpus.published`: records, and pictures; whatever the options."""
        self._chosen(options)
        return PUBLISHED

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        """See :meth:`Corpus.count`; records and pictures that were dropped count, as they do in the published figures.

        ``train/au+emotion`` and so on count rows by what is known of them.
        """
        counts: Counter[str] = Counter()
        parts: dict[str, set[str]] = {}  # picture → its records

        def note(picture: str | None, source: str | None) -> None:
            places = [_PART[place.rpartition(":")[0].lower()] for place in _PLACE.findall(source or "")]
            counts.update(places)
            parts.setdefault(picture or "", set()).update(places)

        for sample in samples:
            note(sample.id, sample.meta_info.source)
            counts.update(("rows", f"{sample.meta_info.split}/{sample.meta_info.task}", *sample.labels, *sample.AUs))
        for dropped in report.dropped:
            note(dropped.id, dropped.source)
        tests = [known & {"au/test", "emotion/test"} for known in parts.values()]
        counts["pictures"] = len(parts)
        counts["test/pictures"] = sum(map(bool, tests))
        counts["test/both"] = sum(len(known) == 2 for known in tests)
        return counts

    def _chosen(self, options: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self.settings(options)
        several, soft = chosen["several"], chosen["soft_words"]
        if several not in SEVERAL:
            expected = " or ".join(SEVERAL)
            raise UsageError("FABA-Instruct: unknown value of the option several", found=several, expected=expected)
        if type(soft) is not bool:
            raise UsageError("FABA-Instruct: the option soft_words is a switch", found=soft, expected="true or false")
        return chosen


def _tell_pictures(copy: _Copy, names: Sequence[str], report: Report) -> None:
    """Say which pictures are not there."""
    if not copy.images:
        report.missing.append("the folders images, with the pictures")
        return
    there = _by_name(copy.images, PICTURE_SUFFIXES)
    absent = [name for name in names if name not in there]
    if absent:
        report.missing.append(f"pictures: {len(absent):,} of {len(names):,} are missing: {some(absent)}")


CORPUS = Faba()
