"""Training recipes: those that people start from, what --set changes, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from facial_r1.errors import UsageError
from training.arguments import DEEPSPEED
from training.reading import load_training
from training.recipe import GrpoRecipe

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = [path for path in sorted(FOLDER.glob("*.yaml")) if "lr" in yaml.safe_load(path.read_text())]


def stage(path: Path) -> Any:
    return "sft" if "sft" in path.stem else "grpo"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_sound(path: Path) -> None:
    recipe = load_training(path, stage(path))
    assert recipe.name == path.stem
    assert recipe.data.release is not None
    assert recipe.data.release.is_absolute()
    start = re.search(
        r"(?:torchrun --nproc_per_node (\d) \$\(which facial-r1\)|facial-r1) train (\w+) (\S+)", path.read_text()
    )
    assert start is not None, "it says how to start it"
    assert (int(start[1] or 1), start[2], Path(start[3]).stem) == (recipe.processes, stage(path), path.stem)


@pytest.mark.parametrize("name", ["facial-r1-7b-sft", "facial-r1-7b-grpo", "facial-r1-7b-grpo-rafdb"])
def test_the_three_of_the_paper_have_its_numbers(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    recipe = load_training(path, stage(path))
    assert (recipe.lr, recipe.batch, recipe.accumulation, recipe.processes) == (2e-5, 8, 4, 8)
    assert (recipe.deepspeed, recipe.lora, recipe.gpu, recipe.rows_a_step) == ("zero3", None, True, 256)
    if isinstance(recipe, GrpoRecipe):
        numbers = (recipe.generations, recipe.beta, recipe.top_k, recipe.epsilon, recipe.max_completion)
        assert numbers == (8, 0, 0, 0.2, 256)
        known = ["accuracy", "format"] if "rafdb" in name else ["au_f1", "accuracy", "format"]  # it has no AUs
        assert [(reward.name, reward.weight) for reward in recipe.rewards] == [(reward, 1.0) for reward in known]


def test_every_deepspeed_file_is_there_and_lets_the_recipe_decide() -> None:
    assert {path.stem for path in DEEPSPEED.glob("*.json")} == {"zero2", "zero3", "zero3-offload"}
    for path in DEEPSPEED.glob("*.json"):
        content = orjson.loads(path.read_bytes())
        assert content["train_micro_batch_size_per_gpu"] == content["gradient_accumulation_steps"] == "auto"
        assert str(content["zero_optimization"]["stage"]) in path.stem


# Reading


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
    written.write_text("{name: x, model: tiny, lr: 1, data: {files: [a.jsonl], image_folders: [../faces]}}")
    recipe = load_training(written, "sft")
    assert recipe.model == "tiny"
    assert recipe.data.files == (written.parent / "a.jsonl",)
    assert recipe.data.image_folders == ((written.parent / "../faces").resolve(),)


def test_set_reaches_every_depth(written: Path) -> None:
    sets = ["lr=1e-4", "lora={r: 4}", "lora.alpha=8", "data.tasks=[au]", "deepspeed=null", "steps=7"]
    recipe = load_training(written, "sft", sets=sets)
    assert recipe.lora is not None
    assert (recipe.lr, recipe.lora.r, recipe.lora.alpha, recipe.data.tasks, recipe.steps) == (1e-4, 4, 8, ("au",), 7)
    rewards = load_training(written, "grpo", sets=["rewards=[{name: format}]", "rewards.0.weight=2"])
    assert isinstance(rewards, GrpoRecipe)
    assert [(one.name, one.weight) for one in rewards.rewards] == [("format", 2.0)]


WRONG = [
    (["lrr=1"], r"one.yaml: unknown key `lrr` in the recipe for sft.*did you mean `lr`\?"),
    (["learning_rate=1"], r"unknown key `learning_rate`.*What to do: remove it or correct its name"),
    (["generations=8"], r"unknown key `generations` in the recipe for sft.*it belongs in a recipe for grpo"),
    (["lr=fast"], r"`lr` in the recipe for sft: input should be a valid number.*fast"),
    (["lr=-1"], r"`lr` in the recipe for sft: input should be greater than 0"),
    (["lr=.inf"], r"`lr` in the recipe for sft: input should be a finite number"),
    (["seed=-1"], r"`seed` in the recipe for sft"),
    (["data.rowz=3"], r"unknown key `data.rowz`.*did you mean `rows`\?"),
    (["rows=3"], r"unknown key `rows`.*it belongs at `data.rows` or `validation.rows`"),
    (["lora.lr=3"], r"unknown key `lora.lr`.*it belongs at `lr`"),
    (["best=true"], r"best: true needs validation rows"),
    (["best=true", "validation={split: val}", "save_every=200"], r"save_every equal to validate_every"),
    (["lora={}", "freeze_vision=true"], r"freeze_vision has nothing to freeze"),
    (["deepspeed=zero3"], r"deepspeed divides a model among processes"),
    (["deepspeed=zero4.json", "lr=0"], r"`lr`"),  # a file of one's own may offload, so one process may have it
]


@pytest.mark.parametrize(("sets", "message"), WRONG, ids=[" ".join(one[0]) for one in WRONG])
def test_what_is_wrong_is_said_with_its_place(written: Path, sets: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_training(written, "sft", sets=sets)
    assert caught.value.exit_code == 2


GRPO_WRONG = [
    (["batch=6"], r"is 6, which is no multiple of generations"),
    (["rewards=[{name: format}, {name: format}]"], r"name one of them twice"),
    (["rewards=[{name: format, weight: .nan}]"], r"`rewards.0.weight` in the recipe"),
    (["rewards=[{name: format, wait: 2}]"], r"unknown key `rewards.0.wait`.*did you mean `weight`\?"),
    (["vllm={mode: server}"], r"vllm.server belongs to vllm.mode: server"),
    (["vllm={mode: colocate, server: 'http://a'}"], r"vllm.server belongs to vllm.mode: server"),
    (["rewards=[]"], r"`rewards` in the recipe"),
    (["batch=4", "accumulation=2", "validation={split: val}"], r"validation rows need a batch × processes.*, not 4"),
]


@pytest.mark.parametrize(("sets", "message"), GRPO_WRONG, ids=[" ".join(one[0]) for one in GRPO_WRONG])
def test_what_is_wrong_with_grpo_is_said(written: Path, sets: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_training(written, "grpo", sets=sets)


def test_a_file_that_is_no_recipe_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml: there is no such training recipe"):
        load_training(tmp_path / "none.yaml", "sft")
    for text, message in (("a: [", "not YAML"), ("- 1", "no mapping")):
        (tmp_path / "odd.yaml").write_text(text)
        with pytest.raises(UsageError, match=message):
            load_training(tmp_path / "odd.yaml", "sft")


def test_the_hash_is_of_what_decides_the_result_and_of_no_place(sft_recipe: Callable[..., Any]) -> None:
    recipe = sft_recipe()
    same = {"log_every": 7, "keep": 9, "workers": 2, "device_memory": 24.0, "model": "elsewhere"}
    assert sft_recipe(**same, data={"release": "/elsewhere"}).hash() == recipe.hash()
    assert sft_recipe(deepspeed="a/own.json").hash() == sft_recipe(deepspeed="b/own.json").hash()
    other: list[dict[str, Any]] = [{"lr": 1e-5}, {"seed": 1}, {"batch": 2}, {"data": {"rows": 3}}, {"steps": 7}]
    other += [{"freeze_vision": True}, {"processes": 2}, {"save_every": 7}]
    hashes = {sft_recipe(**changes).hash() for changes in other}
    assert len(hashes | {recipe.hash()}) == len(other) + 1
