"""Scores of one row, shared by gates, rewards and metrics. Pure functions of codes and labels.

*Unknown is not absent*: only Action Units that were annotated for the row are scored, and a row without truth has no
score (None), which is neither 0 nor a constant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facial_r1.errors import UsageError
from facial_r1.facs import REGISTRY

__all__ = ["LABEL_RULES", "AuCounts", "au_counts", "au_f1", "label_match"]

LABEL_RULES: tuple[str, ...] = ("any", "set")
"""With several true labels: ``any`` one of them suffices, or the whole ``set`` is asked for."""

_KNOWN = frozenset(REGISTRY)


@dataclass(frozen=True, slots=True)
class AuCounts:
    """Confusion counts of one row.

    Attributes:
        tp, fp, fn: Action Units rightly predicted, wrongly predicted, and missed.
        ignored: predicted codes that nobody annotated for this row: neither right nor wrong, but counted, so that
            spam outside the annotation can be seen.
    """

    tp: int
    fp: int
    fn: int
    ignored: int

    @property
    def f1(self) -> float:
        """``2·tp / (2·tp + fp + fn)``, and 1 when nothing is present and nothing was claimed."""
        wrong = self.fp + self.fn
        return 2 * self.tp / (2 * self.tp + wrong) if self.tp or wrong else 1.0


def au_counts(predicted: Iterable[str], true: Iterable[str], annotated: Iterable[str], *, unknown: int = 0) -> AuCounts:
    """Compare predicted with true Action Units, each counted once.

    Args:
        predicted: claimed codes.
        true: codes that are present.
        annotated: codes that were scored for this row, present or not.
        unknown: how many further numbers were claimed that FACS does not have; false positives, as is a predicted
            code outside the registry.

    AU25 was not annotated, so nobody knows whether it is wrong; AU99 does not exist:

    >>> au_counts(["AU6", "AU12", "AU25", "AU99"], ["AU12", "AU4"], ["AU4", "AU6", "AU12"])
    AuCounts(tp=1, fp=2, fn=1, ignored=1)
    """
    said, scored = set(predicted), set(annotated)
    truth = set(true) & scored
    invented = unknown + len(said - _KNOWN)
    counted = said & scored
    ignored = len((said & _KNOWN) - scored)
    return AuCounts(len(counted & truth), len(counted - truth) + invented, len(truth - counted), ignored)


def au_f1(
    predicted: Iterable[str],
    true: Iterable[str],
    annotated: Iterable[str],
    *,
    unknown: int = 0,
    signed: bool = False,
) -> float | None:
    """F1 of one row's Action Units in [0, 1]: ``2·tp / (2·tp + fp + fn)``.

    None when nothing was annotated; 1 when nothing is present and nothing was claimed; 0 when only one of the two
    is empty. ``signed`` stretches it to [-1, 1] as ``2·F1 - 1``: nothing claimed where something is present is -1.

    >>> scored = ["AU1", "AU4", "AU6", "AU12"]
    >>> au_f1(["AU6", "AU4"], ["AU6", "AU12", "AU1"], scored)  # tp 1, fp 1, fn 2
    0.4
    >>> au_f1([], [], scored), au_f1([], ["AU1"], scored), au_f1(["AU1"], [], scored)
    (1.0, 0.0, 0.0)
    >>> au_f1(["AU6"], ["AU6"], []) is None
    True
    >>> au_f1([], ["AU1"], scored, signed=True)
    -1.0
    """
    scored = set(annotated)
    if not scored:
        return None
    f1 = au_counts(predicted, true, scored, unknown=unknown).f1
    return 2 * f1 - 1 if signed else f1


def label_match(predicted: Iterable[str], true: Iterable[str], rule: str = "any") -> bool | None:
    """Whether the answered labels are right; None when the row has no true label.

    ``any``: at least one label is answered and each is true, so naming every emotion wins nothing. ``set``: exactly
    the true labels.

    >>> label_match(["surprise"], ["happiness", "surprise"]), label_match(["surprise", "anger"], ["surprise"])
    (True, False)
    >>> label_match(["surprise"], ["happiness", "surprise"], rule="set"), label_match(["joy"], [])
    (False, None)

    Raises:
        UsageError: for an unknown rule.
    """
    if rule not in LABEL_RULES:
        raise UsageError("unknown label rule", found=rule, expected=" or ".join(LABEL_RULES))
    said, truth = set(predicted), set(true)
    if not truth:
        return None
    return said == truth if rule == "set" else bool(said) and said <= truth
