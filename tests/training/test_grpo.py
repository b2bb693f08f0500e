"""Stage 2 for real, with the tiny model: rewards move it, a resume is exact, and its rollouts can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from learning import LORA, assert_same_weights, curve, facts, half, poisoned, weights

from facial_r1.errors import FacialR1Error
from facial_r1.inference.local.checkpoints import open_checkpoint
from training import grpo
from training.grpo import _vllm
from training.prepare import prepare
from training.rewards import REWARDS

Make = Callable[..., Any]


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reward that differs between the rollouts of an untrained model, so that there is something to learn."""

    def scored(completions: Any, **_columns: Any) -> list[float]:
        texts = [one if isinstance(one, str) else one[0]["content"] for one in completions]
        return [len(text) % 7 / 7 for text in texts]

    monkeypatch.setitem(REWARDS, "noise", scored)


@pytest.mark.usefixtures("noise")
@pytest.mark.parametrize(
    "more",
    [{}, LORA, {"accumulation": 2, "beta": 0.04}, {"data": {"rows": 5}, "batch": 8}],
    ids=["full", "lora", "accumulated, KL", "in a later epoch"],
)
def test_a_resumed_run_is_the_uninterrupted_one(
    grpo_recipe: Make, tiny: Path, tmp_path: Path, more: dict[str, Any]
) -> None:
    recipe = grpo_recipe(rewards=[{"name": "noise"}], **more)
    whole = grpo.train(recipe, tmp_path / "whole")
    resumed = grpo.train(recipe, half(whole, tmp_path / "half", 2), resume=True)
    assert_same_weights(whole, resumed)
    names = ("loss", "reward", "grad_norm", "num_tokens", "entropy", "rewards/noise/mean")
    assert curve(resumed, *names) == curve(whole, *names)
    assert len({reward for _, reward in curve(whole, "reward")}) > 1
    assert max(norm for _, norm in curve(whole, "grad_norm")) > 0, "there was something to learn"
    assert open_checkpoint(resumed)
    if "lora" not in more:
        before, after = weights(tiny), weights(whole)
        assert any((after[name] != value).any() for name, value in before.items())


def test_the_weights_of_rewards_and_their_names_reach_the_trainer(grpo_recipe: Make, tmp_path: Path) -> None:
    recipe = grpo_recipe(rewards=[{"name": "au_f1", "weight": 2.0}, {"name": "format", "weight": 0.5}])
    made = grpo.trainer(prepare(recipe, tmp_path / "run"), tmp_path / "run", [])
    assert made.reward_weights.tolist() == [2.0, 0.5]
    assert made.reward_func_names == ["au_f1", "format"]
    assert (made.args.top_k, made.args.temperature, made.args.beta) == (0, 1.0, 0.0)
    assert (made.args.num_generations, made.args.epsilon, made.args.num_iterations) == (4, 0.2, 1)


def test_labels_and_their_rule_reach_the_reward(grpo_recipe: Make) -> None:
    text = "<think>A blend.</think><answer>awe and confusion</answer>"
    labels = {"labels": [["awe", "confusion"]]}
    recipe = grpo_recipe(rewards=[{"name": "accuracy"}], data={"label_set": ["awe", "confusion"], "label_rule": "set"})
    (reward,) = grpo.rewards_of(recipe).values()
    assert reward([text], **labels) == [1.0]
    (reward,) = grpo.rewards_of(grpo_recipe(rewards=[{"name": "accuracy"}])).values()
    assert reward([text], **labels) == [0.0]


def test_vllm_gets_what_the_recipe_says(grpo_recipe: Make) -> None:
    from trl import GRPOConfig

    assert _vllm(grpo_recipe()) == {}
    server = _vllm(grpo_recipe(vllm={"mode": "server", "server": "http://node2:8000"}))
    assert server["vllm_server_base_url"] == "http://node2:8000"
    colocate = {"mode": "colocate", "memory": 0.4, "tensor_parallel": 2, "max_length": 900}
    beside = _vllm(grpo_recipe(vllm=colocate))
    config = GRPOConfig(output_dir="unused", use_cpu=True, bf16=False, report_to=[], **beside)
    assert (config.vllm_gpu_memory_utilization, config.vllm_tensor_parallel_size) == (0.4, 2)
    assert config.vllm_max_model_length == 900


# What a run leaves


def test_rollouts_are_kept_with_their_pictures_and_rewards(grpo_run: Path) -> None:
    pages = sorted((grpo_run / "rollouts").iterdir())
    assert [page.name for page in pages] == ["00001.html", "00002.html", "00004.html"]
    for page in pages:
        text = page.read_text()
        assert text.count("data:image/") == 1, "one face for each group, and there is one"
        assert all(f">{name}<" in text for name in ("au_f1", "accuracy", "format", "weighted sum"))
        assert "True: " in text


def test_the_record_counts_tokens_and_names_the_rewards(grpo_run: Path) -> None:
    found = facts(grpo_run)
    assert (found["method"], found["steps"]) == ("grpo", 4)
    assert found["tokens"] > 4 * 4 * 12
    assert [reward["name"] for reward in found["recipe"]["rewards"]] == ["au_f1", "accuracy", "format"]
    last = [line for line in found["log"] if "reward" in line][-1]
    assert {"rewards/au_f1/mean", "rewards/accuracy/mean", "rewards/format/mean", "claims_unscored"} <= set(last)
    assert "GRPO with verifiable rewards" in (grpo_run / "README.md").read_text()


@pytest.mark.usefixtures("noise")
def test_validation_rewards_are_watched_and_the_best_is_kept(grpo_recipe: Make, tmp_path: Path) -> None:
    watch = {"validation": {"split": "val", "prompt": "question", "rows": 2}, "validate_every": 1, "best": True}
    recipe = grpo_recipe(rewards=[{"name": "noise"}], steps=2, save_every=1, **watch)
    out = grpo.train(recipe, tmp_path / "run")
    watched = {int(step): reward for step, reward in curve(out, "eval_reward")}
    best = facts(out)["best"]
    assert best["value"] == max(watched.values()) == watched[best["step"]]
    assert_same_weights(out, out / "checkpoints" / f"checkpoint-{best['step']}")


def test_probabilities_that_are_no_numbers_end_the_run(grpo_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    recipe = grpo_recipe(model=str(poisoned(tiny, tmp_path / "poisoned")))
    with pytest.raises(FacialR1Error, match=r"no numbers any more.*lower lr"):
        grpo.train(recipe, tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
