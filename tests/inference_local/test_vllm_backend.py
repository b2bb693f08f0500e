"""The backend vllm, with a stand-in for vLLM in the engine's real process: what reaches it, outcomes, deaths.

``tests/vllm`` asks the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facial_r1.errors import CorruptState, FacialR1Error, InputError, MissingExtra, UsageError
from facial_r1.inference.backends import create
from facial_r1.inference.backends.vllm import _shares
from facial_r1.inference.journal import Journal
from facial_r1.inference.local.sampling import seed_of
from facial_r1.inference.protocol import Answer, Connected, Request
from facial_r1.inference.runner import ask as run

HERE = Path(__file__).parent


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is spawned gets this process' path, and with it the stand-in."""
    monkeypatch.syspath_prepend(str(HERE / "vllm_stand_in"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl", "vision_config": {}}')
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[Any]:
    backend = create("vllm", **options)
    try:
        yield backend
    finally:
        assert isinstance(backend, Connected)
        await backend.close()


def answers(requests: Sequence[Request], **options: Any) -> list[Answer]:
    async def go() -> list[Answer]:
        async with opened(**options) as backend:
            return list(await backend.answer(requests))

    return asyncio.run(go())


@pytest.mark.usefixtures("stand_in")
def test_what_is_asked_reaches_the_engine(folder: Path, question: Any, pictures: list[Path]) -> None:
    requests = [
        question("one", pictures[0]),
        question("grey", pictures[5], temperature=0.0),
        question("three", top_k=5, top_p=0.5, max_tokens=7),
    ]
    found = answers(requests, model=folder, dtype="bfloat16", max_model_len=2048, tensor_parallel=2, max_tokens=64)
    model = found[0].model
    assert model.startswith("qwen2_5_vl@")
    assert [answer.key for answer in found] == [request.key(model) for request in requests]
    assert {answer.outcome for answer in found} == {"ok"}
    assert [answer.usage for answer in found] == [{"input": 1, "output": 5}] * 3
    said = [json.loads(answer.text or "") for answer in found]
    assert [one["prompt"] for one in said] == ["one", "grey", "three"]
    assert [one["pictures"] for one in said] == [
        [["image_pil", "RGB", [100, 60]]],
        [["image_pil", "RGB", [100, 160]]],
        [],
    ]
    plain = {"max_tokens": 64, "temperature": 1.0, "top_p": 1.0, "top_k": 0}
    assert said[0]["params"] == {**plain, "seed": seed_of(found[0].key)}
    assert said[1]["params"] == {**plain, "temperature": 0.0, "seed": None}
    assert said[2]["params"] == {**plain, "top_k": 5, "top_p": 0.5, "max_tokens": 7, "seed": seed_of(found[2].key)}
    assert said[0]["options"] == {
        "tensor_parallel_size": 2,
        "dtype": "bfloat16",
        "max_model_len": 2048,
        "gpu_memory_utilization": 0.9,
        "enforce_eager": False,
        "limit_mm_per_prompt": {"image": 1, "video": 0},
    }
    assert (said[0]["model"], said[0]["lora"], said[0]["tqdm"]) == (str(folder), None, False)
    assert said[0]["telemetry"] == ["1", "1"]
    assert said[0]["process"] != os.getpid()
    assert said[0]["group"] == said[0]["process"]  # Ctrl-C at the terminal does not reach it


@pytest.mark.usefixtures("stand_in")
def test_outcomes(folder: Path, question: Any, tmp_path: Path) -> None:
    requests = [
        question("fine"),
        question("cut"),
        question("much too long"),
        question("seen", tmp_path / "gone.png"),
        question("abort"),
        question("fine too"),
    ]
    found = answers(requests, model=folder)
    assert [answer.outcome for answer in found] == ["ok", "cut_off", "failed", "failed", "failed", "ok"]
    assert [answer.text is None for answer in found] == [False, False, True, True, True, False]
    details = [answer.detail for answer in found]
    assert details[2] == "the prompt is longer than the maximum model length"
    assert details[3] == f"{tmp_path / 'gone.png'}: there is no such file."
    assert details[4] == "vLLM ended with 'abort'"
    assert [json.loads(found[place].text or "")["prompt"] for place in (0, 1, 5)] == ["fine", "cut", "fine too"]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("rank", "room"), [(1, 1), (4, 8), (16, 16), (33, 64)])
def test_a_lora_adapter_gets_room(folder: Path, tmp_path: Path, question: Any, rank: int, room: int) -> None:
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "adapter_config.json").write_text(json.dumps({"r": rank, "base_model_name_or_path": str(folder)}))
    (lora / "adapter_model.safetensors").write_bytes(b"lora")
    (answer,) = answers([question("x")], model=lora)
    said = json.loads(answer.text or "")
    assert "+lora@" in answer.model
    assert said["model"] == str(folder)
    assert said["lora"] == {"lora_name": "adapter", "lora_int_id": 1, "lora_path": str(lora)}
    assert (said["options"]["enable_lora"], said["options"]["max_lora_rank"]) == (True, room)


@pytest.mark.usefixtures("stand_in")
def test_two_engines_work_side_by_side(folder: Path, question: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facial_r1.inference.backends.vllm._shares", lambda *_: ["0,1", "2,3"])

    async def go() -> tuple[list[Answer], float]:
        async with opened(model=folder, tensor_parallel=2, data_parallel=2) as backend:
            await asyncio.gather(*(backend.answer([question("sleep 1.5")]) for _ in range(2)))  # both are up
            began = time.perf_counter()
            chunks = await asyncio.gather(*(backend.answer([question("sleep 2", seed=n)]) for n in range(2)))
            return [answer for chunk in chunks for answer in chunk], time.perf_counter() - began

    found, seconds = asyncio.run(go())
    said = [json.loads(answer.text or "") for answer in found]
    assert {one["gpus"] for one in said} == {"0,1", "2,3"}
    assert len({one["process"] for one in said}) == 2
    assert seconds < 3.6


@pytest.mark.usefixtures("stand_in")
def test_an_engine_stays_for_the_run_and_is_gone_after_it(folder: Path, tmp_path: Path, question: Any) -> None:
    backend = create("vllm", model=folder, batch=3)
    requests = [question(f"number {number}", **backend.params) for number in range(10)]
    with Journal(tmp_path / "journal") as journal:
        assert run(backend, requests, journal, concurrency=2).asked == 10
        processes = {json.loads(journal[r.key(backend.model)].text or "")["process"] for r in requests}
        assert len(processes) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(processes.pop(), 0)
        more = [question("another run", **backend.params)]
        assert run(backend, more, journal).asked == 1  # the same backend starts a new one


@pytest.mark.usefixtures("stand_in")
def test_a_dropped_chunk_is_not_waited_for(folder: Path, question: Any) -> None:
    async def go() -> float:
        async with opened(model=folder) as backend:
            await backend.answer([question("up")])
            call = asyncio.create_task(backend.answer([question("sleep 60")]))
            await asyncio.sleep(0.3)
            call.cancel()
            began = time.perf_counter()
        return time.perf_counter() - began

    assert asyncio.run(go()) < 5


@pytest.mark.usefixtures("stand_in")
def test_an_idle_engine_is_shut_down_in_good_order(
    folder: Path, tmp_path: Path, question: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUT_DOWN_FILE", str(tmp_path / "told"))
    answers([question("x")], model=folder)
    assert (tmp_path / "told").read_text() == "in good order"


def test_an_engine_ends_with_a_run_that_is_killed(folder: Path, tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from facial_r1.inference.backends import create
from facial_r1.inference.protocol import Request

async def main():
    backend = create("vllm", model={str(folder)!r})
    (answer,) = await backend.answer([Request("a", "x", "0" * 64)])
    print(answer.text, flush=True)
    await backend.answer([Request("a", "sleep 60", "1" * 64)])

if __name__ == "__main__":
    asyncio.run(main())
"""
    (tmp_path / "killed.py").write_text(code)
    path = os.pathsep.join([str(HERE / "vllm_stand_in"), str(HERE.parents[1])])
    run = subprocess.Popen(
        [sys.executable, tmp_path / "killed.py"], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    )
    assert run.stdout is not None
    engine = json.loads(run.stdout.readline())["process"]
    run.kill()
    run.wait()
    run.stdout.close()
    until = time.monotonic() + 10
    while Path(f"/proc/{engine}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{engine}").exists()


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (
            "x",
            {"max_model_len": 1},
            r"vLLM cannot load this model. Found: max_model_len is too small\. What to do: read",
        ),
        (
            "dead engine",
            {},
            r"vLLM's engine died. Found: EngineCore encountered an issue\. .*what was answered is kept",
        ),
        ("killed", {}, r"a process of the vLLM engine died.*ran out of memory"),
    ],
)
def test_deaths_are_one_clear_error(folder: Path, question: Any, text: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(FacialR1Error, match=says):
        answers([question(text)], model=folder, **options)


@pytest.mark.usefixtures("stand_in")
def test_a_text_model_may_be_asked_in_text_alone(folder: Path, question: Any, pictures: list[Path]) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    (answer,) = answers([question("x")], model=folder)
    assert "limit_mm_per_prompt" not in json.loads(answer.text or "")["options"]
    with pytest.raises(InputError, match=r"this model cannot be shown pictures.*Qwen2\.5-VL"):
        answers([question("x", pictures[0])], model=folder)


@pytest.mark.usefixtures("stand_in")
def test_a_picture_that_was_exchanged_is_not_asked_about(folder: Path, question: Any, pictures: list[Path]) -> None:
    exchanged = replace(question("seen", pictures[0]), image=pictures[1])
    with pytest.raises(CorruptState, match=r"1\.png: this picture is not the one that was chosen"):
        answers([exchanged], model=folder)


def test_without_vllm_the_extra_is_named(folder: Path) -> None:
    with pytest.raises(
        MissingExtra, match=r"the package vllm, which is not installed.*pip install 'facial-r1\[vllm\]'"
    ):
        create("vllm", model=folder)


@pytest.mark.usefixtures("stand_in")
def test_options_out_of_range_are_said(folder: Path) -> None:
    for name in ("tensor_parallel", "data_parallel", "batch"):
        with pytest.raises(UsageError, match=f"{name} must be positive. Found: 0"):
            create("vllm", model=folder, **{name: 0})
    with pytest.raises(UsageError, match="max_tokens is out of range"):
        create("vllm", model=folder, max_tokens=0)


def test_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = pytest.importorskip("torch").cuda
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert _shares(1, 1) == [""]
    assert _shares(4, 1) == [""]
    assert _shares(2, 2) == ["0,1", "2,3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,GPU-abc")
    assert _shares(1, 3) == ["5", "7", "GPU-abc"]
    with pytest.raises(
        UsageError, match=r"not enough GPUs. Found: data_parallel 2 × tensor_parallel 2. Expected: at most 3"
    ):
        _shares(2, 2)
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    assert _shares(1, 2) == ["", ""]
