"""A real server that speaks OpenAI's API, with the tiny model: asked by the official client and by our backend."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.runner import ask as run

pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none is needed here")


def test_the_official_client_is_answered_about_a_picture(server: str, tiny: Path, pictures: list[Path]) -> None:
    url = "data:image/png;base64," + base64.b64encode(pictures[0].read_bytes()).decode()
    content: Any = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Which emotion?"}]
    done = openai.OpenAI(base_url=server, max_retries=0).chat.completions.create(
        model=str(tiny), messages=[{"role": "user", "content": content}], max_tokens=12, temperature=1.0
    )
    assert done.usage is not None
    assert done.usage.completion_tokens == 12
    assert done.choices[0].finish_reason == "length"
    assert done.choices[0].message.content


def test_our_backend_counts_as_the_server_does(
    server: str, tiny: Path, pictures: list[Path], ask: Any, question: Any
) -> None:
    served = create("openai", model=str(tiny), base_url=server, max_tokens=8)
    local = create("transformers", model=tiny, max_tokens=8)
    requests = [question("Which emotion?", pictures[0]), question("Which emotion?"), question("Why?", pictures[5])]
    for request in requests:
        (there,) = ask(served, replace(request, params=served.params))
        (here,) = ask(local, replace(request, params=local.params))
        assert there.outcome == "cut_off"
        assert there.text
        assert there.usage["input"] == here.usage["input"]
        assert there.usage["output"] == 8


def test_a_run_against_the_server_and_again_without_it(
    server: str, tiny: Path, pictures: list[Path], tmp_path: Path, question: Any
) -> None:
    backend = create("openai", model=str(tiny), base_url=server, max_tokens=4)
    requests = [question(f"Which {number}?", pictures[number % 6], **backend.params) for number in range(12)]
    with Journal(tmp_path) as journal:
        stats = run(backend, requests, journal, concurrency=4)
        assert (stats.asked, stats.outcomes["failed"]) == (12, 0)
    nowhere = create("openai", model=str(tiny), base_url="http://127.0.0.1:9/v1", max_tokens=4)
    with Journal(tmp_path) as journal:
        assert run(nowhere, requests, journal).reused == 12
