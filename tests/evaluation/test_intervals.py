"""The bootstrap and the paired test against what defines them."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.evaluation.intervals import Clusters, Floats, bootstrap, paired


def mean(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def columns(values: list[float]) -> list[Floats]:
    return [np.array(values), np.ones(len(values))]


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-5, 5)), min_size=1, max_size=30))
def test_sums_of_clusters(rows: list[tuple[int, float]]) -> None:
    clusters = Clusters.by([key for key, _ in rows])
    sums = clusters.sums(columns([value for _, value in rows]))
    keys = list(dict.fromkeys(key for key, _ in rows))
    assert clusters.count == len(keys)
    for place, key in enumerate(keys):
        own = [value for one, value in rows if one == key]
        assert sums[place].tolist() == pytest.approx([sum(own), len(own)], abs=1e-9)
    assert clusters.alone == (len(keys) == len(rows))


def test_the_bootstrap_draws_whole_clusters() -> None:
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 0.5]
    clusters = Clusters.by([1, 1, 1, 2, 2, 3])
    sums = clusters.sums(columns(values))
    ends = bootstrap(sums, mean, clusters, resamples=200, seed=3)
    assert ends is not None
    dice = np.random.default_rng(3)
    groups = [values[:3], values[3:5], values[5:]]
    drawn = [np.mean(np.concatenate([groups[one] for one in dice.integers(0, 3, 3)])) for _ in range(200)]
    assert (float(ends[0]), float(ends[1])) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))), abs=1e-9)


def test_a_stratum_keeps_its_number_of_clusters() -> None:
    keys, strata = list(range(40)), [0] * 20 + [1] * 20
    clusters = Clusters.by(keys, strata)
    sums = clusters.sums([np.array([1.0] * 20 + [0.0] * 20), np.ones(40)])
    ends = bootstrap(sums, mean, clusters)
    assert ends is not None
    assert (float(ends[0]), float(ends[1])) == (0.5, 0.5)


def test_one_cluster_has_no_interval() -> None:
    one = Clusters.by(["a", "a"])
    assert bootstrap(one.sums(columns([0.0, 1.0])), mean, one) is None
    lonely = Clusters.by(["a", "b", "c"], [0, 0, 1])
    assert bootstrap(lonely.sums(columns([0.0, 1.0, 1.0])), mean, lonely) is None


def test_undefined_resamples_are_left_out() -> None:
    clusters = Clusters.by(range(3))
    sums = clusters.sums([np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])])
    with np.errstate(invalid="ignore"):
        ends = bootstrap(sums, mean, clusters)
    assert ends is not None
    assert (float(ends[0]), float(ends[1])) == (1.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=8))
def test_the_exact_test_counts_every_exchange(rows: list[tuple[int, int]]) -> None:
    clusters = Clusters.by(range(len(rows)))
    first = clusters.sums(columns([float(row[0]) for row in rows]))
    second = clusters.sums(columns([float(row[1]) for row in rows]))
    found = paired(first, second, mean, clusters)
    steps = [row[1] - row[0] for row in rows]
    gaps = [
        abs(sum(sign * step for sign, step in zip(signs, steps, strict=True)))
        for signs in product((1, -1), repeat=len(rows))
    ]
    assert found.exact
    assert found.value == pytest.approx(sum(steps) / len(rows), abs=1e-9)
    assert found.p == pytest.approx(sum(gap >= abs(sum(steps)) for gap in gaps) / len(gaps), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_for_single_rows_it_is_mcnemars_exact_test(rows: list[tuple[bool, bool]]) -> None:
    clusters = Clusters.by(range(len(rows)))
    sides = [clusters.sums(columns([float(row[side]) for row in rows])) for side in (0, 1)]
    better = sum(second and not first for first, second in rows)
    worse = sum(first and not second for first, second in rows)
    many, few = better + worse, min(better, worse)
    expected = min(1.0, 2 * sum(comb(many, k) for k in range(few + 1)) / 2**many) if many else 1.0
    assert paired(sides[0], sides[1], mean, clusters).p == pytest.approx(expected, abs=1e-9)


def test_drawn_exchanges_agree_with_all_of_them_and_a_real_difference_is_found() -> None:
    dice = np.random.default_rng(0)
    first = (dice.random(300) < 0.5).astype(float)
    for gain, significant in ((0.0, False), (0.25, True)):
        second = np.where(dice.random(300) < gain, 1.0, first)
        if not gain:
            second = dice.permutation(first)
        clusters = Clusters.by(range(300))
        sides = [clusters.sums([side, np.ones(300)]) for side in (first, second)]
        found = paired(sides[0], sides[1], mean, clusters)
        assert not found.exact
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        assert (found.p < 0.01) == significant


def test_the_same_seed_gives_the_same_ends() -> None:
    clusters = Clusters.by(range(50))
    sums = clusters.sums(columns([float(one % 7) for one in range(50)]))
    ends = [bootstrap(sums, mean, clusters, seed=seed) for seed in (1, 1, 2)]
    pairs = [(float(one[0]), float(one[1])) for one in ends if one is not None]
    assert pairs[0] == pairs[1] != pairs[2]
