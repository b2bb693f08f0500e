"""Order and quotas: seeded, stable, even; frame gaps that are never relaxed."""

from __future__ import annotations

import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import ranking
from curation.ranking import FrameGap, by_hash, by_rarest_au, position, reserved, share
from curation.rows import Row


def row(name: str, *aus: str, frame: int | None = None, video: str = "v") -> Row:
    return Row(name, "toy", "g", None, (), None, frame, aus, (), True, f"{video}:1", 0)


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(ranking, extraglobs={"_row": row}).failed == 0


def test_the_order_is_the_hash_of_seed_part_and_id() -> None:
    # Written down so that a changed formula (which would reshuffle every data set) cannot pass unnoticed.
    assert position(0, "toy/train", "toy-1").hex() == "ccefff4e3b046533"
    rows = [row(str(number)) for number in range(100)]
    assert [r.id for r in by_hash(rows, 0, "toy/train")] == [r.id for r in by_hash(reversed(rows), 0, "toy/train")]
    assert [r.id for r in by_hash(rows, 0, "toy/train")] != [r.id for r in by_hash(rows, 1, "toy/train")]
    assert [r.id for r in by_hash(rows, 0, "toy/train")] != [r.id for r in by_hash(rows, 0, "toy/test")]


@given(st.sets(st.text(max_size=6), min_size=1), st.text(max_size=6))
def test_a_new_row_moves_no_other(names: set[str], new: str) -> None:
    before = [r.id for r in by_hash(map(row, sorted(names - {new})), 7, "toy/train")]
    after = [r.id for r in by_hash(map(row, sorted(names | {new})), 7, "toy/train")]
    after.remove(new)
    assert after == before


def test_rare_aus_come_first_enough() -> None:
    rows = [row(f"c{number}", "AU25") for number in range(300)]
    rows += [row(f"r{number}", "AU9", "AU25") for number in range(20)] + [row(f"n{number}") for number in range(50)]
    ranked = list(by_rarest_au(by_hash(rows, 0, "toy/train"), lambda _: True))
    assert sorted(r.id for r in ranked) == sorted(r.id for r in rows)
    counts = Counter(au for r in ranked[:40] for au in r.aus or ("none",))
    assert counts["AU9"] == 20
    assert counts["none"] == 20
    plain = Counter(au for r in by_hash(rows, 0, "toy/train")[:40] for au in r.aus)
    assert plain["AU9"] < 8


@given(st.lists(st.sets(st.sampled_from(["AU1", "AU2", "AU4", "AU12"])), max_size=40))
def test_every_row_has_its_turn_once_and_prefixes_are_even(sets: list[set[str]]) -> None:
    rows = [row(str(number), *sorted(aus)) for number, aus in enumerate(sets)]
    asked: list[str] = []
    ranked = list(by_rarest_au(rows, lambda r: asked.append(r.id) or True))
    assert sorted(asked) == sorted(r.id for r in rows) == sorted(r.id for r in ranked)
    seen: Counter[str] = Counter()
    for place, chosen in enumerate(ranked):
        open_aus = {au for r in ranked[place:] for au in r.aus or ("none",)}
        assert min(seen[au] for au in chosen.aus or ("none",)) == min(seen[au] for au in open_aus)
        seen.update(chosen.aus or ("none",))


def test_a_refused_row_counts_for_no_au() -> None:
    rows = [row("a", "AU1"), row("b", "AU1", "AU2"), row("c", "AU2"), row("d", "AU1")]
    assert [r.id for r in by_rarest_au(rows, lambda r: r.id != "b")] == ["c", "a", "d"]


@given(st.integers(0, 12), st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 60))))
def test_chosen_frames_of_a_video_keep_their_distance(gap: int, frames: list[tuple[str, int]]) -> None:
    gaps = FrameGap(gap)
    taken = [(video, frame) for video, frame in frames if gaps.take(row("r", frame=frame, video=video))]
    pairs = [(a, b) for i, a in enumerate(taken) for b in taken[i + 1 :] if a[0] == b[0]]
    assert all(abs(a[1] - b[1]) >= gap for a, b in pairs)
    refused = [item for item in frames if item not in taken]
    assert all(any(v == video and abs(f - frame) < gap for v, f in taken) for video, frame in refused)


def test_a_gap_of_nothing_and_rows_without_frames_always_fit() -> None:
    assert all(FrameGap(0).take(row("r", frame=5)) for _ in range(3))
    gaps = FrameGap(10)
    assert all(gaps.take(row("r")) for _ in range(3))


@pytest.mark.parametrize(
    ("quota", "reserve", "candidates"), [(1000, 0.1, 1100), (1000, 0.25, 1250), (3, 0.25, 4), (7, 0, 7), (1, 2.5, 4)]
)
def test_the_reserve_is_rounded_up_but_not_by_floating_point(quota: int, reserve: float, candidates: int) -> None:
    assert reserved(quota, reserve) == candidates


@given(st.integers(0, 200), st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60), min_size=1))
def test_quotas_sum_up_and_are_as_even_as_the_classes_allow(wanted: int, available: dict[str, int]) -> None:
    quotas = share(wanted, available)
    assert sum(quotas.values()) == wanted
    assert quotas.keys() == available.keys()
    if sum(available.values()) >= wanted:
        assert all(quotas[name] <= available[name] for name in quotas)
        unfilled = [quotas[name] for name in quotas if quotas[name] < available[name]]
        assert all(quota <= min(unfilled) + 1 for quota in quotas.values()) if unfilled else True
    else:
        assert all(quotas[name] >= available[name] for name in quotas)


def test_the_remainder_goes_by_class_order() -> None:
    assert share(8, {"anger": 9, "fear": 9, "happiness": 9}) == {"anger": 3, "fear": 3, "happiness": 2}
