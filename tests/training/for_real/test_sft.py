"""Stage 1 for real, with the tiny model: what is learnt, what a resumed run is, what a run leaves, and every error."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from runs import assert_same_weights, curve, facts, half, weights

from facial_r1.errors import FacialR1Error, InputError, MissingExtra, UsageError
from facial_r1.inference.local.checkpoints import open_checkpoint
from facial_r1.progress import Progress
from training import sft
from training.estimate import footprint
from training.prepare import prepare

Make = Callable[..., Any]
LORA = {"lora": {"r": 4, "alpha": 8, "dropout": 0.0, "targets": ["q_proj", "v_proj"]}}


class Seen(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None, str]] = []
        self.said: list[str] = []

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        self.steps.append((what, done, total, note))

    def say(self, text: str) -> None:
        self.said.append(text)


# What is learnt


@pytest.mark.parametrize("prompt", ["question", "student"])
def test_only_the_answer_and_its_end_are_learnt(sft_recipe: Make, tmp_path: Path, prompt: str) -> None:
    prepared = prepare(sft_recipe(data={"prompt": prompt}), tmp_path / "run")
    made = sft.trainer(prepared, tmp_path / "run", [])
    tokenizer = prepared.processor.tokenizer
    batches = 0
    for batch in made.get_train_dataloader():
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            learnt = tokenizer.decode(labels[labels != -100])
            whole = tokenizer.decode(ids[ids != tokenizer.pad_token_id])
            texts = [row.sample.description for row in prepared.train.rows]
            assert learnt.removesuffix("<|im_end|>\n") in texts
            assert learnt.endswith("<|im_end|>\n")
            assert "<|image_pad|>" in whole
            assert "<|image_pad|>" not in learnt
            assert whole.endswith(learnt)  # and no empty turn behind it
            assert whole.count("<|im_start|>assistant") == 1
        batches += 1
    assert batches == 12


def test_batches_are_of_rows_of_like_length(sft_recipe: Make, tmp_path: Path) -> None:
    def padding(**changes: Any) -> float:
        recipe = sft_recipe(**changes)
        made = sft.trainer(prepare(recipe, tmp_path / "run"), tmp_path / "run", [])
        masks = [batch["attention_mask"] for batch in made.get_train_dataloader()]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)

    assert padding() < padding(group_by_length=False)


def test_the_vision_tower_stays_when_it_is_frozen(sft_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    out = sft.train(sft_recipe(freeze_vision=True, steps=2), tmp_path / "run")
    before, after = weights(tiny), weights(out)
    same = {name: bool((before[name] == after[name]).all()) for name in before}
    assert all(unchanged == ("visual" in name.split(".")) for name, unchanged in same.items())


# Resume


def test_a_resumed_run_is_the_uninterrupted_one(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    resumed = sft.train(sft_recipe(), half(sft_run, tmp_path / "half", 3), resume=True)
    assert_same_weights(sft_run, resumed)
    assert curve(resumed, "loss", "learning_rate", "grad_norm") == curve(sft_run, "loss", "learning_rate", "grad_norm")
    assert len(curve(resumed, "loss")) == 6
    assert facts(resumed)["tokens"] == facts(sft_run)["tokens"]
    (spent, _) = orjson.loads((sft_run / "checkpoints/checkpoint-3/clock.json").read_bytes())
    assert facts(resumed)["seconds"] > spent > 0


def test_a_resumed_lora_run_is_the_uninterrupted_one(sft_recipe: Make, tmp_path: Path) -> None:
    recipe = sft_recipe(**LORA)
    whole = sft.train(recipe, tmp_path / "whole")
    resumed = sft.train(recipe, half(whole, tmp_path / "half", 3), resume=True)
    assert_same_weights(whole, resumed)
    assert curve(resumed, "loss") == curve(whole, "loss")
    assert open_checkpoint(resumed).adapter == resumed  # with its base, the model that it was trained on
    assert footprint(prepare(recipe, tmp_path / "x")).trainable == sum(
        tensor.numel() for tensor in weights(resumed).values()
    )


def test_without_the_mending_a_resume_loads_nothing(
    sft_run: Path, sft_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When this fails, transformers has mended it, and ``Exact`` can go."""
    from training.trainer import Exact

    monkeypatch.setattr(Exact, "_own_way", lambda _: True)
    resumed = sft.train(sft_recipe(), half(sft_run, tmp_path / "half", 3), resume=True)
    assert curve(resumed, "loss")[3:] != curve(sft_run, "loss")[3:]


def test_the_best_checkpoint_is_loaded_whole(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    recipe = sft_recipe()
    made = sft.trainer(prepare(recipe, tmp_path / "run"), tmp_path / "run", [])
    made.state.best_model_checkpoint = str(sft_run / "checkpoints/checkpoint-3")
    made._load_best_model()
    made.save_model(str(tmp_path / "best"))
    assert_same_weights(tmp_path / "best", sft_run / "checkpoints/checkpoint-3")


def test_a_run_that_is_done_is_left_alone(sft_run: Path, sft_recipe: Make) -> None:
    before = (sft_run / "run.json").stat().st_mtime_ns
    with pytest.raises(InputError, match=r"this run is done.*another --out"):
        sft.train(sft_recipe(), sft_run)
    seen = Seen()
    assert sft.train(sft_recipe(), sft_run, resume=True, progress=seen) == sft_run
    assert (sft_run / "run.json").stat().st_mtime_ns == before
    assert "this run is done" in seen.said[0]


def test_nothing_is_resumed_unasked_and_no_other_run_at_all(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    started = half(sft_run, tmp_path / "half", 3)
    with pytest.raises(InputError, match=r"was begun before.*--resume"):
        sft.train(sft_recipe(), started)
    with pytest.raises(InputError, match="another training run"):
        sft.train(sft_recipe(lr=1e-4), started, resume=True)
    with pytest.raises(InputError, match="another training run"):
        sft.train(sft_recipe(data={"rows": 12}), started, resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        sft.train(sft_recipe(), tmp_path / "full")
    assert sorted(path.name for path in started.iterdir()) == ["begun.json", "checkpoints"]


@pytest.mark.slow
def test_a_run_killed_in_the_middle_goes_on_as_if_nothing_had_happened(
    sft_recipe: Make, release: Path, tiny: Path, tmp_path: Path
) -> None:
    import yaml

    recipe = sft_recipe(steps=60, save_every=5)
    raw = {**recipe.model_dump(mode="json", exclude_none=True), "model": str(tiny)}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(raw))
    script = Path(sys.executable).parent / "facial-r1"
    command = [script, "train", "sft", tmp_path / "recipe.yaml", "--quiet", "--out"]
    subprocess.run([*command, tmp_path / "whole"], check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, tmp_path / "killed"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 300
    while not (tmp_path / "killed/checkpoints/checkpoint-10").is_dir() and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/run.json").exists()
    subprocess.run([*command, tmp_path / "killed", "--resume"], check=True, capture_output=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "killed")
    assert curve(tmp_path / "whole", "loss") == curve(tmp_path / "killed", "loss")


# What a run leaves


def test_the_output_loads_and_answers(sft_run: Path, release: Path) -> None:
    from facial_r1.files import sha256_bytes, sha256_file
    from facial_r1.inference.backends.transformers import create
    from facial_r1.inference.protocol import Request

    picture = release / "images/faces/1.png"
    backend = create(model=str(sft_run), max_tokens=8, temperature=0)
    question = "Which emotion?"
    request = Request("x", question, sha256_bytes(question.encode()), image=picture, image_sha256=sha256_file(picture))
    (answer,) = asyncio.run(backend.answer([request]))
    assert answer.text


def test_the_record_says_how_it_was_made(sft_run: Path, sft_recipe: Make) -> None:
    found = facts(sft_run)
    assert found["method"] == "sft"
    assert found["recipe"]["lr"] == sft_recipe().lr
    assert found["recipe_sha256"] == sft_recipe().hash()
    assert found["model"]["id"].startswith("qwen2_5_vl@")
    assert found["steps"] == 6
    assert found["tokens"] > 6 * 4 * 20
    assert found["data"]["rows"] == 48
    assert len(found["data"]["sha256"]) == 64
    assert found["release"]["name"] == "small"
    assert 0 < found["seconds"] < 600
    assert {"torch", "transformers", "trl", "facial-r1", "python"} <= set(found["versions"])
    assert found["hardware"]["device"].startswith("CPU")
    assert [line["step"] for line in found["log"] if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert list((sft_run / "tensorboard").glob("events.*"))
    assert not list(sft_run.glob("*.bin"))  # no pickle stands in the result


def test_the_card_names_licences_and_says_what_is_synthetic(sft_run: Path) -> None:
    card = (sft_run / "README.md").read_text()
    assert "Corpus A: Academic use only." in card
    assert "**Synthetic data.** The faces called Corpus B" in card
    assert "| rows | 48 |" in card
    assert facts(sft_run)["data"]["sha256"] in card
    assert card.startswith("---\n")


def test_plain_files_train_like_a_release(release: Path, sft_recipe: Make, tmp_path: Path) -> None:
    data = {"release": None, "files": [str(release / "train.jsonl")], "image_folders": [str(release / "images")]}
    out = sft.train(sft_recipe(data=data, steps=1), tmp_path / "run")
    assert facts(out)["data"]["rows"] == 48
    assert facts(out)["release"] is None


def test_progress_is_told(sft_recipe: Make, tmp_path: Path) -> None:
    seen = Seen()
    sft.train(sft_recipe(steps=2), tmp_path / "run", progress=seen)
    assert [step[:3] for step in seen.steps][:2] == [("steps", 1, 2), ("steps", 2, 2)]
    assert "loss" in seen.steps[0][3]


# Errors


def test_a_loss_that_is_no_number_ends_the_run_and_saves_nothing(sft_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import save_file

    poisoned = shutil.copytree(tiny, tmp_path / "poisoned")
    bad = weights(tiny)
    next(value for name, value in bad.items() if "norm" in name)[0] = float("nan")
    save_file(bad, poisoned / "model.safetensors", metadata={"format": "pt"})
    recipe = sft_recipe(model=str(poisoned), log_every=6, save_every=2)
    with pytest.raises(FacialR1Error, match=r"the (loss|grad_norm) is nan at step 1\. .*lower lr"):
        sft.train(recipe, tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not (tmp_path / "run/run.json").exists()


def test_a_recipe_for_a_gpu_is_refused_before_anything_is_opened(sft_recipe: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs a GPU.*gpu: false"):
        sft.train(sft_recipe(gpu=True, model=str(tmp_path / "no model")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_architecture_is_refused_before_its_weights_are_read(sft_recipe: Make, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "config.json").write_bytes(orjson.dumps({"model_type": "llama"}))
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(InputError, match=r"another architecture.*llama.*qwen2_5_vl"):
        sft.train(sft_recipe(model=str(folder)), tmp_path / "run")
    with pytest.raises(InputError, match="no such checkpoint"):
        sft.train(sft_recipe(model=str(tmp_path / "nowhere")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_release_without_splits_and_a_missing_package_are_one_error(
    sft_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no split train.*no split at all"):
        sft.train(sft_recipe(data={"release": str(tmp_path / "empty")}), tmp_path / "run")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"torch.*facial-r1\[train\]"):
        sft.train(sft_recipe(), tmp_path / "run")


def test_memory_that_ran_out_is_an_error_with_advice(
    sft_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    def full(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr(Trainer, "train", full)
    with pytest.raises(FacialR1Error, match=r"ran out of memory.*2 GiB.*lower batch"):
        sft.train(sft_recipe(), tmp_path / "run")
