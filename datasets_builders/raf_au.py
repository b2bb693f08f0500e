"""RAF-AU: Action Units that experts saw in 4,601 faces of the internet, with sides, without intensities.

Layout, found by pattern at any depth (copies double folders and differ in the zeros of picture names)::

    RAFAU_label.txt              `0002.jpg 4+L10+17+24`, or `0003.jpg null`
    aligned/0001_aligned.jpg     or original/0001.jpg

``null`` means that nothing was coded, which is neither "no AU" nor "neutral": such a row has an empty
``au_annotated`` and, without a joined emotion, no task. A letter before a number tells where it was seen: L and R
for the face's left or right only, T and B for top and bottom.

RAF-AU has no emotion file. The option ``rafml`` (or ``rafce``) names a copy of a sister corpus that has the same
pictures, see :mod:`datasets_builders.common.rafml`; without it, ``labels`` stay empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import orjson

from datasets_builders.common.corpus import Corpus, Dropped, Licence, Raw, Report
from datasets_builders.common.layout import folders, numbered, some
from datasets_builders.common.rafml import LABELS, TIE_RULES, Emotion, majority, rafce, rafml
from facial_r1 import facs
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Meta, Sample, task_of

__all__ = ["CODED", "CORPUS", "Coding", "RafAu", "parse_line"]

CODED: tuple[str, ...] = tuple(
    facs.code(number)
    for number in (
        *(1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 21),
        *(22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 39, 43),
    )
)
"""The codes that RAF-AU's coders are known to have used.

The paper speaks of 26 AUs without a closed list; the frequencies published with Facial-R1 name 27, and real label
files add AU21 and AU39. The coders wrote down whatever code they saw, so a code of their vocabulary that a line
lacks was judged absent: ``au_annotated`` of every coded row is this set and whatever else its label file contains.
"""

LABEL_FILE = "RAFAU_label.txt"
PUBLISHED_ROWS, PUBLISHED_NULL = 4601, 253

ARGMAX: dict[str, int] = {
    "disgust": 1073,
    "surprise": 1008,
    "anger": 903,
    "sadness": 749,
    "happiness": 515,
    "fear": 353,
}
"""Rows by RAF-ML majority, ties by column order (as ``numpy.argmax`` breaks them)."""

PICTURES: tuple[str, ...] = ("aligned", "original")

_NAME = re.compile(r"(\d{1,6})\.jpe?g", re.ASCII | re.IGNORECASE)
_EXPECTED = "a picture and its codes, such as `0002.jpg 4+L10+17+24`, or `0003.jpg null`"
_DO = "take this file from the official archive again"


@dataclass(frozen=True, slots=True)
class Coding:
    """One line of the label file: the picture's number and what was seen; ``codes`` is None for ``null``.

    ``sides`` are pairs of code and letter, ``unknown`` the tokens whose number FACS does not have.
    """

    picture: int
    codes: tuple[str, ...] | None
    sides: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()


def parse_line(text: str, path: Path | str, line: int) -> Coding:
    """Read ``0002.jpg 4+L10+17+24`` (any order, repeats and trailing blanks allowed).

    Raises:
        InputError: naming file and line, when it is not a picture and its codes.
    """
    fields = text.split()
    name = _NAME.fullmatch(fields[0]) if len(fields) == 2 else None
    if name is None:
        what = "this line is not a picture and its codes"
        raise InputError(what, path=path, line=line, found=f"`{text[:60]}`", expected=_EXPECTED, do=_DO)
    if fields[1].lower() == "null":
        return Coding(int(name[1]), None)
    try:
        return Coding(int(name[1]), *_codes(fields[1]))
    except ValueError:
        what = "a code is none of FACS"
        raise InputError(what, path=path, line=line, found=f"`{fields[1][:60]}`", expected=_EXPECTED, do=_DO) from None


@lru_cache(maxsize=4096)
def _codes(text: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Codes, sides and unknown tokens of ``4+L10+17``; ValueError when a part is no code at all."""
    codes: set[str] = set()
    sides: set[tuple[str, str]] = set()
    unknown = []
    for part in text.split("+"):
        token = facs.parse_token(part)
        if token is None or token.intensity:
            raise ValueError(part)
        if token.code is None:
            unknown.append(part)
            continue
        codes.add(token.code)
        if token.side:
            sides.add((token.code, token.side))
    ordered = sorted(sides, key=lambda side: (facs.number(side[0]), side[1]))
    return tuple(facs.sort_codes(codes)), tuple(ordered), tuple(unknown)


class RafAu(Corpus):
    """RAFAU_label.txt with lines such as `0002.jpg 4+L10+17+24`, beside the folder aligned or original."""

    name = "raf_au"
    title = "RAF-AU"
    licence = Licence(
        terms="Asked for by e-mail by a member of staff, with a password; non-commercial research, no passing on.",
        url="http://www.whdeng.cn/RAF/model3.html",
    )
    label_set = LABELS
    au_set = CODED
    options: ClassVar[Mapping[str, Any]] = {
        "pictures": "aligned",
        "rafml": None,
        "rafce": None,
        "ties": "alphabetical",
    }
    """``pictures``: ``aligned`` or ``original``.
    ``rafml``: folder of RAF-ML; the label is the emotion with the highest probability.
    ``rafce``: folder of RAF-CE instead; the labels are the two emotions of the compound class.
    ``ties``: ``alphabetical`` or ``file_order``, for equal probabilities in RAF-ML. The rule of Facial-R1 is not
    known; its published frequencies fit the alphabetical one better."""

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: the label file is there."""
        return _label_file(root) is not None

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: in the order of the label file; a row with an unknown number is dropped.

        Coded rows share one ``au_annotated``: replace it, do not append to it.
        """
        chosen = self._chosen(options)
        path = _label_file(root)
        if path is None:
            raise NotThisCorpus("this folder is not RAF-AU", path=root, expected=f"a file {LABEL_FILE} in it")
        codings = _read(path, report)
        source, emotions = _emotions(chosen)
        wanted = list(dict.fromkeys(coding.picture for coding in codings.values()))
        _tell_pictures(root, chosen["pictures"], wanted, report)
        if source:
            _tell_absent(f"emotions from {source.removeprefix('joined:')}", wanted, emotions, report)
        occurring = {coding.codes or () for coding in codings.values()}
        annotated = facs.sort_codes(set(CODED).union(*occurring))
        place = path.relative_to(root).as_posix()
        for line, coding in codings.items():
            sample = _sample(coding, annotated, source, emotions.get(coding.picture), f"{place}:{line}")
            if coding.unknown:
                detail = f"FACS has no number {', '.join(coding.unknown)}"
                row = Dropped(self.name, sample.id, "unknown_au", detail, f"{place}:{line}", tuple(sample.AUs))
                report.dropped.append(row)
            else:
                yield sample

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: picture files as the corpus has them."""
        kind = self._chosen(options)["pictures"]
        files = _pictures(root, kind)
        for sample in samples:
            name = sample.meta_info.sample_id or sample.id
            number = name.rpartition("-")[2]
            if number.isdecimal() and (path := files.get(int(number))):
                yield Raw(name, path=path)
            else:
                yield Raw(name, problem=("picture_missing", f"there is no {kind} picture {number}"))

    def published(self, **options: Any) -> Mapping[str, int]:
        """Rows and ``null`` rows; with RAF-ML also the majority emotions, ties by column."""
        counts = {"rows": PUBLISHED_ROWS, "null": PUBLISHED_NULL, "coded": PUBLISHED_ROWS - PUBLISHED_NULL}
        if self.settings(options)["rafml"] is not None:
            counts |= {f"rafml/{label}": rows for label, rows in ARGMAX.items()}
        return counts

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:  # noqa: ARG002
        """See :meth:`Corpus.count`; emotions are counted as published, whatever tie rule made the labels."""
        counts: Counter[str] = Counter()
        for sample in samples:
            counts.update(("rows", "coded" if sample.meta_info.au_annotated else "null"))
            counts.update(sample.AUs)
            votes = sample.meta_info.extras().get("distribution")
            if votes:
                counts[f"rafml/{majority(votes, 'file_order')}"] += 1
        return counts

    def _chosen(self, options: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self.settings(options)
        for name, known in (("pictures", PICTURES), ("ties", TIE_RULES)):
            if chosen[name] not in known:
                expected = " or ".join(known)
                raise UsageError(f"RAF-AU: unknown value of the option {name}", found=chosen[name], expected=expected)
        if chosen["rafml"] is not None and chosen["rafce"] is not None:
            raise UsageError("RAF-AU: two sources of the emotion", expected="rafml or rafce", do="leave one out")
        return chosen


def _label_file(root: Path) -> Path | None:
    return next(
        (folder.path / name for folder in folders(root) for name in folder.files if name.lower() == LABEL_FILE.lower()),
        None,
    )


def _read(path: Path, report: Report) -> dict[int, Coding]:
    """Line number → coding, for every line that is one."""
    codings = {}
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
    for number, text in enumerate(content.split("\n"), 1):
        if text and not text.isspace():
            try:
                codings[number] = parse_line(text, path, number)
            except InputError as error:
                report.fault(error)
    if not codings:
        report.fault(InputError("this label file holds no row", path=path, do=_DO))
    return codings


def _emotions(chosen: Mapping[str, Any]) -> tuple[str | None, dict[int, Emotion]]:
    """Where joined emotions come from, and the emotions by picture number."""
    if chosen["rafml"] is not None:
        return "joined:rafml", rafml(Path(chosen["rafml"]), chosen["ties"])
    if chosen["rafce"] is not None:
        return "joined:rafce", rafce(Path(chosen["rafce"]))
    return None, {}


def _pictures(root: Path, kind: str) -> dict[int, Path]:
    """Picture number → file, from the first folder called ``kind`` that holds any."""
    for folder in folders(root):
        if folder.path.name.lower() == kind and (found := numbered(folder)):
            return found
    return {}


def _tell_pictures(root: Path, kind: str, wanted: Collection[int], report: Report) -> None:
    """Say which pictures are not there."""
    try:
        there = _pictures(root, kind)
    except InputError as error:
        report.fault(error)
        return
    _tell_absent(f"pictures in a folder {kind}", wanted, there, report)


def _tell_absent(what: str, wanted: Collection[int], there: Container[int], report: Report) -> None:
    absent = [f"{number:04d}" for number in wanted if number not in there]
    if absent:
        report.missing.append(f"{what}: {len(absent)} of {len(wanted)} are missing: {some(absent)}")


def _sample(coding: Coding, annotated: list[str], source: str | None, emotion: Emotion | None, place: str) -> Sample:
    name = f"raf_au-{coding.picture:04d}"
    coded = coding.codes is not None
    meta = Meta(
        sample_id=name,
        group=name,
        origin_ids=[f"rafml:{coding.picture:04d}"],
        au_annotated=annotated if coded else [],
        au_side=[{"au": au, "value": side} for au, side in coding.sides],
        au_source="human" if coded else None,
        label_source=source if emotion else None,
        label_set=list(LABELS) if emotion else [],
        source=place,
        extra=orjson.dumps(emotion.extra).decode() if emotion else None,
    )
    sample = Sample(
        name, "raf_au", AUs=list(coding.codes or ()), labels=list(emotion.labels if emotion else ()), meta_info=meta
    )
    meta.task = task_of(sample)
    return sample


CORPUS = RafAu()
