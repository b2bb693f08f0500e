"""The rewards in the forms that other trainers call: ms-swift's objects and verl's one function.

ms-swift: ``from training.elsewhere import SWIFT; orms.update(SWIFT)`` in the file that ``--external_plugins`` names.
verl: ``custom_reward_function.path=…/training/elsewhere.py custom_reward_function.name=compute_score``, with the truth
of each row as ``reward_model.ground_truth``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from training.rewards import REWARDS, Reward

__all__ = ["SWIFT", "Swift", "compute_score"]


class Swift:
    """A reward as ms-swift calls it: made by the trainer, called with texts and the columns of the data set.

    ms-swift leaves NaN out of its mean, which is what None stands for here.
    """

    reward: Reward

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """Whatever ms-swift hands over is not needed."""

    def __call__(self, completions: Sequence[str], **columns: Any) -> list[float]:
        """Scores of the completions."""
        return [math.nan if score is None else score for score in type(self).reward(completions, **columns)]


SWIFT: dict[str, type[Swift]] = {
    f"facial_r1_{name}": type(f"Swift{name.title().replace('_', '')}", (Swift,), {"reward": staticmethod(reward)})
    for name, reward in REWARDS.items()
}
"""Name for ``--reward_funcs`` → class."""


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Mapping[str, Any],
    extra_info: Mapping[str, Any] | None = None,
    **_options: Any,
) -> dict[str, float]:
    """The sum of the three rewards as ``score``, and each of them: NaN for one that does not apply, which adds nothing.

    Args:
        data_source: the corpus; not used.
        solution_str: the completion.
        ground_truth: ``AUs``, ``au_annotated``, ``labels`` and ``form`` of the row.
        extra_info: not used.
    """
    del data_source, extra_info
    # verl reads truth from Parquet, where a list is an array.
    columns: dict[str, Any] = {name: [list(ground_truth[name])] for name in ("AUs", "au_annotated", "labels")}
    columns["form"] = [ground_truth["form"]]
    found = {name: REWARDS[name]([solution_str], **columns)[0] for name in ("au_f1", "accuracy", "format")}
    each = {name: math.nan if score is None else score for name, score in found.items()}
    return {"score": math.fsum(score for score in each.values() if not math.isnan(score)), **each}
