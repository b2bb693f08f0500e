"""How stage 3 fills its quotas, whatever the policy of asking about one row.

Each cell of the selection asks about its first ``quota`` candidates. A row that is given up is followed by the next
candidate in rank. So the rows asked are exactly the shortest run of ranks that holds enough accepted ones: which they
are depends on the answers, never on the order in which they come.

Where the recipe compares rows with each other (:mod:`curation.gates.sets`), the accepted ones are then held against
each other in the order of the tasks; as many candidates as are rejected are drawn and asked about, until every quota is
full or its candidates are used up. Each pass follows from the answers alone, so a resumed run takes the same ones.

When all is asked, every row's :data:`~curation.asking.Asking` runs once more over the journal, and what that second run
finds is written down.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO

import orjson

import facial_r1
from curation.asking import Asking, Finding, Policy
from curation.gates.registry import Panel
from curation.gates.sets import Admission
from curation.run import ANSWERS, TASKS, Run, begin, finish, is_done, outputs_of, writing
from curation.spending import Limits, budget_of, may_send, price_for
from facial_r1.errors import CorruptState
from facial_r1.files import atomic, canonical_json, read_jsonl, to_line, write_atomic, write_jsonl
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer, Backend, Request
from facial_r1.inference.runner import Stats, ask
from facial_r1.progress import Progress
from facial_r1.prompt import PROMPT_VERSION
from facial_r1.recipe import Recipe
from facial_r1.sample import Sample

__all__ = ["SENT", "beforehand", "fill", "settings_of"]

SENT = "sent.json"
"""Which corpora's pictures left this machine, and why they may."""


def fill(
    run: Run,
    backend: Backend,
    policy: Policy,
    settings: Mapping[str, Any],
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Stats | None:
    """Do stage 3 of a run.

    Args:
        run: a run whose stage 2 is done.
        backend: the recipe's teacher.
        policy: how it is asked about a row.
        settings: what shapes the answers, see :func:`settings_of`.
        limits: how fast, and how far.
        progress: told about every answer.

    Returns:
        What was asked, or None when the stage was finished already.

    Raises:
        InputError: when stage 2 is not done.
        UsageError: for an unknown gate in the recipe, or when pictures would leave this machine without its leave.
        CapReached: when a cap of ``limits`` has no room for the next request; the same call goes on there.
        CorruptState: when finished files or the journal were changed by another hand.
        FacialR1Error: when the teacher is down or the disk is full; the same call goes on where this one stopped.
    """
    folder, limits = run.folder(ANSWERS), limits or Limits()
    inputs = [path for path in outputs_of(run.folder(TASKS)) if path.name in ("tasks.jsonl", "cells.jsonl")]
    panel = Panel(run.recipe.gates)  # a misspelt gate must not wait for the first paid answer
    if is_done(folder, inputs, settings):
        return None
    sent, price = may_send(run.recipe, backend), price_for(run.recipe.teacher, backend.model)
    budget = budget_of(price, backend, limits, progress or Progress())
    with writing(folder):
        begin(folder)
        with Journal(folder, progress) as journal, open(run.folder(TASKS) / "tasks.jsonl", "rb") as tasks:
            lesson = _Lesson(policy, tasks, _cells(run))
            again = partial(
                ask,
                backend,
                journal=journal,
                then=lesson.then,
                concurrency=limits.concurrency,
                retry_failed=limits.retry_failed,
                rpm=limits.rpm,
                tpm=limits.tpm,
                budget=budget,
                progress=progress,
            )
            stats = again(lesson.first(), total=policy.opening * sum(1 for _ in lesson.drawn()))
            while panel.sets and (further := lesson.replacements(panel, journal, backend.model)):
                stats = _sum(stats, again(further, total=len(further)))
            outputs = _write(folder, policy.files, lesson.findings(journal, backend.model), lesson.prompts)
        write_atomic(folder / SENT, canonical_json(sent))
        finish(folder, inputs, settings, {**outputs, SENT: len(sent)})
    return stats


def beforehand(run: Run, backend: Backend, policy: Policy) -> Estimate:
    """What :func:`fill` would ask at least, and what that costs; nothing is asked and nothing is written.

    Raises:
        InputError, UsageError: as :func:`fill`.
    """
    outputs_of(run.folder(TASKS))
    may_send(run.recipe, backend)
    folder, price = run.folder(ANSWERS), price_for(run.recipe.teacher, backend.model)
    opened = Journal(folder) if folder.is_dir() else nullcontext()
    with open(run.folder(TASKS) / "tasks.jsonl", "rb") as tasks, opened as journal:
        return estimate(_Lesson(policy, tasks, _cells(run)).least(), backend.model, price, journal)


def settings_of(recipe: Recipe, backend: Backend) -> dict[str, Any]:
    """What shapes the answers: who is asked what, and the gates that decide how many are asked."""
    plain = recipe.model_dump(mode="json", include={"teacher", "gates", "label_rule", "label_set", "unknown_truth"})
    del plain["teacher"]["prices"]
    return {**plain, "model": backend.model, "prompt": PROMPT_VERSION, "version": facial_r1.__version__}


def _sum(first: Stats, further: Stats) -> Stats:
    """What two calls of the runner did together; their budget is one, so the later cost is that of both."""
    return Stats(
        first.asked + further.asked,
        first.reused + further.reused,
        first.retried + further.retried,
        first.outcomes + further.outcomes,
        first.usage + further.usage,
        further.cost,
    )


@dataclass(slots=True)
class _Cell:
    """A quota and its candidates by rank, each as the place where its line starts in the tasks.

    The first ``drawn`` of them are or were asked: the ranks below the quota in any case, then one for every row that
    was given up.
    """

    name: str
    quota: int
    drawn: int
    lines: array[int] = field(default_factory=lambda: array("Q"))


@dataclass(slots=True)
class _Open:
    """A row that is being asked: the group that is under way, and what came of it by attempt."""

    cell: _Cell
    asking: Asking
    group: Sequence[Request]
    answers: dict[int, Answer] = field(default_factory=dict)


@dataclass(slots=True)
class _Lesson:
    """The state of the stage: how many candidates of each cell were drawn, and which rows are being asked."""

    policy: Policy
    tasks: BinaryIO
    cells: list[_Cell]
    open: dict[str, _Open] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)  # hash → text, filled by findings()

    def drawn(self) -> Iterator[tuple[_Cell, int]]:
        """The candidates that are or were asked, in the order of the tasks; before anything is asked, the quotas."""
        return ((cell, place) for cell in self.cells for place in cell.lines[: cell.drawn])

    def first(self) -> Iterator[Request]:
        """The questions that open the first ``quota`` candidates of every cell."""
        for cell, place in self.drawn():  # no row of a cell is given up before this reaches the cell
            yield from self.draw(cell, place)

    def least(self) -> Iterator[Request]:
        """What is asked when every row is accepted at once."""
        for _, place in self.drawn():
            yield from self.policy.least(self.sample(place))

    def draw(self, cell: _Cell, place: int) -> Sequence[Request]:
        """A candidate of a cell, asked for the first time."""
        sample = self.sample(place)
        asking = self.policy.about(sample)
        group = next(asking)
        self.open[sample.id] = _Open(cell, asking, group)
        return group

    def then(self, request: Request, answer: Answer) -> Iterable[Request]:
        """What follows from an answer: nothing yet, the row's next group, or the cell's next candidate."""
        row = self.open[request.sample_id]
        row.answers[request.attempt] = answer
        if len(row.answers) < len(row.group):
            return ()
        answers, row.answers = [row.answers[one.attempt] for one in row.group], {}
        try:
            row.group = row.asking.send(answers)
        except StopIteration as end:
            return self.ended(request.sample_id, end.value)
        return row.group

    def ended(self, name: str, finding: Finding) -> Iterable[Request]:
        """What follows when all is asked about a row."""
        cell = self.open.pop(name).cell
        return () if finding.accepted else self.further(cell, 1)

    def further(self, cell: _Cell, count: int) -> list[Request]:
        """The questions that open the next ``count`` candidates of a cell; fewer where they are used up."""
        places = cell.lines[cell.drawn : cell.drawn + count]
        cell.drawn += len(places)
        return [one for place in places for one in self.draw(cell, place)]

    def findings(self, journal: Journal, model: str) -> Iterator[Finding]:
        """What came out for every row that was asked, in the order of the tasks; collects the prompts on the way."""
        return (self.finding(place, journal, model) for _, place in self.drawn())

    def finding(self, place: int, journal: Journal, model: str) -> Finding:
        """What came out for a row that was asked, from the answers of the journal."""
        asking = self.policy.about(self.sample(place))
        group = next(asking)
        while True:
            self.prompts.update((request.prompt_hash, request.prompt) for request in group)
            answers = [_kept(journal, request.key(model)) for request in group]
            try:
                group = asking.send(answers)
            except StopIteration as end:
                found: Finding = end.value
                return found

    def replacements(self, panel: Panel, journal: Journal, model: str) -> list[Request]:
        """The questions about the candidates that take the turn of rows which repeat others; empty when all is full."""
        admission = Admission(panel, {cell.name: cell.quota for cell in self.cells})
        for cell, place in self.drawn():
            for text in self.finding(place, journal, model).texts:
                admission.judge(cell.name, text)
        missing = [(cell, cell.quota - admission.kept[cell.name]) for cell in self.cells]
        return [one for cell, count in missing for one in self.further(cell, count)]

    def sample(self, place: int) -> Sample:
        """The sample of the task whose line starts at ``place``."""
        self.tasks.seek(place)
        return Sample.from_own(orjson.loads(self.tasks.readline())["sample"])


def _kept(journal: Journal, key: str) -> Answer:
    try:
        return journal[key]
    except KeyError:
        # Two rows may share a question, and a repeated one (--retry-failed) may have changed what followed from it.
        what, do = "the journal lacks an answer that this stage needs", "give the same command again: it asks for it"
        raise CorruptState(what, path=journal.folder, found=key, do=do) from None


def _write(
    folder: Path, files: Sequence[str], findings: Iterable[Finding], prompts: Mapping[str, str]
) -> dict[str, int]:
    """Write the stage's files; returns the rows of each. ``prompts`` is full when ``findings`` is at its end."""
    counts = dict.fromkeys(files, 0)
    with ExitStack() as stack:
        handles: dict[str, IO[bytes]] = {name: stack.enter_context(atomic(folder / name)) for name in files}
        for finding in findings:
            for name, rows in finding.rows.items():
                handles[name].writelines(map(to_line, rows))
                counts[name] += len(rows)
    lines = ({"hash": name, "text": prompts[name]} for name in sorted(prompts))
    return {**counts, "prompts.jsonl": write_jsonl(folder / "prompts.jsonl", lines)}


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
            name = row["cell"]
            cell = cells.setdefault(name, _Cell(name, quotas[name], quotas[name]))
            cell.lines.append(offset)
            offset += len(line)
    return list(cells.values())
