"""Stage 1 for real, with the tiny model: what is learnt, what a resumed run is, and what a run leaves."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from learning import LORA, assert_same_weights, curve, facts, half, poisoned, row, weights, write_pictures

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.files import write_jsonl
from facial_r1.inference.local.checkpoints import open_checkpoint
from facial_r1.inference.local.generation import Generator
from facial_r1.progress import Progress
from training import sft
from training.prepare import prepare
from training.trainer import Exact, last_checkpoint

Make = Callable[..., Any]


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
    image = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    texts = [row.sample.description for row in prepared.train.rows]
    batches = 0
    for batch in made.get_train_dataloader():
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            learnt, whole = (tokenizer.decode(ids[kept]) for kept in (labels != -100, ids != tokenizer.pad_token_id))
            assert (labels[labels != -100] == ids[labels != -100]).all()
            assert learnt.removesuffix("<|im_end|>\n") in texts
            assert learnt.endswith("<|im_end|>\n"), "it learns to end"
            assert (ids[labels == -100] == image).sum() == (ids == image).sum() > 0
            assert whole.endswith(learnt), "and no empty turn behind it"
            assert whole.count("<|im_start|>assistant") == 1
        batches += 1
    assert batches == 12


def test_batches_are_of_rows_of_like_length(sft_recipe: Make, tmp_path: Path) -> None:
    def padding(**changes: Any) -> float:
        made = sft.trainer(prepare(sft_recipe(**changes), tmp_path / "run"), tmp_path / "run", [])
        masks = [batch["attention_mask"] for batch in made.get_train_dataloader()]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)

    assert padding() < padding(group_by_length=False)


def test_the_vision_tower_stays_when_it_is_frozen(sft_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    out = sft.train(sft_recipe(freeze_vision=True, steps=2), tmp_path / "run")
    before, after = weights(tiny), weights(out)
    same = {name: bool((before[name] == after[name]).all()) for name in before}
    assert all(unchanged == ("visual" in name.split(".")) for name, unchanged in same.items())


def test_rows_without_pictures_are_learnt_beside_those_with(sft_recipe: Make, tmp_path: Path) -> None:
    rows = [row(number, image="" if number % 2 else f"faces/{number}.png") for number in range(9)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    write_pictures(tmp_path / "images", [one["image"] for one in rows if one["image"]])
    data = {"release": None, "files": [str(tmp_path / "rows.jsonl")], "image_folders": [str(tmp_path / "images")]}
    out = sft.train(sft_recipe(data=data, steps=5), tmp_path / "run")
    losses = [loss for _, loss in curve(out, "loss")]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    assert "terms under which their rows and pictures were given" in (out / "README.md").read_text()
    assert (facts(out)["data"]["rows"], facts(out)["release"]) == (9, None)


# Resume


def test_a_resumed_run_is_the_uninterrupted_one(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    resumed = sft.train(sft_recipe(), half(sft_run, tmp_path / "half", 3), resume=True)
    assert_same_weights(sft_run, resumed)
    assert curve(resumed, "loss", "learning_rate", "grad_norm") == curve(sft_run, "loss", "learning_rate", "grad_norm")
    assert len(curve(resumed, "loss")) == 6
    assert facts(resumed)["tokens"] == facts(sft_run)["tokens"]
    (spent, _) = orjson.loads((sft_run / "checkpoints/checkpoint-3/clock.json").read_bytes())
    assert facts(resumed)["seconds"] > spent > 0


@pytest.mark.parametrize("change", [{"steps": 5}, {"steps": None, "epochs": 1.5}], ids=["steps", "epochs"])
def test_a_resume_within_an_epoch_s_last_small_step_and_behind_the_last(
    sft_recipe: Make, tmp_path: Path, change: dict[str, Any]
) -> None:
    """12 batches of an epoch in steps of 5, 5 and 2; behind the last step, nothing is left to do but to save."""
    recipe = sft_recipe(accumulation=5, save_every=1, keep=9, **change)
    whole = sft.train(recipe, tmp_path / "whole")
    for step in (2, 3, 5):
        resumed = sft.train(recipe, half(whole, tmp_path / f"half-{step}", step), resume=True)
        assert_same_weights(whole, resumed)
        assert curve(resumed, "loss", "grad_norm") == curve(whole, "loss", "grad_norm")
        assert facts(resumed)["tokens"] == facts(whole)["tokens"]


def test_without_the_mending_a_resume_loads_nothing(
    sft_run: Path, sft_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When this fails, transformers has mended it, and ``Exact`` can go."""
    monkeypatch.setattr(Exact, "_own_way", lambda _: True)
    resumed = sft.train(sft_recipe(), half(sft_run, tmp_path / "half", 3), resume=True)
    begun, gone_on = (dict(curve(one, "loss")) for one in (sft_run, resumed))
    assert abs(gone_on[4] - begun[1]) < abs(gone_on[4] - begun[4]), "it is as good as new"


def test_lora_trains_adapters_of_the_language_model_and_resumes(sft_recipe: Make, tmp_path: Path) -> None:
    recipe = sft_recipe(**LORA)
    whole = sft.train(recipe, tmp_path / "whole")
    resumed = sft.train(recipe, half(whole, tmp_path / "half", 3), resume=True)
    assert_same_weights(whole, resumed)
    assert curve(resumed, "loss") == curve(whole, "loss")
    assert all("language_model" in name for name in weights(whole))
    assert open_checkpoint(whole).adapter == whole, "with its base, the model that it was trained on"
    Generator(open_checkpoint(whole), "cpu", "float32")
    assert "library_name: peft" in (whole / "README.md").read_text()
    # It can be trained on, with adapters of the same rank only.
    more = sft.train(sft_recipe(**LORA, model=str(whole), steps=1), tmp_path / "more")
    assert weights(more).keys() == weights(whole).keys()
    assert [before["name"] for before in facts(more)["before"]] == ["small"]
    # Without lora in the recipe they are merged, and all weights are trained.
    merged = sft.train(sft_recipe(model=str(whole), steps=2), tmp_path / "merged")
    assert open_checkpoint(merged).adapter is None
    assert all(norm > 0 for _, norm in curve(merged, "grad_norm"))
    assert dict(curve(merged, "loss"))[1] == pytest.approx(dict(curve(more, "loss"))[1], abs=1e-3), "it begins there"


def test_it_can_end_with_its_best_checkpoint(sft_recipe: Make, tmp_path: Path) -> None:
    watch = {"validation": {"split": "val", "prompt": "question"}, "validate_every": 1, "best": True, "save_every": 1}
    # Too high a rate: the best checkpoint is not the last one.
    high = {"steps": 3, "lr": 0.1, "schedule": "constant", "warmup": 0}
    out = sft.train(sft_recipe(**high, **watch, keep=3), tmp_path / "run")
    watched = {int(step): loss for step, loss in curve(out, "eval_loss")}
    best = min(watched, key=watched.__getitem__)
    assert best < 3
    assert facts(out)["best"] == {"step": best, "value": watched[best]}
    assert_same_weights(out, out / "checkpoints" / f"checkpoint-{best}")


def test_a_best_checkpoint_is_found_again_in_a_folder_that_was_moved(sft_recipe: Make, tmp_path: Path) -> None:
    watch = {"validation": {"split": "val", "prompt": "question"}, "validate_every": 1, "best": True, "save_every": 1}
    recipe = sft_recipe(steps=3, lr=0.1, schedule="constant", warmup=0, keep=3, **watch)
    whole = sft.train(recipe, tmp_path / "whole")
    best = f"checkpoints/checkpoint-{facts(whole)['best']['step']}"
    assert best != "checkpoints/checkpoint-3"
    moved = tmp_path / "moved"
    whole.rename(moved)
    for name in ("run.json", "model.safetensors"):
        (moved / name).unlink()
    gone = Path(shutil.copytree(moved, tmp_path / "gone"))
    shutil.rmtree(gone / best)
    assert_same_weights(sft.train(recipe, moved, resume=True), moved / best)
    with pytest.raises(InputError, match=r"the best checkpoint so far is not there.*put it back"):
        sft.train(recipe, gone, resume=True)


def test_a_checkpoint_that_was_being_saved_is_passed_over(sft_run: Path, tmp_path: Path) -> None:
    folder = half(sft_run, tmp_path / "half", 3) / "checkpoints"
    assert last_checkpoint(folder) == folder / "checkpoint-3"
    shutil.copytree(folder / "checkpoint-3", folder / "checkpoint-12")
    assert last_checkpoint(folder) == folder / "checkpoint-12", "by number"
    (folder / "checkpoint-12" / "clock.json").unlink()
    assert last_checkpoint(folder) == folder / "checkpoint-3"
    assert last_checkpoint(tmp_path / "none") is None


def test_a_run_that_is_done_is_left_alone(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    before = (sft_run / "run.json").stat().st_mtime_ns
    with pytest.raises(InputError, match=r"this run is done.*another --out"):
        sft.train(sft_recipe(), sft_run)
    seen = Seen()
    assert sft.train(sft_recipe(), sft_run, resume=True, progress=seen) == sft_run
    assert (sft_run / "run.json").stat().st_mtime_ns == before
    assert "this run is done" in seen.said[0]
    # Its checkpoints may be deleted; it is the same run all the same.
    bare = Path(shutil.copytree(sft_run, tmp_path / "bare", ignore=shutil.ignore_patterns("checkpoints")))
    with pytest.raises(InputError, match="another training run"):
        sft.train(sft_recipe(lr=1e-4), bare, resume=True)
    with pytest.raises(InputError, match="this run is done"):
        sft.train(sft_recipe(), bare)


def test_nothing_is_resumed_unasked_and_no_other_run_at_all(sft_run: Path, sft_recipe: Make, tmp_path: Path) -> None:
    started = half(sft_run, tmp_path / "half", 3)
    with pytest.raises(InputError, match=r"was begun before.*--resume"):
        sft.train(sft_recipe(), started)
    for change in ({"lr": 1e-4}, {"data": {"rows": 12}}, {"seed": 4}):
        with pytest.raises(InputError, match=r"holds another training run.*other rows, another model or recipe"):
            sft.train(sft_recipe(**change), started, resume=True)
    (started / "begun.json").write_text("garbage")
    with pytest.raises(InputError, match="another training run"):
        sft.train(sft_recipe(), started, resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").touch()
    for out, message in ((tmp_path / "full", "not empty"), (tmp_path / "full/notes.txt", "no folder")):
        with pytest.raises(InputError, match=message):
            sft.train(sft_recipe(model="tiny"), out)
    assert sorted(path.name for path in started.iterdir()) == ["begun.json", "checkpoints"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "half"]


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


def test_the_record_says_how_it_was_made(sft_run: Path, sft_recipe: Make, release: Path) -> None:
    found = facts(sft_run)
    assert found["method"] == "sft"
    assert found["recipe"]["lr"] == sft_recipe().lr
    assert found["recipe_sha256"] == sft_recipe().hash()
    assert found["model"]["id"].startswith("qwen2_5_vl@")
    assert found["steps"] == 6
    assert found["tokens"] > 6 * 4 * 20
    assert found["data"] == {"sha256": found["data"]["sha256"], "rows": 48, "dropped": {}}
    assert (found["release"]["name"], len(found["release"]["sha256"])) == ("small", 64)
    assert found["before"] == []
    assert found["seconds"] > found["waiting_seconds"] > 0
    assert {"torch", "transformers", "trl", "facial-r1", "python"} <= set(found["versions"])
    assert found["hardware"]["processes"] == 1
    assert [step for step, _ in curve(sft_run, "loss")] == [1, 2, 3, 4, 5, 6]
    assert list((sft_run / "tensorboard").glob("events.*"))
    assert not list(sft_run.glob("*.bin")), "no pickle stands in the result"
    said = b"".join(path.read_bytes() for path in sft_run.iterdir() if path.suffix in (".md", ".json"))
    assert str(release.parent).encode() not in said, "no place of this machine"


def test_the_card_names_licences_and_says_what_is_synthetic(sft_run: Path) -> None:
    card = (sft_run / "README.md").read_text()
    assert "Corpus A: Academic use only." in card
    assert "**Synthetic data.** The faces called Corpus B" in card
    assert "| rows | 48 |" in card
    assert facts(sft_run)["data"]["sha256"] in card
    assert card.startswith("---\n")


def test_progress_is_told(sft_recipe: Make, tmp_path: Path) -> None:
    seen = Seen()
    sft.train(sft_recipe(steps=2, data={"tasks": ["au"]}), tmp_path / "run", resume=True, progress=seen)
    assert [step[:3] for step in seen.steps][:2] == [("steps", 1, 2), ("steps", 2, 2)]
    assert "loss" in seen.steps[0][3]
    fresh = f"{tmp_path / 'run'}: there is no checkpoint yet, so it begins at the first step"
    assert seen.said == ["40 rows are left out: of another task", fresh]


# Losses that are no numbers


def test_a_loss_that_is_no_number_ends_the_run_and_saves_nothing(sft_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    recipe = sft_recipe(model=str(poisoned(tiny, tmp_path / "poisoned")), log_every=6, save_every=2)
    with pytest.raises(FacialR1Error, match=r"the (loss|grad_norm) is nan at step 1\. .*lower lr"):
        sft.train(recipe, tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not (tmp_path / "run/run.json").exists()


def test_a_run_that_goes_wrong_between_two_lines_of_the_log_saves_no_broken_checkpoint(
    sft_recipe: Make, tmp_path: Path
) -> None:
    recipe = sft_recipe(lr=1e30, warmup=0, log_every=5, save_every=2, max_grad_norm=1e30)
    with pytest.raises(FacialR1Error, match=r"the (loss|grad_norm) is (nan|inf) at step [2-4]\. "):
        sft.train(recipe, tmp_path / "run")
    kept = [int(path.name.split("-")[1]) for path in (tmp_path / "run" / "checkpoints").glob("checkpoint-*")]
    assert all(step < 4 for step in kept)
