"""Stage 3: the teacher writes the reasoning, row by row, until every quota is filled with accepted answers.

Each cell of the selection asks its first ``quota`` candidates. A rejected answer is followed by the row's next attempt,
and when the attempts are used up by the next candidate in rank. So the rows asked are exactly the shortest run of
ranks that holds enough accepted ones: which they are depends on the answers, never on the order in which they come.

``3-answers/answers.jsonl`` holds every answer, accepted or not, by cell, rank and attempt; ``prompts.jsonl`` each
prompt once; ``sent.json`` which pictures left this machine. The journals beside them hold the same answers as they
came, and outlive any number of restarts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

import facial_r1
from curation.gates import Candidate, judge, rejection
from curation.gates.registry import resolve
from curation.run import ANSWERS, TASKS, Run, begin, finish, is_done, outputs_of, writing
from curation.spending import Limits, budget_of, may_send, price_for
from facial_r1.emotions import EMOTIONS
from facial_r1.errors import CorruptState
from facial_r1.files import canonical_json, read_jsonl, to_line, write_atomic, write_jsonl
from facial_r1.inference.backends import create
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Facts, Request
from facial_r1.inference.runner import Stats, ask
from facial_r1.progress import Progress
from facial_r1.prompt import PROMPT_VERSION, Prompt, teacher_prompt
from facial_r1.recipe import Recipe
from facial_r1.response import EMPTY, parse
from facial_r1.sample import Sample, task_of

__all__ = ["SENT", "estimated", "facts_of", "generate", "prompt_of"]

SENT = "sent.json"
"""Which corpora's pictures left this machine, and why they may."""


def generate(run: Run, *, limits: Limits | None = None, progress: Progress | None = None) -> Stats | None:
    """Have the recipe's teacher write the reasoning for the tasks of a run.

    Args:
        run: a run whose stage 2 is done.
        limits: how fast, and how far.
        progress: told about every answer.

    Returns:
        What was asked, or None when the stage was finished already.

    Raises:
        InputError: when stage 2 is not done.
        UsageError: for an unknown teacher, gate or option in the recipe, or when pictures would leave this machine
            without the recipe's leave.
        CapReached: when a cap of ``limits`` has no room for the next request; the same call goes on there.
        CorruptState: when finished files or the journal were changed by another hand.
        FacialR1Error: when the teacher is down or the disk is full; the same call goes on where this one stopped.
    """
    folder, limits = run.folder(ANSWERS), limits or Limits()
    inputs = [path for path in outputs_of(run.folder(TASKS)) if path.name in ("tasks.jsonl", "cells.jsonl")]
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    for gate in run.recipe.gates:
        resolve(gate)  # a misspelt gate must not wait for the first paid answer
    settings = _settings(run.recipe, backend)
    if is_done(folder, inputs, settings):
        return None
    sent = may_send(run.recipe, backend)
    budget = budget_of(run.recipe, backend, limits, progress or Progress())
    with writing(folder):
        begin(folder)
        with Journal(folder, progress) as journal, open(run.folder(TASKS) / "tasks.jsonl", "rb") as tasks:
            lesson = _Lesson(run.recipe, run.images, tasks, _cells(run), backend)
            stats = ask(
                backend,
                lesson.first(),
                journal,
                then=lesson.then,
                concurrency=limits.concurrency,
                retry_failed=limits.retry_failed,
                rpm=limits.rpm,
                tpm=limits.tpm,
                budget=budget,
                total=lesson.least,
                progress=progress,
            )
            prompts: dict[str, str] = {}
            rows = write_jsonl(folder / "answers.jsonl", lesson.answers(journal, prompts))
        lines = ({"hash": name, "text": prompts[name]} for name in sorted(prompts))
        outputs = {"answers.jsonl": rows, "prompts.jsonl": write_jsonl(folder / "prompts.jsonl", lines)}
        write_atomic(folder / SENT, canonical_json(sent))
        finish(folder, inputs, settings, {**outputs, SENT: len(sent)})
    return stats


def estimated(run: Run) -> Estimate:
    """What :func:`generate` would ask at least, and what that costs; nothing is asked and nothing is written.

    Raises:
        InputError, UsageError: as :func:`generate`.
    """
    outputs_of(run.folder(TASKS))
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    may_send(run.recipe, backend)
    folder = run.folder(ANSWERS)
    with ExitStack() as stack:
        tasks = stack.enter_context(open(run.folder(TASKS) / "tasks.jsonl", "rb"))
        journal = stack.enter_context(Journal(folder)) if folder.is_dir() else None
        lesson = _Lesson(run.recipe, run.images, tasks, _cells(run), backend)
        return estimate(lesson.first(), backend.model, price_for(run.recipe, backend), journal)


def facts_of(sample: Sample, label_rule: str) -> Facts:
    """What the teacher is told; of several true labels only the first when the rule is ``any``: one answers the row."""
    labels = sample.labels if label_rule == "set" else sample.labels[:1]
    return Facts(task_of(sample) or "", tuple(sample.AUs if sample.meta_info.au_annotated else ()), tuple(labels))


def prompt_of(sample: Sample, facts: Facts, label_rule: str) -> Prompt:
    """The truth-conditioned prompt for a row, with the codes and labels that its corpus can give."""
    meta = sample.meta_info
    labels = meta.label_set or EMOTIONS
    return teacher_prompt(facts.task, sample.question, meta.au_annotated, labels, facts, label_rule=label_rule)


@dataclass(slots=True)
class _Cell:
    """A quota and its candidates by rank: where each one's line starts in the tasks, and how often it was asked.

    The ranks below the quota are asked in any case; ``reserve`` is the next one beyond, for a row that was given up.
    """

    quota: int
    reserve: int
    lines: array[int] = field(default_factory=lambda: array("Q"))
    asked: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class _Lesson:
    """The state of the stage: which candidates of which cells were drawn, and which of them are being asked."""

    recipe: Recipe
    images: Path
    tasks: BinaryIO
    cells: list[_Cell]
    backend: Backend
    pending: dict[str, tuple[_Cell, int, Sample]] = field(default_factory=dict)

    @property
    def least(self) -> int:
        """Requests when every answer is accepted."""
        return sum(min(cell.quota, len(cell.lines)) for cell in self.cells)

    def first(self) -> Iterator[Request]:
        """The first ``quota`` candidates of every cell."""
        for cell in self.cells:
            for rank in range(min(cell.quota, len(cell.lines))):
                yield self.draw(cell, rank)

    def draw(self, cell: _Cell, rank: int) -> Request:
        """A candidate of a cell, asked for the first time."""
        sample = self.sample(cell.lines[rank])
        cell.asked[rank] = 1
        self.pending[sample.id] = cell, rank, sample
        return self.request(sample, 0)

    def then(self, request: Request, answer: Answer) -> Iterable[Request]:
        """What follows from an answer: nothing, the row's next attempt, or the cell's next candidate."""
        cell, rank, sample = self.pending[request.sample_id]
        recipe = self.recipe
        response = EMPTY if answer.text is None else parse(answer.text, label_set=recipe.label_set)
        candidate = Candidate(sample, answer.outcome, response, recipe.label_rule)
        rejected = rejection(judge(candidate, recipe.gates)) is not None
        if rejected and cell.asked[rank] < recipe.teacher.attempts:
            cell.asked[rank] += 1
            return [self.request(sample, request.attempt + 1)]
        del self.pending[request.sample_id]
        if rejected and cell.reserve < len(cell.lines):
            cell.reserve += 1
            return [self.draw(cell, cell.reserve - 1)]
        return []

    def answers(self, journal: Journal, prompts: dict[str, str]) -> Iterator[bytes]:
        """The lines of ``answers.jsonl``; collects the text of every prompt under its hash on the way."""
        for cell in self.cells:
            for offset, asked in zip(cell.lines, cell.asked, strict=True):
                for attempt in range(asked):
                    sample = self.sample(offset)
                    request = self.request(sample, attempt)
                    prompts[request.prompt_hash] = request.prompt
                    yield to_line(_row(sample, request, journal[request.key(self.backend.model)]))

    def request(self, sample: Sample, attempt: int) -> Request:
        """The question about a row; ``attempt`` counts from 0."""
        facts = facts_of(sample, self.recipe.label_rule)
        prompt = prompt_of(sample, facts, self.recipe.label_rule)
        shown = self.recipe.teacher.pictures
        return Request(
            sample.id,
            prompt.text,
            prompt.hash,
            facts,
            self.images / sample.image if shown else None,
            sample.meta_info.image_sha256 if shown else None,
            self.backend.params,
            attempt,
        )

    def sample(self, offset: int) -> Sample:
        """The sample of the task whose line starts at ``offset``."""
        self.tasks.seek(offset)
        return Sample.from_own(orjson.loads(self.tasks.readline())["sample"])


def _row(sample: Sample, request: Request, answer: Answer) -> dict[str, Any]:
    """A line of ``answers.jsonl``. Its id is the row's, also when the answer was first given to an equal question."""
    return {
        "id": sample.id,
        "key": answer.key,
        "outcome": answer.outcome,
        "text": answer.text,
        "model": answer.model,
        "attempt": answer.attempt,
        "usage": answer.usage,
        "detail": answer.detail,
        "prompt_hash": request.prompt_hash,
    }


def _cells(run: Run) -> list[_Cell]:
    """The cells in the order of the tasks, with the place of every candidate."""
    folder = run.folder(TASKS)
    quotas = {row["cell"]: row["quota"] for _, row in read_jsonl(folder / "cells.jsonl")}
    cells: dict[str, _Cell] = {}
    offset = 0
    with open(folder / "tasks.jsonl", "rb") as tasks:
        for number, line in enumerate(tasks, 1):
            row = orjson.loads(line)
            if row["cell"] not in quotas:
                do = f"delete {folder / 'done.json'} and build again"
                what = "this task belongs to a cell that cells.jsonl does not have"
                raise CorruptState(what, path=folder / "tasks.jsonl", line=number, found=row["cell"], do=do)
            cell = cells.setdefault(row["cell"], _Cell(quotas[row["cell"]], quotas[row["cell"]]))
            cell.lines.append(offset)
            cell.asked.append(0)
            offset += len(line)
    return list(cells.values())


def _settings(recipe: Recipe, backend: Backend) -> dict[str, Any]:
    """What shapes the answers: who is asked what, and the gates that decide how many are asked."""
    plain = recipe.model_dump(mode="json", include={"teacher", "gates", "label_rule", "label_set", "unknown_truth"})
    del plain["teacher"]["prices"]
    return {**plain, "model": backend.model, "prompt": PROMPT_VERSION, "version": facial_r1.__version__}
