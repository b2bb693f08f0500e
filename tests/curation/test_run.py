"""The run directory: markers that prove something, and errors that say what to do."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.run import MARKER, Run, begin, finish, is_done, outputs_of, writing
from facial_r1.errors import CorruptState, FacialR1Error, InputError
from facial_r1.files import TEMPORARY
from facial_r1.recipe import load_recipe

RECIPE: dict[str, Any] = {
    "name": "t",
    "corpora": {"fer2013": {"root": "/somewhere/fer2013"}},
    "select": {"parts": [{"corpus": "fer2013", "split": "train", "rows": 3}]},
}


@pytest.fixture
def stage(tmp_path: Path) -> tuple[Path, Path]:
    """A finished stage with one output, and its input."""
    source, folder = tmp_path / "1-samples" / "in.jsonl", tmp_path / "2-tasks"
    source.parent.mkdir()
    source.write_text("{}\n")
    begin(folder)
    (folder / "out.jsonl").write_text("{}\n{}\n")
    finish(folder, [source], {"seed": 1}, {"out.jsonl": 2})
    return folder, source


def test_a_run_writes_its_recipe_and_opens_again(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPE)
    run = Run.create(tmp_path / "deep" / "run", recipe)
    assert Run.open(run.root).recipe == recipe
    assert run.images == run.root / "2-tasks" / "images"


def test_a_folder_without_a_recipe_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this folder is no run\. Expected: a recipe\.yaml in it"):
        Run.open(tmp_path)


def test_a_stage_is_done_for_its_inputs_and_settings_only(stage: tuple[Path, Path]) -> None:
    folder, source = stage
    assert is_done(folder, [source], {"seed": 1})
    assert not is_done(folder, [source], {"seed": 2})
    source.write_text("{} \n")
    assert not is_done(folder, [source], {"seed": 1})
    assert not is_done(folder.parent / "3-answers", [source], {"seed": 1})


def test_the_marker_counts_rows_and_hashes(stage: tuple[Path, Path]) -> None:
    marker = orjson.loads((stage[0] / MARKER).read_bytes())
    assert marker["outputs"]["out.jsonl"]["rows"] == 2
    assert len(marker["outputs"]["out.jsonl"]["sha256"]) == 64
    assert list(marker["inputs"]) == ["1-samples/in.jsonl"]


@pytest.mark.parametrize("edit", ["change", "remove"])
def test_a_changed_or_missing_output_is_an_error_not_a_skip(stage: tuple[Path, Path], edit: str) -> None:
    folder, source = stage
    output = folder / "out.jsonl"
    output.write_text("{}\n") if edit == "change" else output.unlink()
    for ask in (lambda: is_done(folder, [source], {"seed": 1}), lambda: outputs_of(folder)):
        with pytest.raises(
            CorruptState, match=r"out\.jsonl is not the one its marker vouches for.*delete .*done\.json"
        ):
            ask()


@pytest.mark.parametrize("text", ["", "[]", '{"outputs": {"a": 1}}', '{"outputs": [1]}', "{", "null"])
def test_a_marker_that_is_none_is_an_error(stage: tuple[Path, Path], text: str) -> None:
    (stage[0] / MARKER).write_text(text)
    with pytest.raises(CorruptState, match="this is no marker of a finished stage"):
        is_done(stage[0], [stage[1]], {"seed": 1})


def test_a_missing_input_names_the_stage_to_do_first(stage: tuple[Path, Path]) -> None:
    stage[1].unlink()
    with pytest.raises(InputError, match=r"a file of an earlier stage is missing.*do the stages up to 1-samples first"):
        is_done(stage[0], [stage[1]], {"seed": 1})


def test_outputs_are_listed_once_the_stage_is_done(stage: tuple[Path, Path], tmp_path: Path) -> None:
    assert outputs_of(stage[0]) == [stage[0] / "out.jsonl"]
    with pytest.raises(InputError, match=r"not finished.*do the stages up to 4-verdicts first"):
        outputs_of(tmp_path / "4-verdicts")


def test_beginning_again_keeps_journals_and_pictures_and_sweeps_the_rest(stage: tuple[Path, Path]) -> None:
    folder = stage[0]
    (folder / "images").mkdir()
    for name in ("journal-1.jsonl", "images/1.png", f"images/{TEMPORARY}2.png", f"{TEMPORARY}out"):
        (folder / name).write_text("x")
    begin(folder)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == [
        "images/1.png",
        "journal-1.jsonl",
    ]


def test_what_the_disk_refuses_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FacialR1Error) as caught, writing(tmp_path / "2-tasks"):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "2-tasks" / "tasks.jsonl"))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / '2-tasks' / 'tasks.jsonl'}: the file system stopped 2-tasks: No space left")
    assert "What to do: free space" in message
    assert caught.value.exit_code == 1


def test_a_reader_that_left_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), writing(tmp_path):
        raise BrokenPipeError
