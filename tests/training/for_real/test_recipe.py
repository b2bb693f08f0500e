"""Training recipes: how they are read, what is wrong with one, the ones that people start from, and ``--dry-run``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from facial_r1.errors import InputError, UsageError
from training.estimate import footprint, require_room
from training.prepare import prepare
from training.reading import load_training
from training.recipe import GrpoRecipe, SftRecipe

ROOT = Path(__file__).parents[3]
Cli = Callable[..., Any]


def method(path: Path) -> str | None:
    """The stage of a training recipe; None for a recipe of another kind."""
    raw = yaml.safe_load(path.read_text())
    return None if "lr" not in raw else "grpo" if "grpo" in path.stem else "sft"


TRAINING = {path.stem: path for path in sorted((ROOT / "recipes").glob("*.yaml")) if method(path)}


def load(path: Path, *sets: str) -> Any:
    return load_training(path, method(path) or "sft", sets=sets)  # type: ignore[arg-type]


# The recipes that people start from


@pytest.mark.parametrize("name", TRAINING)
def test_every_recipe_is_sound_and_has_the_name_of_its_file(name: str) -> None:
    assert load(TRAINING[name]).name == name


@pytest.mark.parametrize("name", ["facial-r1-7b-sft", "facial-r1-7b-grpo", "facial-r1-7b-grpo-rafdb"])
def test_the_three_of_the_paper_have_its_numbers(name: str) -> None:
    recipe = load(TRAINING[name])
    assert isinstance(recipe, SftRecipe if name.endswith("sft") else GrpoRecipe)
    assert (recipe.lr, recipe.batch, recipe.accumulation, recipe.processes) == (2e-5, 8, 4, 8)
    assert (recipe.deepspeed, recipe.lora, recipe.gpu) == ("zero3", None, True)
    if isinstance(recipe, GrpoRecipe):
        assert (recipe.generations, recipe.beta, recipe.top_k) == (8, 0.0, 0)
        known = ["accuracy", "format"] if "rafdb" in name else ["au_f1", "accuracy", "format"]  # it has no AUs
        assert [(reward.name, reward.weight) for reward in recipe.rewards] == [(reward, 1.0) for reward in known]


def test_qwen3_is_an_architecture_that_transformers_has() -> None:
    from transformers import CONFIG_MAPPING

    assert "qwen3_vl" in CONFIG_MAPPING


# A checkpoint of the real sizes without its weights: what --dry-run needs

SIGHT = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "fullatt_block_indexes": [7, 15]}
SIZES: dict[str, dict[str, Any]] = {
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


@pytest.fixture(params=SIZES)
def sized(request: pytest.FixtureRequest, tiny: Path, tmp_path: Path) -> tuple[str, Path]:
    """A checkpoint folder with the architecture of a real model in its config, and no weights to speak of."""
    folder = Path(shutil.copytree(tiny, tmp_path / request.param))
    config = orjson.loads((folder / "config.json").read_bytes())
    text = {**config["text_config"], **SIZES[request.param]}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    text.pop("layer_types", None)
    sight = {**config["vision_config"], **SIGHT, "out_hidden_size": text["hidden_size"]}
    tied = text["tie_word_embeddings"]
    whole = {**config, "text_config": text, "vision_config": sight, "tie_word_embeddings": tied}
    (folder / "config.json").write_bytes(orjson.dumps(whole))
    (folder / "model.safetensors").write_bytes(b"not loaded")
    return request.param, folder


def plan(name: str, model: Path, release: Path, tmp_path: Path, *sets: str) -> tuple[Any, Any]:
    recipe = load(TRAINING[name], f"model={model}", f"data.release={release}", "data.corpora=[]", *sets)
    return recipe, footprint(prepare(recipe, tmp_path / "run"))


def test_a_dry_run_reckons_the_real_sizes_without_gpu_and_weights(
    sized: tuple[str, Path], release: Path, tmp_path: Path
) -> None:
    size, folder = sized
    name, parameters = ("facial-r1-7b-sft", 8.29e9) if size == "7B" else ("facial-r1-3b-lora-sft", 3.75e9)
    recipe, found = plan(name, folder, release, tmp_path, "data.tasks=[]")
    assert found.parameters == pytest.approx(parameters, rel=0.02)
    require_room(found, recipe)  # fits, as the recipe says
    if size == "7B":
        assert found.trainable == found.parameters
        assert found.states / 2**30 == pytest.approx(16 * 8.29e9 / 8 / 2**30, rel=0.03)  # ZeRO-3 over eight devices
        with pytest.raises(UsageError, match=r"does not fit.*GiB on each of 1 devices.*zero3"):
            require_room(*reversed(plan(name, folder, release, tmp_path, "processes=1", "deepspeed=null")))
    else:
        assert found.trainable < 0.02 * found.parameters
        assert found.states < 1.3 * 2 * found.parameters


def test_grpo_takes_the_tokens_of_its_answers(sized: tuple[str, Path], release: Path, tmp_path: Path) -> None:
    if sized[0] != "7B":
        pytest.skip("one size is enough")
    _, few = plan("facial-r1-7b-grpo", sized[1], release, tmp_path, "data.tasks=[]", "max_completion=64")
    _, many = plan("facial-r1-7b-grpo", sized[1], release, tmp_path, "data.tasks=[]", "max_completion=256")
    assert many.tokens - few.tokens == pytest.approx((256 - 64) * 8 * 4 * 8, abs=2)
    assert many.steps == few.steps > 0


def test_the_command_line_plans_and_touches_nothing(cli: Cli, sized: tuple[str, Path], release: Path) -> None:
    if sized[0] != "7B":
        pytest.skip("one size is enough")
    folder = sized[1].parent
    given = ["--release", release, "--model", sized[1], "--dry-run"]
    done = cli("train", "sft", TRAINING["facial-r1-7b-sft"], *given, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"parameters\W+8,\d{3},\d{3},\d{3}", done.stdout), done.stdout
    assert "memory of a device" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["7B"]
    done = cli("train", "sft", TRAINING["facial-r1-7b-sft"], *given[:-1], cwd=folder)
    assert done.returncode == 2
    assert "needs a GPU" in done.stderr
    assert "Traceback" not in done.stderr


# Reading


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return make


WHOLE = "name: x\nmodel: tiny\nlr: 1e-4\ndata: {release: rel}\n"


def test_places_are_relative_to_the_recipe(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("name: x\nmodel: ./base\nlr: 1e-4\ndata: {files: [a.jsonl], image_folders: [../faces]}\n")
    recipe = load_training(path, "sft")
    assert recipe.data.files == (tmp_path / "a.jsonl",)
    assert recipe.data.image_folders == ((tmp_path / "../faces").resolve(),)
    assert Path(recipe.model) == tmp_path / "base"
    assert load_training(write(WHOLE.replace("tiny", "Qwen/Qwen2.5-VL-3B-Instruct")), "sft").model.startswith("Qwen/")


def test_overrides_reach_every_depth(write: Callable[..., Path]) -> None:
    sets = ["lr=2e-3", "data.rows=7", "lora.r=4", "deepspeed=null", "rewards=[{name: format, weight: 2}]"]
    recipe = load_training(write(WHOLE), "grpo", sets=[*sets, "rewards.0.weight=3"])
    assert isinstance(recipe, GrpoRecipe)
    assert (recipe.lr, recipe.data.rows) == (2e-3, 7)
    assert recipe.lora is not None
    assert recipe.lora.r == 4
    assert recipe.rewards[0].weight == 3


@pytest.mark.parametrize(
    ("text", "sets", "message"),
    [
        (WHOLE + "learning_rate: 1\n", [], r"unknown key `learning_rate`"),
        (WHOLE + "save_evry: 1\n", [], r"unknown key `save_evry`.*did you mean `save_every`"),
        (WHOLE.replace("1e-4", "-1"), [], r"`lr` in the recipe"),
        (WHOLE + "batch: [\n", [], r"not YAML"),
        ("- 1\n", [], r"no mapping"),
        (WHOLE, ["lr"], r"--set needs KEY=VALUE"),
        (WHOLE, ["name.first=x"], r"a place that the recipe does not have"),
        (WHOLE + "best: true\n", [], r"best: true needs validation"),
        (WHOLE + "generations: 8\n", [], r"unknown key `generations` in a recipe for sft"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(
    write: Callable[..., Path], text: str, sets: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_training(write(text), "sft", sets=sets)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.yaml.*no such training recipe"):
        load_training(tmp_path / "nowhere.yaml", "sft")


def test_the_hash_is_of_what_decides_the_result_and_of_no_place(sft_recipe: Any) -> None:
    recipe = sft_recipe()
    same = [{"log_every": 7}, {"keep": 9}, {"model": "elsewhere"}, {"data": {"release": "/elsewhere"}}]
    assert {sft_recipe(**changes).hash() for changes in same} == {recipe.hash()}
    other = [{"lr": 1e-5}, {"seed": 1}, {"batch": 2}, {"data": {"rows": 3}}, {"freeze_vision": True}, {"steps": 7}]
    hashes = {sft_recipe(**changes).hash() for changes in other}
    assert len(hashes | {recipe.hash()}) == len(other) + 1


def test_a_checkpoint_that_is_none(sft_recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no checkpoint"):
        prepare(sft_recipe(model=str(tmp_path / "empty")), tmp_path / "run")
