"""The runner with a provider that has limits: nothing fails because of them, and one wait is everybody's wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from stub_server import Stub

from facial_r1.errors import FacialR1Error
from facial_r1.inference import calls
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Request
from facial_r1.inference.runner import OUTAGE, ask
from facial_r1.progress import Progress

Ask = Callable[..., Request]


def openai(stub: Stub) -> Any:
    return create("openai", model="teacher", base_url=stub.url, max_tokens=100)


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_the_run_settles_at_what_the_provider_can_do(stub: Stub, journal: Journal, about: Ask) -> None:
    """It answers five at once and refuses the rest: every row is answered, and most calls are not wasted."""
    stub.capacity, stub.latency = 5, 0.02
    backend = openai(stub)
    stats = ask(backend, [about(backend, f"row {i}") for i in range(300)], journal, concurrency=64, pause=0.02)
    assert stats.outcomes == {"ok": 300}
    assert stats.retried < 300


def test_all_concurrency_is_used_where_it_can_be(stub: Stub, journal: Journal, about: Ask) -> None:
    stub.latency = 0.3
    backend = openai(stub)
    ask(backend, [about(backend, f"row {i}") for i in range(120)], journal, concurrency=32)
    assert stub.most == 32


def test_one_retry_after_holds_every_call(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    stub.latency = 0.01
    prompts = [f"row {i}" for i in range(20)] + ["limit ⟦429:1;ok⟧"] + [f"next {i}" for i in range(40)]
    ask(backend, [about(backend, p) for p in prompts], journal, concurrency=4)
    times = sorted(stub.times)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) > 0.9, "nobody calls during the second that one of them was told to wait"
    assert stub.counts.total() == 62


def test_a_date_is_honoured(stub: Stub, journal: Journal, about: Ask) -> None:
    backend, begun = openai(stub), time.monotonic()
    ask(backend, [about(backend, "row ⟦429:date;ok⟧")], journal, pause=0.001)
    assert 0.9 < time.monotonic() - begun < 4


def test_being_refused_uses_up_no_tries(stub: Stub, journal: Journal, about: Ask) -> None:
    """A row that met twelve refusals is not a failed row."""
    backend = openai(stub)
    stats = ask(backend, [about(backend, f"row ⟦{'429;' * 12}ok⟧")], journal, retries=2, pause=0.0001)
    assert (stats.outcomes, stats.retried) == ({"ok": 1}, 12)


def test_a_provider_that_refuses_everything_stops_the_run_in_the_end(
    stub: Stub, journal: Journal, about: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE", 0.3)
    backend = openai(stub)
    with pytest.raises(FacialR1Error, match=r"refuses every call.*run the same command later"):
        ask(backend, [about(backend, "good"), about(backend, "row ⟦429⟧")], journal, pause=0.05)
    assert len(journal) == 1


def test_a_wait_of_a_day_is_said_not_slept(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    with pytest.raises(FacialR1Error, match="asked to wait 86400 s"):
        ask(backend, [about(backend, "row ⟦429:86400⟧")], journal)


def test_a_long_pause_is_said_once(stub: Stub, journal: Journal, about: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_WORTH_SAYING", 0.2)
    backend, said = openai(stub), Said()
    requests = [about(backend, f"row {i} ⟦429:0.3;ok⟧") for i in range(6)]
    ask(backend, requests, journal, pause=0.001, progress=said)
    assert [line for line in said.lines if "pause of 0 s" in line] == said.lines
    assert len(said.lines) == 1


def test_requests_a_minute(stub: Stub, journal: Journal, about: Ask) -> None:
    backend, begun = openai(stub), time.monotonic()
    ask(backend, [about(backend, f"row {i}") for i in range(11)], journal, rpm=600, concurrency=8)
    assert 1.0 <= time.monotonic() - begun < 5


def test_tokens_a_minute(stub: Stub, journal: Journal, about: Ask) -> None:
    backend, begun = openai(stub), time.monotonic()
    requests = [about(backend, f"row {i:04}", image=None) for i in range(11)]  # 2 + 7 tokens, and 100 of the answer
    ask(backend, requests, journal, tpm=109 * 600, concurrency=8)
    assert 1.0 <= time.monotonic() - begun < 5


def test_a_run_in_which_everything_fails_stops_and_records_nothing(stub: Stub, journal: Journal, about: Ask) -> None:
    """Ten thousand rows "failed" by one wrong option are no result."""
    backend = openai(stub)
    with pytest.raises(FacialR1Error, match=r"is down.*some odd reason.*options are right"):
        ask(backend, [about(backend, f"row {i} ⟦400::some odd reason⟧") for i in range(200)], journal)
    assert len(journal) == 0
    assert stub.counts.total() < OUTAGE + 16


def test_a_few_failed_rows_are_recorded_whatever_comes_first(stub: Stub, journal: Journal, about: Ask) -> None:
    backend = openai(stub)
    prompts = [f"bad {i} ⟦400::too long⟧" for i in range(OUTAGE - 1)] + ["good"]
    stats = ask(backend, [about(backend, p) for p in prompts], journal, concurrency=1)
    assert stats.outcomes == {"failed": OUTAGE - 1, "ok": 1}
    assert len(journal) == OUTAGE
    again = ask(backend, [about(backend, p) for p in prompts], journal)
    assert again.reused == OUTAGE
