"""Stage 2: GRPO. Groups of answers to one picture; what is rewarded is what the corpus can verify."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facial_r1.errors import UsageError
from facial_r1.progress import Progress
from training.data import columns
from training.prepare import Prepared, arguments, load_model, peft_of, prepare
from training.recipe import GrpoRecipe
from training.rewards import resolve
from training.run import run

__all__ = ["train", "trainer"]


def train(recipe: GrpoRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None) -> Path:
    """Reinforce a model on the truth of a release; its texts are not used.

    Returns:
        ``out``, as :func:`training.sft.train`.

    Raises:
        UsageError: for an unknown reward, or a row none of the rewards can score.
        FacialR1Error: see :func:`training.prepare.prepare` and :func:`training.run.run`.
    """
    for reward in recipe.rewards:
        resolve(reward.name, reward.params)
    prepared = prepare(recipe, out, with_text=False)
    _scorable(prepared, recipe)
    return run(
        prepared,
        "grpo",
        out,
        lambda folder, callbacks: trainer(prepared, recipe, folder, callbacks),
        resume=resume,
        progress=progress or Progress(),
    )


def _scorable(prepared: Prepared, recipe: GrpoRecipe) -> None:
    """Rewards that apply to no row would train nothing but the others: say so."""
    rows = prepared.lessons.rows
    needed = {
        "au_f1": any(row.sample.meta_info.au_annotated for row in rows),
        "accuracy": any(row.sample.labels for row in rows),
    }
    truths = [reward.name for reward in recipe.rewards if reward.name in needed]
    if truths and not any(needed[name] for name in truths):
        do = "choose rewards whose truth the rows have"
        raise UsageError("no row has a truth that these rewards compare with", found=", ".join(truths), do=do)


def trainer(prepared: Prepared, recipe: GrpoRecipe, folder: Path, callbacks: list[Any]) -> Any:
    """TRL's trainer over the rows, as the recipe says."""
    from trl import GRPOConfig, GRPOTrainer

    from training.trainer import Exact

    class Trainer(Exact, GRPOTrainer):  # type: ignore[misc]
        """TRL's, with an exact resume."""

    vllm: dict[str, Any] = {}
    if recipe.vllm != "off":
        vllm = {"use_vllm": True, "vllm_mode": recipe.vllm}
        if recipe.vllm_server is not None:
            vllm["vllm_server_base_url"] = recipe.vllm_server
    config = GRPOConfig(
        **arguments(recipe, folder),
        **vllm,
        num_generations=recipe.generations,
        max_completion_length=recipe.max_completion,
        beta=recipe.beta,
        epsilon=recipe.epsilon,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        top_k=recipe.top_k,
        loss_type=recipe.loss,
        scale_rewards=recipe.scale_rewards,
        reward_weights=[reward.weight for reward in recipe.rewards],
        log_completions=False,
        remove_unused_columns=False,
    )
    return Trainer(
        model=load_model(prepared),
        reward_funcs=[_with_rule(resolve(one.name, one.params), recipe.data.label_rule) for one in recipe.rewards],
        args=config,
        train_dataset=columns(prepared.lessons, with_text=False),
        processing_class=prepared.processor,
        peft_config=peft_of(recipe),
        callbacks=callbacks,
    )


def _with_rule(reward: Any, rule: str) -> Any:
    def scored(completions: Any, **columns: Any) -> Any:
        return reward(completions, label_rule=rule, **columns)

    scored.__name__ = reward.__name__
    return scored
