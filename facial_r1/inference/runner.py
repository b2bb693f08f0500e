"""The runner: asks a backend, has every answer on disk before counting it, and never asks twice.

One loop does all of it. It keeps up to ``concurrency`` calls in flight; whatever finished together is appended to the
journal as one group and only then delivered, and while one group is on its way to the disk the next one gathers. New
calls begin meanwhile, but no more than an eighth of the limit (:data:`AHEAD`): a kill loses at most what was in flight
and that eighth.

How many calls that is at a time, and when one may start, :mod:`facial_r1.inference.throttle` decides; what a run may
cost, :mod:`facial_r1.inference.budget`; how a call is repeated, :mod:`facial_r1.inference.calls`.

Which requests are asked may depend on earlier answers (a further attempt, the next candidate, a repair): the caller's
``then`` sees each answer and returns what follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from facial_r1.inference.budget import Budget
from facial_r1.inference.calls import OUTAGE, Calls
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Connected, Request, Stateful
from facial_r1.inference.throttle import Throttle
from facial_r1.progress import Progress

__all__ = ["AHEAD", "OUTAGE", "Stats", "Then", "ask"]

Then = Callable[[Request, Answer], Iterable[Request]]
"""Called once for each request with its durable answer, from one thread; gives the requests that follow from it."""


AHEAD = 8
"""One call in so many may begin before the answers that made room for it are on disk."""


@dataclass(slots=True)
class Stats:
    """What a run did.

    Attributes:
        asked: requests that the backend answered, each once whatever its retries.
        reused: requests answered by the journal, or by an equal request of the same run.
        retried: calls repeated after a transient error.
        outcomes: requests by outcome, asked and reused alike.
        usage: tokens by kind, of the asked ones.
        cost: US dollars of the asked ones, None when the price is not known.
    """

    asked: int = 0
    reused: int = 0
    retried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)
    cost: float | None = None


def ask(
    backend: Backend,
    requests: Iterable[Request],
    journal: Journal,
    *,
    then: Then | None = None,
    concurrency: int = 8,
    retries: int = 5,
    pause: float = 1.0,
    retry_failed: bool = False,
    rpm: float | None = None,
    tpm: float | None = None,
    budget: Budget | None = None,
    total: int | None = None,
    progress: Progress | None = None,
) -> Stats:
    """Ask everything that the journal does not answer yet, and deliver every answer once, in whatever order it comes.

    Args:
        backend: who answers.
        requests: drawn lazily, only as many as keep the backend busy.
        journal: read and written.
        then: sees each answer and gives further requests, which go before ``requests``.
        concurrency: calls in flight at once, at most, each of up to ``backend.batch`` requests.
        retries: further tries of a call after a transient error; after the last one its requests are ``failed``.
            Being refused for too many calls uses up none of them.
        pause: seconds before the first of them; doubled each time up to a minute, with jitter.
        retry_failed: ask again what the journal knows only as ``failed``.
        rpm: requests a minute, at most.
        tpm: tokens a minute, at most, input and output as estimated beforehand.
        budget: the price and the caps.
        total: number of ``requests`` where it is known, for the progress; what follows from answers is added.
        progress: told about every answer.

    Raises:
        FacialR1Error: from the backend or the journal, or when the backend is down (:data:`OUTAGE`). What was in
            flight is finished and kept first.
        CapReached: when the next request could pass a cap of ``budget``; what was in flight is finished first.
        KeyboardInterrupt: after Ctrl-C; what was in flight is finished and kept first, unless it is pressed again.
    """
    progress, budget = progress or Progress(), budget or Budget()
    throttle = Throttle(1 if isinstance(backend, Stateful) else concurrency, rpm, tpm)
    calls = Calls(backend, throttle, budget, retries, pause, journal.folder, progress)
    run = _Run(backend, iter(requests), journal, then or _nothing, calls, retry_failed, total, progress)
    if isinstance(backend, Stateful):
        backend.open(journal.folder, progress)
    if _inside_a_loop():
        run.beside()
    else:
        asyncio.run(run.main())
    if run.halt.is_set():
        raise KeyboardInterrupt
    return run.stats


@dataclass(slots=True)
class _Run:
    backend: Backend
    requests: Iterator[Request]
    journal: Journal
    then: Then
    maker: Calls
    retry_failed: bool
    total: int | None
    progress: Progress
    stats: Stats = field(default_factory=Stats)
    following: deque[Request] = field(default_factory=deque)
    waiting: dict[str, list[Request]] = field(default_factory=dict)  # key in flight → the requests it is for
    calls: set[asyncio.Task[list[Answer]]] = field(default_factory=set)
    arrived: list[Answer] = field(default_factory=list)  # answers that wait for the disk
    group: list[Answer] = field(default_factory=list)  # answers on their way to the disk
    writing: asyncio.Task[None] | None = None
    short: bool = False  # whether a cap has no room for the next request
    loop: asyncio.AbstractEventLoop | None = None

    def beside(self) -> None:
        """Run in a thread: a notebook has a loop of its own, in which a second one cannot be started."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(asyncio.run, self.main())
            try:
                done.result()
            except KeyboardInterrupt:  # signals reach the main thread only
                with contextlib.suppress(RuntimeError):  # a closed loop has nothing left in flight
                    if self.loop is not None:
                        self.loop.call_soon_threadsafe(self.interrupted)
                raise

    async def main(self) -> None:
        self.loop = asyncio.get_running_loop()
        with self.ctrl_c():
            try:
                while await self.refill():
                    await self.advance()
            except BaseException:
                self.halt.set()
                await self.rescue()
                raise
            finally:
                self.stats.retried, self.stats.cost = self.maker.retried, self.maker.budget.spent
                if isinstance(self.backend, Connected):
                    await self.backend.close()

    @property
    def halt(self) -> asyncio.Event:
        return self.maker.halt

    async def refill(self) -> bool:
        """Fill the free slots; False when nothing is left to wait for."""
        while not self.halt.is_set() and self.slots() > 0 and (batch := await self.draw()):
            self.calls.add(asyncio.create_task(self.maker.answers(batch)))
        if self.calls or self.writing or self.arrived or (self.maker.doubtful and not self.halt.is_set()):
            return True
        if self.short and not self.halt.is_set():
            raise self.maker.budget.reached(self.journal.folder)
        return False

    def slots(self) -> int:
        """Calls that may begin now."""
        limit, flying = self.maker.throttle.limit, len(self.calls)
        unwritten = (len(self.arrived) + len(self.group)) // self.backend.batch
        return min(limit - flying, limit + limit // AHEAD - flying - unwritten)

    async def draw(self) -> dict[str, Request]:
        """The next requests that the backend has to answer; those that it has not to are delivered on the way."""
        batch: dict[str, Request] = {}
        while len(batch) < self.backend.batch and not self.short:
            request = self.following.popleft() if self.following else next(self.requests, None)
            if request is None:
                break
            key = request.key(self.backend.model)
            if key in self.waiting:
                self.waiting[key].append(request)
            elif key in self.journal and not (self.retry_failed and self.journal.failed(key)):
                self.deliver(request, self.journal[key], reused=True)
                await asyncio.sleep(0)  # a long replay must not keep Ctrl-C or the calls in flight waiting
                if self.halt.is_set():
                    return {}
            elif self.maker.budget.reserve(key, request):
                self.waiting[key] = [request]
                batch[key] = request
            else:
                self.following.appendleft(request)
                self.short = True  # until an answer has cost less than was set aside for it
        return batch

    async def advance(self) -> None:
        """Wait for a call or the disk; deliver what is durable, write what came, then raise what went wrong, if so."""
        flying: set[asyncio.Task[Any]] = {*self.calls, *((self.writing,) if self.writing else ())}
        done: set[asyncio.Task[Any]] = set()
        if flying:
            done, _ = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
        answers, error = _results(self.calls & done)
        self.calls -= done
        self.arrived += answers
        self.short = False
        if self.writing in done:
            self.written()
        if self.writing is None:
            arrived, self.arrived = self.arrived, []
            self.group = self.maker.trusted(arrived, last=not flying)
            if self.group:
                self.writing = asyncio.create_task(asyncio.to_thread(self.journal.append, self.group))
        if error is not None:
            raise error

    def written(self) -> None:
        """Deliver the group that is on disk."""
        assert self.writing is not None
        group, writing, self.group, self.writing = self.group, self.writing, [], None
        writing.result()
        for answer in group:
            self.stats.usage.update(answer.usage)
            for index, request in enumerate(self.waiting.pop(answer.key)):
                self.deliver(request, answer, reused=index > 0)

    async def rescue(self) -> None:
        """Put on disk what still comes: it may be paid for already. What failed is not; it can be asked again."""
        if self.writing is not None:
            await asyncio.wait({self.writing})
            self.writing.result()
        while self.arrived or self.calls:
            self.journal.append([answer for answer in self.arrived if answer.outcome != "failed"])
            self.arrived = []
            if self.calls:
                done, self.calls = await asyncio.wait(self.calls, return_when=asyncio.FIRST_COMPLETED)
                self.arrived, _ = _results(done)

    def deliver(self, request: Request, answer: Answer, *, reused: bool) -> None:
        stats = self.stats
        if reused:
            stats.reused += 1
            answer = replace(answer, sample_id=request.sample_id)
        else:
            stats.asked += 1
        stats.outcomes[answer.outcome] += 1
        following = list(self.then(request, answer))
        self.following += following
        if self.total is not None:
            self.total += len(following)
        notes = [f"{count} {name}" for name, count in sorted(stats.outcomes.items()) if name != "ok"]
        if (spent := self.maker.budget.spent) is not None:
            notes.append(f"{spent:.2f} USD")
        self.progress.step("asking", stats.asked + stats.reused, self.total, ", ".join(notes))

    @contextlib.contextmanager
    def ctrl_c(self) -> Iterator[None]:
        """The first Ctrl-C halts, the second also cancels what is in flight."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread only
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.interrupted)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def interrupted(self) -> None:
        """What Ctrl-C does; a :class:`Stateful` backend's calls need not be finished."""
        stateful = isinstance(self.backend, Stateful)
        if self.halt.is_set() or stateful:
            for call in self.calls:
                call.cancel()
        if self.halt.is_set():
            return
        self.halt.set()
        flight = f"{len(self.calls)} calls in flight are being finished (Ctrl-C again: drop them)"
        self.progress.say(
            f"Stopping: {'what the provider has goes on there' if stateful else flight}. Run the same "
            f"command to go on; the answers in {self.journal.folder} are not asked again."
        )


def _inside_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _nothing(_request: Request, _answer: Answer) -> Iterable[Request]:
    return ()


def _results(done: Iterable[asyncio.Task[list[Answer]]]) -> tuple[list[Answer], BaseException | None]:
    """The answers of finished calls, and the first error among them; a cancelled call gives neither."""
    answers: list[Answer] = []
    error: BaseException | None = None
    for call in done:
        if call.cancelled():
            continue
        if call.exception() is None:
            answers += call.result()
        else:
            error = error or call.exception()
    return answers, error
