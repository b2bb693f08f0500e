"""BP4D: 41 people at eight tasks, one digit per frame and Action Unit, and the pictures of the coded frames.

Options:

* ``header`` – ``legacy``: 100 columns ``0,1,…,99``; ``scored``: the re-release's ``1,1,2,4,…,39,99``;
* ``layout`` – ``official`` (``AUCoding/AU_OCC``), ``flat`` (``AUCoding/*.csv`` and ``AU-Intensity-Codes3.0``, as older
  copies) or ``nested`` (``BP4D/AUCoding/AUCoding``);
* ``count_from`` – the number of a sequence's first picture: 0 (a picture has the frame's number less one) or 1;
* ``landmarks`` – write the 49 points of every drawn picture, one MATLAB 7.3 file per sequence;
* ``width`` – pixels, of a 3:4 picture; 0 means 240, and 1040 at full size.

Action Units come in smooth episodes, and in every published part exactly the published number of frames shows each of
the 12 AUs of the papers (scaled, when only ``rows`` frames are made). Quirks of the real corpus that every stand-in
has: numbers that begin anywhere, a picture 0000 with nothing coded, four digits in some people's names and three in the
others', a stretch of 9 here and there in the other AUs, one frame in 400 with column 99 (from 400 rows on), AUs that
never occur, a picture without landmarks in every seventh sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datasets_builders.bp4d.codes import OCCLUDED, UNKNOWN
from datasets_builders.bp4d.copy import Key
from datasets_builders.bp4d.tables import AUS, FOLD_OF, INTENSITY_AUS, POSITIVES, ROWS, SUBJECTS, TASKS
from datasets_builders.synthetic.bp4d_film import Film, film
from datasets_builders.synthetic.bp4d_sizes import firsts, full_lengths, small_lengths
from datasets_builders.synthetic.episodes import activity
from datasets_builders.synthetic.footage import Levels
from datasets_builders.synthetic.order import Order, choice
from datasets_builders.synthetic.pictures import write_files
from facial_r1.errors import UsageError
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE, PROTOTYPES

__all__ = ["HEADERS", "LAYOUTS", "Sequence", "Stand", "plan"]

HEADERS: dict[str, tuple[int, ...]] = {"legacy": tuple(range(1, 100)), "scored": (*AUS, OCCLUDED)}
"""Option → the columns behind the frame number."""

LAYOUTS: dict[str, tuple[str, str, str, str]] = {
    "official": ("AUCoding/AU_OCC", "AUCoding/AU_INT", "Sequences(2D+3D)", "2DFeatures"),
    "flat": ("AUCoding", "AU-Intensity-Codes3.0", "BP4D-training", "2DFeatures"),
    "nested": ("BP4D/AUCoding/AUCoding", "BP4D/AUCoding/AU_INT", "BP4D/Sequences_2D+3D", "BP4D/2DFeatures"),
}
"""Option → folders of occurrence, intensity, pictures and landmarks."""

_RARE: dict[int, float] = {
    **{5: 0.03, 9: 0.055, 11: 0.006, 13: 0.001, 16: 0.04, 18: 0.012, 19: 0.003, 20: 0.025, 22: 0.006, 27: 0.008},
    **{28: 0.012, 30: 0.002, 31: 0.001, 32: 0.005, 33: 0.001, 34: 0.002, 37: 0.001, 38: 0.004, 39: 0.001},
}
"""Share of the frames that show the AUs of which nothing is published. Invented; 29, 35 and 36 never occur."""

_LEVELS = (1.0, 0.7, 0.35, 0.12, 0.03)
"""Share of an AU's positive frames that reach intensity 1 … 5. Invented."""

_MOODS: dict[str, tuple[tuple[int, ...], ...]] = {
    **{task: PROTOTYPES[mood] for task, mood in TASKS.items() if mood in PROTOTYPES},
    "T4": ((12, 14, 24), (6, 12, 14), (12, 17)),
    "T6": ((4, 6, 7, 10), (4, 7, 9, 20)),
}
"""What the episodes of each task are drawn from."""

_FORBIDDEN = EXCLUSIVE | ANTAGONISTS
_OCCLUSION, _PER_OCCLUDED = 12, 400
_THREE_DIGITS = frozenset(f"M{number:03d}" for number in range(9, 19))


@dataclass(frozen=True, slots=True)
class Sequence:
    """The labels of one subject at one task; the columns are :data:`AUS`.

    Attributes:
        key: who and what.
        first: the number of the first coded frame.
        levels: frames × AUs, 0-5; an AU occurs from 1.
        unknown: frames × AUs that were not coded.
        occluded: frames of column 99.
    """

    key: Key
    first: int
    levels: Levels
    unknown: npt.NDArray[np.bool]
    occluded: npt.NDArray[np.bool]

    @property
    def frames(self) -> range:
        """The frame numbers."""
        return range(self.first, self.first + len(self.levels))

    def ids(self) -> list[str]:
        """The sample ids of all frames."""
        return [f"bp4d-{self.key.subject}-{self.key.task}-{frame:04d}" for frame in self.frames]

    def occurrence(self, header: str) -> bytes:
        """The ``AU_OCC`` file."""
        columns = HEADERS[header]
        values = np.full((len(self.levels), len(columns)), UNKNOWN, np.uint8)
        values[:, [columns.index(au) for au in AUS]] = np.where(self.unknown, UNKNOWN, self.levels > 0)
        values[:, columns.index(OCCLUDED)] = self.occluded
        names = (0 if header == "legacy" else 1, *columns)
        return ",".join(map(str, names)).encode() + b"\n" + self._lines(values)

    def intensities(self) -> Iterator[tuple[str, bytes]]:
        """The ``AU_INT`` files: name and content."""
        for au in INTENSITY_AUS:
            values = np.where(self.occluded, UNKNOWN, self.levels[:, AUS.index(au)]).astype(np.uint8)
            name = f"AU{au:02d}/{self.key.subject}_{self.key.task}_AU{au:02d}.csv"
            yield name, self._lines(values[:, None])

    def _lines(self, values: npt.NDArray[np.uint8]) -> bytes:
        digits = np.full((*values.shape, 2), ord(","), np.uint8)
        digits[..., 1] = values + ord("0")
        return b"".join(b"%d%b\n" % (frame, row.tobytes()) for frame, row in zip(self.frames, digits, strict=True))


@dataclass(frozen=True, slots=True)
class Stand:
    """The plan.

    Attributes:
        order, header, layout: what was asked.
        sequences: by subject and task, with all labels.
        films: the picture folders to fill.
    """

    order: Order
    header: str
    layout: str
    sequences: list[Sequence]
    films: list[Film]

    @property
    def rows(self) -> int:
        """Coded frames, occluded ones included."""
        return sum(len(sequence.levels) for sequence in self.sequences)

    def write(self, out: Path) -> None:
        """Write label files, pictures and landmarks below ``out``."""
        occurrence, intensity, pictures, landmarks = LAYOUTS[self.layout]
        names = ((f"{s.key.subject}_{s.key.task}.csv", s.occurrence(self.header)) for s in self.sequences)
        write_files(out / occurrence, names)
        write_files(out / intensity, (file for sequence in self.sequences for file in sequence.intensities()))
        jobs = [(out / pictures, out / landmarks, own) for own in self.films]
        for _ in self.order.run(film, jobs, chunk=1):
            pass


def plan(
    order: Order,
    *,
    header: str = "legacy",
    layout: str = "official",
    count_from: int = 0,
    landmarks: bool = True,
    width: int = 0,
) -> Stand:
    """Decide every label and which pictures are drawn; see the module for the options."""
    choice("header", header, tuple(HEADERS))
    choice("layout", layout, tuple(LAYOUTS))
    if count_from not in (0, 1):
        raise UsageError("pictures cannot `count_from` this number", found=count_from, expected="0 or 1")
    if width and not 64 <= width <= 4096:
        raise UsageError("a picture cannot have this `width`", found=width, expected="64-4096 pixels, or 0")
    sequences = _sequences(order)
    drawn = iter(order.drawn([name for sequence in sequences for name in sequence.ids()]))
    size = width or (1040 if order.rows is None else 240)
    films = []
    for place, sequence in enumerate(sequences):
        wanted = list(islice(drawn, len(sequence.levels)))
        if any(wanted):
            subject, task = sequence.key
            films.append(
                Film(
                    *(order.people, SUBJECTS.index(subject) + 1, subject, task),
                    digits=3 if subject in _THREE_DIGITS else 4,
                    width=size,
                    count_from=count_from,
                    first=sequence.first,
                    aus=AUS,
                    levels=sequence.levels,
                    wanted=wanted,
                    landmarks=landmarks,
                    lost=place % 7 == 1,
                )
            )
    return Stand(order, header, layout, sequences, films)


def _sequences(order: Order) -> list[Sequence]:
    lengths = full_lengths(order.rng(0)) if order.rows is None else small_lengths(order.rows)
    first = firsts(order.rng(1), lengths)
    levels: dict[Key, Levels] = {}
    for fold in ROWS:
        keys = [key for key in lengths if FOLD_OF[key.subject] == fold]
        if keys:
            levels |= _levels(order, fold, {key: lengths[key] for key in keys})
    occluded = _occluded(order.rng(4), lengths)
    return [
        Sequence(key, first[key], levels[key], _unknown(order, place, occluded[key]), occluded[key])
        for place, key in enumerate(lengths)
    ]


def _levels(order: Order, fold: int, lengths: dict[Key, int]) -> dict[Key, Levels]:
    """The labels of a part: for every AU the strongest frames are positive, the stronger the higher.

    Frequent AUs come first; where one is, those that exclude it or work against it are pushed to the end of the rank.
    """
    signals = [activity(order.rng(2, _number(key)), length, AUS, _MOODS[key.task]) for key, length in lengths.items()]
    signal = np.concatenate(signals)
    levels = np.zeros(signal.shape, np.uint8)
    shares = {au: parts[fold - 1] / ROWS[fold] for au, parts in POSITIVES.items()} | _RARE
    for au in sorted(shares, key=lambda au: -shares[au]):
        column = AUS.index(au)
        partners = [AUS.index(other) for other in AUS if frozenset((au, other)) in _FORBIDDEN]
        signal[(levels[:, partners] > 0).any(axis=1), column] -= 100
        strongest = np.argsort(-signal[:, column], kind="stable")
        positives = round(shares[au] * len(signal))
        for level, share in enumerate(_LEVELS, 1):
            levels[strongest[: round(positives * share)], column] = level
    ends = np.cumsum(list(lengths.values()))
    return dict(zip(lengths, np.split(levels, ends[:-1]), strict=True))


def _number(key: Key) -> int:
    return SUBJECTS.index(key.subject) * len(TASKS) + list(TASKS).index(key.task)


def _occluded(rng: np.random.Generator, lengths: dict[Key, int]) -> dict[Key, npt.NDArray[np.bool]]:
    """Frames of column 99, in short runs, as when a hand passes the face."""
    flags = {key: np.zeros(length, bool) for key, length in lengths.items()}
    left, keys = sum(lengths.values()) // _PER_OCCLUDED, list(lengths)
    while left:
        own = flags[keys[rng.integers(len(keys))]]
        start = int(rng.integers(len(own)))
        run = own[start : start + min(left, _OCCLUSION)]
        left -= int((~run).sum())
        run[:] = True
    return flags


def _unknown(order: Order, place: int, occluded: npt.NDArray[np.bool]) -> npt.NDArray[np.bool]:
    """Where no AU was coded: never in the 12 AUs of the papers, so that their published counts hold."""
    rng, frames = order.rng(3, place), len(occluded)
    others = [column for column, au in enumerate(AUS) if au not in POSITIVES]
    unknown = np.zeros((frames, len(AUS)), bool)
    unknown[:, others] = occluded[:, None]
    if rng.random() < 0.15:
        start, column = int(rng.integers(frames)), others[rng.integers(len(others))]
        unknown[start : start + max(2, frames // 10), column] = True
    return unknown
