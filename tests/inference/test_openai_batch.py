"""Batches: split, resumed, folded into outcomes, and never paid twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stub_batches import BatchStub

from facial_r1.errors import CorruptState, FacialR1Error, UsageError
from facial_r1.inference.backends import create, openai_batch
from facial_r1.inference.budget import Budget
from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import TABLE
from facial_r1.inference.protocol import Answer, Request
from facial_r1.inference.runner import Stats, ask
from facial_r1.progress import Progress

Ask = Callable[..., Request]
ROOT = Path(__file__).parents[2]


class Said(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., BatchStub]]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    servers: list[BatchStub] = []

    def start(*plan: str, queue: int | None = None) -> BatchStub:
        servers.append(server := BatchStub(list(plan), queue))
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


def batches(stub: BatchStub, **options: Any) -> Any:
    return create("openai-batch", model="gpt-4o-mini", base_url=stub.url, poll=0.01, **options)


class Talk:
    def __init__(self, folder: Path, about: Ask) -> None:
        self.folder, self.about, self.said = folder, about, Said()
        self.answers: dict[str, Answer] = {}

    def __call__(self, stub: BatchStub, prompts: Iterable[str], **options: Any) -> Stats:
        def then(request: Request, answer: Answer) -> Iterable[Request]:
            self.answers[request.prompt] = answer
            return ()

        backend = batches(stub, **options.pop("options", {}))
        with Journal(self.folder) as journal:
            requests = [self.about(backend, prompt) for prompt in prompts]
            return ask(backend, requests, journal, then=then, progress=self.said, **options)


@pytest.fixture
def talk(tmp_path: Path, about: Ask) -> Talk:
    return Talk(tmp_path / "journal", about)


ROWS = [f"row {i}" for i in range(30)]


def test_one_batch(serve: Callable[..., BatchStub], talk: Talk) -> None:
    """Results come in reverse, one of them twice, and one is somebody else's; each row gets its own."""
    stub = serve()
    stats = talk(stub, ROWS)
    assert {row: answer.text for row, answer in talk.answers.items()} == {
        row: f"<think>{row}</think><answer>joy</answer>" for row in ROWS
    }
    assert stats.asked == 30
    assert len(stub.batches) == 1
    line = json.loads(stub.files["file-0"].splitlines()[0])
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"]["messages"][0]["content"][0]["type"] == "image_url"
    assert line["body"]["max_tokens"] == 1024
    assert not list(talk.folder.rglob("*.input.jsonl")), "pictures are not kept twice"
    assert stub.deleted == ["file-0"], "and the provider does not keep them at all"


def test_outcomes_of_lines(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    talk(
        stub,
        [
            "good",
            "a ⟦refusal⟧",
            "b ⟦length⟧",
            "c ⟦filter⟧",
            "d ⟦400:content_filter:no⟧",
            "e ⟦400::too long⟧",
            "f ⟦500;ok⟧",
        ],
    )
    outcomes = {prompt[0]: answer.outcome for prompt, answer in talk.answers.items()}
    expected = {"g": "ok", "a": "refusal", "b": "cut_off", "c": "filtered", "d": "filtered", "e": "failed", "f": "ok"}
    assert outcomes == expected
    assert len(stub.batches) == 2
    assert stub.counts["f ⟦500;ok⟧"] == 2
    assert stub.counts.total() == 8, "only what a second try can heal is asked again"


@pytest.mark.parametrize(
    ("fate", "made", "asked", "words"),
    [
        ("expired:12", 2, 30, "ended as expired: 18 of 30 requests have no result"),
        ("lost:5", 2, 35, "ended as completed: 5 of 30 requests have no result"),
        ("badline", 2, 31, "1 of 30 requests have no result and are asked again; 2 lines of its results cannot"),
        ("slow:5", 1, 30, ""),
        ("cut", 1, 30, ""),
        ("hidden", 1, 30, ""),
    ],
)
def test_what_a_batch_left_open_goes_into_the_next(
    serve: Callable[..., BatchStub], talk: Talk, fate: str, made: int, asked: int, words: str
) -> None:
    stub = serve(fate)
    stats = talk(stub, ROWS)
    assert stats.outcomes == {"ok": 30}
    assert (len(stub.batches), stub.counts.total()) == (made, asked)
    assert words in "".join(talk.said.lines)
    assert bool(words) == bool(talk.said.lines)


def test_a_request_that_never_gets_a_result_is_failed(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve(*["expired:1"] + ["expired:0"] * 10)
    stats = talk(stub, ["a", "b"])
    assert stats.outcomes == {"ok": 1, "failed": 1}
    assert len(stub.batches) == openai_batch.TRIES
    detail = next(answer.detail for answer in talk.answers.values() if answer.outcome == "failed")
    assert detail == "given up after 4 batches: This request could not be executed in time."


def test_files_are_split_by_requests_bytes_and_tokens(
    serve: Callable[..., BatchStub], talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = serve()
    sizes = lambda: [batch["_size"] for batch in stub.batches.values()]  # noqa: E731
    monkeypatch.setattr(openai_batch, "MOST_REQUESTS", 8)
    talk(stub, [f"a{i}" for i in range(20)])
    assert sizes() == [8, 8, 4]
    line = len(stub.files["file-0"].splitlines()[0]) + 1
    monkeypatch.setattr(openai_batch, "MOST_BYTES", 5 * line + 4)
    talk(stub, [f"b{i}" for i in range(7)])
    assert sizes()[3:] == [5, 2]
    talk(stub, [f"c{i}" for i in range(7)], options={"queue_tokens": 3 * 2841})
    assert sizes()[5:] == [3, 3, 1]


def test_the_queue_is_not_overfilled(serve: Callable[..., BatchStub], talk: Talk) -> None:
    """No second batch is made while the first one fills the queue."""
    stub = serve("slow:3", "slow:3", "slow:3")
    most = 0
    create_batch = stub.create

    def watch(*arguments: Any) -> Any:
        nonlocal most
        reply = create_batch(*arguments)
        going = [b["_size"] for b in stub.batches.values() if b["status"] in ("validating", "in_progress")]
        most = max(most, sum(going))
        return reply

    stub.routes["POST", "/v1/batches"] = watch
    talk(stub, ROWS, options={"queue_tokens": 10 * 2842})
    assert most == 10
    assert len(stub.batches) == 3


def test_a_smaller_queue_than_stated_is_found_out(serve: Callable[..., BatchStub], talk: Talk) -> None:
    """The account's queue holds ten requests; the options say it holds all."""
    stub = serve(queue=1000)
    stats = talk(stub, ROWS)
    assert stats.outcomes == {"ok": 30}
    assert set(stub.counts.values()) == {1}
    assert any("queue is full (Enqueued token limit reached" in line for line in talk.said.lines)


def test_a_queue_that_others_fill_waits_for_ours_first(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve("slow:4", "full", "ok", "ok")
    stats = talk(stub, ROWS, options={"queue_tokens": 20 * 2842})
    assert stats.outcomes == {"ok": 30}
    assert set(stub.counts.values()) == {1}


def test_no_room_at_all(serve: Callable[..., BatchStub], talk: Talk) -> None:
    with pytest.raises(FacialR1Error, match="no room for a single request"):
        talk(serve(*["full"] * 20), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("code", "words"), [("model_not_found", "did not accept the batch"), ("invalid_json_line", "line 3")]
)
def test_a_batch_that_is_refused_stops_the_run(
    serve: Callable[..., BatchStub], talk: Talk, code: str, words: str
) -> None:
    with pytest.raises(FacialR1Error, match=words) as caught:
        talk(serve(f"invalid:{code}"), ROWS)
    assert code in str(caught.value)


def test_a_wrong_key_or_option_in_the_lines_stops_the_run(serve: Callable[..., BatchStub], talk: Talk) -> None:
    with pytest.raises(FacialR1Error, match="leave this option out"):
        talk(serve(), ["a ⟦400:unsupported_value:temperature⟧"])


def test_the_newer_name_of_the_limit_is_learnt(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    assert talk(stub, ["a ⟦newlimit⟧", "b ⟦newlimit⟧"]).outcomes == {"ok": 2}
    assert len(stub.batches) == 2


def test_ctrl_c_stops_the_waiting_and_the_next_run_goes_on(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve("slow:100000")
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        talk(stub, ROWS)
    assert time.monotonic() - begun < 5
    assert "what the provider has goes on there" in talk.said.lines[-1]
    stub.batches["batch_0"]["_looks"] = 0
    stats = talk(stub, ROWS)
    assert stats.outcomes == {"ok": 30}
    assert len(stub.batches) == 1
    assert stub.counts.total() == 30


def test_a_batch_that_nobody_wants_any_more_is_not_waited_for(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve("slow:100000")
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        talk(stub, ["an old row"])
    assert talk(stub, ["a new row"]).outcomes == {"ok": 1}


def test_a_file_that_cannot_be_deleted_is_said(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    del stub.routes["DELETE", "/v1/files/"]
    talk(stub, ["a"])
    assert "file-0 could not be deleted" in talk.said.lines[0]


def test_results_that_were_fetched_are_not_paid_again(serve: Callable[..., BatchStub], talk: Talk) -> None:
    """The journal is lost after the results came: they are still in the batches' folder."""
    stub = serve()
    talk(stub, ROWS)
    for path in talk.folder.glob("journal-*"):
        path.unlink()
    stats = talk(stub, [*ROWS, "a new row"])
    assert stats.outcomes == {"ok": 31}
    assert stub.counts.total() == 31
    assert len(stub.batches) == 2


def test_what_failed_is_asked_again_when_it_is_wanted(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    talk(stub, ["good", "bad ⟦400::too long;ok⟧"])
    assert talk(stub, ["good", "bad ⟦400::too long;ok⟧"]).outcomes == {"ok": 1, "failed": 1}
    assert talk(stub, ["good", "bad ⟦400::too long;ok⟧"], retry_failed=True).outcomes == {"ok": 2}
    assert stub.counts.total() == 3


def test_two_processes_do_not_share_batches(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    other = batches(stub)
    other.open(talk.folder, Progress())
    with pytest.raises(FacialR1Error, match="another process works with these batches"):
        talk(stub, ROWS)
    other.state.close()
    talk(stub, ROWS)


def test_a_record_that_is_none(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    talk(stub, ["a"])
    (path,) = talk.folder.glob("batches/batch-*[0-9a-f].json")
    path.write_text("{")
    with pytest.raises(CorruptState, match="no record of a batch"):
        talk(stub, ["b"])


def test_caps_and_cost(serve: Callable[..., BatchStub], talk: Talk) -> None:
    stub = serve()
    with pytest.raises(FacialR1Error, match="--max-requests 12"):
        talk(stub, ROWS, budget=Budget(max_requests=12))
    assert stub.counts.total() == 12
    stats = talk(stub, ROWS, budget=Budget(TABLE["gpt-4o-mini"], batch=True))
    assert stats.cost == pytest.approx(0.5 * 18 * ((2833 + 8) * 0.15e-6 + 11 * 0.6e-6), rel=0.02)


def test_a_server_without_batches(stub: Any, about: Ask, tmp_path: Path) -> None:
    backend = create("openai-batch", model="m", base_url=stub.url, poll=0.01)
    with Journal(tmp_path / "j") as journal, pytest.raises(FacialR1Error, match="check that m is served"):
        ask(backend, [about(backend, "a")], journal)


def test_options() -> None:
    with pytest.raises(UsageError, match="queue_tokens must be positive"):
        create("openai-batch", model="m", base_url="http://localhost:1/v1", queue_tokens=0)


CHILD = """
import sys
from pathlib import Path
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Request
from facial_r1.inference.runner import ask

backend = create("openai-batch", model="teacher", base_url=sys.argv[2], poll=0.02, queue_tokens=700)
requests = [Request(f"r{i}", f"row {i}", f"h{i}", params=backend.params) for i in range(400)]
print("asking", flush=True)
with Journal(Path(sys.argv[1])) as journal:
    print(ask(backend, requests, journal).outcomes, flush=True)
"""


@pytest.mark.parametrize(
    "after", [0.1, 0.3, pytest.param(0.2, marks=pytest.mark.slow), pytest.param(0.5, marks=pytest.mark.slow)]
)
def test_a_kill_at_any_point_pays_nothing_twice(tmp_path: Path, after: float) -> None:
    """Each batch is known before it is waited for, or found again by its file."""
    server = subprocess.Popen([sys.executable, ROOT / "tests/inference/stub_batches.py"], stdout=subprocess.PIPE)
    assert server.stdout is not None
    url = f"http://127.0.0.1:{int(server.stdout.readline())}"
    command = [sys.executable, "-c", CHILD, str(tmp_path / "j"), f"{url}/v1"]
    for _ in range(2):
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(after)
        child.kill()
        child.wait()
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    assert "Counter({'ok': 400})" in done.stdout
    with urllib.request.urlopen(f"{url}/stub/counts") as answer:
        counts = json.load(answer)
    server.kill()
    server.wait()
    assert len(counts) == 400
    assert set(counts.values()) == {1}
