"""Stage 2: GRPO. Groups of answers to one picture; what is rewarded is what the corpus can verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facial_r1.progress import Progress
from training.arguments import arguments
from training.columns import grpo_columns
from training.model import load_model, lora_config
from training.order import Replayed, balanced
from training.outputs import CHECKPOINTS
from training.prepare import Prepared
from training.recipe import GrpoRecipe
from training.rewards import Reward, resolve
from training.run import run

__all__ = ["rewards_of", "train", "trainer"]


def train(recipe: GrpoRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None) -> Path:
    """Reinforce a model on the truth of a release; its texts are not used.

    Returns:
        ``out``, as :func:`training.sft.train`.

    Raises:
        UsageError: for an unknown reward.
        FacialR1Error: see :func:`training.run.run`.
    """
    rewards_of(recipe)
    return run(recipe, "grpo", out, trainer, resume=resume, progress=progress or Progress())


def rewards_of(recipe: GrpoRecipe) -> dict[str, Reward]:
    """Name → reward, with the recipe's parameters, rule and set of labels.

    Raises:
        UsageError: for an unknown reward or parameter.
    """
    labels = {"label_rule": recipe.data.label_rule, "label_set": recipe.data.label_set}
    return {
        one.name: resolve(one.name, {**(labels if one.name == "accuracy" else {}), **one.params})
        for one in recipe.rewards
    }


def trainer(prepared: Prepared, out: Path, callbacks: list[Any]) -> Any:
    """TRL's trainer over the rows, as the recipe says."""
    from trl import GRPOConfig, GRPOTrainer

    from training.rollouts import Rollouts
    from training.trainer import Exact

    class Trainer(Exact, GRPOTrainer):  # type: ignore[misc]
        """TRL's, with an exact resume."""

        def _get_train_sampler(self, dataset: Any = None) -> Replayed:
            return Replayed(lambda: super(Trainer, self)._get_train_sampler(dataset))

    recipe = prepared.recipe
    assert isinstance(recipe, GrpoRecipe)
    rows = balanced(prepared.train.rows, recipe.data.balance)
    weights = {one.name: one.weight for one in recipe.rewards}
    shown = Rollouts(out / "rollouts", rows, weights, recipe.show_every)
    # TRL pads prompts on the left, but has the kinds of tokens (text, picture) padded where the tokenizer says; on the
    # right, pictures would get wrong positions in every row that is padded.
    prepared.processor.tokenizer.padding_side = "left"
    config = GRPOConfig(
        **arguments(recipe, out / CHECKPOINTS, measure="eval_reward", greater=True),
        **_vllm(recipe),
        num_generations=recipe.generations,
        max_completion_length=recipe.max_completion,
        beta=recipe.beta,
        epsilon=recipe.epsilon,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        top_k=recipe.top_k,
        loss_type=recipe.loss,
        scale_rewards=recipe.scale_rewards,
        reward_weights=list(weights.values()),
    )
    watched = prepared.validation
    return Trainer(
        model=load_model(recipe, prepared.checkpoint),
        reward_funcs=[shown.watching(name, reward) for name, reward in rewards_of(recipe).items()],
        args=config,
        train_dataset=grpo_columns(rows),
        eval_dataset=None if watched is None else grpo_columns(watched.rows),
        processing_class=prepared.processor,
        peft_config=lora_config(recipe, prepared.checkpoint),
        callbacks=[*callbacks, shown],
    )


def _vllm(recipe: GrpoRecipe) -> dict[str, Any]:
    vllm = recipe.vllm
    if vllm is None:
        return {}
    own: dict[str, Any] = (
        {"vllm_server_base_url": vllm.server}
        if vllm.mode == "server"
        else {"vllm_gpu_memory_utilization": vllm.memory, "vllm_tensor_parallel_size": vllm.tensor_parallel}
    )
    return {"use_vllm": True, "vllm_mode": vllm.mode, "vllm_max_model_length": vllm.max_length, **own}
