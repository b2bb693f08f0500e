"""The worked examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import facial_r1.evaluation

MODULES = sorted(module.name for module in pkgutil.iter_modules(facial_r1.evaluation.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = importlib.import_module(f"facial_r1.evaluation.{name}")
    assert doctest.testmod(found).failed == 0


def test_every_metric_has_a_worked_example() -> None:
    for name in ("au", "emotion", "rouge", "rege", "judge", "intervals", "faithfulness", "measures", "reading"):
        found = importlib.import_module(f"facial_r1.evaluation.{name}")
        assert doctest.testmod(found).attempted > 0, name
