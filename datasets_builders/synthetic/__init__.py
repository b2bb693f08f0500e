"""Synthetic stand-ins: a face renderer, a population, and one writer per corpus in its official layout.

A module of this folder that has the name of a corpus is its writer: it defines ``plan(order, **options)``, which
decides every label without touching the disk and returns a :class:`Plan`; the keywords after ``order`` are the options
of that corpus. All other modules here are tools of the writers.

>>> from datasets_builders.synthetic import make
>>> made = make("fer2013", tmp / "fer2013", rows=70)  # doctest: +SKIP
>>> made.rows  # doctest: +SKIP
70
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from datasets_builders import corpus_names
from facial_r1.errors import InputError, UsageError
from facial_r1.progress import Progress

__all__ = ["MARKER", "Made", "Plan", "make", "options_of", "writer_names"]

MARKER = "SYNTHETIC.json"
"""The file in the root of every stand-in that says so, and how it was made."""


class Plan(Protocol):
    """Everything that a stand-in will hold."""

    @property
    def rows(self) -> int:
        """Labelled rows."""

    def write(self, out: Path) -> None:
        """Write labels and pictures below ``out``, every file whole or not at all."""


@dataclass(frozen=True, slots=True)
class Made:
    """What :func:`make` left on disk.

    Attributes:
        corpus: its name.
        root: the folder to give as the root of that corpus.
        rows: labelled rows, as the corpus counts them (faces, frames, pictures).
        fresh: False when ``root`` already held exactly this stand-in, so that nothing was written.
    """

    corpus: str
    root: Path
    rows: int
    fresh: bool


@cache
def writer_names() -> tuple[str, ...]:
    """The corpora that can be made, alphabetical."""
    here = {module.name for module in pkgutil.iter_modules(__path__)}
    return tuple(name for name in corpus_names() if name in here)


def options_of(name: str) -> dict[str, Any]:
    """Option → default of the writer called ``name``; what each does is in the docstring of its module.

    Raises:
        UsageError: for a name without a writer.
    """
    parameters = inspect.signature(_planner(name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def make(
    name: str,
    out: Path,
    *,
    seed: int = 0,
    rows: int | None = None,
    labels_only: bool = False,
    only: Iterable[str] | Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    **variant: Any,
) -> Made:
    """Write a stand-in of the corpus ``name`` below ``out``, in its official layout and with its real quirks.

    The same arguments give the same bytes, whatever ``workers``; an identical finished stand-in is left as it is.

    Args:
        name: a corpus of :func:`writer_names`.
        out: the folder to fill; new, empty, or begun by the same call before.
        seed: chooses faces and labels.
        rows: about how many rows; None writes the published size with the published counts, exactly.
        labels_only: no pictures (a layout that cannot do without gets flat ones).
        only: sample ids, or a file with one id a line: draw only their pictures; the labels stay complete.
        workers: processes that draw.
        progress: told how many pictures are drawn.
        variant: options of the corpus, see :func:`options_of`.

    Raises:
        UsageError: for an unknown corpus, option, option value or sample id, or impossible numbers.
        InputError: when ``out`` holds something else, or ``only`` names a file that is not there.
    """
    from datasets_builders.synthetic.marker import claim
    from datasets_builders.synthetic.order import Order

    known = options_of(name)
    for option, value in variant.items():
        if option not in known:
            expected = f"only {', '.join(known)}"
            raise UsageError(f"unknown option for a synthetic {name}", found=option, expected=expected)
        if type(value) is not type(known[option]):
            expected = f"{type(known[option]).__name__}, such as {known[option]!r}"
            raise UsageError(f"wrong type for the option `{option}`", found=value, expected=expected)
    if seed < 0 or workers < 1 or (rows is not None and rows < 1):
        found = f"seed {seed}, rows {rows}, workers {workers}"
        raise UsageError("a stand-in cannot be made so", found=found, expected="seed >= 0, rows >= 1, workers >= 1")
    wanted = None if only is None else frozenset(_ids(only))
    order = Order(name, seed, rows, labels_only, wanted, workers, progress or Progress())
    plan = _planner(name)(order, **variant)
    marker = claim(out, order, {**known, **variant})
    if not marker.finished:
        plan.write(out)
        marker.finish(plan.rows)
    return Made(name, out, plan.rows, fresh=not marker.finished)


def _planner(name: str) -> Callable[..., Plan]:
    if name not in writer_names():
        expected = f"one of {', '.join(writer_names())}"
        raise UsageError("there is no synthetic stand-in of this corpus", found=name, expected=expected)
    plan: Callable[..., Plan] = importlib.import_module(f"{__name__}.{name}").plan
    return plan


def _ids(only: Iterable[str] | Path) -> Iterable[str]:
    if not isinstance(only, Path):
        return only
    try:
        return only.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read sample ids ({error})", path=only, expected="a text file, one id a line"
        ) from None
