"""What a run would take: the counts are the model's own, the memory that of the published formulas."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facial_r1.errors import UsageError
from training.estimate import Footprint, footprint, require_room
from training.prepare import prepare
from training.recipe import GrpoRecipe, SftRecipe

Settings = Callable[..., dict[str, Any]]
GIB = 2**30


def reckon(plain: dict[str, Any], out: Path) -> Footprint:
    kind = GrpoRecipe if "generations" in plain else SftRecipe
    return footprint(prepare(kind.model_validate(plain), out))


@pytest.mark.parametrize("change", [{}, {"freeze_vision": True}, {"lora": {"r": 4}}], ids=["full", "frozen", "lora"])
def test_parameters_are_those_of_the_model(settings: Settings, tmp_path: Path, change: dict[str, Any]) -> None:
    from training import sft

    plain = settings(**change)
    found = reckon(plain, tmp_path / "run")
    prepared = prepare(SftRecipe.model_validate(plain), tmp_path / "run")
    model = sft.trainer(prepared, tmp_path / "run", []).model
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.trainable == sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert found.rows == 22


def test_steps_and_tokens_follow_from_the_rows(settings: Settings, tmp_path: Path) -> None:
    plain = settings(steps=None, epochs=3, accumulation=2, processes=2)
    found = reckon(plain, tmp_path / "run")
    assert found.steps == round(3 * 22 / 16)
    rows = prepare(SftRecipe.model_validate(plain), tmp_path / "run").train.rows
    assert found.tokens == round(sum(row.tokens for row in rows) / 22 * 16)
    grpo = reckon(settings(steps=None, epochs=3, batch=8, generations=4), tmp_path / "run")
    assert grpo.steps == round(3 * 22 * 4 / 8)


@pytest.fixture(scope="session")
def seven(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder with the shape of Qwen2.5-VL-7B, without its weights."""
    folder = tmp_path_factory.mktemp("models") / "seven"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] |= {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28}
    config["text_config"] |= {"num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064}
    config["text_config"]["rope_parameters"]["mrope_section"] = [16, 24, 24]
    config["text_config"]["layer_types"] = ["full_attention"] * 28
    config["text_config"]["tie_word_embeddings"] = config["tie_word_embeddings"] = False
    config["vision_config"] |= {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16}
    config["vision_config"] |= {"out_hidden_size": 3584, "fullatt_block_indexes": [7, 15, 23, 31]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_published_recipe_fits_eight_large_devices_and_not_one(
    settings: Settings, seven: Path, tmp_path: Path
) -> None:
    large = {"model": str(seven), "gpu": True, "activation_checkpointing": True, "batch": 8, "accumulation": 4}
    eight = SftRecipe.model_validate(settings(**large, processes=8, deepspeed="zero3"))
    found = footprint(prepare(eight, tmp_path / "run"))
    assert found.parameters == 8_292_166_656, "the number on the model's page"
    assert found.states == pytest.approx(16 * 8_292_166_656 / 8, rel=1e-6), "ZeRO, table of stage 3: 16 Ψ / N"
    require_room(found, eight)

    one = SftRecipe.model_validate(settings(**large))
    with pytest.raises(UsageError, match=r"does not fit.*about 1\d\d GiB on each of 1 devices.*at most 80 GiB.*zero3"):
        require_room(footprint(prepare(one, tmp_path / "run")), one)
    lora = SftRecipe.model_validate(settings(**large, lora={}))
    adapted = footprint(prepare(lora, tmp_path / "run"))
    require_room(adapted, lora)
    assert 15 * GIB < adapted.states < 17 * GIB


def test_zero_divides_what_its_stages_divide(settings: Settings, seven: Path, tmp_path: Path) -> None:
    def states(**changes: Any) -> float:
        plain = settings(model=str(seven), gpu=True, processes=4, **changes)
        return reckon(plain, tmp_path / "run").states / 8_292_166_656

    assert states(deepspeed="zero2") == pytest.approx(2 + 14 / 4)
    assert states(deepspeed="zero3") == pytest.approx(16 / 4)
    assert states(deepspeed="zero3-offload") == pytest.approx(2 / 4)
    assert states() == pytest.approx(18)


def test_checkpointing_and_rollouts(settings: Settings, seven: Path, tmp_path: Path) -> None:
    def found(**changes: Any) -> Footprint:
        return reckon(settings(model=str(seven), gpu=True, lora={}, **changes), tmp_path / "run")

    assert found(activation_checkpointing=True).activations < found().activations / 10
    grpo = {"batch": 8, "generations": 8, "max_completion": 256}
    cache = found(**grpo).rollouts
    longest = max(row.tokens for row in prepare(GrpoRecipe(**settings(**grpo)), tmp_path / "run").train.rows)
    assert cache == 8 * longest * 28 * 2 * 4 * 128 * 2, "layers × keys and values × heads × width × bytes"
    beside = found(**grpo, vllm={"mode": "colocate", "memory": 0.5}, device_memory=40)
    assert beside.rollouts == 20 * GIB


def test_a_cpu_is_not_judged(settings: Settings, tmp_path: Path) -> None:
    plain = SftRecipe.model_validate(settings(device_memory=0.0001))
    require_room(footprint(prepare(plain, tmp_path / "run")), plain)
