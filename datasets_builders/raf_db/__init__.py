"""RAF-DB: 15,339 faces of the internet with one of seven emotions, and 3,954 with one of eleven compounds of two.

Layouts, found by pattern at any depth (copies nest folders, mend the misspelt name and differ in the zeros)::

    basic/EmoLabel/list_patition_label.txt              `train_00001.jpg 5`, classes 1-7
    basic/Image/aligned/train_00001_aligned.jpg         100×100, or original/train_00001.jpg
    basic/Annotation/manual/train_00001_manu_attri.txt  5 landmarks, gender, race, age; also auto/, boundingbox/
    compound/…                                          the same with classes 1-11, *and the same picture names*
    DATASET/train/5/train_00001_aligned.jpg             Kaggle: basic only, with or without train_labels.csv

The classes have an order of their own, from 1 (:data:`~datasets_builders.raf_db.labels.LABELS`). The split is in
the picture's name. Nobody is named, so every picture is a group of its own. Compound pictures have two true labels and
``compound`` in their ids; a recipe that uses them wants ``label_rule: set``.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import orjson

from datasets_builders.common.corpus import Corpus, Licence, Raw, Report
from datasets_builders.common.layout import folders, some
from datasets_builders.raf_db.annotations import read_attributes, read_box, read_landmarks
from datasets_builders.raf_db.copy import SUBSETS, Part, find
from datasets_builders.raf_db.kaggle import read_kaggle
from datasets_builders.raf_db.labels import (
    CLASSES,
    COMPOUND_ROWS,
    LABELS,
    NAME,
    PUBLISHED,
    Key,
    Row,
    key_of,
    name_of,
    read_list,
)
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Meta, Sample

__all__ = ["CORPUS", "RafDb"]

log = logging.getLogger(__name__)

_Fact = TypeVar("_Fact")

_CHOICES: dict[str, tuple[str, ...]] = {"subset": (*SUBSETS, "both"), "pictures": ("aligned", "original")}
_ID = re.compile(rf"raf_db-(compound-)?{NAME}")
_RELATIVES = {
    "distribution.txt": "RAF-ML, whose pictures have several emotions each (RAF-AU's option rafml reads it)",
    "multilabel.txt": "RAF-ML, whose pictures have several emotions each (RAF-AU's option rafml reads it)",
    "rafce_emolabel.txt": "RAF-CE, the compound emotions of RAF-AU's pictures (RAF-AU's option rafce reads it)",
}
_LABEL_SETS = {"basic": list(EMOTIONS_7), "compound": [label for label in EMOTIONS_7 if label != "neutral"]}
_LABELS_OF = {subset: [list(labels) for _, labels in classes] for subset, classes in CLASSES.items()}
"""Shared by all rows."""


class RafDb(Corpus):
    """basic/EmoLabel/list_patition_label.txt beside Image/aligned, or Kaggle's train/1 … train/7 (train_labels.csv)."""

    name = "raf_db"
    title = "RAF-DB"
    licence = Licence(
        terms="Asked for by e-mail from a university address, with a password; non-commercial research, no passing on.",
        url="http://www.whdeng.cn/RAF/model1.html",
    )
    label_set = EMOTIONS_7
    options: ClassVar[Mapping[str, Any]] = {"subset": "basic", "pictures": "aligned"}
    """``subset``: ``basic``, ``compound`` or ``both``.
    ``pictures``: ``aligned``, or ``original`` with face boxes and landmarks, which aligned pictures do not have."""

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: a label list, or Kaggle's folders or CSV, with RAF-DB's picture names."""
        return bool(find(root, "both"))

    def lookalike(self, root: Path) -> str | None:
        """RAF-ML and RAF-CE have other pictures and other files."""
        names = {name.lower() for folder in folders(root) for name in folder.files}
        if "rafau_label.txt" in names:
            return None  # RAF-AU, with RAF-ML in a folder of it
        return next((words for name, words in _RELATIVES.items() if name in names), None)

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: in the order of the label list, the compound subset last.

        Rows share equal lists: replace them, do not append to them.
        """
        chosen = self._chosen(options)
        parts = find(root, chosen["subset"])
        if not parts:
            found = self.lookalike(root)
            raise NotThisCorpus("this folder is not RAF-DB", path=root, found=found, expected=self.__doc__)
        for subset in self._subsets(chosen):
            if subset in parts:
                yield from _scan(parts[subset], root, chosen["pictures"], report)
            elif chosen["subset"] == "both":
                report.missing.append(f"the {subset} subset, {subset}/EmoLabel/list_patition_label.txt")
            else:
                what = f"this copy of RAF-DB does not hold the {subset} subset"
                do = f"set the option subset: {next(iter(parts))}, or give a root that holds {subset} too"
                report.fault(InputError(what, path=root, found=", ".join(parts), do=do))

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: picture files as the corpus has them; ``original`` ones with box and landmarks.

        The landmarks are the 37 of the detector, or the 5 by hand where those are not there.
        """
        chosen = self._chosen(options)
        parts = find(root, chosen["subset"])
        wanted = [subset for subset in self._subsets(chosen) if subset in parts]
        sources = {subset: _Source(parts[subset], chosen["pictures"]) for subset in wanted}
        for sample in samples:
            name = sample.meta_info.sample_id or sample.id
            match = _ID.fullmatch(name)
            source = sources.get("compound" if match and match[1] else "basic")
            if match is None or source is None:
                yield Raw(name, problem=("missing", f"there is no picture of {name}"))
            else:
                yield source.raw(name, key_of(match[2], match[3]), sample.meta_info.box)

    def published(self, **options: Any) -> Mapping[str, int]:
        """See :meth:`Corpus.published`: ``rows``, and of the basic subset ``train``, ``train/anger`` …

        Of the compound subset ``compound``, ``compound/train`` and ``compound/test``, which are from memory only.
        """
        subsets = self._subsets(self._chosen(options))
        counts: Counter[str] = Counter()
        if "basic" in subsets:
            for split, rows in PUBLISHED.items():
                counts[split] = sum(rows)
                counts.update({f"{split}/{label}": n for label, n in zip(LABELS, rows, strict=True)})
        if "compound" in subsets:
            counts.update({f"compound/{split}": rows for split, rows in COMPOUND_ROWS.items()})
            counts["compound"] = sum(COMPOUND_ROWS.values())
        return {"rows": counts["train"] + counts["test"] + counts["compound"], **counts}

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:  # noqa: ARG002
        """See :meth:`Corpus.count`; compound classes are counted by name, such as ``compound/sadly angry``."""
        counts: Counter[str] = Counter()
        for sample in samples:
            split = str(sample.meta_info.split)
            if (compound := sample.meta_info.extras().get("compound")) is not None:
                counts.update(("rows", "compound", f"compound/{split}", f"compound/{compound}"))
            else:
                counts.update(("rows", split, f"{split}/{sample.labels[0]}"))
        return counts

    def _chosen(self, options: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self.settings(options)
        for name, known in _CHOICES.items():
            if chosen[name] not in known:
                what, expected = f"RAF-DB: unknown value of the option {name}", f"one of {', '.join(known)}"
                raise UsageError(what, found=chosen[name], expected=expected)
        return chosen

    @staticmethod
    def _subsets(chosen: Mapping[str, Any]) -> tuple[str, ...]:
        return SUBSETS if chosen["subset"] == "both" else (chosen["subset"],)


class _Source:
    """The pictures of one subset, with box and landmarks when they are the original ones."""

    def __init__(self, part: Part, kind: str) -> None:
        original = kind == "original"
        self.kind = kind
        self.pictures = part.pictures(kind)
        self.landmarks = [part.annotations(which) for which in ("auto_attri", "manu_attri")] if original else []

    def raw(self, name: str, key: Key, box: list[int] | None) -> Raw:
        path = self.pictures.get(key)
        if path is None:
            return Raw(name, problem=("missing", f"there is no {self.kind} picture {name_of(key)}"))
        if self.kind == "aligned":
            return Raw(name, path=path)
        return Raw(name, path=path, box=(box[0], box[1], box[2], box[3]) if box else None, points=self.points(key))

    def points(self, key: Key) -> object:
        for files in self.landmarks:
            if key in files:
                try:
                    return read_landmarks(files[key])
                except InputError as error:
                    log.warning("%s", error)
        return None


def _scan(part: Part, root: Path, kind: str, report: Report) -> Iterator[Sample]:
    rows = list(read_kaggle(part, root, report)) if not part.lists else _read_lists(part, root, report)
    keys = list(dict.fromkeys(row.key for row in rows))
    try:
        _tell(f"{kind} pictures", part, keys, part.pictures(kind), report)
    except InputError as error:
        report.fault(error)
    attributes = part.annotations("manu_attri")
    boxes = part.annotations("boundingbox") if kind == "original" else {}
    if part.lists:
        _tell("files of gender, race and age (Annotation/manual)", part, keys, attributes, report)
        if kind == "original":
            _tell("face boxes (Annotation/boundingbox)", part, keys, boxes, report)
    for row in rows:
        facts = _read(read_attributes, attributes.get(row.key), report) or {}
        yield _sample(part.subset, row, tuple(facts.values()), _read(read_box, boxes.get(row.key), report))


def _read(reader: Callable[[Path], _Fact], path: Path | None, report: Report) -> _Fact | None:
    """What a small annotation file says; None when it is not there or cannot be read, which is a fault."""
    try:
        return None if path is None else reader(path)
    except InputError as error:
        report.fault(error)
        return None


def _read_lists(part: Part, root: Path, report: Report) -> list[Row]:
    """The rows of a subset's label list. Further lists must hold the same; a list that is in doubt gives no row."""
    path, *others = part.lists
    for other in others:
        if other.read_bytes() != path.read_bytes():
            what = "two different label lists for one subset"
            do = "remove the wrong one; keep basic and compound in folders of these names"
            report.fault(InputError(what, path=other, found=f"also {path}", do=do))
            return []
    if others:
        report.remarks.append(f"{path.name} is there {len(part.lists)} times with the same content; the first is read")
    rows = read_list(path, part.subset, path.relative_to(root).as_posix(), report)
    if part.subset == "compound" and not part.named and all(row.label <= len(LABELS) for row in rows):
        what = "no class above 7 and no folder called compound: this seems to be the basic subset"
        do = "set the option subset: basic, or call the folder compound"
        report.fault(InputError(what, path=path, do=do))
        return []
    return rows


def _tell(what: str, part: Part, keys: Collection[Key], there: Container[Key], report: Report) -> None:
    absent = [name_of(key) for key in keys if key not in there]
    if absent:
        few = f"{len(absent):,} of {len(keys):,} are missing: {some(absent)}"
        none = f"none of {len(keys):,} is there"
        report.missing.append(f"{part.subset}, {what}: {none if len(absent) == len(keys) else few}")


def _sample(subset: str, row: Row, facts: tuple[str, ...], box: list[int] | None) -> Sample:
    prefix = "raf_db-compound" if subset == "compound" else "raf_db"
    name = f"{prefix}-{name_of(row.key)}"
    meta = Meta(
        task="emotion",
        sample_id=name,
        group=name,  # nobody is named, so every picture stands for itself
        split=row.key[0],
        box=box,
        label_source="crowd",
        label_set=_LABEL_SETS[subset],
        source=row.source,
        extra=_extra(CLASSES[subset][row.label - 1][0] if subset == "compound" else None, facts),
    )
    return Sample(name, "raf_db", labels=_LABELS_OF[subset][row.label - 1], meta_info=meta)


@lru_cache(maxsize=1024)
def _extra(compound: str | None, facts: tuple[str, ...]) -> str | None:
    """``meta_info.extra``: the compound class, and gender, race and age where they are annotated."""
    named = dict(zip(("gender", "race", "age"), facts, strict=False))
    return orjson.dumps({"compound": compound} | named if compound else named).decode() if compound or named else None


CORPUS = RafDb()
