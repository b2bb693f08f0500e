"""AffectNet: web photographs with one of eight emotions, valence and arousal, in three distributions.

They are found at any depth; which one a copy is shows in its files (option ``layout``)::

    csv    Manually_Annotated_file_lists/training.csv, validation.csv      414,799 and 5,500 lines
           Manually_Annotated/Manually_Annotated_Images/689/0a1b2c.jpg     the photographs, of many types
    npy    train_set/images/12.jpg                                         faces cut out, 224×224
           train_set/annotations/12_exp.npy, _val, _aro, _lnd              287,651 and (val_set) 3,999 pictures
    plus   human_annotated/train_set/images/12.jpg, annotations/12.json    414,799 and 5,500 pictures

The integer labels have an order of their own (:data:`~datasets_builders.affectnet.tables.LABELS`). 8, 9 and 10
(none, uncertain, no face) are no emotions: such pictures are left out, with a reason that is counted.

A picture of 2017 is named by a hash, which is its id and its origin id, because other corpora (FABA-Instruct) name
their pictures by it. The numbered folder is no part of the id: one hash in two folders, or in both lists, is taken for
one picture, so a repetition is dropped and a contradiction drops both rows. The later distributions number their
pictures anew; nothing joins these to the hashes or to each other, so distribution and split stand in the id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from datasets_builders.affectnet import npy, plus
from datasets_builders.affectnet.csv import Pictures, raw_list, scan_list
from datasets_builders.affectnet.layout import AUTOMATIC, LISTS, Copy, find, relative
from datasets_builders.affectnet.sets import FLAT, Part, raws
from datasets_builders.affectnet.tables import LAYOUTS, LOOSE, published
from datasets_builders.common.corpus import Corpus, Dropped, Licence, Raw, Report
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import NotThisCorpus, UsageError
from facial_r1.sample import Sample

__all__ = ["CORPUS", "AffectNet"]

_AUTOMATIC = "automatic"
"""What machine-labelled rows are counted under; they are no part of the published ``rows``."""


class AffectNet(Corpus):
    """training.csv and validation.csv, or train_set/ and val_set/ with images/ and annotations/ of .npy or .json."""

    name = "affectnet"
    title = "AffectNet"
    licence = Licence(
        terms="A signed agreement, asked for by the head of a laboratory; research only, nothing may be passed on.",
        url="http://mohammadmahoor.com/affectnet/",
    )
    label_set = EMOTIONS
    options: ClassVar[Mapping[str, Any]] = {"layout": "auto", "automatic": False}
    """``layout``: ``csv``, ``npy`` or ``plus``, for a folder that holds several; ``auto`` takes the first of them.
    ``automatic``: also read automatically_annotated.csv, whose labels a machine gave (csv only)."""
    tolerances = LOOSE

    def recognises(self, root: Path) -> bool:
        """See :meth:`Corpus.recognises`: names, first lines, and one JSON object."""
        return bool(find(root).layouts)

    def lookalike(self, root: Path) -> str | None:
        """Copies by class (Kaggle), derived lists, and pictures without their lists."""
        return relative(root)

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """See :meth:`Corpus.scan`: lists in their order, other layouts by number; train before val.

        Rows share ``labels`` and ``label_set``: replace them, do not append.
        """
        automatic = self._chosen(options)["automatic"]
        copy, layout = self._find(root, options)
        if automatic and layout != "csv":
            expected = "layout csv, the only one with labels by a machine"
            raise UsageError("AffectNet: the option automatic has no meaning here", found=layout, expected=expected)
        others = [name for name in copy.layouts if name != layout]
        if others:
            report.remarks.append(f"read as {layout}; the folder also holds {', '.join(others)} (option layout)")
        if layout == "csv":
            yield from _scan_lists(copy, root, report, automatic)
            return
        if copy.unlabelled:
            report.remarks.append("no_human_annotated holds no human label and is not read")
        scan = npy.scan_npy if layout == "npy" else plus.scan_plus
        parts = _parts(copy, layout)
        _tell_parts(parts, report)
        for part in parts:
            yield from scan(part, root, report)

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """See :meth:`Corpus.raw`: one pass over each list; other layouts in the order of ``samples``."""
        self._chosen(options)
        copy = find(root)
        lines: dict[str, dict[int, str]] = defaultdict(dict)
        files: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            source = sample.meta_info.source or ""
            place, _, line = source.rpartition(":")
            if line.isdecimal():
                lines[place][int(line)] = sample.meta_info.sample_id or sample.id
            else:
                files["plus" if source.endswith(".json") else "npy"].append(sample)
        for place, wanted in sorted(lines.items()):
            path = root / place
            base = copy.pictures(root, automatic=path.name.lower() == AUTOMATIC)
            yield from raw_list(path, wanted, Pictures(base))
        yield from raws(copy.npy, root, files["npy"], npy.points)
        yield from raws(copy.plus, root, files["plus"], plus.points)

    def variant(self, root: Path, **options: Any) -> Mapping[str, Any]:
        """The options with the layout that ``auto`` stands for in this copy."""
        return {**options, "layout": self._find(root, options)[1]}

    def published(self, **options: Any) -> Mapping[str, int]:
        """``rows``, ``train``, ``train/neutral`` … of one layout; of the 2017 distribution for ``auto``."""
        layout = self._chosen(options)["layout"]
        return published("csv" if layout == "auto" else layout)

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        """See :meth:`Corpus.count`; pictures without an emotion count as published, those of machines by themselves."""
        cells = Counter((sample.meta_info.split, sample.meta_info.label_source, sample.labels[0]) for sample in samples)
        counts: Counter[str] = Counter()
        for (split, source, label), number in cells.items():
            _add(counts, _AUTOMATIC if source == "machine" else split or FLAT, label, number)
        for (part, reason), number in Counter((_part_of(row), row.reason) for row in report.dropped).items():
            _add(counts, part, reason, number)
        return counts

    def _chosen(self, options: Mapping[str, Any]) -> dict[str, Any]:
        chosen = self.settings(options)
        layout, automatic = chosen["layout"], chosen["automatic"]
        if layout not in ("auto", *LAYOUTS):
            expected = f"auto, {', '.join(LAYOUTS)}"
            raise UsageError("AffectNet: unknown layout", found=layout, expected=expected)
        if type(automatic) is not bool:
            raise UsageError("AffectNet: the option automatic", found=automatic, expected="true or false")
        return chosen

    def _find(self, root: Path, options: Mapping[str, Any]) -> tuple[Copy, str]:
        """What is there, and which layout of it is read."""
        wanted, copy = self._chosen(options)["layout"], find(root)
        if not copy.layouts:
            found = self.lookalike(root)
            raise NotThisCorpus("this folder is not AffectNet", path=root, found=found, expected=self.__doc__)
        if wanted == "auto":
            return copy, copy.layouts[0]
        if wanted not in copy.layouts:
            found, expected = ", ".join(copy.layouts), LAYOUTS[wanted]
            what = f"AffectNet: there is no layout {wanted} here"
            raise NotThisCorpus(what, path=root, found=found, expected=expected, do="leave the option layout out")
        return copy, wanted


def _scan_lists(copy: Copy, root: Path, report: Report, automatic: bool) -> Iterator[Sample]:
    for name, split in LISTS.items():
        machine = name == AUTOMATIC
        path = copy.lists.get(name)
        if machine and not automatic:
            if path is not None:
                report.remarks.append(f"{path.name}, labelled by a machine, is not read (option automatic)")
            continue
        if path is None:
            report.missing.append(name)
            continue
        base = copy.pictures(root, automatic=machine)
        if base is None:
            kind = "Automatically" if machine else "Manually"
            report.missing.append(f"the pictures of {path.name} ({kind}_Annotated_Images/1, 2, …)")
        yield from scan_list(path, split, Pictures(base), root, report)


def _parts(copy: Copy, layout: str) -> list[Part]:
    """The parts in the order train, val, test; of several copies of one part the shallowest."""
    found: dict[str | None, Part] = {}
    for part in copy.npy if layout == "npy" else copy.plus:
        found.setdefault(part.split, part)
    return [found[split] for split in ("train", "val", "test", None) if split in found]


def _tell_parts(parts: Sequence[Part], report: Report) -> None:
    splits = [part.split for part in parts]
    if None in splits:
        report.remarks.append("a flat pack (images/ and annotations/): which part of AffectNet it is, is not known")
    else:
        report.missing += [f"{split}_set" for split in ("train", "val") if split not in splits]


def _part_of(row: Dropped) -> str:
    """The part that a dropped row is of: its list says it, or its id, such as ``affectnet-plus-train-12``."""
    file = row.source.rpartition(":")[0].rpartition("/")[2].lower()
    return (LISTS[file] or _AUTOMATIC) if file in LISTS else str(row.id).split("-")[-2]


def _add(counts: Counter[str], part: str, name: str, number: int) -> None:
    counts[part] += number
    counts[f"{part}/{name}"] += number
    counts["rows"] += 0 if part == _AUTOMATIC else number


CORPUS = AffectNet()
