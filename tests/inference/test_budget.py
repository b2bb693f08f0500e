"""Caps are hard: the sum never passes them, and what stopped goes on later without paying twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_server import PICTURE_TOKENS, Stub

from facial_r1.errors import UsageError
from facial_r1.inference.backends import create
from facial_r1.inference.budget import Budget, CapReached
from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import TABLE, Price, usd
from facial_r1.inference.protocol import Answer, Request
from facial_r1.inference.runner import ask
from facial_r1.progress import Progress

Ask = Callable[..., Request]
MINI = TABLE["gpt-4o-mini"]


def openai(stub: Stub, **options: Any) -> Any:
    return create("openai", model="gpt-4o-mini", base_url=stub.url, **{"max_tokens": 100, **options})


def spent(journal: Journal, requests: list[Request], model: str) -> float:
    answers = [journal[r.key(model)] for r in requests if r.key(model) in journal]
    return sum(usd(MINI, answer.usage) or 0.0 for answer in answers)


def test_the_cost_never_passes_the_cap_and_a_second_run_goes_on(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    requests = [about(backend, f"row {i}") for i in range(60)]
    one = (PICTURE_TOKENS + 8) * 0.15e-6 + 11 * 0.60e-6
    cap = 20.5 * one
    budget = Budget(MINI, max_cost=cap)
    with pytest.raises(CapReached) as caught:
        ask(backend, requests, journal, budget=budget, concurrency=16)
    paid = spent(journal, requests, backend.model)
    assert paid <= cap
    assert paid > cap - 2 * usd(MINI, {"input": PICTURE_TOKENS + 20, "output": 100}), "and it is nearly used up"
    assert budget.spent == pytest.approx(paid)
    assert len(journal) == stub.counts.total() == budget.charged
    text = str(caught.value)
    assert "could pass --max-cost" in text
    assert f"{budget.charged} requests and {paid:.4f} USD in this run" in text
    assert "run the same command again" in text
    with pytest.raises(CapReached):
        ask(backend, requests, journal, budget=Budget(MINI, max_cost=cap))
    ask(backend, requests, journal, budget=Budget(MINI, max_cost=1))
    assert set(stub.counts.values()) == {1}


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_the_requests_never_pass_their_cap(stub: Stub, journal: Journal, about: Ask, concurrency: int) -> None:
    backend = openai(stub)
    requests = [about(backend, f"row {i}") for i in range(40)]
    with pytest.raises(CapReached, match="--max-requests 25"):
        ask(backend, requests, journal, budget=Budget(max_requests=25), concurrency=concurrency)
    assert stub.counts.total() == len(journal) == 25


def test_a_cap_that_is_not_reached_stops_nothing(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    stats = ask(backend, [about(backend, f"{i}") for i in range(25)], journal, budget=Budget(MINI, 1.0, 25))
    assert (stats.asked, stats.cost) == (25, pytest.approx(25 * ((2833 + 7) * 0.15e-6 + 10 * 0.6e-6), rel=0.01))


def test_answers_of_the_journal_cost_nothing(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    requests = [about(backend, f"row {i}") for i in range(20)]
    ask(backend, requests, journal)
    stats = ask(backend, requests, journal, budget=Budget(MINI, max_cost=1e-9, max_requests=1))
    assert (stats.reused, stats.cost) == (20, 0.0)


def test_an_answer_lost_on_its_way_counts_as_paid(stub: Stub, journal: Journal, about: Ask) -> None:
    """The provider charges for what it sent, whether it arrived or not: three tries are three requests."""
    backend, budget = openai(stub), Budget(MINI, max_requests=10)
    ask(backend, [about(backend, "row ⟦truncated;reset;ok⟧")], journal, budget=budget, pause=0.001)
    assert budget.charged == 3
    assert budget.spent is not None
    assert budget.spent > 0


def test_a_cap_stops_between_two_tries_of_a_request(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    with pytest.raises(CapReached):
        ask(backend, [about(backend, "row ⟦empty⟧")], journal, budget=Budget(max_requests=2), pause=0.001)
    assert stub.counts.total() == 2
    assert len(journal) == 0


@pytest.mark.parametrize("trouble", ["500", "429", "503"])
def test_what_was_refused_is_free(stub: Stub, journal: Journal, about: Ask, trouble: str) -> None:
    backend, budget = openai(stub), Budget(MINI, max_requests=1)
    ask(backend, [about(backend, f"row ⟦{trouble};{trouble};ok⟧")], journal, budget=budget, pause=0.001)
    assert budget.charged == 1


def test_a_failed_row_is_free(stub: Stub, journal: Journal, about: Ask) -> None:
    backend, budget = openai(stub), Budget(MINI, max_requests=2)
    ask(backend, [about(backend, p) for p in ("a", "b ⟦400::too long⟧", "c")], journal, budget=budget, concurrency=1)
    assert budget.charged == 2


def test_caps_without_prices_are_refused_before_anything() -> None:
    with pytest.raises(UsageError, match=r"--max-cost needs a price.*teacher\.prices.*--max-requests"):
        Budget(None, max_cost=5)
    assert Budget(None, max_requests=5).spent is None
    for caps in ({"max_cost": 0.0}, {"max_cost": -1.0}, {"max_requests": 0}):
        with pytest.raises(UsageError, match="must be positive"):
            Budget(MINI, **caps)  # type: ignore[arg-type]


def test_a_cap_in_money_needs_a_limited_answer() -> None:
    with pytest.raises(UsageError, match="set max_tokens"):
        Budget(MINI, max_cost=1).reserve("k", Request("r", "p", "h"))


def test_the_bar_shows_what_was_spent(stub: Stub, journal: Journal, about: Ask) -> None:
    notes = []

    class Notes(Progress):
        def step(self, _what: str, _done: int, _total: int | None, note: str = "") -> None:
            notes.append(note)

    backend = openai(stub)
    expensive = Price(1000, 1000)
    prompts = ("a", "b ⟦refusal⟧")
    ask(
        backend,
        [about(backend, p) for p in prompts],
        journal,
        budget=Budget(expensive),
        concurrency=1,
        progress=Notes(),
    )
    assert notes[0].endswith("USD")
    assert notes[1].startswith("1 refusal, 5.")


@given(
    requests=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 200), st.integers(0, 5)), max_size=60),
    cap=st.floats(1e-6, 0.01),
    most=st.integers(1, 40),
)
def test_no_order_of_answers_passes_the_caps(requests: list[tuple[int, int, int]], cap: float, most: int) -> None:
    """Answers come in any order, some are lost, some failed, some without counts."""
    budget = Budget(MINI, max_cost=cap, max_requests=most)
    flight: list[tuple[str, int, int]] = []
    for number, (length, limit, fate) in enumerate(requests):
        key = str(number)
        if budget.reserve(key, Request("r", "x" * length, "h", params={"max_tokens": limit})):
            flight.append((key, length, limit))
        if fate < 4 and flight:
            done, characters, tokens = flight.pop(number % len(flight))
            usage = {} if fate == 1 else {"input": characters // 3, "output": tokens}
            if fate == 2:
                budget.lose([done])
            elif fate == 3:
                budget.release([done])
            else:
                budget.settle([Answer(done, "r", "ok", "", "m", usage=usage)])
        assert budget.spent is not None
        assert budget.spent <= cap + 1e-12
        assert budget.charged <= most
