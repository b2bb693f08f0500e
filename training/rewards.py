"""Verifiable rewards: plain functions from completions and the truth of their rows to numbers, None without truth.

``R = R_AU + R_acc + R_format`` (Facial-R1, arXiv 2511.10254), each read by the one strict parser and scored by
:mod:`facial_r1.scoring`. A reward has the form of TRL's, ``f(completions, **columns) -> list[float | None]``;
ms-swift calls the same functions (:data:`SWIFT`), verl :func:`compute_score`.

What must not win: an empty answer (its broken form earns nothing, also where nothing is active), every Action Unit at
once (false positives count), a denied one (the parser reads polarity), a number that FACS does not have, or every
emotion word.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from facial_r1.errors import UsageError
from facial_r1.prose import described
from facial_r1.response import Response, parse, predicted_aus, predicted_unknown
from facial_r1.scoring import au_f1 as row_f1
from facial_r1.scoring import label_match

__all__ = ["REWARDS", "SWIFT", "accuracy", "au_f1", "compute_score", "format", "length", "prose", "resolve"]

Scores = list[float | None]
Reward = Callable[..., Scores]


def au_f1(
    completions: Sequence[Any],
    *,
    AUs: Sequence[Sequence[str]],  # noqa: N803  (the published key)
    au_annotated: Sequence[Sequence[str]],
    form: Sequence[str],
    signed: bool = False,
    **_columns: Any,
) -> Scores:
    """R_AU: F1 of the claimed against the true Action Units over the annotated ones, 0-1.

    None where none were annotated; 1 when nothing is active and a well-formed answer says so; 0 for silence.

    Args:
        completions: texts, or TRL's lists of messages.
        AUs, au_annotated: the truth of each row.
        form: the form each text must have, ``au+emotion``, ``au`` or ``emotion``.
        signed: stretch it to ``2·F1 - 1``, where silence is -1, as the reference code does.
    """
    scores: Scores = []
    for text, true, scored, shape in zip(completions, AUs, au_annotated, form, strict=True):
        response = _read(text)
        claimed, unknown = predicted_aus(response, shape), predicted_unknown(response, shape)
        meant = response.answers_aus if shape == "au" else response.well_formed
        if scored and not claimed and not unknown and not meant:
            scores.append(-1.0 if signed else 0.0)
        else:
            scores.append(row_f1(claimed, true, scored, unknown=len(unknown), signed=signed))
    return scores


def accuracy(
    completions: Sequence[Any], *, labels: Sequence[Sequence[str]], label_rule: str = "any", **_columns: Any
) -> Scores:
    """R_acc: 1 when the answer is the true emotion and nothing else, 0 when not, None without a true one.

    Args:
        completions: as :func:`au_f1`.
        labels: the true labels of each row.
        label_rule: with several, ``any`` of them suffices, or the whole ``set`` is asked for.
    """
    scores: Scores = []
    for text, true in zip(completions, labels, strict=True):
        response = _read(text)
        match = label_match(response.answer_labels, true, rule=label_rule)
        scores.append(None if match is None else float(match and not response.answer_rest and not response.answer_aus))
    return scores


def format(completions: Sequence[Any], **_columns: Any) -> Scores:
    """R_format: 1 for exactly one think and one answer block, in order, filled, with nothing around them; else 0."""
    return [float(_read(text).well_formed) for text in completions]


def length(completions: Sequence[Any], *, least: int = 20, most: int = 120, **_columns: Any) -> Scores:
    """Optional: 1 for a reasoning of ``least`` to ``most`` words, falling to 0 at none and at twice ``most``."""
    if not 0 < least <= most:
        raise UsageError("the reward `length` needs 0 < least ≤ most", found=f"least {least}, most {most}")
    scores: Scores = []
    for text in completions:
        words = len((_read(text).think or "").split())
        scores.append(min(1.0, words / least, max(0.0, 2 - words / most)))
    return scores


def prose(completions: Sequence[Any], *, form: Sequence[str], **_columns: Any) -> Scores:
    """Optional: the share of named Action Units beside whose numbers their own feature is described, 0-1.

    None where the form asks for no numbers in prose; 0 for a text that names none.
    """
    scores: Scores = []
    for text, shape in zip(completions, form, strict=True):
        if shape == "emotion":
            scores.append(None)
            continue
        response = _read(text)
        fits = [one.fit == "own" for one in described(response.think or "", response.mentions)]
        scores.append(sum(fits) / len(fits) if fits else 0.0)
    return scores


REWARDS: dict[str, Reward] = {
    "au_f1": au_f1,
    "accuracy": accuracy,
    "format": format,
    "length": length,
    "prose": prose,
}
"""Name in a recipe → reward."""


def resolve(name: str, params: Mapping[str, Any]) -> Reward:
    """The reward of a recipe with its parameters bound; it keeps its name, under which trainers log it.

    Raises:
        UsageError: for an unknown reward or parameter.
    """
    if name not in REWARDS:
        raise UsageError("unknown reward in the recipe", found=name, expected=f"one of {', '.join(REWARDS)}")
    signature = inspect.signature(REWARDS[name]).parameters.values()
    known = [one.name for one in signature if one.kind is one.KEYWORD_ONLY and one.default is not one.empty]
    for key in params:
        if key not in known:
            expected = f"only {', '.join(known)}" if known else "no parameters"
            raise UsageError(f"unknown parameter of the reward {name}", found=key, expected=expected)
    bound = partial(REWARDS[name], **params)
    bound.__name__ = name  # type: ignore[attr-defined]
    return bound


class _Swift:
    """A reward as ms-swift calls it: an object, made without arguments, that takes texts and columns.

    ms-swift has no word for "does not apply", so None becomes NaN, which it leaves out of its mean.
    """

    reward: Reward

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        return

    def __call__(self, completions: Sequence[str], **columns: Any) -> list[float]:
        return [float("nan") if score is None else score for score in type(self).reward(completions, **columns)]


SWIFT: dict[str, type[_Swift]] = {
    f"facial_r1_{name}": type(f"Swift{name.title()}", (_Swift,), {"reward": staticmethod(reward)})
    for name, reward in REWARDS.items()
}
"""For ms-swift: ``from swift.plugin import orms; orms.update(SWIFT)`` in the file that ``--external_plugins`` names."""


def compute_score(
    data_source: str, solution_str: str, ground_truth: Mapping[str, Any], extra_info: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """For verl (``custom_reward_function.path``): the sum of the three rewards as ``score``, and each that applies.

    Args:
        data_source: the corpus; not used.
        solution_str: the completion.
        ground_truth: ``AUs``, ``au_annotated``, ``labels`` and ``form`` of the row.
        extra_info: not used.
    """
    del data_source, extra_info
    columns: dict[str, Any] = {name: [ground_truth[name]] for name in ("AUs", "au_annotated", "labels", "form")}
    found = {name: REWARDS[name]([solution_str], **columns)[0] for name in ("au_f1", "accuracy", "format")}
    known = {name: score for name, score in found.items() if score is not None}
    return {"score": sum(known.values()), **known}


def _read(completion: Any) -> Response:
    text = completion if isinstance(completion, str) else completion[0]["content"]
    return parse(text if isinstance(text, str) else str(text))
