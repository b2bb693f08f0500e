"""How long training waits for its data, and how many of the tokens in a batch are real.

    .venv/bin/python benchmarks/training_data.py

*Waiting* is the time between the end of a step and the moment its successor's batch is there, as ``run.json`` says it,
for SFT of the tiny model on a CPU. That is the hardest case: its steps take a fraction of a second, those of a real
model many. *Workers* open, scale and tokenise ahead of the steps; without them a step waits for all of it. The profile
names the share of each part of preparing a batch.

*Real tokens* are those that are no padding, over one epoch of the demo's release, in random order and in ours: windows
of 50 steps are sorted by length. Padding is computed for nothing, so their ratio is what grouping saves.
"""

from __future__ import annotations

import contextlib
import cProfile
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
from measure import Job, Timed, main, measure, table, timed

STEPS = 40
GOAL = 0.10
"""Most of the time that may be spent waiting."""
BATCHES = (8, 32)
PROFILED = {
    "load_picture": "opening and decoding pictures",
    "apply_chat_template": "chat template",
    "_encode_plus": "tokenizer",
    "preprocess": "scaling and cutting pictures into patches",
}


def demo(folder: Path) -> None:
    """The demo's run, with its release, in ``folder``."""
    command = [Path(sys.executable).parent / "facial-r1", "demo", "--out", folder / "demo", "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _recipe(folder: Path, *sets: str) -> Any:
    from training.reading import load_training

    path = Path(__file__).parents[1] / "recipes" / "tiny-sft.yaml"
    given = [f"data.release={folder / 'demo' / '5-release'}", "data.tasks=[]", f"steps={STEPS}", *sets]
    return load_training(path, "sft", sets=given)


def waiting(folder: Path, workers: str) -> Timed:
    """Steps, seconds of steps and waiting, and seconds of waiting."""
    from training import sft

    with contextlib.redirect_stdout(sys.stderr):  # where other libraries may print
        done = sft.train(_recipe(folder, f"workers={workers}"), folder / f"run-{workers}")
    facts = orjson.loads((done / "run.json").read_bytes())
    return STEPS, facts["seconds"] + facts["waiting_seconds"], facts["waiting_seconds"]


def loading(folder: Path, part: str) -> Timed:
    """Rows whose batches are prepared, with no model to wait for; of ``part``, the processor time by a profile."""
    from training import sft
    from training.prepare import prepare

    recipe = _recipe(folder)
    with contextlib.redirect_stdout(sys.stderr):
        made = sft.trainer(prepare(recipe, folder / "loaded"), folder / "loaded", [])
    loader = made.get_train_dataloader()
    profile = cProfile.Profile()
    with profile if part else contextlib.nullcontext():
        rows, wall, cpu = timed(lambda: sum(len(batch["input_ids"]) for batch in loader))
    if part:
        stats: Any = pstats.Stats(profile)
        cpu = sum(entry[3] for key, entry in stats.stats.items() if key[2] == part)
    return rows, wall, cpu


def tokens(folder: Path, argument: str) -> Timed:
    """Real tokens, and all of them as seconds: ``batch by_length prompt``."""
    from training.order import Grouped
    from training.prepare import prepare

    batch, by_length, prompt = argument.split()
    rows = prepare(_recipe(folder, f"data.prompt={prompt}"), folder / "counted").train.rows
    order = list(Grouped(rows, batch=int(batch), processes=1, by_length=by_length == "yes", seed=0))
    lengths = [rows[index].tokens for index in order]
    padded = sum(
        max(part) * len(part) for at in range(0, len(lengths), int(batch)) if (part := lengths[at : at + int(batch)])
    )
    return sum(lengths), float(padded), 0.0


JOBS: dict[str, Job] = {"waiting": waiting, "loading": loading, "tokens": tokens}


def report() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo(folder)
        lines = []
        for workers in (0, 1):
            result = measure(__file__, "waiting", folder, workers)
            share = result.cpu / result.seconds
            goal = f"{GOAL:.0%}: {'met' if share <= GOAL else 'missed'}"
            each = f"{1e3 * result.seconds / STEPS:.0f} ms"
            lines.append((str(workers), each, f"{1e3 * result.cpu / STEPS:.1f} ms", f"{share:.1%}", goal))
        table("Waiting for data: SFT of the tiny model", ("workers", "a step", "waiting", "share", "goal"), lines)

        whole = measure(__file__, "loading", folder)
        parts = [(label, measure(__file__, "loading", folder, part)) for part, label in PROFILED.items()]
        lines = [(label, f"{1e6 * found.cpu / found.rows:.0f} µs") for label, found in parts]
        rate = f"{whole.rows / whole.cpu:,.0f} rows/CPU s"
        lines.append(("all, without the profile", f"{1e6 * whole.cpu / whole.rows:.0f} µs ({rate})"))
        table("Preparing a row, by a profile", ("part", "time"), lines)

        lines = []
        for prompt in ("question", "student"):
            for batch in BATCHES:
                random, grouped = (
                    found.rows / found.seconds
                    for found in (
                        measure(__file__, "tokens", folder, f"{batch} {way} {prompt}") for way in ("no", "yes")
                    )
                )
                lines.append((prompt, str(batch), f"{random:.1%}", f"{grouped:.1%}", f"{grouped / random:.2f} ×"))
        head = ("prompt", "rows of a batch", "real, random order", "real, grouped", "tokens a step")
        table("Tokens that are no padding", head, lines)


if __name__ == "__main__":
    main(JOBS, report)
