"""The whole way: the same bytes whatever the workers, whatever kill or full disk came between."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from curation.build import build
from curation.plan import plan
from curation.results import results
from curation.run import STAGES, TASKS, Run
from facial_r1.errors import CorruptState, FacialR1Error, GateFailed, InputError, UsageError
from facial_r1.files import read_jsonl
from facial_r1.recipe import Recipe

if TYPE_CHECKING:
    from conftest import Toys

STEPS = ((os, "fsync"), (os, "sync"), (os, "link"), (os, "replace"), (Path, "rename"), (Path, "unlink"))
"""The calls that make something durable or take it away: between any two of them a process may die."""
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def recipe(toys: Toys) -> Recipe:
    """Two corpora, every balance, three splits, frames, a shared origin, a repeat, a bad picture and a copy."""
    labels = ("anger", "fear", "happiness")
    rows: list[dict[str, Any]] = [{"id": n, "labels": [labels[n % 3]], "group": f"g{n // 2}"} for n in range(60)]
    rows += [rows[7], {"id": "null"}, {"id": "bad", "labels": ["fear"], "picture": None}]
    rows[3]["picture"] = rows[40]["picture"] = "copy"
    toys.write("toy_a", rows)
    aus = ["AU1", "AU4", "AU12"]
    toys.write(
        "toy_b",
        [{"id": n, "aus": aus[: n % 4], "scored": True, "group": f"s{n // 40}", "frame": n % 40} for n in range(160)],
    )
    return toys.recipe(
        {"corpus": "toy_a", "split": "train", "rows": 20, "balance": "label"},
        {"corpus": "toy_a", "split": "test", "rows": 6},
        {"corpus": "toy_b", "split": "train", "rows": 8, "balance": "au"},
        {"corpus": "toy_b", "split": "val", "rows": 3},
        frame_gap=5,
    )


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a run but those that record the order of events: the journal and the list of finished pictures."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    names = {str(path.relative_to(root)): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in names.items()
        if not path.name.startswith("journal") and not path.name.endswith(".pictures.jsonl")
    }


def in_child(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked process; its exit code, negative for a signal, 1 for a :class:`FacialR1Error`."""

    def guarded() -> None:
        try:
            work()
        except FacialR1Error as error:
            sys.stderr.write(f"{error}\n")
            os._exit(error.exit_code)

    child = FORK.Process(target=guarded)
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the build hangs"
    return child.exitcode


def at_step(wanted: int, act: Callable[[], None]) -> Callable[[], int]:
    """Arrange that ``act`` is called before the ``wanted``-th durable step of this process; gives a counter."""
    count = 0

    def hooked(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == wanted:
                act()
            return real(*args, **options)

        return step

    for owner, name in STEPS:
        setattr(owner, name, hooked(getattr(owner, name)))
    return lambda: count


def steps_of(recipe: Recipe, out: Path) -> int:
    """How many durable steps an undisturbed build takes."""
    reader, writer = os.pipe()

    def work() -> None:
        counted = at_step(0, lambda: None)
        build(recipe, out)
        os.write(writer, str(counted()).encode())

    assert in_child(work) == 0
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return int(pipe.read())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def disturbed(recipe: Recipe, out: Path, step: int, act: Callable[[], None]) -> int:
    def work() -> None:
        at_step(step, act)
        build(recipe, out)

    return in_child(work)


def test_the_result_counts_every_row(recipe: Recipe, tmp_path: Path) -> None:
    result = build(recipe, tmp_path / "run")
    assert {name: (rows.samples, rows.released, rows.short) for name, rows in result.corpora.items()} == {
        "toy_a": (62, 26, 0),
        "toy_b": (160, 11, 0),
    }
    assert result.splits == {"train": 28, "val": 3, "test": 6}
    assert sum(result.labels.values()) == 26
    assert {code for code, (shown, _) in result.aus.items() if shown} == {"AU1", "AU4", "AU12"}
    assert all(shown <= annotated for shown, annotated in result.aus.values())
    assert result.dropped["repeat"] == result.dropped["no_truth"] == 1
    assert (result.rejected, result.short, result.exit_code) == ({}, 0, 0)
    assert all(rows.samples >= rows.candidates >= rows.tried >= rows.accepted for rows in result.corpora.values())
    assert result.release.is_dir()


def test_one_and_two_workers_build_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    for workers in (1, 2):
        build(recipe, tmp_path / f"run{workers}", workers=workers)
    one, two = tree(tmp_path / "run1"), tree(tmp_path / "run2")
    assert len(one) > 60
    assert one == two


def test_a_second_build_does_nothing_but_read_the_labels(recipe: Recipe, tmp_path: Path) -> None:
    def stamps() -> dict[str, int]:
        paths = [path for stage in STAGES[1:] for path in (tmp_path / "run" / stage).rglob("*") if path.is_file()]
        return {str(path): path.stat().st_mtime_ns for path in paths}

    first = build(recipe, tmp_path / "run")
    before = stamps()
    assert build(recipe, tmp_path / "run") == first
    assert stamps() == before


def test_changed_gates_redo_no_selection(recipe: Recipe, tmp_path: Path) -> None:
    build(recipe, tmp_path / "run")
    marker = tmp_path / "run" / TASKS / "done.json"
    before = marker.stat().st_mtime_ns
    build(recipe.model_copy(update={"gates": recipe.gates[:1]}), tmp_path / "run")
    assert marker.stat().st_mtime_ns == before


def test_one_new_row_costs_at_most_one_request(toys: Toys, recipe: Recipe, tmp_path: Path) -> None:
    def asked() -> int:
        journals = (tmp_path / "run" / "3-answers").glob("journal*.jsonl")
        return sum(len(path.read_bytes().splitlines()) for path in journals)

    build(recipe, tmp_path / "run")
    before = asked()
    lines = (toys.root("toy_a") / "toy_a.jsonl").read_bytes()
    new = lines.splitlines()[0].replace(b'"id":0', b'"id":900').replace(b'"g0"', b'"g900"').replace(b"-0", b"-900")
    (toys.root("toy_a") / "toy_a.jsonl").write_bytes(lines + new + b"\n")
    build(recipe, tmp_path / "run")
    assert before == 37
    assert asked() <= before + 1


@pytest.mark.parametrize("fraction", [0.03, 0.2, 0.4, 0.6, 0.8, 0.97])
def test_killed_at_any_stage_and_built_again_gives_the_same_bytes(
    recipe: Recipe, tmp_path: Path, fraction: float
) -> None:
    step = 1 + int(fraction * steps_of(recipe, tmp_path / "whole"))
    assert disturbed(recipe, tmp_path / "killed", step, die) == -signal.SIGKILL
    build(recipe, tmp_path / "killed")
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


@pytest.mark.slow
def test_killed_at_every_single_step_and_built_again_gives_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    steps = steps_of(recipe, tmp_path / "whole")
    whole = tree(tmp_path / "whole")
    for step in range(1, steps + 1):
        killed = tmp_path / f"killed{step}"
        assert disturbed(recipe, killed, step, die) == -signal.SIGKILL, step
        build(recipe, killed)
        assert tree(killed) == whole, step


@pytest.mark.slow
def test_killed_over_and_over_by_the_clock_with_two_workers(toys: Toys, recipe: Recipe, tmp_path: Path) -> None:
    build(recipe, tmp_path / "whole")
    for attempt in range(20):
        child = toys.start(recipe, tmp_path / "killed", workers=2, start_new_session=True)
        try:
            child.wait(1.5 + 0.07 * attempt)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    build(recipe, tmp_path / "killed")
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


@pytest.mark.parametrize("fraction", [0.03, 0.3, 0.6, 0.95])
def test_a_full_disk_is_one_clear_error_and_the_next_build_goes_on(
    recipe: Recipe, tmp_path: Path, fraction: float, capfd: pytest.CaptureFixture[str]
) -> None:
    step = 1 + int(fraction * steps_of(recipe, tmp_path / "whole"))
    assert disturbed(recipe, tmp_path / "full", step, full) == 1
    message = capfd.readouterr().err
    assert "No space left on device" in message
    assert "What to do:" in message
    assert "Traceback" not in message
    build(recipe, tmp_path / "full")
    assert tree(tmp_path / "full") == tree(tmp_path / "whole")


@pytest.mark.slow
def test_a_full_disk_at_every_single_step_leaves_no_traceback(
    recipe: Recipe, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for step in range(1, steps_of(recipe, tmp_path / "whole") + 1):
        assert disturbed(recipe, tmp_path / "full", step, full) in (0, 1)  # 0: it may have met a mere clean-up
        assert "Traceback" not in capfd.readouterr().err, step
    build(recipe, tmp_path / "full")
    assert tree(tmp_path / "full") == tree(tmp_path / "whole")


@pytest.mark.parametrize("limit", [2_000, 15_000, 40_000])
def test_a_file_that_the_system_refuses_to_grow_is_no_half_file(
    recipe: Recipe, tmp_path: Path, limit: int, capfd: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        build(recipe, tmp_path / "small")

    assert in_child(work) == 1
    assert "File too large" in capfd.readouterr().err
    build(recipe, tmp_path / "whole")
    build(recipe, tmp_path / "small")
    assert tree(tmp_path / "small") == tree(tmp_path / "whole")


@pytest.mark.parametrize(
    "name",
    [
        "1-samples/toy_a.jsonl",
        "2-tasks/tasks.jsonl",
        "3-answers/answers.jsonl",
        "4-verdicts/verdicts.jsonl",
        "5-release/train.jsonl",
    ],
)
def test_a_file_edited_by_hand_is_named(recipe: Recipe, tmp_path: Path, name: str) -> None:
    build(recipe, tmp_path / "run")
    path = tmp_path / "run" / name
    edited = path.read_bytes().replace(b"toy", b"tOy", 1)
    path.write_bytes(edited)
    with pytest.raises(CorruptState, match="is not the one its marker vouches for") as caught:
        build(recipe, tmp_path / "run")
    assert str(path) in str(caught.value)
    assert path.read_bytes() == edited


def test_a_short_quota_fails_with_3_and_the_figures_can_still_be_had(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": n, "labels": ["fear"]} for n in range(5)])
    recipe = toys.recipe({"corpus": "toy_a", "split": "train", "rows": 9})
    with pytest.raises(GateFailed, match="toy_a/train: 5 of 9") as caught:
        build(recipe, tmp_path / "run")
    assert caught.value.exit_code == 3
    found = results(Run.open(tmp_path / "run"))
    assert (found.short, found.corpora["toy_a"].accepted, found.splits) == (4, 5, {})
    allowed = build(recipe.model_copy(update={"allow_short": True}), tmp_path / "run")
    assert (allowed.short, allowed.corpora["toy_a"].released) == (4, 5)


def test_nothing_is_written_when_corpora_are_missing(toys: Toys, tmp_path: Path) -> None:
    recipe = toys.recipe(*({"corpus": name, "split": "train", "rows": 1} for name in ("toy_a", "toy_b")))
    with pytest.raises(InputError, match="2 corpora of the recipe cannot be used"):
        build(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_build_without_an_absent_corpus_counts_its_quotas_as_short(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": n, "labels": ["fear"]} for n in range(4)])
    parts = ({"corpus": "toy_a", "split": "train", "rows": 4}, {"corpus": "toy_b", "split": "test", "rows": 3})
    recipe = toys.recipe(*parts, allow_short=True)
    absent = recipe.corpora["toy_b"].model_copy(update={"root": None})
    recipe = recipe.model_copy(update={"corpora": {**recipe.corpora, "toy_b": absent}})
    found = build(recipe, tmp_path / "run")
    assert (found.short, found.splits) == (3, {"train": 4})
    assert (found.corpora["toy_b"].samples, found.corpora["toy_b"].short) == (0, 3)


def test_what_was_tested_on_once_is_never_trained_on(toys: Toys, tmp_path: Path) -> None:
    """By row, by group, by another identity and by the picture itself; and all of it may be tested on again."""
    fear = {"labels": ["fear"], "split": "test"}
    toys.write("toy_a", [{"id": 1, "group": "g", "origins": ["web:7"], "picture": "same", **fear}])
    test = {"corpus": "toy_a", "split": "test", "rows": 1}
    first = build(toys.recipe(test), tmp_path / "first")
    frozen = first.release / "frozen-test.jsonl"
    assert [row["group"] for _, row in read_jsonl(frozen)] == ["g"]

    later = [
        {"id": 1, "labels": ["fear"]},
        {"id": 2, "group": "g", "labels": ["fear"]},
        {"id": 3, "origins": ["web:7"], "labels": ["fear"]},
        {"id": 4, "picture": "same", "labels": ["fear"]},
        {"id": 5, "labels": ["fear"]},
    ]
    toys.write("toy_a", later)
    train = {"corpus": "toy_a", "split": "train", "rows": 5}
    changes = {"frozen_test": str(frozen), "allow_short": True}
    second = build(toys.recipe(train, **changes), tmp_path / "second")
    assert [row["id"] for _, row in read_jsonl(second.release / "train.jsonl")] == ["toy_a-5"]
    assert second.dropped["frozen_test"] == 4

    third = build(toys.recipe({**train, "rows": 1}, {**test, "rows": 3}, **changes), tmp_path / "third")
    ids = {split: {row["id"] for _, row in read_jsonl(third.release / f"{split}.jsonl")} for split in third.splits}
    assert ids["test"] & {"toy_a-1", "toy_a-2", "toy_a-3"}
    assert ids.get("train", set()) <= {"toy_a-5"}


def test_a_frozen_list_that_is_none_is_one_clear_error(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": 1, "labels": ["fear"]}])
    wrong = tmp_path / "list.jsonl"
    wrong.write_text('{"id": "toy_a-1"}\n')
    recipe = toys.recipe({"corpus": "toy_a", "split": "train", "rows": 1}, frozen_test=str(wrong))
    with pytest.raises(InputError, match=r"list\.jsonl:1: this line is none of a frozen test set"):
        build(recipe, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gates": [{"name": "gramar"}]}, "unknown gate in the recipe. Found: gramar"),
        ({"teacher": {"backend": "gpt"}}, "gpt"),
    ],
)
def test_what_the_recipe_gets_wrong_is_said_before_anything_is_written(
    toys: Toys, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    toys.write("toy_a", [{"id": 1, "labels": ["fear"]}])
    with pytest.raises(UsageError) as caught:
        build(toys.recipe({"corpus": "toy_a", "split": "train", "rows": 1}, **change), tmp_path / "run")
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()


def test_keep_going_finishes_but_is_no_success(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": 1, "labels": ["fear"]}, {"labels": ["fear"]}])
    recipe = toys.recipe({"corpus": "toy_a", "split": "train", "rows": 1})
    with pytest.raises(InputError, match=r"toy_a\.jsonl:2"):
        build(recipe, tmp_path / "run")
    result = build(recipe, tmp_path / "run", keep_going=True)
    assert result.exit_code == 1
    assert len(result.errors) == 1
    assert result.corpora["toy_a"].released == 1


def test_a_plan_tells_what_a_build_then_does_and_writes_nothing(recipe: Recipe, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    planned = plan(recipe)
    assert sorted(tmp_path.rglob("*")) == before
    result = build(recipe, tmp_path / "run")
    assert planned.requests == sum(rows.tried for rows in result.corpora.values()) == 37
    assert planned.requests_at_most >= sum(rows.candidates for rows in result.corpora.values())
    assert {entry.corpus: entry.rows for entry in planned.corpora} == {"toy_a": 62, "toy_b": 160}
    assert [(part.name, part.wanted, part.short) for part in planned.parts] == [
        ("toy_a/train", 20, 0),
        ("toy_a/test", 6, 0),
        ("toy_b/train", 8, 0),
        ("toy_b/val", 3, 0),
    ]
    assert 50 * 37 < planned.input_tokens < 2_000 * 37
    assert planned.output_tokens == 150 * 37
    assert planned.cost == 0


def test_a_plan_shows_what_will_be_short(toys: Toys, tmp_path: Path) -> None:
    toys.write("toy_a", [{"id": n, "labels": ["fear"]} for n in range(5)] + [{"labels": []}])
    planned = plan(toys.recipe({"corpus": "toy_a", "split": "train", "rows": 9}))
    assert (planned.parts[0].short, planned.requests, planned.cost) == (4, 5, 0)
    assert "this row has no id" in planned.corpora[0].errors[0]
