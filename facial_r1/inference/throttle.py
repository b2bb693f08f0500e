"""How many calls at once, and when the next one may start.

The number of calls follows TCP: it begins with half of what is allowed and grows by one with each answer, hence
doubles each round of calls (slow start); after the first sign of congestion it grows by one each round only (additive
increase). A refused call halves it, and a round in which the median answer took much longer than usual cuts it by a
fifth (multiplicative decrease). What was refused before the last cut says nothing about it and cuts no further.

A provider that names a time to wait stops *all* calls for that time; limits of requests and tokens a minute are kept
by spacing the calls evenly, so that no window of a minute, wherever it starts, holds more than the limit.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Throttle"]

_START = 8
"""A run begins with half of the calls it may make, as after a first refusal, and with no fewer than these."""
_AFTER_REFUSAL = 0.5
_AFTER_LATENCY = 0.8
_USUAL = 0.1
"""Weight of the newest round in what counts as the usual latency; a slower provider becomes usual in some 20 rounds."""
_GROWTH = 2.0
_NOTICEABLE = 0.5
"""Seconds: less growth than this may be our own processor or network and is left alone."""
_STAGGER = 0.1
"""Calls that waited for the same moment start within this share of the wait after it, not all at once."""


@dataclass(slots=True)
class Throttle:
    """Decides for one run; used from one event loop.

    Args:
        most: calls in flight at once, at most.
        rpm: requests a minute, or None.
        tpm: tokens a minute, or None.
        clock: seconds, monotonic.
    """

    most: int
    rpm: float | None = None
    tpm: float | None = None
    clock: Callable[[], float] = time.monotonic
    _limit: float = 0.0
    _slow_start: bool = True
    _cut: float = field(default=float("-inf"), init=False)  # when the limit was last cut
    _resume: float = field(default=float("-inf"), init=False)
    _next_request: float = field(default=float("-inf"), init=False)
    _next_token: float = field(default=float("-inf"), init=False)
    _round: list[float] = field(default_factory=list, init=False)
    _usual: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._limit = float(min(self.most, max(_START, self.most // 2)))

    @property
    def limit(self) -> int:
        """Calls that may be in flight now, 1 to ``most``."""
        return int(self._limit)

    def answered(self, seconds: float) -> None:
        """A call was answered, or ran into its timeout, after so many seconds."""
        self._round.append(seconds)
        if self._slow_start:
            self._grow()
        if len(self._round) < self.limit:
            return
        latency = statistics.median(self._round)
        self._round.clear()
        usual = latency if self._usual is None else self._usual
        if latency > max(_GROWTH * usual, usual + _NOTICEABLE):
            self._shrink(_AFTER_LATENCY)
        elif not self._slow_start:
            self._grow()
        self._usual = min(latency, usual + _USUAL * (latency - usual))

    def refused(self, began: float) -> None:
        """The provider refused the call that began at ``began`` (by ``clock``)."""
        if began >= self._cut:
            self._shrink(_AFTER_REFUSAL)

    def pause(self, seconds: float) -> bool:
        """Let no call start for so many seconds; whether this is a new pause, not more of the same one."""
        now = self.clock()
        new = seconds > 0 and self._resume <= now
        self._resume = max(self._resume, now + seconds)
        return new

    def book(self, requests: int, tokens: int) -> float:
        """Take the next free place in the minute for a call; when it may start, by ``clock``."""
        start = max(self.clock(), self._next_request, self._next_token)
        if self.rpm is not None:
            self._next_request = start + 60 * requests / self.rpm
        if self.tpm is not None:
            self._next_token = start + 60 * tokens / self.tpm
        return start

    def wait(self, start: float) -> float:
        """Seconds until a call that was booked for ``start`` may begin; 0 when it may. Ask again afterwards."""
        now = self.clock()
        pause = self._resume - now
        if pause > 0:
            pause += random.uniform(0, _STAGGER * pause)
        return max(pause, start - now, 0.0)

    def _grow(self) -> None:
        self._limit = min(self._limit + 1, float(self.most))

    def _shrink(self, factor: float) -> None:
        self._limit = max(1.0, self._limit * factor)
        self._cut = self.clock()
        self._slow_start = False
        self._round.clear()
