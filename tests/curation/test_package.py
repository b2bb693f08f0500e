"""The package: its functions are there whatever was imported first, and importing it loads nothing slow."""

from __future__ import annotations

import subprocess
import sys

import pytest

import curation

FUNCTIONS = (
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
)

CHECK = f"""
import importlib, pkgutil, sys
import curation
functions = {{name: getattr(curation, name) for name in {FUNCTIONS}}}
slow = sorted({{"datasets", "duckdb", "cv2", "numpy", "PIL", "av", "pandas"}} & set(sys.modules))
assert not slow, slow
for module in pkgutil.walk_packages(curation.__path__, "curation."):
    importlib.import_module(module.name)
for name, function in functions.items():
    assert callable(function), name
    assert getattr(curation, name) is function, name
    assert function.__name__ == name, name
"""


def test_the_functions_are_those_of_the_command_line() -> None:
    assert sorted(curation.__all__) == list(FUNCTIONS)


@pytest.mark.parametrize(
    "first",
    ["import curation", "import curation.validate, curation.select", "from curation.gates.registry import judge"],
)
def test_any_order_of_imports_gives_the_functions_and_loads_nothing_slow(first: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{first}\n{CHECK}"], check=False, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'unheard_of'"):
        _ = curation.unheard_of  # type: ignore[attr-defined]
