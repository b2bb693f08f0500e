"""What a writer is asked for: how many rows, which pictures, which random numbers, how many workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np

from facial_r1.errors import UsageError, clip
from facial_r1.files import sha256_bytes
from facial_r1.progress import Progress
from facial_r1.workers import Workers

__all__ = ["Order", "apportion", "choice"]

Job = TypeVar("Job")
Result = TypeVar("Result")

_CHUNK = 32
"""Jobs handed to a worker at once: enough to hide the cost of pickling, few enough for a progress bar that moves."""


@dataclass(frozen=True, slots=True)
class Order:
    """One call of :func:`datasets_builders.synthetic.make`, as the writers see it."""

    corpus: str
    seed: int = 0
    rows: int | None = None
    labels_only: bool = False
    only: frozenset[str] | None = None
    workers: int = 1
    progress: Progress = field(default_factory=Progress)

    @property
    def people(self) -> int:
        """The seed of this stand-in's faces: another one for every corpus, so that nobody stands in two of them."""
        return int(sha256_bytes(f"{self.corpus}/{self.seed}".encode())[:8], 16)

    def rng(self, *key: int) -> np.random.Generator:
        """An independent stream of random numbers for each ``key``."""
        return np.random.default_rng([self.people, *key])

    def drawn(self, ids: Sequence[str]) -> list[bool]:
        """Which of the rows called ``ids`` (all rows of the corpus) get a picture.

        Raises:
            UsageError: when ``only`` names a row that is not among them.
        """
        if self.only is None:
            return [not self.labels_only] * len(ids)
        unknown = sorted(self.only.difference(ids))
        if unknown:
            expected = f"ids such as {ids[0]} or {ids[-1]}"
            raise UsageError(f"the synthetic {self.corpus} has no such row", found=clip(unknown[0]), expected=expected)
        return [not self.labels_only and name in self.only for name in ids]

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job], *, chunk: int = _CHUNK) -> Iterator[Result]:
        """``map(function, jobs)`` in order, on ``workers`` processes, reporting progress.

        At most a few chunks are under way, so memory does not grow with the number of jobs.
        """
        done = 0
        for results in self._chunks(function, jobs, chunk):
            done += len(results)
            self.progress.step(f"drawing {self.corpus}", done, len(jobs))
            yield from results

    def _chunks(self, function: Callable[[Job], Result], jobs: Iterable[Job], size: int) -> Iterator[list[Result]]:
        source = iter(jobs)
        chunks = iter(lambda: list(islice(source, size)), [])
        if self.workers == 1:
            yield from (_each(function, chunk) for chunk in chunks)
            return
        pending: deque[Future[list[Result]]] = deque()
        with Workers(self.workers) as pool:
            for chunk in chunks:
                pending.append(pool.submit(_each, function, chunk))
                if len(pending) > 2 * self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()


def _each(function: Callable[[Job], Result], jobs: Iterable[Job]) -> list[Result]:
    return [function(job) for job in jobs]


def apportion(weights: Sequence[int], total: int) -> list[int]:
    """``total`` split in proportion to ``weights`` into whole numbers (largest remainder; ties to the first).

    >>> apportion([2, 1, 1], 8), apportion([3, 1], 2)
    ([4, 2, 2], [2, 0])
    """
    whole = sum(weights)
    shares = [weight * total // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda i: (-(weights[i] * total % whole), i))
    for i in rest[: total - sum(shares)]:
        shares[i] += 1
    return shares


def choice(option: str, value: object, allowed: Sequence[str]) -> None:
    """Raise a :class:`UsageError` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise UsageError(
            f"unknown value for the option `{option}`", found=value, expected=f"one of {', '.join(allowed)}"
        )
