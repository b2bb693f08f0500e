"""Rows as numbers: unknown is not absent, and shares carry honest intervals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from facial_r1.sample import Meta, Sample
from facial_r1.stats.counts import Counts, wilson
from facial_r1.stats.panels import panels
from facial_r1.stats.rows import collect
from facial_r1.stats.shift import difference, shifts, total_variation


def row(name: str = "a", dataset: str = "x", split: str | None = "train", **known: list[str]) -> Sample:
    """A row; ``annotated`` and the published keys ``AUs`` and ``labels`` may be given."""
    meta = Meta(split=split, task="au+emotion", au_annotated=known.pop("annotated", []))
    return Sample(name, dataset, **known, meta_info=meta)  # type: ignore[arg-type]


def counted(*samples: Sample) -> Counts:
    counts = Counts()
    for sample in samples:
        counts.add(sample)
    return counts


def test_the_rate_of_an_au_is_taken_over_the_rows_that_annotate_it() -> None:
    counts = counted(
        row(AUs=["AU12"], annotated=["AU6", "AU12"]),
        row(annotated=["AU12"]),
        row(),  # nobody looked: says nothing about any AU
        row(AUs=["AU4"]),  # listed, but not said to be annotated
    )
    aus = counts.aus()
    assert list(aus) == ["AU4", "AU6", "AU12"]
    assert (aus["AU12"].present, aus["AU12"].annotated, aus["AU12"].rate) == (1, 2, 0.5)
    assert aus["AU6"].rate == 0.0
    assert (aus["AU4"].rate, aus["AU4"].unsure) == (None, 1)


def test_a_row_of_two_emotions_counts_under_both_and_once_as_labelled() -> None:
    counts = counted(row(labels=["fear", "surprise"]), row(labels=["fear"]), row())
    assert counts.labels() == {"fear": 2, "surprise": 1}
    assert counts.labelled() == 2


def test_composition_says_what_a_row_does_not() -> None:
    counts = counted(row(dataset="b"), row(dataset="a", split=None), row(dataset="b"))
    assert counts.composition() == {("a", "–", "au+emotion"): 1, ("b", "train", "au+emotion"): 2}
    assert counts.corpora == ["a", "b"]


def test_cooccurrence_is_unknown_where_no_row_with_the_emotion_annotates_the_au() -> None:
    pairs = counted(
        row(labels=["fear"], AUs=["AU1"], annotated=["AU1", "AU2"]),
        row(labels=["fear"], annotated=["AU1"]),
        row(labels=["anger"], annotated=["AU2"]),
        row(labels=["anger"]),
        row(AUs=["AU1"], annotated=["AU1"]),  # no emotion: in no cell
    ).cooccurrence()
    assert (pairs.aus, pairs.emotions) == (["AU1", "AU2"], ["anger", "fear"])
    assert pairs.annotated.tolist() == [[0, 2], [1, 1]]
    np.testing.assert_array_equal(pairs.rates, [[np.nan, 0.5], [0.0, 0.0]])


codes = st.lists(st.sampled_from(["AU1", "AU2", "AU4", "AU12"]), unique=True)
rows = st.lists(st.tuples(codes, codes, st.lists(st.sampled_from(["fear", "anger"]), unique=True)), max_size=20)


@given(rows)
def test_no_rate_is_above_one_and_counts_do_not_depend_on_the_order(given_rows: list[tuple[list[str], ...]]) -> None:
    samples = [row(AUs=aus, annotated=annotated, labels=labels) for aus, annotated, labels in given_rows]
    counts = counted(*samples)
    assert counts.rows == len(samples)
    for code, au in counts.aus().items():
        assert au.present <= au.annotated
        assert au.present + au.unsure == sum(code in sample.AUs for sample in samples)
    rates = counts.cooccurrence().rates
    assert np.all(rates[~np.isnan(rates)] <= 1)
    assert counted(*reversed(samples)).composition() == counts.composition()
    assert counted(*reversed(samples)).aus() == counts.aus()


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_agrees_with_scipy(share: tuple[int, int]) -> None:
    hits, of = share
    expected = binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_share_of_nothing_can_be_anything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


shares = st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(shares, shares)
def test_a_difference_lies_in_its_interval_and_turns_with_its_sides(a: tuple[int, int], b: tuple[int, int]) -> None:
    found, turned = difference(*a, *b), difference(*b, *a)
    assert found is not None
    assert turned is not None
    assert -1 - 1e-9 <= found[1] <= found[0] <= found[2] <= 1 + 1e-9
    assert turned == pytest.approx((-found[0], -found[2], -found[1]))


def test_a_difference_to_nothing_is_unknown() -> None:
    assert difference(1, 2, 0, 0) is None


counters = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 50), min_size=1)


@given(counters, counters)
def test_total_variation_is_a_distance(one: dict[str, int], other: dict[str, int]) -> None:
    far = total_variation(one, other)
    assert far is not None
    assert 0 <= far <= 1 + 1e-9
    assert far == pytest.approx(total_variation(other, one))
    assert total_variation(one, {key: 3 * count for key, count in one.items()}) == pytest.approx(0)
    assert total_variation({"left": 3}, one) == pytest.approx(1)
    assert total_variation({}, one) is None


def test_a_shift_is_clear_only_where_its_interval_leaves_out_zero() -> None:
    first = counted(*[row(labels=["fear"])] * 90, *[row(labels=["anger"])] * 10)
    second = counted(*[row(labels=["fear"])] * 50, *[row(labels=["anger"])] * 50)
    found = {(shift.kind, shift.name): shift for shift in shifts(first, second)}
    assert found["emotion", "anger"].clear
    assert found["emotion", "anger"].difference is not None
    assert math.isclose(found["emotion", "anger"].difference[0], 0.4)
    assert not found["corpus", "x"].clear


def test_an_au_that_only_one_side_annotates_has_no_difference() -> None:
    shift = shifts(counted(row(annotated=["AU1"])), counted(row()))[-1]
    assert (shift.kind, shift.name, shift.difference, shift.clear) == ("AU", "AU1", None, False)


def test_panels_leave_out_what_no_row_knows(tmp_path: Path) -> None:
    assert [section.title for section in panels(collect([]))] == ["Composition"]
    emotion = Sample("a", "x", labels=["fear"], description="<think>eyes wide</think><answer>fear</answer>")
    assert [section.title for section in panels(collect([emotion]))] == [
        "Composition",
        "Emotions",
        "Length of the texts",
        "Diversity of the texts",
    ]
