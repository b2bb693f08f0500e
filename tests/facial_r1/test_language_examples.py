"""The worked examples in the docstrings of the vocabulary and the language of answers."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["emotions", "facs", "grammar", "mentions", "polarity", "response", "scoring", "wording"]
)
def test_the_examples_are_true(name: str) -> None:
    results = doctest.testmod(importlib.import_module(f"facial_r1.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
