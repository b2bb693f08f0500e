"""Curation: the way from unified samples to a released data set, one module per stage.

The functions here have the names of the commands: ``facial-r1 build recipe.yaml`` is ``curation.build(recipe, out)``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.build import build
    from curation.plan import plan
    from curation.query import sql
    from curation.release import release
    from curation.results import results
    from curation.select import select
    from curation.teach import generate
    from curation.unify import unify
    from curation.validate import validate
    from curation.verdicts import gate

__all__ = ["build", "gate", "generate", "plan", "release", "results", "select", "sql", "unify", "validate"]

_ELSEWHERE = {"gate": "verdicts", "generate": "teach", "sql": "query"}
"""Functions whose module has another name than they have."""


class _Package(ModuleType):
    """Python binds an imported submodule to its package; under the names above the package keeps the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        same = isinstance(value, ModuleType) and name in __all__
        super().__setattr__(name, getattr(value, name) if same else value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    # A stage and what it needs are imported when it is asked for: `import curation` costs nothing.
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, name)}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
