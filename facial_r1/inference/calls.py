"""One call to a backend, repeated until it is answered or given up.

What a retry can heal is retried with a growing, jittered pause. A provider that has too much to do is another matter:
its refusals use up no tries and make the run slower, not its rows ``failed``; only when every call was refused for
:data:`PATIENCE` seconds, or a longer wait was named, the run stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facial_r1.errors import FacialR1Error
from facial_r1.inference.budget import Budget
from facial_r1.inference.protocol import Answer, Backend, Overloaded, Request, TransientError
from facial_r1.inference.throttle import Throttle
from facial_r1.inference.tokens import expected
from facial_r1.progress import Progress

__all__ = ["OUTAGE", "PATIENCE", "Calls"]

OUTAGE = 10
"""After so many requests given up in a row, with no answer between them, the backend is down, not the requests bad.
The same holds when the first so many requests of a run all fail: then the fault is in what they have in common."""

PATIENCE = 900.0
"""Seconds without one answer, all calls being refused, after which the run stops."""

_LONGEST_PAUSE = 60.0
_WORTH_SAYING = 10.0


@dataclass(slots=True)
class Calls:
    """Makes the calls of one run.

    Attributes:
        folder: where the journal is, for messages.
        doubtful: ``failed`` answers that may be the backend's fault or the run's, and are not recorded yet.
        retried: calls repeated so far.
    """

    backend: Backend
    throttle: Throttle
    budget: Budget
    retries: int
    pause: float
    folder: Path
    progress: Progress
    halt: asyncio.Event = field(default_factory=asyncio.Event)
    doubtful: list[Answer] = field(default_factory=list)
    retried: int = 0
    _sound: bool = False  # whether anything but ``failed`` came in this run
    _answered: float = field(default_factory=time.monotonic)  # when the last answer came

    async def answers(self, batch: Mapping[str, Request]) -> list[Answer]:
        """Answers to a batch (key → request); none when the run is halted between two tries, or when it is given up."""
        tries = refusals = 0
        while await self._cleared(batch):
            began = time.monotonic()
            try:
                answers = await self.backend.answer(list(batch.values()))
            except TransientError as problem:
                self._note(problem, began)
                if problem.paid:
                    self._pay_again(batch)
                refusals += isinstance(problem, Overloaded)
                tries += not isinstance(problem, Overloaded)
                if tries > self.retries:
                    self._give_up(batch, problem)
                    return []
                self.retried += 1
                delay = min(self.pause * 2 ** min(tries + refusals - 1, 20), _LONGEST_PAUSE) * random.uniform(0.5, 1)
                if await self._halted(max(delay, problem.retry_after)):
                    break
            else:
                self._answered = time.monotonic()
                self.throttle.answered(self._answered - began)
                return self._checked(answers, batch)
        self.budget.release(batch)
        return []

    def trusted(self, answers: list[Answer], *, last: bool) -> list[Answer]:
        """The answers that can be recorded now; ``failed`` ones wait until another answer shows it to be their fault.

        Args:
            answers: which came.
            last: whether nothing is in flight that could show it.

        Raises:
            FacialR1Error: when too many of them wait (:data:`OUTAGE`).
        """
        if not self._sound:
            self.doubtful += [answer for answer in answers if answer.outcome == "failed"]
            answers = [answer for answer in answers if answer.outcome != "failed"]
            self._sound = bool(answers)
        if len(self.doubtful) >= OUTAGE and not answers:
            raise FacialR1Error(
                f"the backend {self.backend.name} is down: {len(self.doubtful)} requests in a row were given up",
                found=self.doubtful[-1].detail,
                do="see whether it is up and reachable and whether the options are right, then run the same command "
                f"again; the answers in {self.folder} are not asked again",
            )
        if answers or last:
            answers = answers + self.doubtful
            self.doubtful.clear()
        return answers

    async def _cleared(self, batch: Mapping[str, Request]) -> bool:
        """Wait until the throttle lets the call go; False when the run was halted meanwhile."""
        tokens = 0
        if self.throttle.tpm is not None:
            counts = [expected(request, self.budget.price) for request in batch.values()]
            tokens = sum(count["input"] + count["output"] for count in counts)
        start = self.throttle.book(len(batch), tokens)
        while (delay := self.throttle.wait(start)) > 0:
            if await self._halted(delay):
                return False
        return not self.halt.is_set()

    async def _halted(self, seconds: float) -> bool:
        """Sleep; True, and at once, when the run is halted."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.halt.wait(), seconds)
        return self.halt.is_set()

    def _note(self, problem: TransientError, began: float) -> None:
        """Let the throttle know; stop when the provider has refused everything for too long."""
        now = time.monotonic()
        if self.throttle.pause(problem.retry_after) and problem.retry_after >= _WORTH_SAYING:
            self.progress.say(f"The provider asks for a pause of {problem.retry_after:.0f} s ({problem.what}).")
        if isinstance(problem, Overloaded):
            self.throttle.refused(began)
            silent = now - self._answered
            if max(silent, problem.retry_after) > PATIENCE:
                raise FacialR1Error(
                    f"the backend {self.backend.name} refuses every call",
                    found=f"{problem.what} (no answer for {silent:.0f} s; asked to wait {problem.retry_after:.0f} s)",
                    do=f"run the same command later; the answers in {self.folder} are not asked again",
                )
        elif problem.paid:
            self.throttle.answered(now - began)  # a call that ran into its timeout is a slow one

    def _pay_again(self, batch: Mapping[str, Request]) -> None:
        """Count the lost answers as spent; stop when the caps do not let the requests be asked once more."""
        self.budget.lose(batch)
        if not all(self.budget.reserve(key, request) for key, request in batch.items()):
            raise self.budget.reached(self.folder)

    def _give_up(self, batch: Mapping[str, Request], problem: TransientError) -> None:
        self.budget.release(batch)
        detail = f"given up after {self.retries + 1} tries: {problem.what}"
        model = self.backend.model
        self.doubtful += [
            Answer(key, request.sample_id, "failed", None, model, request.attempt, detail=detail)
            for key, request in batch.items()
        ]

    def _checked(self, answers: list[Answer], batch: Mapping[str, Request]) -> list[Answer]:
        if [answer.key for answer in answers] != list(batch):
            what = f"the backend {self.backend.name} did not give one answer per request, in order"
            raise FacialR1Error(what, found=f"{len(answers)} answers for {len(batch)} requests")
        self.budget.settle(answers)
        return answers
