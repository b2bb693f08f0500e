"""How much of a server's speed the runner passes on, with every answer durable, and what it keeps in memory.

    .venv/bin/python benchmarks/inference.py
    ROWS=100000 .venv/bin/python benchmarks/inference.py     # the memory of the full size; minutes

The server is the tests' stub in a process of its own. Every request carries a picture, except where memory is
measured by the number of rows alone. *Ideal* is connections ÷ latency. *Bare sockets* are as many connections that send
one ready-made request over and over and look at no answer: what the stub and the machine allow. The bare gather is the
official client with as many workers, which keeps nothing; the synchronous loop is what research scripts usually do.

Of the runner's run at 200 ms some 0.4 s are beginning and end, whatever the number of rows: half of the connections in
the first round, all connections made at once, and the last round, in which they fall silent one by one. So the run has
many rounds (``ROUNDS``), as a real one has.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measure import Job, Result, Timed, main, measure, table, timed

STUB = Path(__file__).parents[1] / "tests" / "inference" / "stub_server.py"
CONNECTIONS = 64
LATENCY = 0.2
ROUNDS = 200
ROWS = int(os.environ.get("ROWS", "20000"))
REPEATS = 3
PROMPT = "Describe the face. " * 100
ANSWER_LIMIT = 512


@contextlib.contextmanager
def served(latency: float) -> Iterator[str]:
    """The address of a stub with this latency in seconds."""
    server = subprocess.Popen([sys.executable, STUB, str(latency)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.kill()
        server.wait()


def runner(data: Path, argument: str) -> Timed:
    """The ``openai`` backend under the runner; ``url rows pictures attempts``. A row is asked once per attempt."""
    from facial_r1.files import sha256_file
    from facial_r1.inference.backends import create
    from facial_r1.inference.journal import Journal
    from facial_r1.inference.protocol import Answer, Request
    from facial_r1.inference.runner import ask

    url, rows, pictures, attempts = argument.split()
    backend: Any = create("openai", model="m", base_url=url, max_tokens=ANSWER_LIMIT)
    files = [(path, sha256_file(path)) for path in sorted(data.glob("*.png"))[: int(pictures)]]

    def request(row: int, attempt: int = 0) -> Request:
        image, digest = files[row % len(files)] if files else (None, None)
        return Request(str(row), f"{PROMPT}{row}", f"h{row}", None, image, digest, backend.params, attempt)

    def then(asked: Request, _answer: Answer) -> Iterable[Request]:
        following = asked.attempt + 1
        return [request(int(asked.sample_id), following)] if following < int(attempts) else []

    def work() -> int:
        with tempfile.TemporaryDirectory() as folder, Journal(Path(folder)) as journal:
            requests = (request(row) for row in range(int(rows)))
            return ask(backend, requests, journal, then=then, concurrency=CONNECTIONS).asked

    result = timed(work)
    encoded: int = backend.pictures.encoded
    assert encoded <= max(1, len(files)), "a picture was encoded twice"
    return result


def messages(data: Path, row: int) -> list[dict[str, Any]]:
    """What a script sends for one row: the picture read and encoded each time."""
    picture = base64.b64encode(sorted(data.glob("*.png"))[0].read_bytes()).decode()
    url = {"url": f"data:image/png;base64,{picture}", "detail": "low"}
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": f"{PROMPT}{row}"}, {"type": "image_url", "image_url": url}],
        }
    ]


def gather(data: Path, argument: str) -> Timed:
    """Workers over one iterator with the official client; nothing is kept. ``url rows``."""
    from openai import AsyncOpenAI

    url, rows = argument.split()

    async def work() -> int:
        client = AsyncOpenAI(api_key="none", base_url=url, max_retries=0)
        numbers = iter(range(int(rows)))

        async def worker() -> int:
            done = 0
            for row in numbers:
                sent: Any = messages(data, row)
                answer = await client.chat.completions.create(
                    model="m", messages=sent, max_tokens=ANSWER_LIMIT, temperature=1.0
                )
                done += answer.choices[0].message.content is not None
            return done

        return sum(await asyncio.gather(*(worker() for _ in range(CONNECTIONS))))

    return timed(lambda: asyncio.run(work()))


class _Repeated(asyncio.Protocol):
    """A connection that sends ``request`` so many times, each time that an answer came (they fit into one segment)."""

    def __init__(self, request: bytes, times: int, done: asyncio.Future[None]) -> None:
        self.request, self.left, self.done = request, times, done

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, _: bytes) -> None:
        self.left -= 1
        if self.left:
            self.transport.write(self.request)
        else:
            self.done.set_result(None)
            self.transport.close()


def sockets(data: Path, argument: str) -> Timed:
    """The same bytes over bare connections: the limit of stub and machine. ``url rows``."""
    url, rows = argument.split()
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(
        {"model": "m", "messages": messages(data, 0), "max_tokens": ANSWER_LIMIT, "temperature": 1.0}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    times = int(rows) // CONNECTIONS

    async def work() -> int:
        running = asyncio.get_running_loop()
        done = [running.create_future() for _ in range(CONNECTIONS)]
        for one in done:
            await running.create_connection(partial(_Repeated, head.encode() + body, times, one), host, int(port))
        await asyncio.gather(*done)
        return times * CONNECTIONS

    return timed(lambda: asyncio.run(work()))


def loop(data: Path, argument: str) -> Timed:
    """One request after the other, the results written when all are there. ``url rows``."""
    from openai import OpenAI

    url, rows = argument.split()
    client = OpenAI(api_key="none", base_url=url, max_retries=0)

    def work() -> int:
        texts = []
        for row in range(int(rows)):
            sent: Any = messages(data, row)
            answer = client.chat.completions.create(model="m", messages=sent, max_tokens=ANSWER_LIMIT, temperature=1.0)
            texts.append(answer.choices[0].message.content)
        return len(texts)

    return timed(work)


JOBS: dict[str, Job] = {"runner": runner, "sockets": sockets, "gather": gather, "loop": loop}


def pictures(folder: Path) -> Path:
    """Fifty pictures of 256 × 256 grey pixels, as a corpus has them."""
    import cv2
    import numpy as np

    dice = np.random.default_rng(0)
    for number in range(50):
        face = cv2.GaussianBlur(dice.integers(0, 255, (256, 256), dtype=np.uint8), (0, 0), 3)
        cv2.imwrite(str(folder / f"{number:02}.png"), face)
    return folder


def speed(data: Path) -> None:
    """Requests a second beside the ideal, the bare client and the loop."""
    ideal, rows = CONNECTIONS / LATENCY, CONNECTIONS * ROUNDS
    with served(LATENCY) as url:
        ours = measure(__file__, "runner", data, f"{url} {rows} 50 1", REPEATS)
        wire = measure(__file__, "sockets", data, f"{url} {rows}")
        bare = measure(__file__, "gather", data, f"{url} {rows}", REPEATS)
        slow = measure(__file__, "loop", data, f"{url} 20")
    head = ("200 ms, 64 connections", "requests/s", "of the ideal", "CPU ms a request", "goal")
    lines = [("ideal", f"{ideal:.0f}", "100%", "", ""), _line("bare sockets", wire, ideal, None)]
    lines += [_line("runner, durable", ours, ideal, 0.95), _line("bare gather", bare, ideal, None)]
    lines += [_line("synchronous loop", slow, ideal, None)]
    table("A server that takes 200 ms", head, lines)
    with served(0) as url:
        bare = measure(__file__, "gather", data, f"{url} 2000", REPEATS)
        ours = measure(__file__, "runner", data, f"{url} 2000 50 1", REPEATS)
        slow = measure(__file__, "loop", data, f"{url} 500", REPEATS)
    head = ("0 ms, 64 connections", "requests/s", "of the bare gather", "CPU ms a request", "goal")
    lines = [_line("bare gather", bare, bare.rate, None), _line("runner, durable", ours, bare.rate, 0.9)]
    table("A server that answers at once", head, [*lines, _line("synchronous loop", slow, bare.rate, None)])


def memory(data: Path) -> None:
    """Peak memory by the number of rows, and that attempts share one encoded picture."""
    with served(0) as url:
        few = measure(__file__, "runner", data, f"{url} 1000 50 3")
        many = measure(__file__, "runner", data, f"{url} {ROWS} 50 1")
    growth = many.peak - few.peak
    goal = "met" if growth < 50 else "missed"
    lines = [("1,000 rows, three attempts each", f"{few.peak:.0f}", "", "")]
    lines += [(f"{ROWS:,} rows", f"{many.peak:.0f}", f"{growth:+.0f}", goal)]
    table(
        "Memory (goal: under 50 MB of growth; no picture was encoded twice)",
        ("run", "peak MB", "growth", "goal"),
        lines,
    )


def _line(name: str, result: Result, full: float, goal: float | None) -> tuple[str, ...]:
    share = result.rate / full
    verdict = "" if goal is None else f"≥ {goal:.0%} {'met' if share >= goal else 'missed'}"
    return name, f"{result.rate:,.0f}", f"{share:.0%}", f"{1000 * result.cpu / result.rows:.2f}", verdict


def report() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        data = pictures(Path(folder))
        speed(data)
        memory(data)


if __name__ == "__main__":
    main(JOBS, report)
