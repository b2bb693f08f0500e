"""How fast completions are scored, beside what a script would do instead, and what share of a GRPO step that is.

    .venv/bin/python benchmarks/rewards.py

The completions are the template teacher's, about 60 words, of all three tasks, in TRL's form; every one is new, so
nothing is found in the cache. *Three rewards* are those of the recipes: Action Units, emotion, format. *Usual* is the
reward code of many scripts: a pattern for the form, one for the numbers, one for the answer. *Parse* is the strict
parser alone, below which no reward that uses it can get. Each figure is the best of three fresh processes, by processor
time. The step is one of the tiny model on this CPU, the cheapest step there is: the share on a real model is smaller.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
import time
from functools import wraps
from pathlib import Path
from typing import Any

import orjson
from measure import Job, Timed, main, measure, table, timed
from parser import AUS, rows
from training_data import demo

REPEATS = 3
GOAL = 5000
"""Completions per processor second."""
SHARE = 0.01
STEPS = 6


def batch() -> tuple[list[Any], dict[str, list[Any]]]:
    """Completions as TRL hands them over, and the columns of their rows."""
    made = rows("plain")
    columns = {
        "AUs": [list(known.aus) for known, _ in made],
        "au_annotated": [list(AUS) if known.task != "emotion" else [] for known, _ in made],
        "labels": [list(known.labels) if known.task != "au" else [] for known, _ in made],
        "form": [known.task for known, _ in made],
    }
    return [
        [{"role": "assistant", "content": f"{text}{' ' * number}"}] for number, (_, text) in enumerate(made)
    ], columns


def _rewards(names: tuple[str, ...]) -> Timed:
    from training.rewards import REWARDS

    completions, columns = batch()
    size = 64  # completions of one step: the rewards follow each other batch by batch

    def work() -> int:
        for start in range(0, len(completions), size):
            part = {name: values[start : start + size] for name, values in columns.items()}
            for name in names:
                REWARDS[name](completions[start : start + size], **part)
        return len(completions)

    return timed(work)


def three(_: Path, __: str) -> Timed:
    """Action Units, emotion and format."""
    return _rewards(("au_f1", "accuracy", "format"))


def five(_: Path, __: str) -> Timed:
    """With the optional ones."""
    return _rewards(("au_f1", "accuracy", "format", "length", "prose"))


def parse_only(_: Path, __: str) -> Timed:
    """The parser alone."""
    from facial_r1.response import parse

    texts = [completion[0]["content"] for completion in batch()[0]]
    return timed(lambda: len([parse(text) for text in texts]))


_FORM = re.compile(r"^\s*<think>.*?</think>\s*<answer>.*?</answer>\s*$", re.DOTALL)
_NUMBER = re.compile(r"AU\s?(\d+)")
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def usual(_: Path, __: str) -> Timed:
    """What reward functions usually do."""
    completions, columns = batch()

    def one(text: str, aus: list[str], labels: list[str]) -> float:
        said, true = {f"AU{number}" for number in _NUMBER.findall(text)}, set(aus)
        f1 = 2 * len(said & true) / (len(said) + len(true)) if said or true else 1.0
        answer = _ANSWER.search(text)
        return f1 + bool(answer and answer[1].strip().lower() in labels) + bool(_FORM.match(text))

    texts = [completion[0]["content"] for completion in completions]
    return timed(lambda: len([one(*row) for row in zip(texts, columns["AUs"], columns["labels"], strict=True)]))


def step(folder: Path, _: str) -> Timed:
    """Steps of the tiny model; returned are completions, seconds of all steps, and seconds in rewards of them."""
    from training import grpo, rewards
    from training.reading import load_training
    from training.recipe import GrpoRecipe

    path = Path(__file__).parents[1] / "recipes" / "tiny-grpo.yaml"
    sets = ["model=tiny", f"data.release={folder / 'demo' / '5-release'}", f"steps={STEPS}"]
    recipe = load_training(path, "grpo", sets=sets)
    assert isinstance(recipe, GrpoRecipe)
    spent = 0.0

    def clocked(reward: rewards.Reward) -> rewards.Reward:
        @wraps(reward)
        def scored(*arguments: Any, **columns: Any) -> rewards.Scores:
            nonlocal spent
            start = time.perf_counter()
            scores = reward(*arguments, **columns)
            spent += time.perf_counter() - start
            return scores

        return scored

    rewards.REWARDS.update({name: clocked(reward) for name, reward in rewards.REWARDS.items()})
    with contextlib.redirect_stdout(sys.stderr):  # where other libraries may print
        done = grpo.train(recipe, folder / "run")
    return STEPS * recipe.rows_a_step, orjson.loads((done / "run.json").read_bytes())["seconds"], spent


JOBS: dict[str, Job] = {"usual": usual, "parse": parse_only, "three": three, "five": five, "step": step}
NAMES = {"usual": "usual reward code", "parse": "parse alone", "three": "three rewards", "five": "all five rewards"}


def report() -> None:
    """Print the tables."""
    done = {job: measure(__file__, job, Path(), "", REPEATS) for job in NAMES}
    lines = []
    for job, result in done.items():
        rate = result.rows / result.cpu
        verdict = "–" if job not in ("three", "five") else f"{GOAL:,}: {'met' if rate >= GOAL else 'missed'}"
        times = f"{result.cpu / done['usual'].cpu:.1f} ×", f"{result.cpu / done['parse'].cpu:.2f} ×"
        lines.append((NAMES[job], f"{rate:,.0f}", *times, verdict))
    head = ("work", "completions/CPU s", "time of the usual", "time of parsing", "goal")
    table("Completions of 60 words", head, lines)
    with tempfile.TemporaryDirectory() as folder:
        demo(Path(folder))
        result = measure(__file__, "step", Path(folder))
    share = result.cpu / result.seconds
    row = (f"{result.rows}", f"{result.seconds / STEPS:.2f} s", f"{1e3 * result.cpu / STEPS:.1f} ms", f"{share:.2%}")
    verdict = f"{SHARE:.0%}: {'met' if share <= SHARE else 'missed'}"
    table("A GRPO step of the tiny model", ("completions", "a step", "rewards", "share", "goal"), [(*row, verdict)])


if __name__ == "__main__":
    main(JOBS, report)
