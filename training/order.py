"""In which order rows are shown: rare classes more often, rows of like length together, kinds of rows apart."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import Sampler

from facial_r1.files import sha256_bytes
from training.data import Lesson

__all__ = ["MOST", "WINDOW", "Grouped", "Replayed", "balanced"]

MOST = 4
"""How often balancing may show a row in one epoch."""
WINDOW = 50
"""Steps' worth of rows that are sorted by length together: enough for like lengths, few enough to stay random."""


def balanced(rows: Sequence[Lesson], by: str) -> list[Lesson]:
    """The rows of one epoch: those of rare classes several times, so that classes come closer to the largest.

    Args:
        rows: the rows.
        by: ``label``, ``corpus``, ``au`` (a row's class is the rarest of its Action Units) or ``none``.
    """
    if by == "none":
        return list(rows)
    classes = _classes(rows, by)
    counts = Counter(classes)
    largest = max(counts.values())
    extra: list[Lesson] = []
    for name, count in counts.items():
        members = [row for row, own in zip(rows, classes, strict=True) if own == name]
        members.sort(key=lambda row: sha256_bytes(row.sample.id.encode()))
        wanted = min(largest, MOST * count) - count
        extra += (members * MOST)[:wanted]
    return [*rows, *extra]


def _classes(rows: Sequence[Lesson], by: str) -> list[str]:
    if by == "corpus":
        return [row.sample.dataset for row in rows]
    if by == "label":
        return [" ".join(row.sample.labels) for row in rows]
    often = Counter(au for row in rows for au in row.sample.AUs)
    return [min(row.sample.AUs, key=lambda au: (often[au], au), default="") for row in rows]


class Grouped(Sampler[int]):
    """Indices of rows such that each run of ``batch`` of them is one batch of like rows.

    Rows with and without a picture are never in one step: on several devices, a batch without pictures would leave the
    vision tower out while the others wait for its gradients. What is missing to a whole step is filled with further
    rows of that kind. The order follows from seed and epoch alone: a resumed run sees what an uninterrupted one sees.

    Args:
        rows: the rows.
        batch: rows of one device at once.
        processes: devices that take consecutive batches.
        by_length: sort within windows of :data:`WINDOW` steps.
        seed: of the order.
    """

    def __init__(self, rows: Sequence[Lesson], *, batch: int, processes: int, by_length: bool, seed: int) -> None:
        self.lengths = [row.tokens for row in rows]
        kinds = ([index for index, row in enumerate(rows) if (row.picture is None) == bare] for bare in (False, True))
        self.kinds = [kind for kind in kinds if kind]
        self.step, self.by_length, self.seed, self.epoch = batch * processes, by_length, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(math.ceil(len(kind) / self.step) * self.step for kind in self.kinds)

    def __iter__(self) -> Iterator[int]:
        dice = random.Random(f"{self.seed} {self.epoch}")
        steps: list[list[int]] = []
        for kind in self.kinds:
            order = dice.sample(kind, len(kind))
            while len(order) % self.step:
                order.append(dice.choice(kind))
            width = WINDOW * self.step if self.by_length else len(order)
            for start in range(0, len(order), width):
                window = order[start : start + width]
                if self.by_length:
                    window.sort(key=lambda index: -self.lengths[index])
                steps += [window[at : at + self.step] for at in range(0, len(window), self.step)]
        dice.shuffle(steps)
        return iter([index for step in steps for index in step])


class Replayed(Sampler[int]):
    """TRL's order of prompts, such that a resumed run sees it, too.

    TRL draws each epoch's order where it stopped in the epoch before, and a run that is resumed in a later epoch has
    drawn none of those before. Here they are drawn again.

    Args:
        make: gives TRL's sampler as it is at the start.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make, self.epoch = make, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.make())

    def __iter__(self) -> Iterator[int]:
        sampler = self.make()
        for _ in range(self.epoch):
            next(iter(sampler), None)
        return iter(sampler)
