"""Two processes that train together: gloo and ZeRO-2 on a CPU, started as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs import curve, facts

from facial_r1.errors import UsageError
from training import sft

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


@pytest.fixture
def decoys(tmp_path: Path) -> Path:
    """A folder whose own modules have the names of ours: the folder of a launch must not matter."""
    folder = tmp_path / "decoys"
    (folder / "training").mkdir(parents=True)
    for name in ("training/__init__.py", "viewer.py", "curation.py"):
        (folder / name).write_text(f"raise SystemExit('the decoy {name} was imported')\n")
    return folder


def launch(folder: Path, *arguments: object, processes: int = 2) -> subprocess.CompletedProcess[str]:
    command = [BIN / "torchrun", "--nproc_per_node", processes, "--master_port", 29571, BIN / "facial-r1", *arguments]
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )


@pytest.mark.parametrize("deepspeed", [None, "zero2"])
def test_two_processes_learn_what_one_learns(
    sft_recipe: Callable[..., Any], tiny: Path, decoys: Path, tmp_path: Path, deepspeed: str | None
) -> None:
    alone = sft_recipe(batch=4, max_grad_norm=1e9, group_by_length=False)
    recipe = alone.model_copy(update={"batch": 2, "processes": 2, "deepspeed": deepspeed})
    raw = {**recipe.model_dump(mode="json", exclude_none=True), "model": str(tiny)}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(raw))
    done = launch(decoys, "train", "sft", tmp_path / "two.yaml", "--out", tmp_path / "two", "--quiet")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("done:") == 1
    assert facts(tmp_path / "two")["hardware"]["processes"] == 2
    whole = sft.train(alone, tmp_path / "one")
    both = curve(tmp_path / "two", "loss")
    assert [step for step, _ in both] == [step for step, _ in curve(whole, "loss")]
    assert [loss for _, loss in both] == pytest.approx([loss for _, loss in curve(whole, "loss")], rel=0.02)
    again = launch(decoys, "train", "sft", tmp_path / "two.yaml", "--out", tmp_path / "two", "--quiet")
    assert again.returncode == 1
    assert again.stderr.count("this run is done") == 1  # said once, though both processes find it


def test_a_recipe_for_two_is_refused_by_one(sft_recipe: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"for 2 processes.*1 started.*torchrun --nproc_per_node 2"):
        sft.train(sft_recipe(processes=2), tmp_path / "run")
