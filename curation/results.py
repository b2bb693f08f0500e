"""What a run came to: the figures for the table at the end of a build, read from the files of its stages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from curation.components import SPLITS
from curation.release import Cell, cell_table
from curation.run import RELEASE, SAMPLES, TASKS, VERDICTS, Run, outputs_of
from facial_r1.facs import sort_codes
from facial_r1.files import read_jsonl

__all__ = ["CorpusRows", "Result", "results"]


@dataclass(slots=True)
class CorpusRows:
    """How many rows of one corpus reached each stage.

    Attributes:
        samples: labelled rows that were read.
        candidates: chosen, with their picture, reserve included.
        tried: rows that the teacher was asked about.
        accepted: rows with an accepted answer.
        released: rows in the release.
        short: rows of its quotas that are missing.
    """

    samples: int = 0
    candidates: int = 0
    tried: int = 0
    accepted: int = 0
    released: int = 0
    short: int = 0


@dataclass(slots=True)
class Result:
    """A finished build.

    Attributes:
        run: the run directory and recipe.
        corpora: name → rows per stage.
        cells: wanted, tried, accepted and short per quota.
        dropped: reason → rows left out before a teacher was asked (stages 1 and 2).
        rejected: reason → answers that a gate turned down.
        splits, labels: split, emotion → released rows.
        aus: Action Unit → released rows that show it, and released rows for which it was annotated at all.
        errors: bad rows that ``keep_going`` collected; with any, the build is no success.
    """

    run: Run
    corpora: dict[str, CorpusRows]
    cells: list[Cell]
    dropped: dict[str, int]
    rejected: dict[str, int]
    splits: dict[str, int]
    aus: dict[str, tuple[int, int]]
    labels: dict[str, int]
    errors: list[str] = field(default_factory=list)

    @property
    def release(self) -> Path:
        """The folder of the release."""
        return self.run.folder(RELEASE)

    @property
    def short(self) -> int:
        """Rows missing from all quotas together."""
        return sum(cell.short for cell in self.cells)

    @property
    def exit_code(self) -> int:
        """0, or 1 when rows could not be read (a release that is short without leave is an exception instead)."""
        return 1 if self.errors else 0


def results(run: Run) -> Result:
    """Gather the figures of a run whose stages are all done, or all but the release.

    Raises:
        InputError: when an earlier stage is not done.
        CorruptState: when a finished file was changed by another hand.
    """
    for stage in (SAMPLES, TASKS, VERDICTS):
        outputs_of(run.folder(stage))
    cells = cell_table(run)
    unified = orjson.loads((run.folder(SAMPLES) / "report.json").read_bytes())
    corpora = {name: CorpusRows() for name in sorted(run.recipe.corpora)}  # one that was absent has zeros throughout
    for entry in unified:
        corpora[entry["corpus"]].samples = entry["rows"]
    for cell in cells:
        rows = corpora[cell.corpus]
        rows.tried += cell.tried
        rows.accepted += cell.accepted
        rows.short += cell.short
    for _, picture in read_jsonl(run.folder(TASKS) / "pictures.jsonl"):
        corpora[picture["dataset"]].candidates += 1
    dropped: Counter[str] = Counter()
    for stage in (SAMPLES, TASKS):
        dropped.update(row["reason"] for _, row in read_jsonl(run.folder(stage) / "dropped.jsonl"))
    splits, aus, annotated, labels = (Counter[str]() for _ in range(4))
    for path in _released(run):
        for _, row in read_jsonl(path):
            corpora[row["dataset"]].released += 1
            splits[path.stem] += 1
            aus.update(row["AUs"])
            annotated.update(row["meta_info"]["au_annotated"])
            labels.update(row["labels"])
    return Result(
        run=run,
        corpora=corpora,
        cells=cells,
        dropped=dict(sorted(dropped.items())),
        rejected=orjson.loads((run.folder(VERDICTS) / "summary.json").read_bytes())["rejected"],
        splits=dict(splits),
        aus={code: (aus[code], annotated[code]) for code in sort_codes(annotated)},
        labels=dict(sorted(labels.items())),
        errors=[error for entry in unified for error in entry["errors"]],
    )


def _released(run: Run) -> list[Path]:
    paths = [run.folder(RELEASE) / f"{split}.jsonl" for split in SPLITS]
    return [path for path in paths if path.is_file()]
