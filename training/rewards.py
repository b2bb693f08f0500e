"""Verifiable rewards: plain functions from completions and the truth of their rows to numbers, None without truth.

``R = R_AU + R_acc + R_format`` (Facial-R1, arXiv 2511.10254), read by the one strict parser and scored by
:mod:`facial_r1.scoring`. A reward has TRL's form, ``f(completions, **columns) -> list[float | None]``; None leaves a
completion out of that reward. :mod:`training.elsewhere` has the forms of ms-swift and verl.

What must not win: an empty answer (a broken form earns nothing, also where nothing is active), every Action Unit at
once (false positives count), a denied one (the parser reads polarity), a number that FACS does not have, or every
emotion word.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from facial_r1.errors import UsageError
from facial_r1.prose import described
from facial_r1.response import Response, parse, predicted_aus, predicted_unknown
from facial_r1.scoring import au_counts, label_match
from facial_r1.scoring import au_f1 as row_f1

__all__ = ["REWARDS", "TRUTHS", "Reward", "Scores", "accuracy", "au_f1", "format", "length", "prose", "resolve"]

Scores = list[float | None]
Reward = Callable[..., Scores]

TRUTHS = {"au_f1": "au_annotated", "accuracy": "labels"}
"""Reward → the column without which it has nothing to compare with."""


def au_f1(
    completions: Sequence[Any],
    *,
    AUs: Sequence[Sequence[str]],  # noqa: N803  (the published key)
    au_annotated: Sequence[Sequence[str]],
    form: Sequence[str],
    signed: bool = False,
    log_metric: Callable[[str, float], None] | None = None,
    **_columns: Any,
) -> Scores:
    """R_AU: F1 of the claimed against the true Action Units over the annotated ones, 0-1.

    None where none were annotated; 1 when nothing is active and a well-formed answer says so; 0 for silence.

    Args:
        completions: texts, or TRL's lists of messages.
        AUs, au_annotated: the truth of each row.
        form: the form each text must have, ``au+emotion``, ``au`` or ``emotion``.
        signed: stretch it to ``2·F1 - 1``, where silence is -1, as the reference code does.
        log_metric: told the mean number of claims that nobody annotated: neither right nor wrong, but spam shows.
    """
    scores: Scores = []
    unscored = 0
    for text, true, scored, shape in zip(completions, AUs, au_annotated, form, strict=True):
        response = _read(text)
        claimed, unknown = predicted_aus(response, shape), predicted_unknown(response, shape)
        meant = response.answers_aus if shape == "au" else response.well_formed
        unscored += au_counts(claimed, true, scored).ignored
        if scored and not meant and not unknown and set(claimed).isdisjoint(scored):
            scores.append(-1.0 if signed else 0.0)
        else:
            scores.append(row_f1(claimed, true, scored, unknown=len(unknown), signed=signed))
    if log_metric is not None and scores:
        log_metric("claims_unscored", unscored / len(scores))
    return scores


def accuracy(
    completions: Sequence[Any],
    *,
    labels: Sequence[Sequence[str]],
    label_rule: str = "any",
    label_set: Sequence[str] = (),
    **_columns: Any,
) -> Scores:
    """R_acc: 1 when the answer is the true emotion and nothing else, 0 when not, None without a true one.

    Args:
        completions: as :func:`au_f1`.
        labels: the true labels of each row.
        label_rule: with several, ``any`` of them suffices, or the whole ``set`` is asked for.
        label_set: labels beyond the eight.
    """
    scores: Scores = []
    allowed = tuple(label_set)
    for text, true in zip(completions, labels, strict=True):
        response = _read(text, allowed)
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
    words = [len((_read(text).think or "").split()) for text in completions]
    return [min(1.0, count / least, max(0.0, 2 - count / most)) for count in words]


def prose(completions: Sequence[Any], *, form: Sequence[str], **_columns: Any) -> Scores:
    """Optional: the share of named Action Units beside whose numbers their own feature is described, 0-1.

    None where the form asks for no numbers in the prose; 0 for a text that names none.
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
        UsageError: for an unknown reward or parameter, or a value that the reward refuses.
    """
    if name not in REWARDS:
        raise UsageError("unknown reward in the recipe", found=name, expected=f"one of {', '.join(REWARDS)}")
    signature = inspect.signature(REWARDS[name]).parameters.values()
    kinds: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), str: (str,), tuple: (list, tuple)}
    known = {one.name: kinds[type(one.default)] for one in signature if type(one.default) in kinds}
    for key, value in params.items():
        if key not in known:
            expected = f"only {', '.join(known)}" if known else "no parameters"
            raise UsageError(f"unknown parameter of the reward {name}", found=key, expected=expected)
        if type(value) not in known[key]:
            what = f"`{key}` of the reward {name} is of the wrong kind"
            raise UsageError(what, found=value, expected=known[key][0].__name__)
    bound = partial(REWARDS[name], **params)
    bound.__name__ = name  # type: ignore[attr-defined]
    columns: dict[str, Any] = {"AUs": [[]], "au_annotated": [[]], "labels": [["neutral"]], "form": ["au+emotion"]}
    bound([""], **columns)  # refuses a wrong value now, not at the first rollout
    return bound


def _read(completion: Any, label_set: tuple[str, ...] = ()) -> Response:
    text = completion if isinstance(completion, str) else completion[0]["content"]
    return _parsed(text if isinstance(text, str) else str(text), label_set)


@lru_cache(maxsize=4096)
def _parsed(text: str, label_set: tuple[str, ...]) -> Response:
    """Read once for all rewards of a batch."""
    return parse(text, label_set=label_set)
