"""The runner: asks a backend, has every answer on disk before counting it, and never asks twice.

One loop does all of it. It keeps up to ``concurrency`` calls in flight; whatever finished together is appended to the
journal as one group and only then delivered, and while one group is on its way to the disk the next one gathers. A
slot is free again only when its answers are on disk, so a kill loses at most what was in flight.

Which requests are asked may depend on earlier answers (a further attempt, the next candidate, a repair): the caller's
``then`` sees each answer and returns what follows from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from facial_r1.errors import FacialR1Error
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Request, TransientError
from facial_r1.progress import Progress

__all__ = ["OUTAGE", "Stats", "Then", "ask"]

Then = Callable[[Request, Answer], Iterable[Request]]
"""Called once for each request with its durable answer, from one thread; gives the requests that follow from it."""

OUTAGE = 10
"""After so many requests given up in a row, with no answer between them, the backend is down, not the requests bad."""

_LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Stats:
    """What a run did.

    Attributes:
        asked: requests that the backend answered, each once whatever its retries.
        reused: requests answered by the journal, or by an equal request of the same run.
        retried: calls repeated after a transient error.
        outcomes: requests by outcome, asked and reused alike.
        usage: tokens by kind, of the asked ones.
    """

    asked: int = 0
    reused: int = 0
    retried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)


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
    total: int | None = None,
    progress: Progress | None = None,
) -> Stats:
    """Ask everything that the journal does not answer yet, and deliver every answer once, in whatever order it comes.

    Args:
        backend: who answers.
        requests: drawn lazily, only as many as keep the backend busy.
        journal: read and written.
        then: sees each answer and gives further requests, which go before ``requests``.
        concurrency: calls in flight at once, each of up to ``backend.batch`` requests.
        retries: further tries of a call after a transient error; after the last one its requests are ``failed``.
        pause: seconds before the first of them; doubled each time up to a minute, with jitter.
        retry_failed: ask again what the journal knows only as ``failed``.
        total: number of ``requests`` where it is known, for the progress; what follows from answers is added.
        progress: told about every answer.

    Raises:
        FacialR1Error: from the backend or the journal, or when the backend is down (:data:`OUTAGE`). What was in
            flight is finished and kept first.
        KeyboardInterrupt: after Ctrl-C; what was in flight is finished and kept first, unless it is pressed again.
    """
    run = _Run(
        backend,
        iter(requests),
        journal,
        then or _nothing,
        concurrency,
        retries,
        pause,
        retry_failed,
        total,
        progress or Progress(),
    )
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
    concurrency: int
    retries: int
    pause: float
    retry_failed: bool
    total: int | None
    progress: Progress
    stats: Stats = field(default_factory=Stats)
    following: deque[Request] = field(default_factory=deque)
    waiting: dict[str, list[Request]] = field(default_factory=dict)  # key in flight → the requests it is for
    calls: set[asyncio.Task[list[Answer]]] = field(default_factory=set)
    given_up: list[Answer] = field(default_factory=list)
    halt: asyncio.Event = field(default_factory=asyncio.Event)
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
                    await self.settle(await self.finished())
            except BaseException:
                self.halt.set()
                while self.calls:  # they may be paid for already
                    self.journal.append(_results(await self.finished())[0])
                raise

    async def refill(self) -> bool:
        """Fill the free slots; False when nothing is left to wait for."""
        while not self.halt.is_set() and len(self.calls) < self.concurrency and (batch := await self.draw()):
            self.calls.add(asyncio.create_task(self.call(batch)))
        return bool(self.calls or (self.given_up and not self.halt.is_set()))

    async def draw(self) -> dict[str, Request]:
        """The next requests that the backend has to answer; those that it has not to are delivered on the way."""
        batch: dict[str, Request] = {}
        while len(batch) < self.backend.batch:
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
            else:
                self.waiting[key] = [request]
                batch[key] = request
        return batch

    async def call(self, batch: dict[str, Request]) -> list[Answer]:
        """Answers to a batch; none when the run is halted between two tries, or when it is given up."""
        for tries in range(self.retries + 1):
            try:
                answers = await self.backend.answer(list(batch.values()))
            except TransientError as error:
                problem = error
            else:
                if [answer.key for answer in answers] != list(batch):
                    what = f"the backend {self.backend.name} did not give one answer per request, in order"
                    raise FacialR1Error(what, found=f"{len(answers)} answers for {len(batch)} requests")
                return answers
            if tries < self.retries:
                self.stats.retried += 1
                delay = min(self.pause * 2**tries, _LONGEST_PAUSE) * random.uniform(0.5, 1)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.halt.wait(), max(delay, problem.retry_after))
                    return []
        detail = f"given up after {self.retries + 1} tries: {problem.what}"
        self.given_up += [
            Answer(key, request.sample_id, "failed", None, self.backend.model, request.attempt, detail=detail)
            for key, request in batch.items()
        ]
        return []

    async def finished(self) -> set[asyncio.Task[list[Answer]]]:
        """Wait until a call is finished; all that are, taken out of the calls in flight. Empty when none was."""
        if not self.calls:
            return set()
        done, self.calls = await asyncio.wait(self.calls, return_when=asyncio.FIRST_COMPLETED)
        return done

    async def settle(self, done: set[asyncio.Task[list[Answer]]]) -> None:
        """Make the answers of finished calls durable, deliver them, then raise what went wrong, if anything did."""
        answers, error = _results(done)
        if len(self.given_up) >= OUTAGE and not answers:
            raise FacialR1Error(
                f"the backend {self.backend.name} is down: {len(self.given_up)} requests in a row were given up",
                found=self.given_up[-1].detail,
                do="see whether it is up and reachable, then run the same command again; "
                f"the {len(self.journal)} answers in {self.journal.folder} are not asked again",
            )
        if answers or not done:  # it answers others, or there is nothing else to ask: the fault is with these
            answers += self.given_up
            self.given_up = []
        await asyncio.to_thread(self.journal.append, answers)
        for answer in answers:
            self.stats.usage.update(answer.usage)
            for index, request in enumerate(self.waiting.pop(answer.key)):
                self.deliver(request, answer, reused=index > 0)
        if error is not None:
            raise error

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
        note = ", ".join(f"{count} {name}" for name, count in sorted(stats.outcomes.items()) if name != "ok")
        self.progress.step("asking", stats.asked + stats.reused, self.total, note)

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
        if self.halt.is_set():
            for call in self.calls:
                call.cancel()
            return
        self.halt.set()
        self.progress.say(
            f"Stopping: {len(self.calls)} calls in flight are being finished (Ctrl-C again: drop them). Run the same "
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
