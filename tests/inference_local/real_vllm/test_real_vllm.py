"""The real vLLM: its offline engine through our backend, and its server through ours and the official client.

``make test-vllm`` runs this in an environment that has vLLM; elsewhere it is skipped.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facial_r1.errors import FacialR1Error
from facial_r1.inference.backends import create
from facial_r1.inference.backends.vllm import create as create_vllm
from facial_r1.inference.journal import Journal
from facial_r1.inference.runner import ask as run

pytest.importorskip("vllm", reason="vLLM is not installed: `make test-vllm` brings its own environment")
torch = pytest.importorskip("torch")

SMALL: dict[str, Any] = {"dtype": "float32", "max_model_len": 1024, "enforce_eager": True, "max_tokens": 16}


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Iterator[Any]:
    backend: Any = create_vllm(tiny, batch=4, **SMALL)
    yield backend
    asyncio.run(backend.close())


@pytest.fixture(scope="module")
def mixed(engine: Any, question: Any, pictures: list[Path]) -> list[Any]:
    texts = ["Which emotion? " + "Look closely. " * number for number in range(9)]
    shown = [*pictures, None, None, None]
    return [question(text, picture, **engine.params) for text, picture in zip(texts, shown, strict=True)]


@pytest.fixture(scope="module")
def first(engine: Any, ask: Any, mixed: list[Any]) -> list[Any]:
    """The first answers; the engine starts for them."""
    return list(ask(engine, *mixed))


def test_it_counts_as_transformers_does(first: list[Any], tiny: Path, ask: Any, mixed: list[Any]) -> None:
    local = create("transformers", model=tiny, max_tokens=16)
    there = ask(local, *mixed)
    assert [answer.usage["input"] for answer in first] == [answer.usage["input"] for answer in there]
    assert [answer.key for answer in first] == [answer.key for answer in there]
    for answer in first:
        assert answer.outcome == "ok" or (answer.outcome, answer.usage["output"]) == ("cut_off", 16)
    assert len({answer.text for answer in first}) == len(first)


def test_an_equal_request_draws_equally_among_others(engine: Any, ask: Any, mixed: list[Any], first: list[Any]) -> None:
    texts = {answer.key: answer.text for answer in first}
    for answer in [*ask(engine, *mixed[::-1]), *ask(engine, mixed[4])]:
        assert answer.text == texts[answer.key]
    (anew,) = ask(engine, replace(mixed[4], attempt=1))
    assert anew.text not in texts.values()


def test_greedy_answers_are_those_of_transformers(engine: Any, tiny: Path, ask: Any, question: Any) -> None:
    request = question("Which emotion?", temperature=0.0, max_tokens=8)
    (here,) = ask(create("transformers", model=tiny), request)
    (there,) = ask(engine, request)
    assert there.text == here.text
    assert (there.outcome, there.usage) == (here.outcome, here.usage)


def test_what_cannot_be_asked_fails_alone(engine: Any, ask: Any, question: Any, tmp_path: Path) -> None:
    requests = [question("fine"), question("word " * 3000), question("x", tmp_path / "gone.png"), question("fine too")]
    found = ask(engine, *requests)
    assert [answer.outcome == "failed" for answer in found] == [False, True, True, False]
    assert "1024" in found[1].detail
    assert "there is no such file" in found[2].detail


def test_chunks_reach_the_journal(
    engine: Any, tiny: Path, tmp_path: Path, question: Any, pictures: list[Path], first: list[Any]
) -> None:
    backend = create_vllm(tiny, batch=4, **SMALL)
    backend.answer = engine.answer  # type: ignore[method-assign]  # the runner ends an engine after its run; this one goes on
    requests = [question(f"Which {number}?", pictures[number % 6], **backend.params) for number in range(11)]
    with Journal(tmp_path) as journal:
        stats = run(backend, requests, journal, concurrency=2)
        assert (stats.asked, len(journal), stats.outcomes["failed"]) == (11, 11, 0)
        assert run(backend, requests, journal).reused == 11


def test_a_lora_adapter_is_used(
    tiny: Path, tmp_path: Path, question: Any, ask: Any, first: list[Any], mixed: Any
) -> None:
    import peft
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(0)
    base = AutoModelForImageTextToText.from_pretrained(tiny)
    layers = r".*language_model.*\.(q_proj|v_proj)"  # not those of the vision tower
    config = peft.LoraConfig(r=4, lora_alpha=64, target_modules=layers, init_lora_weights=False)
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "lora")
    backend: Any = create_vllm(tmp_path / "lora", **SMALL)

    async def go() -> list[Any]:
        try:
            greedy = replace(mixed[0], params={**mixed[0].params, "temperature": 0.0})
            return list(await backend.answer([greedy, *mixed[1:3]]))
        finally:
            await backend.close()

    found = asyncio.run(go())
    local = create("transformers", model=tmp_path / "lora")
    (here,) = ask(local, replace(mixed[0], params={**mixed[0].params, "temperature": 0.0}))
    assert found[0].model == local.model
    assert found[0].text == here.text
    assert [answer.text for answer in found[1:]] != [answer.text for answer in first[1:3]]


def test_a_model_that_does_not_fit_is_one_error(tiny: Path, question: Any) -> None:
    backend: Any = create_vllm(tiny, **{**SMALL, "max_model_len": 10_000_000})

    async def go() -> None:
        try:
            await backend.answer([question("x")])
        finally:
            await backend.close()

    with pytest.raises(FacialR1Error, match="vLLM cannot load this model"):
        asyncio.run(go())


@pytest.fixture(scope="module")
def served(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of ``vllm serve`` with the tiny model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(sys.executable).parent / "vllm"
    limits = ["--max-model-len", "1024", "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "4"]
    command = [script, "serve", tiny, "--host", "127.0.0.1", "--port", str(port), *limits]
    log = tmp_path_factory.mktemp("server") / "log"
    with open(log, "wb") as handle:
        process = subprocess.Popen(command, stdout=handle, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        until = time.monotonic() + 300
        while not _up(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_the_server_answers_the_official_client(served: str, tiny: Path, pictures: list[Path]) -> None:
    import openai

    url = "data:image/png;base64," + base64.b64encode(pictures[0].read_bytes()).decode()
    content: Any = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Which emotion?"}]
    done = openai.OpenAI(base_url=served, api_key="none is needed here").chat.completions.create(
        model=str(tiny), messages=[{"role": "user", "content": content}], max_tokens=12, seed=1
    )
    assert done.choices[0].message.content
    assert done.usage is not None
    assert 1 <= done.usage.completion_tokens <= 12


def test_the_server_answers_our_backend(
    served: str, tiny: Path, pictures: list[Path], tmp_path: Path, question: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none is needed here")
    backend = create("openai", model=str(tiny), base_url=served, max_tokens=8)
    requests = [question(f"Which {number}?", pictures[number % 6], **backend.params) for number in range(12)]
    with Journal(tmp_path) as journal:
        stats = run(backend, requests, journal, concurrency=4)
        assert (stats.asked, stats.outcomes["failed"]) == (12, 0)
        found = {request.prompt: journal[request.key(backend.model)] for request in requests}
    local = create("transformers", model=tiny, max_tokens=8)
    for request in requests[:3]:
        (here,) = asyncio.run(local.answer([replace(request, params=local.params)]))
        assert found[request.prompt].usage["input"] == here.usage["input"]


@pytest.mark.gpu
def test_on_gpus(tiny: Path, question: Any, pictures: list[Path]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    backend: Any = create_vllm(tiny, max_tokens=16, gpu_memory_utilization=0.3)

    async def go() -> list[Any]:
        try:
            return list(await backend.answer([question(f"Which {n}?", pictures[n % 6]) for n in range(2000)]))
        finally:
            await backend.close()

    assert {answer.outcome for answer in asyncio.run(go())} <= {"ok", "cut_off"}
