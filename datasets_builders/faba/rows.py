"""FABA-Instruct's records joined into rows: one row a picture, with what its AU record and its emotion record say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from datasets_builders.common.corpus import Dropped, Report
from datasets_builders.common.repeats import CONFLICT, REPEAT
from datasets_builders.faba.records import Record, is_hash, read_records
from datasets_builders.faba.truth import (
    ORDER,
    REASONS,
    VOCABULARY,
    Said,
    aus_of_label,
    aus_of_text,
    emotion_of_label,
    emotion_of_text,
)
from facial_r1 import facs
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import InputError, clip
from facial_r1.sample import Meta, Sample, task_of

__all__ = ["IN_TEST", "PREFIX", "Entry", "Part", "join", "read_entries"]

Part = tuple[str, str]
"""Split (``train``, ``test``) and kind (``au``, ``emotion``) of an annotation file."""

PREFIX = "faba-"
"""What stands before a picture's name in its sample id."""

IN_TEST = "in_test"
"""Reason of a training record whose picture is also in an evaluation file."""

_NUMBERED = ", ".join(f"{number} {noun}" for number, noun in enumerate(ORDER))
_EXPECTED = {
    "au": "FACS numbers such as `1, 4, 15`",
    "emotion": f"an emotion such as `Happiness`, or an integer: {_NUMBERED}",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a kind, what it says, and where it stands: file below the root and number of the record."""

    kind: str
    record: Record
    said: Said
    place: str

    def dropped(self, reason: str, detail: str) -> Dropped:
        """This record, left out."""
        truth = {self.kind: self.said.truth or ()}
        name = PREFIX + self.record.picture
        return Dropped("faba", name, reason, detail, self.place, truth.get("au", ()), truth.get("emotion", ()))


def read_entries(path: Path, kind: str, root: Path, options: Mapping[str, Any], report: Report) -> list[Entry]:
    """The records of one annotation file and what they say: the label where there is one, else the text.

    Raises:
        InputError: for a label that cannot be read, or as :func:`read_records`; unless ``report.keep_going``.
    """
    entries, other_ids = [], 0
    place = path.relative_to(root).as_posix()
    for record in read_records(path, report):
        said = _said(record, kind, options)
        if said is None:
            what = f"record {record.number}: this is no label"
            report.fault(InputError(what, path=path, found=clip(record.label), expected=_EXPECTED[kind]))
            continue
        other_ids += record.other_id
        entries.append(Entry(kind, record, said, f"{place}:{record.number}"))
    if other_ids:
        report.remarks.append(f"{place}: records whose `id` is not the picture in `image`, which counts: {other_ids:,}")
    return entries


def _said(record: Record, kind: str, options: Mapping[str, Any]) -> Said | None:
    if kind == "au":
        return aus_of_text(record.text) if record.label is None else aus_of_label(record.label)
    return emotion_of_text(record.text, **options) if record.label is None else emotion_of_label(record.label)


def join(entries: Mapping[Part, list[Entry]], report: Report) -> Iterator[Sample]:
    """One row a picture, of those about which anything is known: train then test, emotion records first.

    A picture of an evaluation file is a test picture, and what a training file says of it is dropped. Rows share equal
    lists.
    """
    test = {entry.record.picture for part, found in entries.items() if part[0] == "test" for entry in found}
    settled = {part: _settled(_kept(part, found, test, report), report) for part, found in entries.items()}
    said = [entry.said.truth or () for (_, kind), found in settled.items() if kind == "au" for entry in found.values()]
    rows = _Rows(facs.sort_codes(set(VOCABULARY).union(*said)), report)
    for split in ("train", "test"):
        aus, emotions = settled.get((split, "au"), {}), settled.get((split, "emotion"), {})
        for picture in dict.fromkeys([*emotions, *aus]):
            sample = rows.row(split, picture, aus.get(picture), emotions.get(picture))
            if sample is not None:
                yield sample
    report.remarks += rows.remarks()


def _kept(part: Part, entries: Iterable[Entry], test: set[str], report: Report) -> Iterator[Entry]:
    for entry in entries:
        if part[0] == "train" and entry.record.picture in test:
            report.dropped.append(entry.dropped(IN_TEST, "the picture is also in an evaluation file"))
        else:
            yield entry


def _settled(entries: Iterable[Entry], report: Report) -> dict[str, Entry]:
    """Picture → the one entry of a file: what is said twice counts once, what contradicts itself not at all."""
    first: dict[str, Entry] = {}
    conflicts: set[str] = set()
    for entry in entries:
        picture = entry.record.picture
        known = first.setdefault(picture, entry)
        if known is entry:
            continue
        if picture not in conflicts and known.said.truth == entry.said.truth:
            report.dropped.append(entry.dropped(REPEAT, f"says the same as {known.place}"))
            continue
        if picture not in conflicts:
            conflicts.add(picture)
            report.dropped.append(known.dropped(CONFLICT, f"contradicts {entry.place}"))
        report.dropped.append(entry.dropped(CONFLICT, f"contradicts {known.place}"))
    return {picture: entry for picture, entry in first.items() if picture not in conflicts}


@dataclass(slots=True)
class _Rows:
    """Makes the rows, and counts what is not known of them."""

    annotated: list[str]
    report: Report
    label_set: list[str] = field(default_factory=lambda: list(EMOTIONS_7))
    lacking: Counter[str] = field(default_factory=Counter)
    numbers: Counter[int] = field(default_factory=Counter)

    def row(self, split: str, picture: str, au: Entry | None, emotion: Entry | None) -> Sample | None:
        """The row of a picture; None (and a line in the report) when nothing is known of it."""
        there = [entry for entry in (au, emotion) if entry]
        lacking = [entry.said.why for entry in there if entry.said.why]
        source = ", ".join(entry.place for entry in there)
        name = PREFIX + picture
        if len(lacking) == len(there):
            detail = "; ".join(REASONS[why] for why in lacking)
            self.report.dropped.append(Dropped("faba", name, lacking[-1], detail, source))
            return None
        self.lacking.update(lacking)
        self.numbers.update(number for entry in there for number in entry.said.unknown)
        aus, label = au.said.truth if au else None, emotion.said.truth if emotion else None
        meta = Meta(
            sample_id=name,
            group=name,
            origin_ids=[f"affectnet:{picture}"] if is_hash(picture) else [],
            split=split,
            au_annotated=[] if aus is None else self.annotated,
            au_source=None if aus is None else "text",
            label_source=None if label is None else "text",
            label_set=[] if label is None else self.label_set,
            source=source,
            extra=_extra(au, emotion),
        )
        sample = Sample(name, "faba", AUs=list(aus or ()), labels=list(label or ()), meta_info=meta)
        meta.task = task_of(sample)
        return sample

    def remarks(self) -> list[str]:
        """What a user should know of the rows made."""
        remarks = [
            f"rows of which a part is unknown ({why}): {count:,}; {REASONS[why]}"
            for why, count in sorted(self.lacking.items())
        ]
        if self.numbers:
            listed = ", ".join(f"{number} ({count}×)" for number, count in sorted(self.numbers.items()))
            remarks.append(f"numbers that FACS does not have are left out of the AUs: {listed}")
        return remarks


def _extra(au: Entry | None, emotion: Entry | None) -> str:
    """The texts and labels as they stand, and the numbers that FACS does not have."""
    extra: dict[str, object] = {}
    for entry in filter(None, (au, emotion)):
        if entry.record.text:
            extra[f"{entry.kind}_text"] = entry.record.text
        if entry.record.label is not None:
            extra[f"{entry.kind}_label"] = entry.record.label
        if entry.said.unknown:
            extra["unknown_aus"] = entry.said.unknown
    return orjson.dumps(extra).decode()
