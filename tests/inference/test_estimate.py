"""The dry run: requests exact, tokens near what the server counts, cost an upper bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stub_server import Stub

from facial_r1.inference.backends import create
from facial_r1.inference.budget import Budget
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import TABLE
from facial_r1.inference.protocol import Request
from facial_r1.inference.runner import ask

MINI = TABLE["gpt-4o-mini"]


def test_it_agrees_with_the_run(stub: Stub, journal: Journal, about: Callable[..., Request]) -> None:
    backend = create("openai", model="gpt-4o-mini", base_url=stub.url, max_tokens=60)
    requests = [about(backend, f"What does this face show, and why? Row {i % 20}.") for i in range(30)]
    ask(backend, requests[:5], journal)
    before = stub.counts.total()
    plan = estimate(requests, backend.model, MINI, journal)
    stats = ask(backend, requests, journal, budget=Budget(MINI))
    assert plan.requests == stub.counts.total() - before == 15
    assert plan.text + plan.pictures == pytest.approx(stats.usage["input"], rel=0.05)
    assert plan.pictures == 15 * 2833
    assert plan.measured == 5
    assert plan.output == 15 * 60 >= stats.usage["output"]
    assert plan.online is not None
    assert plan.online >= (stats.cost or 0)
    assert plan.batch == pytest.approx(plan.online / 2)


def test_without_a_price_there_are_requests_and_text_only(stub: Stub, about: Callable[..., Request]) -> None:
    backend = create("openai", model="mine", base_url=stub.url, max_tokens=60)
    assert estimate([about(backend, "x" * 40)], backend.model) == Estimate(1, 17, 0, 60)
    assert estimate([], "m", MINI) == Estimate(0, 0, 0, 0, 0.0, 0.0)


def test_what_a_server_counted_corrects_the_rest(stub: Stub, journal: Journal, about: Callable[..., Request]) -> None:
    """A model of one's own: nobody knows what its pictures cost until it has answered a few."""
    backend = create("openai", model="mine", base_url=stub.url)
    requests = [about(backend, f"What does this face show? Row {i}.") for i in range(40)]
    blind = estimate(requests, backend.model, None, journal)
    ask(backend, requests[:10], journal)
    plan = estimate(requests, backend.model, None, journal)
    stats = ask(backend, requests, journal)
    assert blind.measured == 0
    assert plan.text + plan.pictures == pytest.approx(stats.usage["input"], rel=0.01)
    assert plan.pictures == pytest.approx(30 * 2833, rel=0.01)
    assert blind.text < 0.01 * stats.usage["input"]
