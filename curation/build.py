"""The whole way: every stage of a recipe in order, each skipped when it is finished already."""

from __future__ import annotations

from pathlib import Path

from curation.frozen import Frozen
from curation.gates.registry import resolve
from curation.release import release
from curation.results import Result, results
from curation.run import Run, writing
from curation.select import select
from curation.spending import Limits, may_send
from curation.synthesize import synthesize
from curation.teach import generate
from curation.unify import find_corpora, unify
from curation.verdicts import gate
from facial_r1.inference.backends import create
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe

__all__ = ["build"]


def build(
    recipe: Recipe,
    out: Path,
    *,
    workers: int = 1,
    limits: Limits | None = None,
    progress: Progress | None = None,
    keep_going: bool = False,
) -> Result:
    """Build the data set of ``recipe`` in the run directory ``out``; goes on where an earlier call stopped.

    Args:
        recipe: what to build, see :func:`facial_r1.recipe.load_recipe`.
        out: the run directory; made when missing.
        workers: processes or threads for reading and pictures; changes no byte.
        limits: how fast the teacher is asked, and how far.
        progress: told how far it is.
        keep_going: collect bad rows of the corpora in the result instead of stopping at the first.

    Raises:
        UsageError: for a recipe that names an unknown corpus, option, gate or teacher, or whose pictures would leave
            this machine without leave, before anything is written.
        CapReached: when a cap of ``limits`` has no room for the next request; the same call goes on there.
        InputError: naming all corpora whose folder is not there or holds something else, before anything is written;
            or the first row that cannot be read.
        GateFailed: when a corpus is absent (before anything is written) or a quota is short, and the recipe does not
            allow it; :func:`curation.results` tells the figures.
        CorruptState: when a finished file of the run was changed by another hand.
        FacialR1Error: when the disk is full; the same call goes on where this one stopped.
    """
    find_corpora(recipe)
    Frozen.read(recipe.select.frozen_test)
    for spec in recipe.gates:
        resolve(spec)
    may_send(recipe, create(recipe.teacher.backend, **recipe.teacher.options))
    with writing(out):
        run = Run.create(out, recipe)
        unify(run, workers=workers, progress=progress, keep_going=keep_going)
        select(run, workers=workers, progress=progress)
        (synthesize if recipe.synthesis is not None else generate)(run, limits=limits, progress=progress)
        gate(run, progress=progress)
        release(run, progress=progress)
    return results(run)
