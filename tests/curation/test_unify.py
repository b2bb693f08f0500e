"""Stage 1: every row or a reason, all missing corpora at once, the same bytes from any number of workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from curation.run import SAMPLES, Run
from curation.unify import unify
from facial_r1.errors import CorruptState, GateFailed, InputError, NotThisCorpus, UsageError
from facial_r1.files import read_jsonl
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe

if TYPE_CHECKING:
    from conftest import Toys

A = {"corpus": "toy_a", "split": "train", "rows": 2}
B = {"corpus": "toy_b", "split": "train", "rows": 2}


def labelled(identity: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "labels": ["anger"], **more}


def rows_of(run: Run, name: str) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(run.folder(SAMPLES) / name)]


def files_of(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.folder(SAMPLES).iterdir()}


def test_every_corpus_gets_its_file_and_its_figures(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1"), labelled("2")])
    toys.write("toy_b", [labelled("1", labels=["fear"])])
    run = Run.create(tmp_path / "run", toys.recipe(A, B))
    found = unify(run)
    assert [(entry.corpus, entry.rows) for entry in found] == [("toy_a", 2), ("toy_b", 1)]
    assert [row["id"] for row in rows_of(run, "toy_a.jsonl")] == ["toy_a-1", "toy_a-2"]
    assert rows_of(run, "toy_b.jsonl")[0]["labels"] == ["fear"]
    assert rows_of(run, "dropped.jsonl") == []


def test_repeats_are_dropped_with_a_reason_that_can_be_counted(toys: Toys, tmp_path: Path) -> None:
    conflict = [labelled("2"), labelled("2", labels=["fear"])]
    toys.write("toy_a", [labelled("1"), labelled("1"), *conflict, labelled("3")])
    run = Run.create(tmp_path / "run", toys.recipe(A))
    (found,) = unify(run)
    assert found.dropped == {"conflicting_repeat": 2, "repeat": 1}
    assert [row["id"] for row in rows_of(run, "toy_a.jsonl")] == ["toy_a-1", "toy_a-3"]
    assert {(row["id"], row["reason"]) for row in rows_of(run, "dropped.jsonl")} == {
        ("toy_a-1", "repeat"),
        ("toy_a-2", "conflicting_repeat"),
    }


def without(recipe: Recipe, name: str) -> Recipe:
    """The recipe with no folder for a corpus."""
    source = recipe.corpora[name].model_copy(update={"root": None})
    return recipe.model_copy(update={"corpora": {**recipe.corpora, name: source}})


def test_all_folders_that_hold_something_else_are_named_at_once_and_nothing_is_written(
    toys: Toys, tmp_path: Path
) -> None:
    for name in ("toy_a", "toy_b"):
        toys.root(name).mkdir(parents=True)
    run = Run.create(tmp_path / "run", toys.recipe(A, B))
    with pytest.raises(InputError, match="2 corpora of the recipe cannot be used") as caught:
        unify(run)
    message = str(caught.value)
    assert f"{toys.root('toy_a')}: this folder is not Toy A" in message
    assert f"{toys.root('toy_b')}: this folder is not Toy B" in message
    assert not run.folder(SAMPLES).exists()


def test_all_absent_corpora_are_named_with_the_rows_that_they_were_to_give(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1")])
    recipe = without(toys.recipe({**A, "rows": 3}, {**B, "rows": 2}), "toy_b")
    run = Run.create(tmp_path / "run", recipe)
    with pytest.raises(GateFailed) as caught:
        unify(run)
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert "1 of 2 corpora of the recipe are missing, and with them 2 of 5 rows" in message
    assert "no folder for toy_b" in message
    assert "--with toy_b=DIR" in message
    assert "FACIAL_R1_TOY_B" in message
    assert not run.folder(SAMPLES).exists()


def test_absent_corpora_are_left_out_where_the_recipe_allows_it(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1")])
    run = Run.create(tmp_path / "run", without(toys.recipe(A, B, allow_short=True), "toy_b"))
    assert [entry.corpus for entry in unify(run)] == ["toy_a"]


def test_a_recipe_of_which_nothing_is_there_is_never_built(toys: Toys, tmp_path: Path) -> None:
    recipe = without(without(toys.recipe(A, B, allow_short=True), "toy_a"), "toy_b")
    with pytest.raises(GateFailed, match="2 of 2 corpora of the recipe are missing"):
        unify(Run.create(tmp_path / "run", recipe))


def test_a_folder_that_is_not_there_is_never_left_out(toys: Toys, tmp_path: Path) -> None:
    """A misspelt folder must not cost a corpus, even where quotas may be short."""
    toys.write("toy_a", [labelled("1")])
    with pytest.raises(NotThisCorpus, match=r"toy_b: Toy B: there is no such folder.*--with toy_b=DIR"):
        unify(Run.create(tmp_path / "run", toys.recipe(A, B, allow_short=True)))


def test_a_folder_that_holds_another_corpus_is_named_for_what_it_is(toys: Toys, tmp_path: Path) -> None:
    root = toys.write("toy_b", [labelled("1")])
    recipe = toys.recipe(A)
    recipe = recipe.model_copy(update={"corpora": {"toy_a": recipe.corpora["toy_a"].model_copy(update={"root": root})}})
    with pytest.raises(NotThisCorpus, match="Found: a copy of Toy B"):
        unify(Run.create(tmp_path / "run", recipe))


def test_a_corpus_without_a_folder_says_how_to_give_one(toys: Toys, tmp_path: Path) -> None:
    recipe = without(toys.recipe(A), "toy_a")
    with pytest.raises(GateFailed, match=r"no folder for toy_a.*--with toy_a=DIR.*FACIAL_R1_TOY_A"):
        unify(Run.create(tmp_path / "run", recipe))


def test_an_unknown_option_is_a_usage_error(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1")])
    recipe = toys.recipe(A)
    source = recipe.corpora["toy_a"].model_copy(update={"options": {"shitf": 1}})
    with pytest.raises(UsageError, match=r"unknown option.*shitf.*only shift"):
        unify(Run.create(tmp_path / "run", recipe.model_copy(update={"corpora": {"toy_a": source}})))


def test_the_first_bad_row_stops_the_stage_and_leaves_no_marker(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1"), {"labels": []}, labelled("3")])
    run = Run.create(tmp_path / "run", toys.recipe(A))
    with pytest.raises(InputError, match=r"toy_a\.jsonl:2: this row has no id"):
        unify(run)
    assert list(files_of(run)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_keep_going_collects_bad_rows(toys: Toys, tmp_path: Path, workers: int) -> None:
    toys.write("toy_a", [labelled("1"), {"labels": []}, labelled("3")])
    toys.write("toy_b", [labelled("1")])
    run = Run.create(tmp_path / "run", toys.recipe(A, B))
    found = unify(run, workers=workers, keep_going=True)
    assert [entry.rows for entry in found] == [2, 1]
    assert len(found[0].errors) == 1
    assert "this row has no id" in found[0].errors[0]
    assert orjson.loads((run.folder(SAMPLES) / "report.json").read_bytes())[0]["errors"] == found[0].errors


@pytest.mark.parametrize("workers", [1, 2])
def test_of_several_bad_corpora_the_same_one_is_always_told(toys: Toys, tmp_path: Path, workers: int) -> None:
    toys.write("toy_a", [labelled(str(number)) for number in range(3000)] + [{"labels": []}])
    toys.write("toy_b", [{"labels": []}])
    with pytest.raises(InputError, match=r"toy_a\.jsonl:3001"):
        unify(Run.create(tmp_path / "run", toys.recipe(A, B)), workers=workers)


def test_one_and_two_workers_write_the_same_bytes(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled(str(number % 90)) for number in range(100)])
    toys.write("toy_b", [labelled(str(number)) for number in range(50)])
    runs = [Run.create(tmp_path / f"run{workers}", toys.recipe(A, B)) for workers in (1, 2)]
    for workers, run in enumerate(runs, 1):
        unify(run, workers=workers)
    assert files_of(runs[0]) == files_of(runs[1])


def test_the_corpus_may_be_read_only(toys: Toys, tmp_path: Path) -> None:
    root = toys.write("toy_a", [labelled("1")])
    before = [(path.name, path.stat().st_mtime_ns) for path in root.iterdir()]
    root.chmod(0o555)
    unify(Run.create(tmp_path / "run", toys.recipe(A)))
    root.chmod(0o755)
    assert [(path.name, path.stat().st_mtime_ns) for path in root.iterdir()] == before


def test_a_changed_label_file_is_noticed_and_an_unchanged_one_gives_the_same_bytes(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1")])
    run = Run.create(tmp_path / "run", toys.recipe(A))
    unify(run)
    first = files_of(run)
    unify(run)
    assert files_of(run) == first
    toys.write("toy_a", [labelled("2")])
    unify(run)
    assert [row["id"] for row in rows_of(run, "toy_a.jsonl")] == ["toy_a-2"]


def test_an_edited_output_is_an_error_and_not_overwritten(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [labelled("1")])
    run = Run.create(tmp_path / "run", toys.recipe(A))
    unify(run)
    path = run.folder(SAMPLES) / "toy_a.jsonl"
    path.write_bytes(path.read_bytes().replace(b"anger", b"sadly"))
    with pytest.raises(CorruptState, match=r"toy_a\.jsonl is not the one its marker vouches for"):
        unify(run)
    assert b"sadly" in path.read_bytes()


def test_progress_tells_rows_and_corpora(toys: Toys, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []

    class Listener(Progress):
        def step(self, what: str, done: int, total: int | None, note: str = "") -> None:  # noqa: ARG002
            told.append((what, done, total))

    toys.write("toy_a", [labelled("1"), labelled("2")])
    toys.write("toy_b", [labelled("1")])
    unify(Run.create(tmp_path / "run", toys.recipe(A, B)), progress=Listener())
    assert told == [("toy_a rows", 2, 2), ("toy_b rows", 1, 1)]
    told.clear()
    unify(Run.create(tmp_path / "run", toys.recipe(A, B)), workers=2, progress=Listener())
    assert told == [("corpora read", 1, 2), ("corpora read", 2, 2)]
