"""Runs whose stage 2 is done, for the tests of stage 3: no corpus, no pictures, only rows with a truth."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation.run import ANSWERS, TASKS, Run, finish
from facial_r1.emotions import EMOTIONS_7
from facial_r1.files import read_jsonl, sha256_bytes, write_jsonl
from facial_r1.recipe import load_recipe
from facial_r1.sample import Meta, Sample, task_of

DISFA = ["AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"]


def sample_of(name: str, index: int) -> Sample:
    """A row; ``name`` says by its first letter which truth it has: b(oth), a(us) or e(motion)."""
    dice = random.Random(f"{name}/{index}")
    row = Sample(f"{name}-{index:05}", name, image=f"{name}/{index:05}.png", question="What is seen?")
    meta = row.meta_info = Meta(sample_id=row.id, image_sha256=sha256_bytes(row.id.encode()))
    if name[0] in "ab":
        meta.au_annotated, row.AUs = DISFA, [au for au in DISFA if dice.random() < 0.2]
    if name[0] in "be":
        meta.label_set, row.labels = list(EMOTIONS_7), [dice.choice(EMOTIONS_7)]
    meta.task = task_of(row)
    return row


def make_run(root: Path, cells: dict[str, tuple[int, int]], **recipe: Any) -> Run:
    """A run whose stage 2 is done: ``{"corpus/split": (quota, candidates)}``."""
    corpora = sorted({cell.split("/")[0] for cell in cells})
    parts = [{"corpus": name, "split": "train", "rows": 1} for name in corpora]
    plain = {"name": "lesson", "corpora": dict.fromkeys(corpora), "select": {"parts": parts}, **recipe}
    run = Run.create(root, load_recipe(plain))
    folder = run.folder(TASKS)
    quotas = [
        {"cell": cell, "corpus": cell.split("/")[0], "split": "train", "quota": quota}
        for cell, (quota, _) in cells.items()
    ]
    tasks = [
        {"id": sample.id, "cell": cell, "rank": rank, "sample": sample}
        for cell, (_, candidates) in cells.items()
        for rank in range(candidates)
        if (sample := sample_of(cell.replace("/", "_"), rank))
    ]
    counts = {
        "cells.jsonl": write_jsonl(folder / "cells.jsonl", quotas),
        "tasks.jsonl": write_jsonl(folder / "tasks.jsonl", tasks),
    }
    finish(folder, [], {}, counts)
    return run


def rows_of(run: Run, name: str = "answers.jsonl") -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(run.folder(ANSWERS) / name)]


def bytes_of(run: Run) -> dict[str, bytes]:
    """The stage's files, journals left out: these hold the answers as they came."""
    folder = run.folder(ANSWERS)
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("journal")}


def chance(rate: float) -> Callable[[str, int], bool]:
    """Spoil this share of the attempts, by row and attempt alone."""
    return lambda name, attempt: random.Random(f"{name}#{attempt}").random() < rate
