"""The backend transformers on the tiny model: batches, sampling that depends on nobody else, outcomes, clear errors."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from facial_r1.errors import CorruptState, FacialR1Error, InputError, MissingExtra, UsageError
from facial_r1.inference.backends import create
from facial_r1.inference.journal import Journal
from facial_r1.inference.local.generation import _Draw
from facial_r1.inference.local.sampling import Sampling
from facial_r1.inference.protocol import Backend
from facial_r1.inference.runner import ask as run

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def backend(tiny: Path) -> Backend:
    return create("transformers", model=tiny, max_tokens=16)


@pytest.fixture(scope="module")
def mixed(question: Any, pictures: list[Path]) -> list[Any]:
    """Ten requests: long and short, six with pictures of several sizes, four without."""
    texts = ["Which emotion? " + "Look closely. " * (3 * number) for number in range(10)]
    return [question(text, picture) for text, picture in zip(texts, [*pictures, None, None, None, None], strict=True)]


def test_the_answers_come_in_order_with_their_usage(backend: Backend, ask: Any, mixed: list[Any]) -> None:
    answers = ask(backend, *mixed)
    assert [answer.key for answer in answers] == [request.key(backend.model) for request in mixed]
    assert [answer.sample_id for answer in answers] == [request.sample_id for request in mixed]
    assert {answer.model for answer in answers} == {backend.model}
    assert backend.model.startswith("qwen2_5_vl@")
    for answer in answers:
        assert answer.outcome == "ok" or (answer.outcome, answer.usage["output"]) == ("cut_off", 16)
        assert "<|" not in (answer.text or "")


def test_input_tokens_are_those_of_the_question(
    backend: Backend, ask: Any, question: Any, pictures: list[Path]
) -> None:
    text, shown = ask(backend, question("Which?"), question("Which?", pictures[0]))
    assert shown.usage["input"] == text.usage["input"] + 2 + 8  # two marks, and 100 × 60 pixels as 4 × 2 patches


@pytest.fixture(scope="module")
def lively(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Backend:
    """The tiny model with louder layers: its likeliest token depends on the question, not on the last token alone."""
    from transformers import AutoModelForImageTextToText

    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("lively") / "model")
    model = AutoModelForImageTextToText.from_pretrained(tiny)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "layers" in name and "norm" not in name:
                weights.mul_(10)
    model.save_pretrained(folder)
    return create("transformers", model=folder, max_tokens=16)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_does_not_depend_on_its_neighbours(
    lively: Backend, ask: Any, mixed: list[Any], temperature: float
) -> None:
    backend = lively
    requests = [replace(request, params={"temperature": temperature, "top_p": 0.95}) for request in mixed]
    together = {answer.key: answer.text for answer in ask(backend, *requests)}
    shuffled = random.Random(1).sample(requests, len(requests))
    for start in range(0, len(shuffled), 3):
        for answer in ask(backend, *shuffled[start : start + 3]):
            assert answer.text == together[answer.key]
    assert len(set(together.values())) >= len(requests) - 3 * (temperature == 0)


def test_a_further_attempt_and_a_seed_draw_anew(backend: Backend, ask: Any, question: Any) -> None:
    requests = [question("Which?"), question("Which?", attempt=1), question("Which?", seed=1), question("Which?")]
    first, second, seeded, again = ask(backend, *requests)
    assert len({first.text, second.text, seeded.text}) == 3
    assert again.text == first.text
    assert second.attempt == 1


def test_the_picture_reaches_the_model(tiny: Path, question: Any, pictures: list[Path]) -> None:
    from facial_r1.inference.local.checkpoints import open_checkpoint
    from facial_r1.inference.local.generation import Generator
    from facial_r1.pictures import load_picture

    generator = Generator(open_checkpoint(tiny), "cpu", "float32")
    first, second = (generator.encode("Which?", load_picture(path)[:60, :60]) for path in pictures[:2])
    assert torch.equal(first["input_ids"], second["input_ids"])
    with torch.inference_mode():
        one, other = (generator.model(**made).logits[0, -1] for made in (first, second))
    assert not torch.allclose(one, other, atol=1e-6)


def test_requests_with_different_parameters_may_share_a_call(backend: Backend, ask: Any, question: Any) -> None:
    requests = [question("Which?", max_tokens=tokens, temperature=1.0) for tokens in (2, 5, 2, 7)]
    assert [answer.usage["output"] for answer in ask(backend, *requests)] == [2, 5, 2, 7]


def test_an_end_of_its_own_is_ok_and_the_limit_is_cut_off(tiny: Path, tmp_path: Path, ask: Any, question: Any) -> None:
    ending = shutil.copytree(tiny, tmp_path / "ending")
    settings = json.loads((ending / "generation_config.json").read_text())
    newline = 206  # what it says all the time when it is not sampled
    (ending / "generation_config.json").write_text(json.dumps({**settings, "eos_token_id": [1, newline]}))
    (ended,) = ask(create("transformers", model=ending, temperature=0.0), question("Which?"))
    (cut,) = ask(create("transformers", model=tiny, temperature=0.0, max_tokens=4), question("Which?"))
    assert (ended.outcome, ended.usage["output"]) == ("ok", 1)
    assert (cut.outcome, cut.usage["output"]) == ("cut_off", 4)


def test_what_cannot_be_asked_fails_alone(
    backend: Backend, ask: Any, question: Any, pictures: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    (tmp_path / "cut.png").write_bytes(pictures[0].read_bytes()[:400])
    Image.new("RGB", (2, 500)).save(tmp_path / "thin.png")
    requests = [
        question("fine", pictures[0]),
        question("missing", tmp_path / "gone.png"),
        question("page", tmp_path / "page.jpg"),
        question("cut", tmp_path / "cut.png"),
        question("word " * 5000),
        question("a mark <|image_pad|> too many", pictures[0]),
        question("thin", tmp_path / "thin.png"),
        question("fine too"),
    ]
    answers = ask(backend, *requests)
    assert [answer.outcome in ("ok", "cut_off") for answer in answers] == [True, *[False] * 6, True]
    assert {(answer.outcome, answer.text) for answer in answers[1:7]} == {("failed", None)}
    words = ["there is no such file", "this is no picture", "cut off", "more than the 4096", "", "aspect ratio"]
    for answer, part in zip(answers[1:7], words, strict=True):
        assert part in answer.detail


def test_a_picture_that_was_exchanged_is_not_asked_about(
    backend: Backend, ask: Any, question: Any, pictures: list[Path]
) -> None:
    exchanged = replace(question("seen", pictures[0]), image=pictures[1])
    with pytest.raises(CorruptState, match=r"1\.png: this picture is not the one that was chosen"):
        ask(backend, exchanged)


def test_prompt_and_answer_together_must_fit(backend: Backend, ask: Any, question: Any) -> None:
    fits, beyond = ask(backend, question("Which?", max_tokens=8), question("Which?", max_tokens=4090))
    assert fits.outcome == "cut_off"
    assert beyond.outcome == "failed"
    assert "tokens and the 4090 of the answer (max_tokens) are more than the 4096" in beyond.detail


def test_the_checkpoints_own_sampling_does_not_apply(tiny: Path, tmp_path: Path, ask: Any, question: Any) -> None:
    odd = shutil.copytree(tiny, tmp_path / "odd")
    settings = json.loads((odd / "generation_config.json").read_text())
    hidden = {"repetition_penalty": 5.0, "top_k": 1, "temperature": 0.1, "suppress_tokens": [206]}
    (odd / "generation_config.json").write_text(json.dumps({**settings, **hidden}))
    plain, other = (
        ask(create("transformers", model=model, temperature=0.0, max_tokens=6), question("Which?"))[0]
        for model in (tiny, odd)
    )
    assert plain.text == other.text == "\n" * 6


def test_the_runner_has_every_answer_in_the_journal(
    tiny: Path, tmp_path: Path, question: Any, pictures: list[Path]
) -> None:
    backend = create("transformers", model=tiny, batch=4, max_tokens=4)
    requests = [question(f"Which {number}?", pictures[number % 6], **backend.params) for number in range(10)]
    with Journal(tmp_path) as journal:
        stats = run(backend, requests, journal, concurrency=3)
        assert (stats.asked, len(journal)) == (10, 10)
    with Journal(tmp_path) as journal:
        again = create("transformers", model=tiny, batch=4, max_tokens=4)
        assert run(again, requests, journal).reused == 10


def test_a_dropped_call_ends_at_the_next_token(tiny: Path, question: Any, ask: Any) -> None:
    backend = create("transformers", model=tiny, max_tokens=3500)
    ask(backend, question("load", max_tokens=1))

    async def drop() -> float:
        call = asyncio.create_task(backend.answer([question("Which?", max_tokens=3500)]))
        await asyncio.sleep(0.3)
        call.cancel()
        began = time.perf_counter()
        await backend.answer([question("next", max_tokens=1)])
        return time.perf_counter() - began

    assert asyncio.run(drop()) < 2.0  # all 3,500 tokens take several times as long


def test_a_lora_adapter_changes_the_answers(tiny: Path, tmp_path: Path, ask: Any, question: Any) -> None:
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(0)
    base = AutoModelForImageTextToText.from_pretrained(tiny)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "lora")
    plain = create("transformers", model=tiny, max_tokens=12)
    tuned = create("transformers", model=tmp_path / "lora", max_tokens=12)
    assert tuned.model.startswith(f"{plain.model}+lora@")
    logits = []
    for backend in (plain, tuned):
        ask(backend, question("Which?"))
        generator = backend._generator  # type: ignore[attr-defined]
        with torch.inference_mode():
            logits.append(generator.model(**generator.encode("Which?", None)).logits[0, -1])
    assert not torch.allclose(*logits, atol=1e-4)


def test_checkpoints_that_are_none_are_said_at_once(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such checkpoint"):
        create("transformers", model=tmp_path / "gone")
    text = shutil.copytree(tiny, tmp_path / "text")
    (text / "config.json").write_text('{"model_type": "qwen2"}')
    with pytest.raises(InputError, match=r"this model cannot be shown pictures. Found: model type 'qwen2'.*Qwen2.5-VL"):
        create("transformers", model=text)


def _cut(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:100_000])


def _unknown(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nobody_knows", "vision_config": {}}')


def _deeper(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"].update(num_hidden_layers=3, layer_types=["full_attention"] * 3)
    (folder / "config.json").write_text(json.dumps(config))


def _wider(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["intermediate_size"] = 64
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_cut, r"this checkpoint cannot be loaded. Found: Error while deserializing"),
        (_unknown, r"cannot be loaded.*nobody_knows"),
        (_deeper, r"the weights are not those of this model. Found: 12 parameters are missing, such as model.language"),
        (_wider, r"this checkpoint cannot be loaded"),
    ],
)
def test_checkpoints_that_do_not_load_are_said(
    tiny: Path, tmp_path: Path, ask: Any, question: Any, spoil: Any, says: str
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(InputError, match=says):
        ask(create("transformers", model=folder), question("Which?"))


def test_options_out_of_range_are_said(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"unknown dtype. Found: int8. Expected: one of auto, float32"):
        create("transformers", model=tiny, dtype="int8")
    with pytest.raises(UsageError, match="batch must be positive"):
        create("transformers", model=tiny, batch=0)
    with pytest.raises(UsageError, match="temperature is out of range"):
        create("transformers", model=tiny, temperature=-1)
    with pytest.raises(UsageError, match=r"unknown option of the backend transformers. Found: modle"):
        create("transformers", modle=tiny)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"the package transformers.*facial-r1\[train\]"):
        create("transformers", model=tiny)


def test_a_parameter_it_does_not_have_is_said(backend: Backend, ask: Any, question: Any) -> None:
    with pytest.raises(UsageError, match=r"a local model does not know this parameter. Found: response_format"):
        ask(backend, question("Which?", response_format={}))


def test_too_little_memory_is_said(backend: Backend, ask: Any, question: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(backend, question("load"))

    def full(**_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")

    monkeypatch.setattr(backend._generator.model, "generate", full)  # type: ignore[attr-defined]
    with pytest.raises(
        FacialR1Error, match=r"too little memory for this batch. Found: CUDA out.*2 GiB\. What to do: l"
    ):
        ask(backend, question("Which?"))


def drawn(sampling: Sampling, logits: list[float], times: int) -> Counter[int]:
    draw = _Draw(sampling, range(times))
    scores = draw(torch.zeros(times, 1), torch.tensor([logits]).repeat(times, 1))
    assert scores.isinf().sum() == times * (len(logits) - 1)
    return Counter(scores.argmax(-1).tolist())


def test_draws_have_the_models_distribution() -> None:
    chances = [0.5, 0.0, 0.3, 0.2]
    logits = [torch.tensor(chance).log().item() for chance in chances]
    counts = drawn(Sampling(), logits, 4000)
    for token, chance in enumerate(chances):
        assert abs(counts[token] / 4000 - chance) < 0.03
    assert counts[1] == 0
    sharp = drawn(Sampling(temperature=0.5), logits, 4000)
    assert abs(sharp[0] / 4000 - 0.25 / 0.38) < 0.03  # squared and shared out anew
    assert set(drawn(Sampling(top_k=2), logits, 1000)) == {0, 2}
    assert set(drawn(Sampling(top_k=1), logits, 1000)) == {0}
    assert set(drawn(Sampling(top_p=0.5), [0.0] * 4, 1000)) == {0, 1}  # a quarter each: two of them are enough
    assert set(drawn(Sampling(top_p=0.49), logits, 1000)) == {0}
    assert set(drawn(Sampling(top_p=0.51), logits, 1000)) == {0, 2}
    assert set(drawn(Sampling(top_p=0.5, top_k=3), [0.0, 0.0, 0.0, -50.0], 1000)) == {0, 1}


def test_each_answer_has_a_stream_of_its_own() -> None:
    logits = torch.zeros(1, 50)
    alone, together = _Draw(Sampling(), [7]), _Draw(Sampling(), [3, 7])
    for _ in range(20):
        tokens = together(torch.zeros(2, 1), logits.repeat(2, 1)).argmax(-1)
        assert tokens[1] == alone(torch.zeros(1, 1), logits).argmax(-1)[0]


@pytest.mark.gpu
def test_a_gpu_answers_as_a_cpu_does(tiny: Path, ask: Any, mixed: list[Any]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    requests = [replace(request, params={"temperature": 0.0, "max_tokens": 8}) for request in mixed]
    texts = [
        [answer.text for answer in ask(create("transformers", model=tiny, device=device), *requests)]
        for device in ("cpu", "auto")
    ]
    assert texts[0] == texts[1]
    backend = create("transformers", model=tiny, device="auto")
    ask(backend, requests[0])
    assert backend._generator.model.device.type == "cuda"  # type: ignore[attr-defined]


def test_an_event_that_is_set_stops_before_the_second_token(
    tiny: Path, backend: Backend, ask: Any, question: Any
) -> None:
    ask(backend, question("load"))
    generator = backend._generator  # type: ignore[attr-defined]
    stop = Event()
    stop.set()
    (generated,) = generator.generate([generator.encode("Which?", None)], Sampling(max_tokens=50), [1], stop)
    assert generated.tokens == 1
