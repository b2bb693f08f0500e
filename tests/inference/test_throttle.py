"""How many calls at once and when: by a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.inference.throttle import Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rounds(throttle: Throttle, count: int, seconds: float) -> list[int]:
    """The limit after each of so many rounds of answers that took ``seconds``."""
    limits = []
    for _ in range(count):
        for _ in range(throttle.limit):
            throttle.answered(seconds)
        limits.append(throttle.limit)
    return limits


def test_slow_start_begins_with_half_and_doubles_up_to_the_most(clock: Clock) -> None:
    assert Throttle(3, clock=clock).limit == 3
    assert Throttle(12, clock=clock).limit == 8
    throttle = Throttle(64, clock=clock)
    assert throttle.limit == 32
    assert rounds(throttle, 3, 1.0) == [64, 64, 64]


def test_a_refusal_halves_and_then_one_more_call_a_round(clock: Clock) -> None:
    throttle = Throttle(64, clock=clock)
    rounds(throttle, 3, 1.0)
    throttle.refused(clock.now)
    assert throttle.limit == 32
    assert rounds(throttle, 3, 1.0) == [33, 34, 35]


def test_refusals_of_one_moment_count_once(clock: Clock) -> None:
    """Sixty-four calls in flight are all refused: that is one message, not sixty-four."""
    throttle = Throttle(64, clock=clock)
    rounds(throttle, 3, 1.0)
    began = clock.now
    clock.now += 1
    for _ in range(64):
        throttle.refused(began)
    assert throttle.limit == 32
    clock.now += 1
    throttle.refused(clock.now - 0.5)
    assert throttle.limit == 16


def test_there_is_always_one_call(clock: Clock) -> None:
    throttle = Throttle(4, clock=clock)
    for _ in range(20):
        clock.now += 1
        throttle.refused(clock.now)
    assert throttle.limit == 1
    assert rounds(throttle, 4, 1.0) == [2, 3, 4, 4]


def test_latency_that_grows_cuts_a_fifth_once_and_becomes_usual(clock: Clock) -> None:
    throttle = Throttle(100, clock=clock)
    rounds(throttle, 5, 1.0)
    assert rounds(throttle, 1, 5.0) == [80]
    falling = rounds(throttle, 40, 5.0)
    assert min(falling) > 20, "a provider that is slow for everybody must not starve the run"
    assert falling[-1] > falling[-10], "what lasts becomes usual"


def test_latency_that_grows_a_little_or_in_single_calls_is_left_alone(clock: Clock) -> None:
    throttle = Throttle(64, clock=clock)
    rounds(throttle, 4, 0.01)
    assert rounds(throttle, 4, 0.3) == [64] * 4, "thirty times as long, and nobody would notice"
    for _ in range(10):
        for turn in range(64):
            throttle.answered(60.0 if turn % 3 == 0 else 0.3)
    assert throttle.limit == 64


def test_a_pause_holds_every_call_and_is_new_only_once(clock: Clock) -> None:
    throttle = Throttle(8, clock=clock)
    assert throttle.pause(30)
    assert not throttle.pause(20)
    for _ in range(50):
        assert 30 <= throttle.wait(throttle.book(1, 0)) <= 33
    clock.now += 30
    assert throttle.wait(throttle.book(1, 0)) == 0
    assert throttle.pause(1)
    assert not Throttle(8, clock=clock).pause(0)


def test_calls_do_not_come_back_all_at_once(clock: Clock) -> None:
    throttle = Throttle(8, clock=clock)
    throttle.pause(100)
    assert len({throttle.wait(clock.now) for _ in range(20)}) > 10


@given(
    sizes=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4000), st.floats(0, 20)), min_size=1, max_size=60),
    rpm=st.one_of(st.none(), st.integers(5, 600)),
    tpm=st.one_of(st.none(), st.integers(1000, 100_000)),
)
def test_no_minute_holds_more_than_the_limits(
    sizes: list[tuple[int, int, float]], rpm: int | None, tpm: int | None
) -> None:
    """Wherever a window of a minute starts, what begins in it stays within the limit, its last call aside."""
    clock = Clock()
    throttle = Throttle(64, rpm, tpm, clock)
    calls = []
    for requests, tokens, later in sizes:
        clock.now += later
        calls.append((throttle.book(requests, tokens), requests, tokens))
    for start, _, _ in calls:
        window = [call for call in calls if start <= call[0] < start + 60 - 1e-6]
        if rpm is not None:
            assert sum(call[1] for call in window[:-1]) <= rpm + 1e-6
        if tpm is not None:
            assert sum(call[2] for call in window[:-1]) <= tpm + 1e-6


def test_without_limits_nothing_waits(clock: Clock) -> None:
    throttle = Throttle(8, clock=clock)
    assert all(throttle.wait(throttle.book(100, 10**9)) == 0 for _ in range(100))
