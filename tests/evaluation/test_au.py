"""Action Unit scores against scikit-learn, row by row brute force, and hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score

from facial_r1.evaluation.au import AuScores, masks, score_aus
from facial_r1.evaluation.intervals import Clusters

AUS = ("AU1", "AU4", "AU6", "AU12", "AD19")
SETS = st.sets(st.sampled_from(AUS))
ROWS = st.lists(st.tuples(SETS, SETS, SETS), min_size=1, max_size=25)
CLOSE = {"abs": 1e-9, "rel": 1e-9}


def score(rows: list[tuple[set[str], set[str], set[str]]], aus: tuple[str, ...] = AUS, **how: object) -> AuScores:
    said, true, known = (masks([row[side] for row in rows], len(rows)) for side in range(3))
    return score_aus(said, true, known, aus, Clusters.by(range(len(rows))), resamples=0, **how)  # type: ignore[arg-type]


def cells(rows: list[tuple[set[str], set[str], set[str]]], code: str) -> tuple[list[bool], list[bool]]:
    """Truth and claim of one Action Unit, over the rows in which it is annotated."""
    known = [row for row in rows if code in row[2]]
    return [code in row[1] for row in known], [code in row[0] for row in known]


@given(ROWS)
def test_every_action_unit_and_every_mean_is_scikit_learns(rows: list[tuple[set[str], set[str], set[str]]]) -> None:
    scores = score(rows)
    each, present = [], []
    for code in AUS:
        true, said = cells(rows, code)
        defined = any(true) or any(said)
        f1 = f1_score(true, said, zero_division=0) if true else 0.0
        each.append(f1)
        if any(true):
            present.append(f1)
        assert (scores.f1[code] is not None) == defined
        if defined:
            assert scores.f1[code] == pytest.approx(f1, **CLOSE)
        for found, function, known in (
            (scores.precision[code], precision_score, any(said)),
            (scores.recall[code], recall_score, any(true)),
        ):
            assert (found is not None) == known
            if known:
                assert found == pytest.approx(function(true, said, zero_division=0), **CLOSE)
    assert scores.macro_benchmark == pytest.approx(np.mean(each), **CLOSE)
    assert scores.macro_present == (pytest.approx(np.mean(present), **CLOSE) if present else None)
    true = [value for code in AUS for value in cells(rows, code)[0]]
    said = [value for code in AUS for value in cells(rows, code)[1]]
    if any(true) or any(said):
        assert scores.micro == pytest.approx(f1_score(true, said), **CLOSE)
    else:
        assert scores.micro is None
    assert scores.undefined == tuple(code for code in AUS if not any(map(any, cells(rows, code))))


@settings(max_examples=50)
@given(st.lists(st.tuples(SETS, SETS, SETS, st.integers(1, 3)), min_size=1, max_size=25))
def test_parts_are_scored_one_by_one_and_averaged(rows: list[tuple[set[str], set[str], set[str], int]]) -> None:
    parts = [row[3] for row in rows]
    scores = score([row[:3] for row in rows], parts=parts)
    alone = {part: score([row[:3] for row in rows if row[3] == part]) for part in sorted(set(parts))}
    means = [one.macro_benchmark for one in alone.values()]
    assert scores.macro_benchmark == pytest.approx(np.mean(means), **CLOSE)  # type: ignore[arg-type]
    for part, one in alone.items():
        found = scores.per_part[str(part)]
        assert found["macro_benchmark"] == pytest.approx(one.macro_benchmark, **CLOSE)
        assert found["micro"] == (None if one.micro is None else pytest.approx(one.micro, **CLOSE))
    for code in AUS:
        known = [one.f1[code] for one in alone.values() if one.f1[code] is not None]
        assert scores.f1[code] == (pytest.approx(np.mean(known), **CLOSE) if known else None)  # type: ignore[arg-type]
    micros = [one.micro for one in alone.values()]
    assert scores.micro == (None if None in micros else pytest.approx(np.mean(micros), **CLOSE))  # type: ignore[arg-type]


def test_a_claim_outside_the_annotation_is_no_error_and_one_outside_the_list_does_not_count() -> None:
    known = {"AU1", "AU4"}
    base = [({"AU1"}, {"AU1"}, known), (set[str](), {"AU4"}, known)]
    spam = [({"AU1", "AU12", "AU25"}, {"AU1"}, known), ({"AU12"}, {"AU4"}, known)]
    assert score(spam, ("AU1", "AU4")).f1 == score(base, ("AU1", "AU4")).f1 == {"AU1": 1.0, "AU4": 0.0}
    assert score(spam, ("AU1",)).macro_benchmark == 1.0


def test_an_action_unit_that_never_occurs_is_undefined_and_counts_nothing_in_the_benchmark() -> None:
    scores = score([({"AU1"}, {"AU1"}, {"AU1", "AU4"})], ("AU1", "AU4"))
    assert scores.f1 == {"AU1": 1.0, "AU4": None}
    assert (scores.macro_benchmark, scores.macro_present, scores.micro) == (0.5, 1.0, 1.0)
    assert scores.undefined == ("AU4",)


def test_one_row_and_nothing_annotated() -> None:
    scores = score([({"AU1"}, set(), set())], ("AU1",))
    assert (scores.rows, scores.macro_benchmark, scores.macro_present, scores.micro) == (0, 0.0, None, None)
    assert scores.intervals == {}


def test_intervals_hold_the_value_and_shrink_with_more_subjects() -> None:
    dice = np.random.default_rng(0)
    widths = []
    for subjects in (8, 200):
        count = subjects * 10
        true = [{code for code in AUS if dice.random() < 0.4} for _ in range(count)]
        said = [{code for code in AUS if (code in one) != (dice.random() < 0.2)} for one in true]
        known = masks([AUS] * count, count)
        clusters = Clusters.by([place // 10 for place in range(count)])
        scores = score_aus(masks(said, count), masks(true, count), known, AUS, clusters)
        low, high = scores.intervals["macro_benchmark"]
        assert scores.macro_benchmark is not None
        assert low < scores.macro_benchmark < high
        assert scores.clusters == subjects
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert not math.isnan(sum(widths))
