"""Stage 2 for real, with the tiny model: resume, rollouts to look at, what a run leaves, and every error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runs import assert_same_weights, curve, facts, half, weights

from facial_r1.errors import FacialR1Error, MissingExtra, UsageError
from facial_r1.inference.local.checkpoints import open_checkpoint
from training import grpo
from training.prepare import prepare
from training.rewards import REWARDS

Make = Callable[..., Any]
LORA = {"lora": {"r": 4, "alpha": 8, "dropout": 0.0, "targets": ["q_proj", "v_proj"]}}


def noise(completions: Any, **_columns: Any) -> list[float]:
    """A reward that differs between the rollouts of an untrained model, so that there is something to learn."""
    return [len(completion[0]["content"]) % 7 / 7 for completion in completions]


@pytest.mark.parametrize("more", [{}, LORA, {"accumulation": 2, "beta": 0.04}], ids=["full", "lora", "accumulated, KL"])
def test_a_resumed_run_is_the_uninterrupted_one(
    grpo_recipe: Make, tmp_path: Path, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REWARDS, "noise", noise)
    recipe = grpo_recipe(rewards=[{"name": "noise"}], **more)
    whole = grpo.train(recipe, tmp_path / "whole")
    resumed = grpo.train(recipe, half(whole, tmp_path / "half", 2), resume=True)
    assert_same_weights(whole, resumed, within=1e-6)
    names = ("loss", "reward", "grad_norm", "num_tokens")
    assert [step[:3] for step in curve(resumed, *names)] == [step[:3] for step in curve(whole, *names)]
    assert curve(whole, *names)[-1][3] > 0  # there was something to learn
    assert open_checkpoint(resumed)


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


# What a run leaves


def test_rollouts_are_kept_with_their_pictures_and_rewards(grpo_run: Path) -> None:
    pages = sorted((grpo_run / "rollouts").iterdir())
    assert [page.name for page in pages] == ["00001.html", "00002.html", "00004.html"]
    for page in pages:
        text = page.read_text()
        assert "data:image/" in text
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


# Errors


def test_an_unknown_reward_is_named_before_anything_is_opened(grpo_recipe: Make, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown reward.*bleu.*au_f1"):
        grpo.train(grpo_recipe(rewards=[{"name": "bleu"}], model=str(tmp_path / "nowhere")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rewards_that_apply_to_no_row_are_refused(grpo_recipe: Make, tmp_path: Path) -> None:
    recipe = grpo_recipe(rewards=[{"name": "accuracy"}, {"name": "format"}], data={"tasks": ["au"]})
    with pytest.raises(UsageError, match=r"no row has a truth.*accuracy"):
        grpo.train(recipe, tmp_path / "run")


def test_vllm_that_is_absent_is_one_error(grpo_recipe: Make, tmp_path: Path) -> None:
    for vllm in ({"mode": "colocate"}, {"mode": "server", "server": "http://127.0.0.1:8000"}):
        with pytest.raises(MissingExtra, match=r"vLLM.*facial-r1\[vllm\].*vllm=null"):
            grpo.train(grpo_recipe(vllm=vllm), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_groups_that_do_not_come_out_whole_are_an_error_of_the_recipe(grpo_recipe: Make) -> None:
    with pytest.raises(UsageError, match="no multiple of generations"):
        grpo_recipe(batch=6)
    with pytest.raises(UsageError, match=r"vllm\.server belongs"):
        grpo_recipe(vllm={"mode": "server"})


def test_probabilities_that_are_no_numbers_end_the_run(grpo_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import save_file

    poisoned = shutil.copytree(tiny, tmp_path / "poisoned")
    bad = weights(tiny)
    next(value for name, value in bad.items() if "norm" in name)[0] = float("nan")
    save_file(bad, poisoned / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(FacialR1Error, match=r"no numbers any more.*lower lr"):
        grpo.train(grpo_recipe(model=str(poisoned)), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.safetensors"))
