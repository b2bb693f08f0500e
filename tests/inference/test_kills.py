"""SIGKILL at any moment, a full disk, a torn line: nothing paid for is lost, and hardly anything is paid for twice."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stub_server import Stub

from facial_r1.errors import FacialR1Error
from facial_r1.files import sha256_file
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Request
from facial_r1.inference.runner import AHEAD, ask

ROOT = Path(__file__).parents[2]
ROWS, FLIGHT = 2000, 32

CHILD = """
import sys
from pathlib import Path
from facial_r1.files import write_jsonl
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Request
from facial_r1.inference.runner import ask

folder, url, image, digest, rows, flight = Path(sys.argv[1]), *sys.argv[2:5], *map(int, sys.argv[5:])
backend = create("openai", model="teacher", base_url=url)
# Every 50th row is refused once, every 80th breaks once.
trouble = lambda i: " ⟦429;ok⟧" if i % 50 == 7 else " ⟦500;ok⟧" if i % 80 == 9 else ""
requests = [
    Request(f"r{i}", f"row {i}{trouble(i)}", f"h{i}", None, Path(image), digest, backend.params) for i in range(rows)
]
print("asking", flush=True)
with Journal(folder) as journal:
    ask(backend, iter(requests), journal, concurrency=flight, pause=0.01)
    lines = ({"id": r.sample_id, "text": journal[r.key(backend.model)].text} for r in requests)
    write_jsonl(folder / "answers.jsonl", lines)
"""


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a stub in a process of its own, with 20 ms to an answer."""
    server = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "stub_server.py", "0.02"], stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    server.kill()
    server.wait()


def counts(served: str) -> Counter[str]:
    with urllib.request.urlopen(f"{served}/stub/counts") as answer:
        return Counter(json.load(answer))


def run(folder: Path, served: str, picture: Path, after: float | None = None) -> bool:
    """One run, killed so many seconds after it began to ask; whether the kill hit it."""
    arguments = [folder, f"{served}/v1", picture, sha256_file(picture), ROWS, FLIGHT]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    if after is not None:
        time.sleep(after)
        child.send_signal(signal.SIGKILL)
    code = child.wait(120)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def troubled(i: int) -> bool:
    return i % 50 == 7 or i % 80 == 9


def kill_and_compare(tmp_path: Path, served: str, picture: Path, kills: int, longest: float) -> int:
    """Kill so many runs, finish, and compare with an uninterrupted run; how many kills hit."""
    dice, hits, folder = random.Random(kills), 0, tmp_path / "killed"
    for _ in range(kills):
        hits += run(folder, served, picture, dice.uniform(0, longest))
    assert not run(folder, served, picture)
    bill = counts(served)
    needed = ROWS + sum(map(troubled, range(ROWS)))
    assert len(bill) == ROWS
    assert bill.total() - needed <= hits * (FLIGHT + FLIGHT // AHEAD)
    run(tmp_path / "calm", served, picture)
    assert (folder / "answers.jsonl").read_bytes() == (tmp_path / "calm" / "answers.jsonl").read_bytes()
    assert counts(served).total() == bill.total() + ROWS, "the calm run is served without trouble by now"
    return hits


def test_two_kills(tmp_path: Path, served: str, picture: Path) -> None:
    assert kill_and_compare(tmp_path, served, picture, kills=2, longest=1.0) == 2


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path, served: str, picture: Path) -> None:
    assert kill_and_compare(tmp_path, served, picture, kills=20, longest=0.3) >= 15


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path, served: str, picture: Path) -> None:
    assert kill_and_compare(tmp_path, served, picture, kills=200, longest=0.1) >= 100


def test_a_full_disk_stops_the_run_and_loses_only_what_was_in_flight(
    stub: Stub, tmp_path: Path, about: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = create("openai", model="teacher", base_url=stub.url)
    requests = [about(backend, f"row {i}") for i in range(200)]
    real, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with Journal(tmp_path / "j") as journal, pytest.raises(FacialR1Error, match="make room and run the same command"):
        ask(backend, requests, journal, concurrency=8)
    monkeypatch.undo()
    asked = stub.counts.total()
    with Journal(tmp_path / "j") as journal:
        stats = ask(backend, requests, journal)
    assert stats.reused >= asked - 2 * 8
    assert stub.counts.total() <= 200 + 2 * 8


def test_a_torn_last_line_is_asked_again_and_nothing_else(
    stub: Stub, tmp_path: Path, about: Callable[..., Request]
) -> None:
    backend = create("openai", model="teacher", base_url=stub.url)
    requests = [about(backend, f"row {i}") for i in range(50)]
    with Journal(tmp_path / "j") as journal:
        ask(backend, requests, journal, concurrency=1)
    (path,) = (tmp_path / "j").glob("journal-*.jsonl")
    path.write_bytes(path.read_bytes()[:-20])
    with Journal(tmp_path / "j") as journal:
        stats = ask(backend, requests, journal)
    assert (stats.asked, stats.reused) == (1, 49)
    assert sorted(stub.counts.values()) == [1] * 49 + [2]
