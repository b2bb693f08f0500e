"""A small run whose stages 1 to 3 are typed by hand: every kind of answer can be put before gates and release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
import pytest

import datasets_builders
from curation.run import ANSWERS, SAMPLES, TASKS, Run, begin, finish
from datasets_builders.common.corpus import Licence
from facial_r1.emotions import EMOTIONS_7
from facial_r1.files import sha256_bytes, to_line, write_atomic, write_jsonl
from facial_r1.progress import Progress
from facial_r1.recipe import Part, load_recipe
from facial_r1.sample import KEYS, Meta, Sample, task_of

DISFA = ["AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"]


def make_sample(number: int, dataset: str = "disfa", **more: Any) -> Sample:
    """One row as stage 2 leaves it; ``more`` overrides fields of the row or of ``meta_info``."""
    name = f"{dataset}-{number:04d}"
    scored = dataset == "disfa"
    row: dict[str, Any] = {
        "image": f"{dataset}/{name}.png",
        "question": "What is seen?",
        "AUs": ["AU6", "AU12"] if scored else [],
        "labels": [] if scored else ["happiness"],
    }
    meta: dict[str, Any] = {
        "sample_id": name,
        "group": f"{dataset}-SN{number:03d}",
        "split": "train",
        "au_annotated": list(DISFA) if scored else [],
        "label_set": [] if scored else list(EMOTIONS_7),
        "source": f"{dataset}.txt:{number}",
    }
    for key, value in more.items():
        (row if key in KEYS else meta)[key] = value
    sample = Sample(**{"id": name, "dataset": dataset, **row}, meta_info=Meta(**meta))
    sample.meta_info.task = task_of(sample)
    return sample


def good_text(sample: Sample) -> str:
    """An answer that passes every gate."""
    numbers = "".join(f" and the face moves ({au})" for au in sample.AUs)
    answer = sample.labels[0] if sample.labels else ", ".join(sample.AUs) or "none"
    return f"<think>The cheeks are lifted{numbers}.</think><answer>{answer}</answer>"


def picture(number: int) -> bytes:
    """A small PNG that no other number has."""
    pixels = np.random.default_rng(number).integers(0, 256, (12, 12), dtype=np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


class Build:
    """Writes stages 1 to 3 of a run, as their own modules would."""

    def __init__(self, root: Path, recipe: dict[str, Any]) -> None:
        self.run = Run.create(root, load_recipe(recipe))
        self.tasks: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.cells: dict[str, dict[str, Any]] = {}

    def add(self, sample: Sample, *texts: str | None, quota: int | None = None, outcome: str = "ok") -> Build:
        """One task with its answers, attempt by attempt; without texts it was never asked.

        The cell's quota grows by one per task unless ``quota`` sets it.
        """
        split = sample.meta_info.split
        name = f"{sample.dataset}/{split}"
        cell = self.cells.setdefault(
            name, {"cell": name, "corpus": sample.dataset, "split": split, "class": None, "quota": 0}
        )
        cell["quota"] = cell["quota"] + 1 if quota is None else quota
        path = self.run.images / sample.image
        if not path.exists():
            write_atomic(path, picture(len(self.tasks)))
        sample.meta_info.image_sha256 = sha256_bytes(path.read_bytes())
        rank = sum(task["cell"] == name for task in self.tasks)
        self.tasks.append({"id": sample.id, "cell": name, "rank": rank, "sample": sample})
        self.answers += [answer(sample.id, attempt, text, outcome) for attempt, text in enumerate(texts)]
        return self

    def write(self) -> Run:
        """Put everything on disk with done-markers; calling it again replaces the three stages.

        The recipe is made to ask for what the cells hold.
        """
        keys = ("corpus", "split")
        parts = tuple(Part(**{key: cell[key] for key in keys}, rows=cell["quota"]) for cell in self.cells.values())
        recipe = self.run.recipe
        select = recipe.select.model_copy(update={"parts": parts})
        self.run = Run.create(self.run.root, recipe.model_copy(update={"select": select}))
        samples, tasks, answers = (self.run.folder(stage) for stage in (SAMPLES, TASKS, ANSWERS))
        ordered = sorted(self.tasks, key=lambda task: list(self.cells).index(task["cell"]))
        begin(samples)
        for name in sorted({task["sample"].dataset for task in ordered}):
            rows = [task["sample"].to_line() for task in ordered if task["sample"].dataset == name]
            write_jsonl(samples / f"{name}.jsonl", rows)
        dropped = {"dataset": "disfa", "id": "disfa-9999", "reason": "frame_missing", "detail": "", "source": "x:1"}
        write_jsonl(samples / "dropped.jsonl", [{**dropped, "AUs": ["AU1"], "labels": []}])
        finish(samples, [], {}, {"dropped.jsonl": 1})
        begin(tasks)
        counts = {
            "tasks.jsonl": write_jsonl(tasks / "tasks.jsonl", map(to_line, ordered)),
            "cells.jsonl": write_jsonl(tasks / "cells.jsonl", self.cells.values()),
            "dropped.jsonl": write_jsonl(tasks / "dropped.jsonl", [{**dropped, "reason": "no_truth"}]),
        }
        remarks = ["raf_au and raf_db may share pictures: not checkable by name"]
        (tasks / "report.json").write_bytes(orjson.dumps({"parts": [], "remarks": remarks}))
        finish(tasks, [], {}, {**counts, "report.json": 0})
        begin(answers)
        place = {task["id"]: index for index, task in enumerate(ordered)}
        given = sorted(self.answers, key=lambda row: (place.get(row["id"], -1), row["attempt"]))
        (answers / "sent.json").write_bytes(b"{}")
        counts = {"answers.jsonl": write_jsonl(answers / "answers.jsonl", given), "sent.json": 0}
        finish(answers, [], {}, counts)
        return self.run


def answer(identifier: str, attempt: int, text: str | None, outcome: str) -> dict[str, Any]:
    """A row of ``answers.jsonl``."""
    return {
        "id": identifier,
        "key": sha256_bytes(f"{identifier} {attempt}".encode()),
        "outcome": outcome,
        "text": text,
        "model": "template-1",
        "attempt": attempt,
        "usage": {"input": 10, "output": 5},
        "detail": None,
        "prompt_hash": "0" * 64,
        "conditioned": True,
    }


class FakeCorpus:
    """A release needs title and licence of a corpus, and nothing else of it."""

    licence = Licence(terms="By request to the owner.", url="https://example.org")

    def __init__(self, name: str) -> None:
        self.title = name.upper()


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """Keep one report; nothing here has a note."""
        assert note == ""
        self.steps.append((what, done, total))


@pytest.fixture
def told() -> Told:
    """A listener to progress."""
    return Told()


@pytest.fixture(autouse=True)
def corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    """No builder is loaded for these tests."""
    monkeypatch.setattr(datasets_builders, "corpus", FakeCorpus)


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """Makes one row, see :func:`make_sample`."""
    return make_sample


@pytest.fixture
def text() -> Callable[[Sample], str]:
    """Makes an answer that passes every gate."""
    return good_text


@pytest.fixture
def building(tmp_path: Path) -> Callable[..., Build]:
    """Starts a run by hand; keyword arguments are recipe keys."""

    def start(name: str = "run", **recipe: Any) -> Build:
        parts = [{"corpus": "disfa", "split": "train", "rows": 2}]  # until the cells are known
        plain = {"name": "small", "corpora": {"disfa": {}, "fer2013": {}}, "select": {"parts": parts}, **recipe}
        return Build(tmp_path / name, plain)

    return start


@pytest.fixture
def small(building: Callable[..., Build]) -> Build:
    """Three rows of DISFA (two train, one test) and two of FER2013 (train, val), all answered well."""
    build = building()
    rows = (
        make_sample(1),
        make_sample(2, AUs=[]),
        make_sample(3, split="test"),
        make_sample(4, "fer2013"),
        make_sample(5, "fer2013", split="val", labels=["sadness"]),
    )
    for row in rows:
        build.add(row, good_text(row))
    return build


@pytest.fixture
def small_run(small: Build) -> Run:
    """The small run, written."""
    return small.write()
