"""Training recipes: those that people start from, what --set changes, and what is wrong with one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from facial_r1.errors import UsageError
from training.arguments import DEEPSPEED
from training.reading import load_training
from training.recipe import Data, GrpoRecipe, SftRecipe

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = [path for path in sorted(FOLDER.glob("*.yaml")) if "lr" in yaml.safe_load(path.read_text())]


def kind(path: Path) -> Any:
    return "sft" if "sft" in path.stem else "grpo"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_sound(path: Path) -> None:
    recipe = load_training(path, kind(path))
    assert recipe.name == path.stem
    assert recipe.data.release is not None
    assert recipe.data.release.is_absolute()
    text = path.read_text()
    start = re.search(r"(?:torchrun --nproc_per_node (\d) \$\(which facial-r1\)|facial-r1) train (\w+) (\S+)", text)
    assert start is not None, "it says how to start it"
    assert (int(start[1] or 1), start[2], Path(start[3]).stem) == (recipe.processes, kind(path), path.stem)


def test_the_seeds_three_checkpoints_have_its_numbers() -> None:
    for stage in ("sft", "grpo", "grpo-rafdb"):
        recipe = load_training(FOLDER / f"facial-r1-7b-{stage}.yaml", "sft" if stage == "sft" else "grpo")
        numbers = (recipe.lr, recipe.batch, recipe.accumulation, recipe.processes, recipe.deepspeed, recipe.gpu)
        assert numbers == (2e-5, 8, 4, 8, "zero3", True)
    assert isinstance(recipe, GrpoRecipe)
    assert (recipe.generations, recipe.beta, recipe.top_k, recipe.epsilon, recipe.max_completion) == (8, 0, 0, 0.2, 256)
    assert recipe.rows_a_step == 256


def test_every_deepspeed_file_is_there_and_let_the_recipe_decide() -> None:
    import orjson

    assert {path.stem for path in DEEPSPEED.glob("*.json")} == {"zero2", "zero3", "zero3-offload"}
    for path in DEEPSPEED.glob("*.json"):
        content = orjson.loads(path.read_bytes())
        assert content["train_micro_batch_size_per_gpu"] == content["gradient_accumulation_steps"] == "auto"
        assert str(content["zero_optimization"]["stage"]) in path.stem


@pytest.fixture
def written(tmp_path: Path) -> Path:
    plain = {"name": "one", "model": "./start", "lr": 0.1, "data": {"release": "a/5-release"}}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path / "one.yaml"


def test_places_are_beside_the_recipe_and_those_of_set_where_one_stands(written: Path) -> None:
    recipe = load_training(written, "sft")
    assert recipe.model == str(written.parent / "start")
    assert recipe.data.release == written.parent / "a" / "5-release"
    assert load_training(written, "sft", sets=["data.release=b"]).data.release == Path("b")
    assert load_training(written, "sft", sets=["model=Qwen/Qwen2.5-VL-3B-Instruct"]).model.startswith("Qwen/")


def test_set_reaches_every_depth(written: Path) -> None:
    sets = ["lr=1e-4", "lora={r: 4}", "lora.alpha=8", "data.tasks=[au]", "deepspeed=null", "steps=7"]
    recipe = load_training(written, "sft", sets=sets)
    assert recipe.lora is not None
    assert (recipe.lr, recipe.lora.r, recipe.lora.alpha, recipe.data.tasks, recipe.steps) == (1e-4, 4, 8, ("au",), 7)
    rewards = load_training(written, "grpo", sets=["rewards=[{name: format}]", "rewards.0.weight=2"])
    assert isinstance(rewards, GrpoRecipe)
    assert [(one.name, one.weight) for one in rewards.rewards] == [("format", 2.0)]


WRONG = [
    (["lrr=1"], r"one.yaml: unknown key `lrr` in a recipe for sft.*did you mean `lr`\?"),
    (["generations=8"], r"unknown key `generations` in a recipe for sft"),
    (["lr=fast"], r"`lr` in the recipe: input should be a valid number.*fast"),
    (["lr=-1"], r"`lr` in the recipe: input should be greater than 0"),
    (["data.rowz=3"], r"unknown key `data.rowz`.*did you mean `rows`\?"),
    (["steps"], r"--set needs KEY=VALUE.*steps"),
    (["steps=["], r"the value of --set is not YAML"),
    (["lr.x=1"], r"--set names a place that the recipe does not have"),
    (["best=true"], r"best: true needs validation rows"),
    (["best=true", "validation={split: val}", "save_every=150"], r"multiple of validate_every"),
    (["lora={}", "freeze_vision=true"], r"freeze_vision has nothing to freeze"),
    (["deepspeed=zero3"], r"deepspeed divides a model among processes"),
]


@pytest.mark.parametrize(("sets", "message"), WRONG, ids=[" ".join(one[0]) for one in WRONG])
def test_what_is_wrong_is_said_with_its_place(written: Path, sets: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_training(written, "sft", sets=sets)
    assert caught.value.exit_code == 2


GRPO_WRONG = [
    (["batch=6"], r"is 6, which is no multiple of generations"),
    (["rewards=[{name: format}, {name: format}]"], r"name one of them twice"),
    (["vllm={mode: server}"], r"vllm.server belongs to vllm.mode: server"),
    (["vllm={mode: colocate, server: 'http://a'}"], r"vllm.server belongs to vllm.mode: server"),
    (["rewards=[]"], r"`rewards` in the recipe"),
]


@pytest.mark.parametrize(("sets", "message"), GRPO_WRONG, ids=[" ".join(one[0]) for one in GRPO_WRONG])
def test_what_is_wrong_with_grpo_is_said(written: Path, sets: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_training(written, "grpo", sets=sets)


def test_a_file_that_is_no_recipe_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such training recipe"):
        load_training(tmp_path / "none.yaml", "sft")
    for text, message in (("a: [", "not YAML"), ("- 1", "no mapping")):
        (tmp_path / "odd.yaml").write_text(text)
        with pytest.raises(UsageError, match=message):
            load_training(tmp_path / "odd.yaml", "sft")


def test_the_hash_knows_what_decides_the_result_and_nothing_else() -> None:
    recipe = SftRecipe(name="one", model="a", lr=0.1, data=Data(release=Path("a")))
    same = {"model": "b", "log_every": 3, "keep": 7, "workers": 2, "device_memory": 24.0}
    assert recipe.model_copy(update={**same, "data": Data(release=Path("b"))}).hash() == recipe.hash()
    for change in ({"lr": 0.2}, {"seed": 1}, {"processes": 2}, {"data": Data(rows=3)}, {"save_every": 7}):
        assert recipe.model_copy(update=change).hash() != recipe.hash()
