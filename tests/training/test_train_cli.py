"""``facial-r1 train`` as a user types it: alone, from plain files, and in two processes among decoys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
BIN = Path(sys.executable).parent
RECIPES = Path(__file__).parents[2] / "recipes"


def short(toy: Path, *more: str) -> list[str]:
    """A run of two steps on the toy release."""
    sets = ("steps=2", "batch=4", "log_every=1", "save_every=1", *more)
    return ["--release", str(toy), *(word for one in sets for word in ("--set", one))]


def test_a_dry_run_shows_what_it_would_take_and_leaves_nothing(cli: Cli, toy: Path, tmp_path: Path) -> None:
    done = cli("train", "sft", RECIPES / "tiny-sft.yaml", *short(toy), "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("parameters", "trained of them", "rows left out", "tokens a step", "memory of a device"):
        assert name in done.stdout
    assert not list(tmp_path.iterdir())
    refused = cli(
        *("train", "sft", RECIPES / "tiny-sft.yaml", *short(toy, "gpu=true", "device_memory=0.001"), "--dry-run"),
        cwd=tmp_path,
    )
    assert refused.returncode == 2
    assert "this run does not fit" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_plain_files_are_trained_on_without_a_release(cli: Cli, toy: Path, tmp_path: Path) -> None:
    files = ["--data", toy / "train.jsonl", "--data", toy / "val.jsonl", "--image-folders", toy / "images"]
    done = cli("train", "sft", RECIPES / "tiny-sft.yaml", *files, *short(toy)[2:], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "done: runs/tiny-sft loads as a checkpoint" in done.stdout
    run = orjson.loads((tmp_path / "runs" / "tiny-sft" / "run.json").read_bytes())
    assert (run["steps"], run["data"]["rows"], run["release"]) == (2, 28, None)


def test_several_values_may_stand_behind_one_option() -> None:
    import typer

    from facial_r1.cli.train import Spread

    got: list[Any] = []
    app = typer.Typer()

    @app.command(cls=Spread)
    def taken(method: str, data: list[Path] | None = None, image_folders: list[Path] | None = None) -> None:
        got.append((method, data, image_folders))

    app(["sft", "--data", "a", "b", "--image-folders", "x", "y"], standalone_mode=False)
    app(["--data", "a", "--data", "b", "--image-folders", "x", "--", "sft"], standalone_mode=False)
    assert got[0] == ("sft", [Path("a"), Path("b")], [Path("x"), Path("y")])
    assert got[1] == ("sft", [Path("a"), Path("b")], [Path("x")])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["ppo", "tiny-sft.yaml"], 2, "unknown way to train"),
        (["sft", "none.yaml"], 2, "no such training recipe"),
        (["sft", "facial-r1-7b-sft.yaml"], 2, "needs a GPU, and none is there"),
        (["sft", "tiny-sft.yaml", "--release", "none"], 1, "has no split train"),
        (["sft", "tiny-sft.yaml", "--release", "a", "--data", "b"], 2, "exclude each other"),
        (["grpo", "tiny-grpo.yaml", "--set", "rewards.0.name=iou"], 2, "recipe does not have"),
        (["grpo", "tiny-grpo.yaml", "--set", "rewards=[{name: iou}]"], 2, "unknown reward"),
    ],
)
def test_a_mistake_is_one_line(cli: Cli, tmp_path: Path, words: list[str], code: int, message: str) -> None:
    method, name, *more = words
    done = cli("train", method, RECIPES / name, *more, cwd=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == code
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert message in line
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_tiny_recipes_learn_on_the_demo_and_earn_there(cli: Cli, demo: Any, tmp_path: Path) -> None:
    release = demo[0] / "demo" / "5-release"
    first = cli("train", "sft", RECIPES / "tiny-sft.yaml", "--release", release, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    second = cli(
        *("train", "grpo", RECIPES / "tiny-grpo.yaml", "--release", release, "--model", "runs/tiny-sft"), cwd=tmp_path
    )
    assert second.returncode == 0, second.stderr
    log = orjson.loads((tmp_path / "runs" / "tiny-grpo" / "run.json").read_bytes())["log"]
    assert [line["reward"] for line in log if "reward" in line][-1] > 0.5


# --- several processes


def together(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The installed script in two processes, in a folder of decoys."""
    (folder / "training").mkdir(exist_ok=True)
    for name in ("training/__init__.py", "facial_r1.py", "viewer.py", "curation.py", "datasets_builders.py"):
        (folder / name).write_text("raise RuntimeError('the decoy was imported')\n")
    command = [BIN / "torchrun", "--nproc_per_node", "2", "--master_port", "29511", BIN / "facial-r1", "train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    words = [str(word) for word in (*command, *arguments)]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500)


def test_two_processes_find_the_same_mistake_and_say_it_once(tmp_path: Path, toy: Path) -> None:
    done = together(tmp_path, "sft", RECIPES / "tiny-sft.yaml", "--release", tmp_path, "--set", "processes=2")
    assert done.returncode != 0
    assert done.stderr.count("error: ") == 1
    assert "has no split train" in done.stderr
    assert "decoy" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_two_processes_share_the_work_and_end_where_one_does(
    toy: Path, tmp_path: Path, curve: Any, weights: Any, cli: Cli, stage: str
) -> None:
    recipe = RECIPES / "tiny-sft.yaml"
    shared = short(toy, "processes=2", "steps=4", "save_every=2", f"deepspeed={stage}")
    done = together(tmp_path, "sft", recipe, *shared, "--out", "shared")
    assert done.returncode == 0, done.stderr
    alone = cli("train", "sft", recipe, *short(toy, "batch=8", "steps=4"), "--out", "alone", cwd=tmp_path / "training")
    assert alone.returncode == 0, alone.stderr
    one, two = tmp_path / "training" / "alone", tmp_path / "shared"
    assert curve(two) == pytest.approx(curve(one), abs=2e-3)
    moved = weights(two)
    for name, value in weights(one).items():
        assert moved[name].shape == value.shape
        assert (moved[name] - value).abs().max() < 1e-2

    (two / "run.json").unlink()
    for left in (two / "checkpoints" / "checkpoint-4").rglob("*"):
        if left.is_file():
            left.unlink()
    (two / "checkpoints" / "checkpoint-4").rename(two / "killed")
    again = together(tmp_path, "sft", recipe, *shared, "--out", "shared", "--resume")
    assert again.returncode == 0, again.stderr
    resumed = weights(two)
    assert all((resumed[name] - value).abs().max() < 1e-6 for name, value in moved.items())


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_two_processes_reinforce(toy: Path, tiny: Path, tmp_path: Path, curve: Any, stage: str) -> None:
    more = ["processes=2", "generations=4", "max_completion=8", f"deepspeed={stage}"]
    words = [RECIPES / "tiny-grpo.yaml", "--model", tiny, *short(toy, *more), "--out", "run"]
    done = together(tmp_path, "grpo", *words)
    assert done.returncode == 0, done.stderr
    assert len(curve(tmp_path / "run", "reward")) == 2
    assert len(list((tmp_path / "run" / "rollouts").glob("*.html"))) == 1
