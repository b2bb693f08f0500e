"""What a run would take: the counts are the model's own, the memory that of the published formulas."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from transformers import TrainerCallback

from facial_r1.errors import UsageError
from facial_r1.inference.local.processor import load_processor
from training import sft
from training.estimate import Footprint, footprint, require_room
from training.prepare import prepare
from training.reading import load_training

Make = Callable[..., Any]
RECIPES = Path(__file__).parents[2] / "recipes"
GIB = 2**30
SEVEN = 8_292_166_656
"""Parameters of Qwen2.5-VL-7B, as its page says."""


class _Counting(TrainerCallback):
    """Hears how many steps the trainer means to make, and stops it."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    def on_train_begin(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        del args, control
        self.seen.append(state.max_steps)
        raise InterruptedError


def reckon(recipe: Any, folder: Path) -> Footprint:
    return footprint(prepare(recipe, folder / "run"))


@pytest.mark.parametrize("change", [{}, {"freeze_vision": True}, {"lora": {"r": 4}}], ids=["full", "frozen", "lora"])
def test_parameters_are_those_of_the_model(sft_recipe: Make, tmp_path: Path, change: dict[str, Any]) -> None:
    prepared = prepare(sft_recipe(**change), tmp_path / "run")
    found, model = footprint(prepared), sft.trainer(prepared, tmp_path / "run", []).model
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.trainable == sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert found.rows == 48


def test_steps_and_tokens_follow_from_the_rows(sft_recipe: Make, grpo_recipe: Make, tmp_path: Path) -> None:
    prepared = prepare(sft_recipe(steps=None, epochs=3, accumulation=2, processes=2), tmp_path / "run")
    found = footprint(prepared)
    assert found.steps == round(3 * 48 / 16)
    assert found.tokens == round(sum(row.tokens for row in prepared.train.rows) / 48 * 16)
    # An epoch ends with a small step, and rare rows are shown more often.
    for change in ({"batch": 5, "accumulation": 3, "epochs": 2}, {"epochs": 0.7, "data": {"balance": "corpus"}}):
        prepared = prepare(sft_recipe(steps=None, **change), tmp_path / "run")
        seen: list[int] = []
        made = sft.trainer(prepared, tmp_path / "run", [_Counting(seen)])
        with pytest.raises(InterruptedError):
            made.train()
        assert footprint(prepared).steps == seen[0]
    few, many = (
        reckon(grpo_recipe(steps=None, epochs=3, batch=8, max_completion=length), tmp_path) for length in (64, 256)
    )
    assert many.steps == few.steps == round(3 * 48 * 4 / 8)
    assert many.tokens - few.tokens == pytest.approx((256 - 64) * 8, abs=2), "the tokens of its answers count"


# Checkpoint folders of the real sizes, without their weights: what --dry-run needs

_SIGHT = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
_TEXT = {
    "7B": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "3B": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
}


@pytest.fixture(scope="module")
def sized(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Size → a checkpoint folder with the architecture of the real model in its config, and no weights to speak of."""
    folders = {}
    for size, shape in _TEXT.items():
        folder = Path(shutil.copytree(tiny, tmp_path_factory.mktemp("models") / size))
        config = orjson.loads((folder / "config.json").read_bytes())
        text = {**config["text_config"], **shape}
        text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
        del text["layer_types"]
        sight = {**config["vision_config"], **_SIGHT, "out_hidden_size": text["hidden_size"]}
        tied = text["tie_word_embeddings"]
        whole = {**config, "text_config": text, "vision_config": sight, "tie_word_embeddings": tied}
        (folder / "config.json").write_bytes(orjson.dumps(whole))
        (folder / "model.safetensors").write_bytes(b"not loaded")
        folders[size] = folder
    return folders


def recipe_of(name: str, model: Path, release: Path, *sets: str) -> Any:
    given = [f"model={model}", f"data.release={release}", "data.corpora=[]", *sets]
    return load_training(RECIPES / f"{name}.yaml", "grpo" if "grpo" in name else "sft", sets=given)


def test_the_recipes_of_the_paper_fit_eight_large_devices_and_not_one(
    sized: dict[str, Path], release: Path, tmp_path: Path
) -> None:
    eight = recipe_of("facial-r1-7b-sft", sized["7B"], release)
    found = reckon(eight, tmp_path)
    assert found.parameters == found.trainable == SEVEN
    assert found.states == pytest.approx(16 * SEVEN / 8, rel=1e-6), "ZeRO, table of stage 3: 16 Ψ / N"
    require_room(found, eight)
    for name in ("facial-r1-7b-grpo", "facial-r1-7b-grpo-rafdb"):
        reinforced = recipe_of(name, sized["7B"], release)
        require_room(reckon(reinforced, tmp_path), reinforced)
    one = recipe_of("facial-r1-7b-sft", sized["7B"], release, "processes=1", "deepspeed=null")
    with pytest.raises(UsageError, match=r"does not fit.*about 1\d\d GiB on each of 1 devices.*at most 80 GiB.*zero3"):
        require_room(reckon(one, tmp_path), one)


def test_adapters_of_the_small_one_fit_24_gib(sized: dict[str, Path], release: Path, tmp_path: Path) -> None:
    for name in ("facial-r1-3b-lora-sft", "facial-r1-3b-lora-grpo"):
        adapters = recipe_of(name, sized["3B"], release)
        found = reckon(adapters, tmp_path)
        assert adapters.device_memory == 24
        assert found.parameters == pytest.approx(3.75e9, rel=0.02)
        assert found.trainable < 0.02 * found.parameters
        assert found.states < 1.3 * 2 * found.parameters
        require_room(found, adapters)


def test_the_newer_base_fits_and_its_tower_stays(
    tiny: Path, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processor needs torchvision, so that of the tiny model, which makes more tokens of a picture, stands in."""
    from transformers import Qwen3VLConfig

    folder, processor = Path(shutil.copytree(tiny, tmp_path / "newer")), load_processor(tiny)
    text = {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36, "num_attention_heads": 32}
    text |= {"num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936, "tie_word_embeddings": True}
    sight = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2560}
    Qwen3VLConfig(text_config=text, vision_config=sight, tie_word_embeddings=True).save_pretrained(folder)
    monkeypatch.setattr("facial_r1.inference.local.processor.load_processor", lambda _: processor)
    recipe = recipe_of("qwen3-vl-4b-sft", folder, release)
    found = reckon(recipe, tmp_path)
    assert 4.3e9 < found.parameters < 4.5e9
    assert 0.05 < 1 - found.trainable / found.parameters < 0.15, "the tower"
    require_room(found, recipe)


def test_zero_divides_what_its_stages_divide(sft_recipe: Make, sized: dict[str, Path], tmp_path: Path) -> None:
    def states(**changes: Any) -> float:
        recipe = sft_recipe(model=str(sized["7B"]), gpu=True, processes=4, **changes)
        return reckon(recipe, tmp_path).states / SEVEN

    assert states(deepspeed="zero2") == pytest.approx(2 + 14 / 4)
    assert states(deepspeed="zero3") == pytest.approx(16 / 4)
    assert states(deepspeed="zero3-offload") == pytest.approx(2 / 4)
    assert states() == pytest.approx(18)
    own = {"zero_optimization": {"stage": 3, "offload_optimizer": {"device": "cpu"}}}
    (tmp_path / "own.json").write_bytes(orjson.dumps(own))
    assert states(deepspeed=str(tmp_path / "own.json")) == pytest.approx(4 / 4), "by what the file says"
    (tmp_path / "zero3.json").write_text("{}")
    assert states(deepspeed=str(tmp_path / "zero3.json")) == pytest.approx(16), "and not by its name"


def test_a_kl_term_holds_a_second_model(grpo_recipe: Make, sized: dict[str, Path], tmp_path: Path) -> None:
    large = {"model": str(sized["7B"]), "gpu": True, "batch": 4, "processes": 4, "deepspeed": "zero2"}
    without, beside = (reckon(grpo_recipe(**large, beta=beta), tmp_path).states / SEVEN for beta in (0.0, 0.04))
    assert beside - without == pytest.approx(2)


def test_checkpointing_and_rollouts(
    sft_recipe: Make, grpo_recipe: Make, sized: dict[str, Path], tmp_path: Path
) -> None:
    large = {"model": str(sized["7B"]), "gpu": True, "lora": {}}
    plain, checkpointed = (
        reckon(sft_recipe(**large, activation_checkpointing=on), tmp_path).activations for on in (False, True)
    )
    assert checkpointed < plain / 10
    grpo = {**large, "batch": 8, "generations": 8, "max_completion": 256}
    prepared = prepare(grpo_recipe(**grpo), tmp_path / "run")
    longest = max(row.tokens for row in prepared.train.rows)
    layers_and_width = 28 * 2 * 4 * 128 * 2  # layers × keys and values × heads × width × bytes
    assert footprint(prepared).rollouts == 8 * longest * layers_and_width
    beside = grpo_recipe(**grpo, vllm={"mode": "colocate", "memory": 0.5}, device_memory=40)
    assert reckon(beside, tmp_path).rollouts == 20 * GIB


def test_a_cpu_is_not_judged(sft_recipe: Make, tmp_path: Path) -> None:
    recipe = sft_recipe(device_memory=0.0001)
    require_room(reckon(recipe, tmp_path), recipe)


def test_the_command_line_plans_and_leaves_nothing(
    typed: Callable[..., Any], sized: dict[str, Path], release: Path
) -> None:
    given = ["--release", release, "--dry-run"]
    done = typed("train", "sft", RECIPES / "facial-r1-7b-sft.yaml", *given, "--model", sized["7B"])
    assert done.code == 0, done.errors
    assert f"{SEVEN:,}" in done.out
    for name in ("trained of them", "rows left out", "tokens a step", "memory of a device"):
        assert name in done.out
    refused = typed(
        "train", "sft", RECIPES / "tiny-sft.yaml", *given, "--set", "gpu=true", "--set", "device_memory=0.001"
    )
    assert refused.code == 2
    assert "this run does not fit" in refused.errors
    assert not list(Path().iterdir())
