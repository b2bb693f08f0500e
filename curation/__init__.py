"""Curation: the way from unified samples to a released data set, one module per stage.

The functions here have the names of the commands: ``facial-r1 build recipe.yaml`` is ``curation.build(recipe, out)``.
Where a function has the name of its module, ``curation.build`` is the function; the rest of the module is imported by
its full name (``from curation.select import choose``). What is slow to import (``datasets``, DuckDB, OpenCV) is
imported by the functions that need it.
"""

from __future__ import annotations

# All at once, so that no later import of one of these modules can take the place of its function.
from curation.build import build
from curation.plan import plan
from curation.query import sql
from curation.release import release
from curation.results import results
from curation.select import select
from curation.synthesize import synthesize
from curation.teach import generate
from curation.unify import unify
from curation.validate import validate
from curation.verdicts import gate

__all__ = [
    "build",
    "gate",
    "generate",
    "plan",
    "release",
    "results",
    "select",
    "sql",
    "synthesize",
    "unify",
    "validate",
]
