"""OpenAI's Batch API: half the price, results within a day.

Requests are written into files that hold at most 50,000 of them, 200 MB, and no more tokens than the account may
queue; files wait until there is room. One call of the runner ends when all its requests have a result, which may be
tomorrow: Ctrl-C stops the waiting, not the batches, and the same command goes on with them.

Results come in any order and may come twice; a batch may expire half done, and its error file may hold anything. What
has a result is answered, what has none goes into a further batch, at most :data:`TRIES` times.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from openai.types import Batch

from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.files import atomic
from facial_r1.inference.backends.openai import sampling
from facial_r1.inference.prices import price_of
from facial_r1.inference.protocol import Answer, Backend, Request, TransientError
from facial_r1.inference.remote.batch_lines import PATH, answer_of, fault_in, request_line
from facial_r1.inference.remote.batches import Batches, Submission
from facial_r1.inference.remote.chat import NEW_LIMIT
from facial_r1.inference.remote.client import Client, Refused, known_as
from facial_r1.inference.remote.faults import Fault
from facial_r1.inference.remote.pictures import DataUris
from facial_r1.inference.tokens import expected
from facial_r1.progress import Progress

__all__ = ["TRIES", "create"]

TRIES = 4
"""Batches that a request may go into, before it is ``failed``."""

MOST_REQUESTS = 50_000
MOST_BYTES = 190_000_000
"""Limits of one file; the provider's are 50,000 and 200 MB."""

_ENDED = ("completed", "failed", "expired", "cancelled")
_HICCUPS = 20
_T = TypeVar("_T")


def create(
    model: str,
    base_url: str | None = None,
    detail: str = "low",
    max_tokens: int = 1024,
    temperature: float | None = 1.0,
    top_p: float | None = None,
    seed: int | None = None,
    schema: Mapping[str, Any] | None = None,
    queue_tokens: int = 2_000_000,
    poll: float = 30.0,
) -> Backend:
    """A backend for one model through batches.

    Args:
        model, base_url, detail, max_tokens, temperature, top_p, seed, schema: as for ``openai``.
        queue_tokens: input tokens that the account may have in the queue; the default is the lowest tier's.
        poll: seconds between two looks at the batches.

    Raises:
        UsageError: for a wrong option, or when the key is missing (environment variable OPENAI_API_KEY).
    """
    if queue_tokens < 1:
        raise UsageError("queue_tokens must be positive", found=queue_tokens)
    params = sampling(detail, max_tokens, temperature, top_p, seed, schema)
    return _OpenAIBatch(Client(model, base_url, timeout=600.0), params, queue_tokens, poll)


class _OpenAIBatch:
    name = "openai-batch"
    batch = 20_000

    def __init__(self, client: Client, params: Mapping[str, Any], queue_tokens: int, poll: float) -> None:
        self.client, self.params = client, params
        self.model = known_as(client.model)
        self.endpoint: str | None = client.endpoint
        self.pictures = DataUris()
        self.queue_tokens, self.poll = queue_tokens, poll
        self.progress = Progress()
        self._price = price_of(client.model)
        self._limit = "max_tokens"
        self._tries: Counter[str] = Counter()
        self._why: dict[str, str] = {}  # key → what its last batch said
        self._state: Batches | None = None

    def open(self, folder: Path, progress: Progress) -> None:
        self.progress = progress
        if self._state is None:
            self._state = Batches(folder / "batches")
            for submission in self._state.all.values():
                if submission.done:  # only answers count: what failed then is asked anew
                    self._fold(submission, judge=False)

    async def close(self) -> None:
        if self._state is not None:
            self._state.close()
            self._state = None
        await self.client.close()

    @property
    def state(self) -> Batches:
        assert self._state is not None, "the runner calls open() first"
        return self._state

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        wanted = {request.key(self.model): request for request in requests}
        found: dict[str, Answer] = {}
        waits = 0
        while True:
            self._take(wanted, found)
            under_way = {key for submission in self.state.open() for key in submission.keys}
            missing = [wanted[key] for key in wanted if key not in found and key not in under_way]
            if len(found) == len(wanted):
                return [found[key] for key in wanted]
            await self._submit(missing)
            note = ", ".join(f"{n} {status}" for status, n in Counter(s.status for s in self.state.open()).items())
            self.progress.step("waiting for batches", len(found), len(wanted), note)
            await asyncio.sleep(self.poll if waits else min(1.0, self.poll))
            waits += 1
            for submission in self.state.open():
                await self._look(submission)

    def _take(self, wanted: Mapping[str, Request], found: dict[str, Answer]) -> None:
        """Answer what has a result, and what was tried often enough."""
        for key in wanted.keys() - found.keys():
            request = wanted[key]
            if key in self.state.results:
                try:
                    found[key] = answer_of(self.state.line(key), request, self.model)
                except TransientError as problem:
                    del self.state.results[key]
                    self._again(key, problem.what)
            if key not in found and self._tries[key] >= TRIES:
                detail = f"given up after {TRIES} batches: {self._why.get(key, 'no result')}"
                found[key] = Answer(key, request.sample_id, "failed", None, self.model, request.attempt, detail=detail)

    def _again(self, key: str, why: str) -> None:
        self._tries[key] += 1
        self._why[key] = why

    # Submitting

    async def _submit(self, missing: Sequence[Request]) -> None:
        """Hand over what fits into the queue: unfinished business first, then new files."""
        for submission in self.state.open():
            if submission.batch_id is None:
                await self._hand_over(submission, resumed=True)
        rest = list(reversed(missing))
        while rest:
            room = self.queue_tokens - sum(submission.tokens for submission in self.state.open())
            written = self._write(rest, room)
            if written is None:
                return  # the queue is full; a batch that ends makes room
            await self._hand_over(written)

    def _write(self, rest: list[Request], room: int) -> Submission | None:
        """A file with as many of the last of ``rest`` as its limits and the queue's ``room`` allow; None for none."""
        keys: list[str] = []
        size = tokens = 0
        alone = not self.state.open()
        submission = self.state.add(keys, self._limit)
        with atomic(self.state.lines(submission)) as handle:
            while rest and len(keys) < MOST_REQUESTS:
                request = rest[-1]
                key, need = request.key(self.model), expected(request, self._price)["input"]
                line = request_line(request, key, self.client.model, self.pictures(request), self._limit)
                first = alone and not keys  # a request larger than the queue still goes, alone
                if not first and (tokens + need > room or size + len(line) > MOST_BYTES):
                    break
                handle.write(line)
                keys.append(key)
                rest.pop()
                size, tokens = size + len(line), tokens + need
        if not keys:
            self.state.lines(submission).unlink()
            del self.state.all[submission.name]
            return None
        submission.tokens = tokens
        self.state.save(submission)
        return submission

    async def _hand_over(self, submission: Submission, *, resumed: bool = False) -> None:
        """Upload and create, each step on disk before the next; a batch that exists is found, not made again."""
        api, path = self.client.api, self.state.lines(submission)
        if submission.file_id is None:
            upload = await self._patiently(lambda: api.files.create(file=path, purpose="batch"))
            submission.file_id = upload.id
            self.state.save(submission)
        uploaded, looked = submission.file_id, resumed

        async def make() -> Batch:
            nonlocal looked
            if looked:
                async for batch in api.batches.list(limit=100):
                    if batch.input_file_id == uploaded:
                        return batch
            looked = True  # from now on an error may hide a batch that was made
            return await api.batches.create(input_file_id=uploaded, endpoint=PATH, completion_window="24h")

        batch = await self._patiently(make)
        submission.batch_id, submission.status = batch.id, batch.status
        self.state.save(submission)
        path.unlink(missing_ok=True)

    # Waiting and fetching

    async def _look(self, submission: Submission) -> None:
        """Ask how far a batch is; when it ended, fetch its results."""
        api, name = self.client.api, submission.batch_id
        assert name is not None
        batch = await self._patiently(lambda: api.batches.retrieve(name))
        submission.status = batch.status
        if batch.status not in _ENDED:
            return
        for kind, file_id in (("output", batch.output_file_id), ("error", batch.error_file_id)):
            if file_id is not None:
                await self._fetch(file_id, self.state.output(submission, kind))
        await self._forget(batch.input_file_id)
        submission.done = True
        self.state.save(submission)
        if batch.status == "failed":
            self._failed(submission, batch)
        else:
            self._fold(submission, judge=True)

    async def _fetch(self, file_id: str, path: Path) -> None:
        async def stream() -> None:
            async with self.client.api.files.with_streaming_response.content(file_id) as response:
                with atomic(path) as handle:
                    async for block in response.iter_bytes(1 << 20):
                        handle.write(block)

        await self._patiently(stream)

    async def _forget(self, file_id: str) -> None:
        """Delete the uploaded lines: they hold pictures, which the provider would keep."""
        try:
            async with self.client.judged():
                await self.client.api.files.delete(file_id)
        except FacialR1Error as error:
            self.progress.say(f"The uploaded file {file_id} could not be deleted ({error}): delete it by hand.")

    def _fold(self, submission: Submission, *, judge: bool) -> None:
        """Note where every result of a finished batch is; with ``judge`` also what came to nothing, and why."""
        why = dict.fromkeys(submission.keys, f"the batch {submission.batch_id} ended as {submission.status} without it")
        bad = 0
        for key, path, offset, line in self.state.read(submission):
            bad += not key
            if key not in why:
                continue  # a foreign line, or a second result: the first one stands
            fault = fault_in(line, model=self.client.model, endpoint=self.client.endpoint)
            if fault is None or (judge and fault.kind in ("failed", "filtered")):
                self.state.results[key] = path, offset
                del why[key]
            elif judge:
                self._heed(fault, submission)
                why[key] = fault.detail
        if not judge:
            return
        for key, words in why.items():
            self._again(key, words)
        if why or bad:
            lines = f"; {bad} lines of its results cannot be read" if bad else ""
            self.progress.say(
                f"Batch {submission.batch_id} ended as {submission.status}: {len(why)} of {len(submission.keys)} "
                f"requests have no result and are asked again{lines}."
            )

    def _heed(self, fault: Fault, submission: Submission) -> None:
        """Stop for what every request would meet, except for the limit's newer name: that is learnt."""
        if NEW_LIMIT in fault.detail and submission.limit != NEW_LIMIT:
            self._limit = NEW_LIMIT
        elif fault.kind == "stop":
            raise FacialR1Error(f"the provider refuses {self.client.model}", found=fault.detail, do=fault.do)

    def _failed(self, submission: Submission, batch: Batch) -> None:
        """A batch that was not begun: the queue was full, or its file is wrong."""
        errors = (batch.errors.data if batch.errors else None) or []
        code, message = (errors[0].code, errors[0].message) if errors else (None, None)
        if code != "token_limit_exceeded":
            where = f" (line {errors[0].line})" if errors and errors[0].line else ""
            raise FacialR1Error(
                f"the provider did not accept the batch {batch.id}",
                found=f"{code or 'no code'}: {message or 'no message'}{where}",
                do="correct the options; nothing of this batch was paid",
            )
        queued = sum(submission.tokens for submission in self.state.open())
        self.queue_tokens = queued
        if not queued:  # nothing of ours is in the queue: it is smaller than we were told
            if len(submission.keys) == 1:
                do = "wait until other batches of the account have ended, then run the same command again"
                raise FacialR1Error("the provider's queue has no room for a single request", found=message, do=do)
            self.queue_tokens = max(1, submission.tokens // 2)
        self.progress.say(f"The provider's queue is full ({message}); {len(submission.keys)} requests wait.")

    async def _patiently(self, make: Callable[[], Awaitable[_T]]) -> _T:
        """The result of a call, repeated through hiccups: a day of waiting must not end with a lost connection."""
        for hiccup in range(_HICCUPS):
            try:
                async with self.client.judged():
                    result = await make()
                if isinstance(result, str):  # what the client makes of a page that is not JSON
                    do = "correct base_url; it often ends in /v1"
                    raise FacialR1Error("this is no OpenAI API with batches", found=self.client.endpoint, do=do)
                return result
            except Refused as refusal:
                raise FacialR1Error(f"{self.client.endpoint} refuses the batch", found=refusal.what) from None
            except TransientError as problem:
                await asyncio.sleep(max(problem.retry_after, min(self.poll * 2**hiccup, 60.0)))
        raise FacialR1Error(
            f"{self.client.endpoint} cannot be reached any more",
            do="run the same command again; the batches go on meanwhile and are not paid twice",
        )
