"""Sampling parameters: names and ranges; and seeds that follow from keys."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import UsageError
from facial_r1.files import sha256_bytes
from facial_r1.inference.local.sampling import Sampling, seed_of


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"max_tokens": 0}, "max_tokens is out of range. Found: 0. Expected: 1 or more"),
        ({"temperature": -0.1}, "temperature is out of range. Found: -0.1. Expected: 0 to 10"),
        ({"temperature": math.nan}, "temperature is out of range"),
        ({"top_p": 0}, "top_p is out of range. Found: 0. Expected: above 0, up to 1"),
        ({"top_p": 1.01}, "top_p is out of range"),
        ({"top_k": -1}, "top_k is out of range. Found: -1. Expected: 0 or more"),
        ({"tempreture": 1}, "does not know this parameter. Found: tempreture. Expected: only max_tokens, temperature"),
        ({"max_tokens": "many"}, "max_tokens is out of range. Found: many. Expected: 1 or more"),
        ({"temperature": None}, "temperature is out of range"),
        ({"top_k": 2.5}, "top_k is out of range"),
        ({"seed": "x"}, "seed is out of range"),
    ],
)
def test_what_is_wrong_is_said(params: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Sampling.of(params)
    assert says in str(caught.value)


def test_params_come_back_as_they_went() -> None:
    assert Sampling().params() == {"max_tokens": 1024, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
    chosen = Sampling(64, 0.7, 0.9, 20, 5)
    assert Sampling.of(chosen.params()) == chosen
    assert chosen.params()["seed"] == 5


@given(
    st.dictionaries(
        st.sampled_from(["max_tokens", "temperature", "top_p", "top_k", "seed", "n"]),
        st.integers() | st.floats() | st.text() | st.none(),
    )
)
def test_nothing_but_a_usage_error(params: dict[str, Any]) -> None:
    with contextlib.suppress(UsageError):
        Sampling.of(params)


@given(st.binary())
def test_seeds_fit_everywhere_and_follow_the_key(content: bytes) -> None:
    key = sha256_bytes(content)
    assert 0 <= seed_of(key) < 2**63
    assert seed_of(key) == seed_of(key)
    assert seed_of(key) != seed_of(sha256_bytes(content + b"."))
