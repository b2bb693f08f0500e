"""Splits: a group is on one side only, owners' splits are kept, shares are in proportion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.components import Component, components
from curation.rows import Row
from curation.splits import Rules, assign
from facial_r1.recipe import Part, Select


def row(name: str, group: str = "", corpus: str = "toy", **more: Any) -> Row:
    facts: dict[str, Any] = {"subject": None, "origins": (), "official": None, "frame": None, "aus": ()}
    facts |= {"labels": ("anger",), "scored": False, "source": "", "offset": 0, **more}
    return Row(id=name, dataset=corpus, group=group or name, **facts)


def part(split: str, rows: int = 10, corpus: str = "toy", **more: Any) -> Part:
    return Part.model_validate({"corpus": corpus, "split": split, "rows": rows, **more})


def split(rows: Sequence[Row], *parts: Part, seed: int = 0, **select: Any) -> dict[str, str | None]:
    """Id → split of every row that some part could use; None where its component had to go elsewhere."""
    numbers = components(rows)
    rules = Rules(Select(parts=parts, **select), rows)
    of = assign(rows, numbers, rules, seed)
    chosen = {}
    for r, number in zip(rows, numbers, strict=True):
        splits = {parts[place].split for place in rules.parts_for(r)}
        if splits:
            chosen[r.id] = of[number] if of[number] in splits else None
    return chosen


ALL = (part("train", 80), part("val", 10), part("test", 10))


def test_components_join_groups_and_origins_across_corpora() -> None:
    rows = [
        row("1", "p", origins=("web:7",)),
        row("2", "p"),
        row("3", "q", "other", origins=("web:7", "web:8")),
        row("4", "r", "other", origins=("web:8",)),
        row("5", "s", "other"),
        row("6", "s", "another"),
    ]
    one, two, three, four, five, six = components(rows)
    assert one == two == three == four
    assert one != five
    assert five == six, "DISFA and DISFA+ share subjects by name"


OFFICIAL = st.sampled_from([None, "train", "val", "test"])
ROWS = st.lists(
    st.builds(
        lambda c, g, o, f: (c, g, o, f),
        st.sampled_from(["a", "b"]),
        st.integers(0, 12),
        st.lists(st.integers(0, 9), max_size=2),
        OFFICIAL,
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(ROWS, st.integers(0, 5), st.sets(st.sampled_from(["train", "val", "test"]), min_size=1))
def test_no_group_and_no_origin_is_on_two_sides(drawn: list[Any], seed: int, wanted: set[str]) -> None:
    rows = [
        row(str(n), f"g{g}", c, origins=tuple(f"o{x}" for x in o), official=f)
        for n, (c, g, o, f) in enumerate(sorted(drawn, key=lambda item: item[0]))
    ]
    parts = [part(name, corpus=c) for name in sorted(wanted) for c in "ab"]
    chosen = split(rows, *parts, seed=seed)
    sides: dict[tuple[str, str], set[str]] = defaultdict(set)
    for r in rows:
        if chosen.get(r.id) is not None:
            for key in (("group", r.group), *(("origin", o) for o in r.origins)):
                sides[key].add(chosen[r.id])
            assert (r.official, chosen[r.id]) != ("test", "train")
    assert all(len(found) == 1 for found in sides.values())


def test_splits_get_rows_in_proportion_to_what_is_wanted() -> None:
    rows = [row(str(number)) for number in range(2000)]
    counts = Counter(split(rows, *ALL).values())
    assert counts == {"train": 1600, "val": 200, "test": 200}


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    rows = [row(str(number)) for number in range(200)]
    first = split(rows, *ALL)
    assert split(rows[::-1], *ALL) == first
    assert split(rows, *ALL, seed=1) != first


@pytest.mark.parametrize("subjects", [3, 4, 27])
def test_few_subjects_still_serve_every_split(subjects: int) -> None:
    rows = [row(f"{s}-{n}", f"SN{s:03}") for s in range(subjects) for n in range(20)]
    chosen = split(rows, part("train", 2432), part("val", 100), part("test", 524))
    groups = Counter(side for side, _ in {(chosen[r.id], r.group) for r in rows})
    assert groups["val"] == 1
    assert groups["test"] == {3: 1, 4: 1, 27: 5}[subjects]
    assert groups["train"] == subjects - groups["val"] - groups["test"]


@pytest.mark.parametrize(("groups", "expected"), [(1, ["train"]), (2, ["test", "train"])])
def test_with_fewer_groups_than_splits_the_largest_is_served_first(groups: int, expected: list[str]) -> None:
    rows = [row(str(number), f"g{number % groups}") for number in range(10)]
    chosen = split(rows, part("train", 80), part("val", 5), part("test", 15))
    assert sorted(set(chosen.values())) == expected


def test_official_splits_are_kept_by_default() -> None:
    names = ("train",) * 60 + ("val",) * 20 + ("test",) * 20
    rows = [row(f"{n}", official=name) for n, name in enumerate(names)]
    chosen = split(rows, *ALL)
    assert chosen == {r.id: r.official for r in rows}


def test_val_is_cut_from_train_where_the_official_one_serves_as_test() -> None:
    rows = [row(f"{n}", official="train" if n < 90 else "val") for n in range(100)]
    chosen = split(rows, *ALL)
    assert {chosen[r.id] for r in rows if r.official == "val"} == {"test"}
    assert Counter(chosen[r.id] for r in rows if r.official == "train") == {"train": 80, "val": 10}


def test_only_official_lets_test_rows_into_training() -> None:
    rows = [row(f"{n}", official="train" if n < 50 else "test") for n in range(100)]
    assert len(split(rows, part("train"))) == 50
    both = split(rows, part("train", official=["train", "test"]))
    assert set(both.values()) == {"train"}
    assert len(both) == 100


def test_a_group_on_both_official_sides_keeps_one_and_reports_the_other() -> None:
    rows = [row("1", "p", official="train"), row("2", "p", official="test"), row("3", "q", official="train")]
    chosen = split(rows, part("train"), part("test"))
    assert chosen == {"1": None, "2": "test", "3": "train"}


def test_listed_subjects_go_where_the_list_says_and_others_nowhere() -> None:
    rows = [row(f"{s}{n}", s, subject=s) for s in ("SN001", "SN002", "SN003") for n in range(5)]
    subjects = {"toy": {"train": ["SN001"], "test": ["SN002"]}}
    chosen = split(rows, part("train"), part("test"), subjects=subjects)
    assert {(r.subject, chosen.get(r.id)) for r in rows} == {("SN001", "train"), ("SN002", "test"), ("SN003", None)}


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"where": "any"}, {"au", "label", "both"}),
        ({"where": "aus"}, {"au", "both"}),
        ({"where": "labels"}, {"label", "both"}),
        ({"where": "both"}, {"both"}),
        ({"balance": "label"}, {"label", "both"}),
        ({"balance": "au"}, {"au", "both"}),
    ],
)
def test_where_and_balance_say_which_truth_a_row_must_have(asked: dict[str, str], ids: set[str]) -> None:
    rows = [row("au", labels=(), scored=True), row("label"), row("both", scored=True)]
    assert set(split(rows, part("train", **asked))) == ids


def test_another_corpus_changes_no_split() -> None:
    rows = [row(str(number), corpus="b") for number in range(100)]
    alone = split(rows, part("train", 80, "b"), part("test", 20, "b"))
    more = [row(f"a{number}", corpus="a") for number in range(70)]
    parts = (part("train", 5, "a"), part("train", 80, "b"), part("test", 20, "b"))
    beside = split([*more, *rows], *parts)
    assert {name: side for name, side in beside.items() if name in alone} == alone


def test_a_small_split_gets_another_video_when_frame_gaps_leave_it_short_and_others_can_spare_one() -> None:
    rows = [row(f"{s}-{n}", f"s{s}", frame=n) for s in range(18) for n in range(90)]
    parts = (part("train", 400), part("val", 40), part("test", 60))
    sizes = [
        Counter(side for side, _ in {(side, name.split("-")[0]) for name, side in chosen.items()})
        for chosen in (split(rows, *parts, frame_gap=gap) for gap in (0, 2))
    ]
    assert sizes == [{"train": 15, "val": 1, "test": 2}, {"train": 14, "val": 2, "test": 2}]


def test_no_split_takes_what_another_needs() -> None:
    rows = [row(f"{s}-{n}", f"s{s}") for s in range(5) for n in range(90)]
    chosen = split(rows, part("train", 200), part("val", 100), part("test", 100))
    assert Counter(chosen.values()) == {"train": 270, "val": 90, "test": 90}


@pytest.mark.parametrize(("gap", "room"), [(0, 31), (1, 31), (10, 1 + 0.75 * 3.9), (100, 1 + 0.75 * 1.29)])
def test_the_room_in_a_component_counts_frames_by_the_gap(gap: int, room: float) -> None:
    entry = Component("toy/g")
    for n in range(30):
        entry.add(row(str(n), "g", frame=n), frozenset({"train"}))
    entry.add(row("loose", "g"), frozenset({"train"}))
    assert entry.room("toy", gap) == pytest.approx(room)
