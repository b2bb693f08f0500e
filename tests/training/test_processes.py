"""Runs in processes of their own, as a user starts them: two that train together, and one that is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from learning import assert_same_weights, curve, facts, half

from training import sft

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
Make = Callable[..., Any]


def launch(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The installed script in two processes, in a folder whose own modules have the names of ours."""
    (folder / "training").mkdir(exist_ok=True)
    for name in ("training/__init__.py", "facial_r1.py", "viewer.py", "curation.py", "datasets_builders.py"):
        (folder / name).write_text("raise SystemExit('the decoy was imported')\n")
    command = [BIN / "torchrun", "--nproc_per_node", "2", "--standalone", BIN / "facial-r1", "train"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    words = [str(word) for word in (*command, *arguments)]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=550)


def on_disk(recipe: Any, path: Path) -> Path:
    path.write_text(yaml.safe_dump(recipe.model_dump(mode="json", exclude_none=True)))
    return path


def test_two_processes_find_the_same_mistake_and_say_it_once(sft_recipe: Make, tmp_path: Path) -> None:
    recipe = on_disk(sft_recipe(processes=2), tmp_path / "two.yaml")
    done = launch(tmp_path, "sft", recipe, "--release", tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("error: ") == 1
    assert "has no split train" in done.stderr
    assert "decoy" not in done.stderr


@pytest.mark.parametrize("deepspeed", [None, "zero2", "zero3"])
def test_two_processes_share_the_work_and_end_where_one_does(
    sft_recipe: Make, tmp_path: Path, deepspeed: str | None
) -> None:
    one = sft.train(sft_recipe(batch=8), tmp_path / "one")
    recipe = sft_recipe(batch=4, processes=2, **({"deepspeed": deepspeed} if deepspeed else {}))
    words = ["sft", on_disk(recipe, tmp_path / "two.yaml"), "--out", "two", "--quiet"]
    done = launch(tmp_path, *words)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("done:") == 1
    two = tmp_path / "two"
    assert facts(two)["hardware"]["processes"] == 2
    assert [step for step, _ in curve(two, "loss")] == [step for step, _ in curve(one, "loss")]
    assert [loss for _, loss in curve(two, "loss")] == pytest.approx([loss for _, loss in curve(one, "loss")], abs=2e-3)
    assert_same_weights(two, one, within=1e-2)  # names and shapes too: anybody's checkpoint

    again = launch(tmp_path, *words)
    assert again.returncode != 0
    assert again.stderr.count("this run is done") == 1, "said once, though both processes find it"

    whole = Path(shutil.move(two, tmp_path / "whole"))
    half(whole, two, 3)
    resumed = launch(tmp_path, *words, "--resume")
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert_same_weights(two, whole, within=1e-6)


@pytest.mark.parametrize("stage", ["zero2", "zero3"])
def test_two_processes_reinforce(grpo_recipe: Make, tmp_path: Path, stage: str) -> None:
    recipe = grpo_recipe(processes=2, steps=2, save_every=2, deepspeed=stage)
    done = launch(tmp_path, "grpo", on_disk(recipe, tmp_path / "two.yaml"), "--out", "run", "--quiet")
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(curve(tmp_path / "run", "reward")) == 2
    assert [page.name for page in sorted((tmp_path / "run" / "rollouts").iterdir())] == ["00001.html", "00002.html"]


def test_a_run_killed_in_the_middle_goes_on_as_if_nothing_had_happened(sft_recipe: Make, tmp_path: Path) -> None:
    recipe = on_disk(sft_recipe(steps=60, save_every=5), tmp_path / "recipe.yaml")
    command = [BIN / "facial-r1", "train", "sft", recipe, "--quiet", "--out"]
    subprocess.run([*command, tmp_path / "whole"], check=True, capture_output=True)
    away = subprocess.DEVNULL
    process = subprocess.Popen([*command, tmp_path / "killed"], stdout=away, stderr=away, start_new_session=True)
    until = time.monotonic() + 300
    while not (tmp_path / "killed/checkpoints/checkpoint-10").is_dir() and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/run.json").exists()
    subprocess.run([*command, tmp_path / "killed", "--resume"], check=True, capture_output=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "killed")
    assert curve(tmp_path / "whole", "loss") == curve(tmp_path / "killed", "loss")
