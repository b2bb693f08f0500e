"""Scores against a brute-force count, and the rules on what cannot be scored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import UsageError
from facial_r1.scoring import AuCounts, au_counts, au_f1, label_match

CODES = ["AU1", "AU4", "AU6", "AU12", "AU25", "AD19"]
SETS = st.sets(st.sampled_from(CODES))


@given(SETS, SETS, SETS, st.integers(0, 3))
def test_counts_and_f1_against_brute_force(
    predicted: set[str], true: set[str], annotated: set[str], unknown: int
) -> None:
    counts = AuCounts(
        tp=sum(c in predicted and c in true for c in annotated),
        fp=sum(c in predicted and c not in true for c in annotated) + unknown,
        fn=sum(c not in predicted and c in true for c in annotated),
        ignored=sum(c not in annotated for c in predicted),
    )
    assert au_counts(predicted, true, annotated, unknown=unknown) == counts
    f1 = au_f1(predicted, true, annotated, unknown=unknown)
    if not annotated:
        assert f1 is None
    elif counts.tp + counts.fp + counts.fn == 0:
        assert f1 == 1
    elif counts.tp == 0:
        assert f1 == 0
    else:
        precision = counts.tp / (counts.tp + counts.fp)
        recall = counts.tp / (counts.tp + counts.fn)
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


@given(SETS, SETS, SETS)
def test_signed_is_stretched(predicted: set[str], true: set[str], annotated: set[str]) -> None:
    f1 = au_f1(predicted, true, annotated)
    signed = au_f1(predicted, true, annotated, signed=True)
    assert signed == (None if f1 is None else pytest.approx(2 * f1 - 1))


@given(SETS, SETS, SETS)
def test_unannotated_codes_change_no_score(predicted: set[str], true: set[str], annotated: set[str]) -> None:
    assert au_f1(predicted, true, annotated) == au_f1(predicted & annotated, true & annotated, annotated)


@pytest.mark.parametrize(
    ("predicted", "true", "unknown", "f1"),
    [
        ([], [], 0, 1.0),
        ([], ["AU1"], 0, 0.0),
        (["AU1"], [], 0, 0.0),
        ([], [], 1, 0.0),  # a number that FACS does not have, on a face at rest
        (["AU99"], [], 0, 0.0),
        (["AU25"], [], 0, 1.0),  # unknown is not absent
        (["AU1", "AU1"], ["AU1"], 0, 1.0),
        (["AU1"], ["AU1", "AU4"], 0, 2 / 3),
        (["AU1", "AU4"], ["AU1"], 1, 0.5),
    ],
)
def test_f1_by_hand(predicted: list[str], true: list[str], unknown: int, f1: float) -> None:
    assert au_f1(predicted, true, ["AU1", "AU4"], unknown=unknown) == pytest.approx(f1)


def test_any_iterable_is_read_once() -> None:
    assert au_f1(iter(["AU1"]), iter(["AU1"]), iter(["AU1", "AU4"])) == 1


@pytest.mark.parametrize(
    ("predicted", "true", "any_rule", "set_rule"),
    [
        (["anger"], ["anger"], True, True),
        (["anger"], ["fear"], False, False),
        ([], ["fear"], False, False),
        (["anger"], [], None, None),
        ([], [], None, None),
        (["happiness"], ["happiness", "surprise"], True, False),
        (["surprise", "happiness"], ["happiness", "surprise"], True, True),
        (["happiness", "anger"], ["happiness", "surprise"], False, False),
    ],
)
def test_labels(predicted: list[str], true: list[str], any_rule: bool | None, set_rule: bool | None) -> None:
    assert label_match(predicted, true) is any_rule
    assert label_match(predicted, true, rule="any") is any_rule
    assert label_match(predicted, true, rule="set") is set_rule


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"unknown label rule. Found: all. Expected: any or set"):
        label_match(["anger"], [], rule="all")
