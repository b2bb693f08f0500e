"""``facial-r1 train`` as a user types it: one mistake is one line, and rows come from plain files as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from learning import facts

from facial_r1.files import read_jsonl, write_jsonl

RECIPES = Path(__file__).parents[2] / "recipes"
Typed = Callable[..., Any]
SHORT = ["--set", "steps=2", "--set", "batch=4"]


def test_plain_files_are_trained_on_without_a_release(typed: Typed, release: Path) -> None:
    files = ["--data", release / "train.jsonl", release / "val.jsonl", "--image-folders", release / "images"]
    done = typed("train", "sft", RECIPES / "tiny-sft.yaml", *files, *SHORT, "--set", "data.tasks=[]")
    assert done.code == 0, done.errors
    assert "done: runs/tiny-sft loads as a checkpoint" in done.out
    found = facts(Path("runs/tiny-sft"))
    assert (found["steps"], found["data"]["rows"], found["release"]) == (2, 56, None)


def test_several_values_stand_behind_one_option_or_each_behind_its_own(typed: Typed, release: Path) -> None:
    train, val, images = release / "train.jsonl", release / "val.jsonl", release / "images"
    recipe, planned = RECIPES / "tiny-sft.yaml", ["--set", "data.tasks=[]", "--dry-run"]
    for words in (
        ["sft", recipe, "--data", train, val, "--image-folders", images, images, *planned],
        ["sft", "--data", train, "--data", val, "--image-folders", images, *planned, "--", recipe],
    ):
        done = typed("train", *words)
        assert done.code == 0, done.errors
        assert "rows 56" in [" ".join(line.split()) for line in done.out.splitlines()]


def test_rows_of_the_published_schema_need_one_word_about_what_was_scored(typed: Typed, release: Path) -> None:
    rows = [{**one, "meta_info": {}} for _, one in read_jsonl(release / "train.jsonl")]
    write_jsonl(Path("rows.jsonl"), rows[:32])
    words = ["sft", RECIPES / "tiny-sft.yaml", "--data", "rows.jsonl", "--image-folders", release / "images", *SHORT]
    refused = typed("train", *words)
    assert refused.code == 1
    assert "--set data.assume_scored=true" in refused.errors
    done = typed("train", *words, "--set", "data.assume_scored=true")
    assert done.code == 0, done.errors
    assert facts(Path("runs/tiny-sft"))["data"]["rows"] == 32


def test_unscored_action_units_are_told_before_grpo_leaves_them_out(typed: Typed, release: Path) -> None:
    rows = [{**one, "meta_info": {}} for _, one in read_jsonl(release / "train.jsonl")]
    write_jsonl(Path("rows.jsonl"), rows[:8])
    given = ["--model", "tiny", "--data", "rows.jsonl", "--image-folders", release / "images", "--set", "data.tasks=[]"]
    small = ["--set", "steps=1", "--set", "batch=8", "--set", "max_completion=8"]
    done = typed("train", "grpo", RECIPES / "tiny-grpo.yaml", *given, *small)
    assert done.code == 0, done.errors
    assert "8 rows name Action Units and not which were scored" in done.errors


MISTAKES: list[tuple[list[Any], int, str]] = [
    (["ppo", "tiny-sft.yaml"], 2, "unknown way to train"),
    (["sft", "none.yaml"], 2, "no such training recipe"),
    (["sft", "facial-r1-7b-sft.yaml"], 2, "needs a GPU, and none is there"),
    (["sft", "tiny-sft.yaml", "--release", "none"], 1, "there is no such release"),
    (["sft", "tiny-sft.yaml", "--release", "a", "--data", "b"], 2, "exclude each other"),
    (["sft", "tiny-sft.yaml", "--release", "a", "--image-folders", "b"], 2, "a release has pictures of its own"),
    (["sft", "tiny-sft.yaml", "--data", "a", "--image-folders", "b"], 1, "a: there is no such file"),
    (["sft", "tiny-sft.yaml", "--set", "tasks=[au]"], 2, "it belongs at `data.tasks` or `validation.tasks`"),
    (["grpo", "tiny-grpo.yaml", "--set", "rewards.0.name=iou"], 2, "`rewards` in the recipe for grpo"),
    (["grpo", "tiny-grpo.yaml", "--set", "rewards=[{name: iou}]", "--dry-run"], 2, "unknown reward"),
]


@pytest.mark.parametrize(("words", "code", "message"), MISTAKES, ids=[" ".join(one[0]) for one in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    method, name, *more = words
    done = typed("train", method, RECIPES / name, *more)
    assert done.code == code
    (line,) = done.errors.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not list(Path().iterdir())
