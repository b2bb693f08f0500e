"""Stage 2: which rows, in which split, in which order; and their pictures.

``2-tasks/tasks.jsonl`` holds the candidates of every quota cell in rank order, more than the quota by the recipe's
reserve: later stages go on with the next in rank when an answer is rejected. Beside it stand ``cells.jsonl`` (the
quotas), ``pictures.jsonl`` (every picture with its hash), ``dropped.jsonl`` (rows left out for a reason),
``report.json`` (wanted and available per part) and the pictures themselves in ``images/``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

import facial_r1
from curation.cells import Cell, Examine, PartCells, draw_all
from curation.components import components
from curation.frozen import Frozen, beside
from curation.pictures import Pictures
from curation.rows import Row, drop, read_chosen, read_rows
from curation.run import SAMPLES, TASKS, Run, begin, finish, is_done, outputs_of, writing
from curation.splits import Rules, assign
from datasets_builders.common.overlaps import overlaps
from facial_r1.files import sha256_file, to_line, write_atomic, write_jsonl
from facial_r1.progress import Progress
from facial_r1.prompt import default_question
from facial_r1.recipe import Recipe
from facial_r1.sample import task_of

__all__ = ["PartReport", "Selection", "choose", "select"]


@dataclass(frozen=True, slots=True)
class PartReport:
    """Wanted and available for one part of the recipe.

    Attributes:
        name: ``corpus/split``, with ``.2`` and so on for further parts of the same corpus and split.
        wanted: rows to release.
        pool: rows that could serve it, before frame gaps and pictures.
        candidates: rows chosen, reserve included.
        short: how many of the wanted rows have no candidate at all.
        passed_on: class cell → rows of its even share that other classes took because it ran out.
    """

    name: str
    wanted: int
    pool: int
    candidates: int
    short: int
    passed_on: dict[str, int]


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen.

    Attributes:
        parts: the parts of the recipe with their cells, in the recipe's order.
        no_truth: rows about which the corpus says nothing that could be asked.
        conflicts: rows whose group had to go to a split that the row itself may not be in.
        frozen: rows that an earlier release tested on, for which this recipe has no test part.
    """

    parts: list[PartCells]
    no_truth: list[Row]
    conflicts: list[Row]
    frozen: list[Row]

    @property
    def cells(self) -> list[Cell]:
        """All cells, in the recipe's order."""
        return [cell for group in self.parts for cell in group.cells]

    def report(self) -> list[PartReport]:
        """One entry per part."""
        return [
            PartReport(
                name=group.name,
                wanted=group.part.rows,
                pool=sum(cell.pool for cell in group.cells),
                candidates=sum(len(cell.kept) for cell in group.cells),
                short=sum(max(0, cell.quota - len(cell.kept)) for cell in group.cells),
                passed_on=group.passed_on(),
            )
            for group in self.parts
        ]


def choose(rows: Sequence[Row], recipe: Recipe, examine: Examine, frozen: Frozen) -> Selection:
    """Decide splits, rank and candidates; opens no file.

    Args:
        rows: every row of every corpus, corpora in name order.
        recipe: the recipe.
        examine: looks at the candidates and names those to replace, see :func:`curation.cells.draw_all`.
        frozen: what may only be tested on.
    """
    known = [bool(row.scored or row.labels) for row in rows]
    component = [number for number, kept in zip(components(rows), known, strict=True) if kept]
    no_truth = [row for row, kept in zip(rows, known, strict=True) if not kept]
    rows = [row for row, kept in zip(rows, known, strict=True) if kept]
    rules = Rules(recipe.select, rows)
    only_test = frozen.components(rows, component)
    split_of = assign(rows, component, rules, recipe.seed, only_test)
    parts = recipe.select.parts
    pools: list[list[Row]] = [[] for _ in parts]
    conflicts: list[Row] = []
    untestable: list[Row] = []
    for row, number in zip(rows, component, strict=True):
        places = rules.parts_for(row)
        served = [place for place in places if parts[place].split == split_of.get(number)]
        for place in served:
            pools[place].append(row)
        if places and not served:
            (untestable if number in only_test else conflicts).append(row)
    groups = draw_all(list(zip(parts, pools, strict=True)), recipe.select, recipe.seed, examine)
    return Selection(groups, no_truth, conflicts, untestable)


def select(run: Run, *, workers: int = 1, progress: Progress | None = None) -> Selection | None:
    """Choose the candidates of every part of the recipe, split them by whole groups and write their pictures.

    Args:
        run: a run whose stage 1 is done.
        workers: threads that make pictures; changes no byte.
        progress: told about pictures.

    Returns:
        What was chosen, or None when the stage was finished already.

    Raises:
        InputError: when stage 1 is not done, or a source picture cannot be read at all.
        CorruptState: when finished files of stage 1 or 2 were changed by another hand.
    """
    progress = progress or Progress()
    folder, inputs = run.folder(TASKS), outputs_of(run.folder(SAMPLES))
    files = {path.stem: path for path in inputs if path.stem in run.recipe.corpora}
    frozen = Frozen.read(run.recipe.select.frozen_test)
    settings = _settings(run.recipe)
    if is_done(folder, inputs, settings):
        return None
    with writing(folder):
        begin(folder)
        rows = [row for name in sorted(files) for row in read_rows(files[name])]
        pictures = Pictures(run, files, workers, progress, frozen)
        selection = choose(rows, run.recipe, pictures.examine, frozen)
        counts = {
            "cells.jsonl": write_jsonl(folder / "cells.jsonl", map(_cell_line, selection.cells)),
            "tasks.jsonl": write_jsonl(folder / "tasks.jsonl", _tasks(selection, files, pictures)),
            "pictures.jsonl": write_jsonl(folder / "pictures.jsonl", pictures.lines(selection.cells)),
            "dropped.jsonl": write_jsonl(folder / "dropped.jsonl", _dropped(selection, pictures)),
        }
        parts = [asdict(part) for part in selection.report()]
        remarks = [*_remarks(rows, run.recipe), *pictures.remarks]
        report = {"parts": parts, "remarks": remarks}
        write_atomic(folder / "report.json", orjson.dumps(report, option=orjson.OPT_INDENT_2))
        finish(folder, inputs, settings, {**counts, "report.json": len(parts)})
    for text in remarks:
        progress.say(text)
    return selection


def _settings(recipe: Recipe) -> dict[str, Any]:
    """What shapes the selection and the pictures; where a copy lies does not."""
    plain = recipe.model_dump(mode="json", include={"seed", "select", "duplicates"})
    if recipe.select.frozen_test is not None:
        pictures = beside(recipe.select.frozen_test) is not None
        plain["select"]["frozen_test"] = [sha256_file(recipe.select.frozen_test), pictures]
    sources = {
        name: [source.crop, source.max_side, source.options, sorted(source.joins)]
        for name, source in recipe.corpora.items()
    }
    return {**plain, "corpora": sources, "version": facial_r1.__version__}


def _cell_line(cell: Cell) -> Mapping[str, Any]:
    return {"cell": cell.name, "corpus": cell.corpus, "split": cell.split, "class": cell.label, "quota": cell.quota}


def _tasks(selection: Selection, files: Mapping[str, Path], pictures: Pictures) -> Iterator[bytes]:
    for cell in selection.cells:
        if not cell.kept:
            continue
        for rank, sample in enumerate(read_chosen(files[cell.corpus], cell.kept)):
            pictures.complete(sample)
            sample.meta_info.split = cell.split
            task = task_of(sample)
            assert task is not None  # rows without a truth are no candidates
            sample.meta_info.task = task
            sample.question = sample.question or default_question(task)
            yield to_line({"id": sample.id, "cell": cell.name, "rank": rank, "sample": sample})


def _dropped(selection: Selection, pictures: Pictures) -> Iterator[Mapping[str, Any]]:
    for row in selection.no_truth:
        yield drop(row, "no_truth", "the corpus gives neither Action Units nor an emotion for this row")
    for row in selection.conflicts:
        yield drop(row, "split_conflict", "its group is in a split that this row may not be in")
    for row in selection.frozen:
        yield drop(row, "frozen_test", "an earlier release tested on it, and this recipe has no test part for it")
    yield from pictures.dropped.values()


def _remarks(rows: Sequence[Row], recipe: Recipe) -> list[str]:
    present = Counter((row.dataset, row.subject) for row in rows)
    unlisted = [
        f"{corpus}: {split} lists subject {subject}, of whom there is no row"
        for corpus, splits in sorted(recipe.select.subjects.items())
        for split, subjects in sorted(splits.items())
        for subject in subjects
        if not present[corpus, subject]
    ]
    return [*unlisted, *_overlaps(rows)]


def _overlaps(rows: Sequence[Row]) -> list[str]:
    """What is said about corpora that hold the same photographs."""
    prefixes: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        prefixes[row.dataset].update(origin.partition(":")[0] for origin in row.origins)
    return [
        f"{' and '.join(overlap.corpora)} may share pictures ({overlap.why}): "
        + ("joined by name, on one side of every split" if joined else "not checkable by name")
        for overlap, joined in overlaps(prefixes)
    ]
