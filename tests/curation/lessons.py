"""Runs whose stage 2 is done, for the tests of stage 3: no corpus, no pictures, only rows with a truth."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.run import ANSWERS, TASKS, Run, finish
from facial_r1.emotions import EMOTIONS_7
from facial_r1.files import read_jsonl, sha256_bytes, write_jsonl
from facial_r1.inference.protocol import Answer, Request
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


Reply = str | None
"""A text, or None for a refusal."""


class Model:
    """Answers what ``says`` returns for the row, the request and the row's truth."""

    name = "fake"
    model = "fake-1"
    batch = 3
    endpoint: str | None = None

    def __init__(self, says: Callable[[Sample, Request], Reply], params: Mapping[str, Any] | None = None) -> None:
        self.says, self.params = says, params or {}
        self.asked: list[Request] = []
        self.dice = random.Random(5)

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        await asyncio.sleep(self.dice.random() / 500)
        self.asked += requests
        answers = []
        for one in requests:
            corpus, _, index = one.sample_id.rpartition("-")
            text = self.says(sample_of(corpus, int(index)), one)
            outcome = "ok" if text is not None else "refusal"
            answers.append(Answer(one.key(self.model), one.sample_id, outcome, text, self.model, one.attempt))
        return answers


def chance(rate: float) -> Callable[[str, int], bool]:
    """Spoil this share of the attempts, by row and attempt alone."""
    return lambda name, attempt: random.Random(f"{name}#{attempt}").random() < rate


DRIVER = """
import os, sys
from pathlib import Path
import curation
from curation.run import Run
from curation.spending import Limits
from facial_r1.inference.backends.template import create

class Counting:
    name, batch, params, endpoint, model = "template", 8, {}, None, "counting"
    inner = create()
    bill = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async def answer(self, requests):
        os.write(self.bill, "".join(f"{r.sample_id}#{r.attempt}\\n" for r in requests).encode())
        answers = await self.inner.answer(requests)
        for request, answer in zip(requests, answers):
            answer.key, answer.model = request.key(self.model), self.model
            if int(answer.key[0], 16) % 3 == 0:
                answer.text = "no idea"
        return answers

sys.modules[f"curation.{sys.argv[3]}"].create = lambda name: Counting()
fill = {"teach": curation.generate, "synthesize": curation.synthesize}[sys.argv[3]]
fill(Run.open(Path(sys.argv[1])), limits=Limits(concurrency=4))
"""
"""Does stage 3 of a run with a template teacher that spoils some of its answers, and notes what it is asked."""


def killed_often(folder: Path, way: str, kills: int, cells: dict[str, tuple[int, int]], **recipe: Any) -> None:
    """SIGKILLs spread over stage 3 change no byte of it, and nothing in the journal is asked again.

    Args:
        folder: for two runs, one of them done in peace.
        way: ``teach`` or ``synthesize``.
        kills: how many.
        cells, recipe: as :func:`make_run`.
    """

    def start(run: Run) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", DRIVER, str(run.root), str(bill_of(run)), way]
        return subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def bill_of(run: Run) -> Path:
        return folder / f"{run.root.name}-bill"

    calm, killed = (make_run(folder / name, cells, **recipe) for name in ("calm", "killed"))
    begun, hits = time.perf_counter(), 0
    assert start(calm).wait() == 0
    whole = time.perf_counter() - begun
    for turn in range(kills):
        child = start(killed)
        time.sleep(whole * (0.4 + 0.6 * turn / kills))
        child.send_signal(signal.SIGKILL)
        hits += child.wait() == -signal.SIGKILL
    assert start(killed).wait() == 0
    assert bytes_of(killed) == bytes_of(calm)
    asked, calmly = (Counter(bill_of(run).read_text().split()) for run in (killed, calm))
    assert asked.keys() == calmly.keys()
    assert set(calmly.values()) == {1}
    assert asked.total() - calmly.total() <= hits * 4 * 8
    assert start(killed).wait() == 0
    assert len(bill_of(killed).read_text().split()) == asked.total(), "a finished stage asks nothing"
