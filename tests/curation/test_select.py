"""Stage 2: the right rows in the right split with their pictures, and a reason for every row left out."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.frozen import Frozen
from curation.pictures import Pictures
from curation.ranking import by_hash
from curation.rows import read_rows, to_rows
from curation.run import SAMPLES, TASKS, Run
from curation.select import Selection, choose, select
from curation.unify import unify
from facial_r1.errors import CorruptState, InputError
from facial_r1.files import read_jsonl, sha256_file
from facial_r1.recipe import Recipe, load_recipe
from facial_r1.sample import Meta, Sample, strict_faults, task_of

if TYPE_CHECKING:
    from conftest import Toys

LABELS = ("anger", "fear", "happiness")


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": n, "labels": [LABELS[n % 3]], "group": f"g{n}", **more} for n in range(count)]


def part(split: str, rows: int, corpus: str = "toy_a", **more: Any) -> dict[str, Any]:
    return {"corpus": corpus, "split": split, "rows": rows, **more}


def chosen(toys: Toys, out: Path, recipe: Recipe, workers: int = 1) -> Run:
    run = Run.create(out, recipe)
    unify(run)
    select(run, workers=workers)
    return run


def rows_of(run: Run, name: str) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(run.folder(TASKS) / name)]


def files_of(run: Run) -> dict[str, bytes]:
    folder = run.folder(TASKS)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.suffix in (".jsonl", ".png")}


def pure(samples: list[Sample], *parts: dict[str, Any], **select: Any) -> Selection:
    """Selection alone, without files."""
    names = {item["corpus"] for item in parts}
    recipe = {"name": "t", "corpora": dict.fromkeys(names), "select": {"parts": list(parts), **select}}
    return choose(
        list(to_rows(sample.to_line() for sample in samples)), load_recipe(recipe), lambda _cells: {}, Frozen()
    )


def sample(name: str, corpus: str = "toy_a", **meta: Any) -> Sample:
    labels, aus = meta.pop("labels", ["anger"]), meta.pop("aus", [])
    return Sample(name, corpus, AUs=aus, labels=labels, meta_info=Meta(sample_id=name, source="labels.txt:1", **meta))


def test_tasks_hold_the_quota_and_its_reserve_in_rank_order(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(60))
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 20), part("test", 6)))
    cells = {row["cell"]: row for row in rows_of(run, "cells.jsonl")}
    assert cells["toy_a/train"] == {
        "cell": "toy_a/train",
        "corpus": "toy_a",
        "split": "train",
        "class": None,
        "quota": 20,
    }
    tasks = rows_of(run, "tasks.jsonl")
    assert [(row["cell"], row["rank"]) for row in tasks] == [("toy_a/train", n) for n in range(25)] + [
        ("toy_a/test", n) for n in range(8)
    ]
    assert len({row["id"] for row in tasks}) == 33


def test_a_task_is_complete_but_for_its_description(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(9))
    toys.write("toy_b", [{"id": n, "aus": ["AU1"], "scored": True, "subject": "s"} for n in range(3)])
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 2), part("val", 2, "toy_b")))
    pictures = {row["id"]: row for row in rows_of(run, "pictures.jsonl")}
    for task in rows_of(run, "tasks.jsonl"):
        row = Sample.from_json(task["sample"])
        assert strict_faults(row) == []
        assert (row.meta_info.split, row.description) == (task["cell"].split("/")[1], "")
        assert row.question.endswith("?")
        assert row.meta_info.task == ("emotion" if row.dataset == "toy_a" else "au")
        assert row.meta_info.crop == "none"
        assert row.meta_info.image_sha256 == sha256_file(run.images / row.image) == pictures[row.id]["sha256"]
        assert (pictures[row.id]["width"], pictures[row.id]["height"]) == (16, 16)


def test_label_balance_shares_the_quota_and_passes_on_what_a_class_lacks(toys: Toys, tmp_path: Path) -> None:
    rows = [*people(60), {"id": "rare", "labels": ["neutral"]}]
    toys.write("toy_a", rows)
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 30, balance="label")))
    quotas = {row["class"]: row["quota"] for row in rows_of(run, "cells.jsonl")}
    assert quotas == {"anger": 10, "fear": 10, "happiness": 9, "neutral": 1}
    report = orjson.loads((run.folder(TASKS) / "report.json").read_bytes())
    assert report["parts"][0]["passed_on"] == {"toy_a/train/neutral": 6}
    labels = Counter(row["sample"]["labels"][0] for row in rows_of(run, "tasks.jsonl"))
    assert labels == {"anger": 13, "fear": 13, "happiness": 12, "neutral": 1}


def test_compound_labels_are_a_class_of_their_own() -> None:
    samples = [sample(f"{n}", labels=["fear", "surprise"] if n < 4 else ["fear"]) for n in range(20)]
    cells = pure(samples, part("train", 6, balance="label")).cells
    assert [(cell.name, cell.quota) for cell in cells] == [("toy_a/train/fear", 3), ("toy_a/train/fear+surprise", 3)]


def test_rows_without_a_truth_and_conflicts_are_dropped_with_their_reason(toys: Toys, tmp_path: Path) -> None:
    both = [{"id": f"p{n}", "group": "p", "labels": ["fear"], "split": s} for n, s in enumerate(("train", "test"))]
    toys.write("toy_a", [*people(9, split="train"), {"id": "null"}, *both])
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 5), part("test", 1)))
    dropped = {row["id"]: row for row in rows_of(run, "dropped.jsonl")}
    assert {name: row["reason"] for name, row in dropped.items()} == {
        "toy_a-null": "no_truth",
        "toy_a-p0": "split_conflict",
    }
    assert dropped["toy_a-p0"]["labels"] == ["fear"]
    assert dropped["toy_a-p0"]["source"] == "labels.txt:11"


def test_a_picture_that_fails_is_dropped_and_replaced_by_the_next_in_rank(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(40))
    recipe = toys.recipe(part("train", 20))
    before = [row["id"] for row in rows_of(chosen(toys, tmp_path / "before", recipe), "tasks.jsonl")]
    broken = {int(name.split("-")[1]) for name in before[3:7]}
    toys.write("toy_a", [{**row, "picture": None} if row["id"] in broken else row for row in people(40)])
    run = chosen(toys, tmp_path / "after", recipe)
    after = [row["id"] for row in rows_of(run, "tasks.jsonl")]
    assert len(after) == len(before) == 25
    assert after[:21] == before[:3] + before[7:]
    assert {row["id"] for row in rows_of(run, "dropped.jsonl")} == set(before[3:7])
    assert {row["reason"] for row in rows_of(run, "dropped.jsonl")} == {"unreadable"}


def test_when_no_picture_can_be_read_the_part_is_short_and_says_so(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(12, picture=None))
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 10)))
    assert rows_of(run, "tasks.jsonl") == []
    assert len(rows_of(run, "dropped.jsonl")) == 12
    report = orjson.loads((run.folder(TASKS) / "report.json").read_bytes())["parts"][0]
    assert (report["wanted"], report["pool"], report["candidates"], report["short"]) == (10, 12, 0, 10)


def test_copies_of_a_picture_stay_in_the_test_part_only(toys: Toys, tmp_path: Path) -> None:
    rows = people(30, split="train") + [{**row, "id": f"t{row['id']}", "split": "test"} for row in people(5)]
    for row in rows[:5] + rows[30:]:
        row["group"], row["picture"] = f"own-{row['id']}", f"same-{str(row['id']).removeprefix('t')}"
    toys.write("toy_a", rows)
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 30), part("test", 5)))
    dropped = rows_of(run, "dropped.jsonl")
    assert {row["id"] for row in dropped} == {f"toy_a-{n}" for n in range(5)}
    assert {row["reason"] for row in dropped} == {"duplicate_picture"}
    assert dropped[0]["detail"].startswith("the same picture as toy_a-t")
    shas = [row["sha256"] for row in rows_of(run, "pictures.jsonl")]
    assert len(shas) == len(set(shas)) == 30


def test_two_faces_of_one_photograph_may_share_its_picture(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(4, group="photo", picture="photo"))
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 4)))
    assert len(rows_of(run, "tasks.jsonl")) == 4


def test_frames_of_a_video_keep_their_distance_even_when_the_quota_stays_short() -> None:
    frames = [sample(f"{s}-{n}", subject=s, group=s, frame=n) for s in ("a", "b") for n in range(50)]
    (group,) = pure(frames, part("train", 30), frame_gap=10).parts
    by_subject = {s: sorted(row.frame for row in group.cells[0].kept if row.subject == s) for s in ("a", "b")}
    assert all(b - a >= 10 for taken in by_subject.values() for a, b in itertools.pairwise(taken))
    assert 6 <= len(group.cells[0].kept) <= 10
    assert group.cells[0].quota == 30


def test_two_parts_of_one_corpus_and_split_never_share_a_row() -> None:
    samples = [sample(f"{n}", au_annotated=["AU1"], aus=["AU1"], labels=["fear"]) for n in range(30)]
    first, second = pure(samples, part("train", 10, balance="au"), part("train", 10, where="both")).parts
    assert (first.name, second.name) == ("toy_a/train", "toy_a/train.2")
    ids = [row.id for group in (first, second) for row in group.cells[0].kept]
    assert len(ids) == len(set(ids)) == 26


def test_another_corpus_leaves_ranks_alone() -> None:
    mine = [sample(f"a{n}", group=f"g{n // 3}") for n in range(90)]
    parts = (part("train", 30, balance="label"), part("test", 6))
    other = [sample(f"b{n}", "toy_b") for n in range(50)]
    ranked = [
        {cell.name: [row.id for row in cell.kept] for cell in pure(rows, *asked).cells}
        for rows, asked in (
            (mine, parts),
            (mine + other[:49], (*parts, part("train", 9, "toy_b"))),
            (mine + other, parts),
        )
    ]
    assert all(ranked[0].items() <= more.items() for more in ranked)


def test_a_new_row_of_the_same_corpus_only_takes_its_own_place() -> None:
    samples = [sample(f"{n}") for n in range(200)]
    before, after = ([row.id for row in pure(samples[:end], part("train", 160)).cells[0].kept] for end in (199, 200))
    assert [name for name in after if name != "199"] == before


SHAPES = st.lists(
    st.tuples(
        st.sampled_from(["toy_a", "toy_b"]),
        st.integers(0, 6),
        st.lists(st.integers(0, 5), max_size=2),
        st.sampled_from([None, "train", "test"]),
        st.integers(0, 40),
    ),
    max_size=50,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(SHAPES, st.sampled_from(["none", "label", "au"]), st.integers(0, 9))
def test_whatever_the_groups_no_candidate_is_on_two_sides(shapes: list[Any], balance: str, seed: int) -> None:
    samples = [
        sample(
            f"{c}-{n}", c, group=f"g{g}", origin_ids=[f"o{x}" for x in o], split=s, frame=f,
            au_annotated=["AU1", "AU4"], aus=["AU1"] if f % 2 else [], labels=[LABELS[f % 3]],
        )
        for n, (c, g, o, s, f) in enumerate(sorted(shapes, key=lambda shape: shape[0]))
    ]  # fmt: skip
    parts = [part(s, 8, c, balance=balance) for c in ("toy_a", "toy_b") for s in ("train", "val", "test")]
    sides: dict[tuple[str, str], set[str]] = {}
    frames: dict[tuple[str, str], list[int]] = {}
    for cell in pure(samples, *parts, frame_gap=5).cells:
        for row in cell.kept:
            for key in (("group", row.group), *(("origin", o) for o in row.origins)):
                sides.setdefault(key, set()).add(cell.split)
            frames.setdefault((row.dataset, row.group), []).append(row.frame or 0)
    assert all(len(found) == 1 for found in sides.values())
    for taken in map(sorted, frames.values()):
        assert all(b - a >= 5 for a, b in itertools.pairwise(taken))


@pytest.mark.parametrize("balance", ["none", "label", "au"])
def test_one_and_two_workers_write_the_same_bytes(toys: Toys, tmp_path: Path, balance: str) -> None:
    toys.write("toy_a", [{**row, "scored": True, "aus": ["AU1", "AU4"][: row["id"] % 3]} for row in people(80)])
    recipe = toys.recipe(part("train", 20, balance=balance), part("test", 5))
    runs = [chosen(toys, tmp_path / f"run{workers}", recipe, workers) for workers in (1, 2)]
    files = [files_of(run) for run in runs]
    assert {name: data for name, data in files[0].items() if name.endswith(".png")}
    for name in ("toy_a.pictures.jsonl", "images/toy_a.pictures.jsonl"):  # in the order in which pictures were finished
        for found in files:
            found.pop(name, None)
    assert files[0] == files[1]


def test_the_stage_is_skipped_when_nothing_changed_and_redone_when_its_settings_do(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", people(30))
    recipe = toys.recipe(part("train", 10))
    run = chosen(toys, tmp_path / "run", recipe)
    assert select(run) is None
    assert select(Run(run.root, recipe.model_copy(update={"allow_short": True}))) is None
    source = recipe.corpora["toy_a"].model_copy(update={"options": {"shift": 1}})
    assert select(Run(run.root, recipe.model_copy(update={"corpora": {"toy_a": source}}))) is not None
    seeded = select(Run(run.root, recipe.model_copy(update={"seed": 1})))
    assert seeded is not None
    assert seeded.report()[0].candidates == 13


def test_select_alone_says_that_unify_comes_first(toys: Toys, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not finished.*do the stages up to 1-samples first"):
        select(Run.create(tmp_path / "run", toys.recipe(part("train", 1))))


@pytest.mark.parametrize("stage", [SAMPLES, TASKS])
def test_an_edited_file_of_either_stage_is_an_error(toys: Toys, tmp_path: Path, stage: str) -> None:
    toys.write("toy_a", people(30))
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 10)))
    path = run.folder(stage) / ("toy_a.jsonl" if stage == SAMPLES else "cells.jsonl")
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(CorruptState, match="is not the one its marker vouches for"):
        select(run)


def test_subjects_that_are_listed_but_not_there_are_remarked(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": n, "labels": ["fear"], "subject": f"S{n % 2}", "group": f"S{n % 2}"} for n in range(8)])
    lists = {"toy_a": {"train": ["S0", "S7"], "test": ["S1"]}}
    run = chosen(toys, tmp_path / "run", toys.recipe(part("train", 3), part("test", 3), subjects=lists))
    remarks = orjson.loads((run.folder(TASKS) / "report.json").read_bytes())["remarks"]
    assert remarks == ["toy_a: train lists subject S7, of whom there is no row"]
    assert {(t["sample"]["meta_info"]["subject"], t["cell"]) for t in rows_of(run, "tasks.jsonl")} == {
        ("S0", "toy_a/train"),
        ("S1", "toy_a/test"),
    }


def test_the_task_follows_from_the_truth() -> None:
    assert task_of(sample("1", labels=[])) is None


def test_where_most_pictures_are_missing_the_rounds_stay_few(toys: Toys, tmp_path: Path) -> None:
    """The first good rows in rank order are chosen, however many bad ones lie between them."""
    good = {n for n in range(3000) if n % 97 == 0}
    rows = ({"id": n, "labels": ["fear"], **({} if n in good else {"picture": None})} for n in range(3000))
    toys.write("toy_a", rows)
    run = Run.create(tmp_path / "run", toys.recipe({"corpus": "toy_a", "split": "train", "rows": 20}, reserve=0.0))
    unify(run)
    rounds = []
    examine = Pictures.examine

    def counted(self: Pictures, cells: Any) -> Any:
        rounds.append(1)
        return examine(self, cells)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pictures, "examine", counted)
        select(run)
    chosen = [task["id"] for task in rows_of(run, "tasks.jsonl")]
    ranked = by_hash(read_rows(run.folder(SAMPLES) / "toy_a.jsonl"), 0, "toy_a/train")
    assert chosen == [row.id for row in ranked if int(row.id.rpartition("-")[2]) in good][:20]
    assert len(rounds) < 15
