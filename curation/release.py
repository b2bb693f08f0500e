"""Stage 5: the accepted rows as a data set that opens with ``datasets.load_dataset`` and can be traced.

Per cell the first ``quota`` accepted rows in rank order are released, each with its first accepted answer. The folder
is built beside its final place, checked, and renamed whole: a killed release leaves the old one, or none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

import facial_r1
from curation.checks.check import FILE as CHECKS
from curation.checks.check import require, to_json
from curation.checks.pictures import IMAGE_LIST
from curation.checks.run import check_release
from curation.evidence import revised
from curation.frozen import FILE as FROZEN
from curation.frozen import frozen_line
from curation.manifest import Census, facts, file_entry
from curation.run import ANSWERS, RELEASE, TASKS, VERDICTS, Run, finish, is_done, outputs_of, writing
from curation.splits import SPLITS
from curation.teach import SENT
from curation.verdicts import judged
from datasets_builders.common.layout import some
from facial_r1.errors import CorruptState, GateFailed, UsageError
from facial_r1.files import atomic, fsync_folder, inside, read_jsonl, sha256_file, write_atomic, write_jsonl
from facial_r1.progress import Progress
from facial_r1.prompt import default_question
from facial_r1.recipe import Recipe
from facial_r1.response import parse
from facial_r1.sample import Sample, form_of, task_of

__all__ = ["Cell", "Pictures", "cell_table", "release"]

STEP = 500
"""Rows between two reports of progress."""


@dataclass(slots=True)
class Cell:
    """One quota and what became of it, in rows: ``tried`` were asked, ``accepted`` have an accepted answer."""

    cell: str
    corpus: str
    split: str
    quota: int
    tried: int = 0
    accepted: int = 0

    @property
    def released(self) -> int:
        """Rows that go into the release."""
        return min(self.quota, self.accepted)

    @property
    def short(self) -> int:
        """Rows that are missing."""
        return self.quota - self.released

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values for the manifest."""
        return {**asdict(self), "released": self.released, "short": self.short}


def cell_table(run: Run) -> list[Cell]:
    """Wanted, tried and accepted rows of every cell, in the order of ``cells.jsonl``."""
    rows = (row for _, row in read_jsonl(run.folder(TASKS) / "cells.jsonl"))
    cells = {row["cell"]: Cell(row["cell"], row["corpus"], row["split"], row["quota"]) for row in rows}
    tried: str | None = None
    accepted: str | None = None
    for _, verdict in read_jsonl(run.folder(VERDICTS) / "verdicts.jsonl"):
        cell = cells[verdict["cell"]]
        if verdict["id"] != tried:
            tried, cell.tried = verdict["id"], cell.tried + 1
        if verdict["accepted"] and verdict["id"] != accepted:
            accepted, cell.accepted = verdict["id"], cell.accepted + 1
    return list(cells.values())


def release(run: Run, *, progress: Progress | None = None) -> Path:
    """Write ``5-release`` from the accepted answers; returns the folder.

    Raises:
        GateFailed: when a cell is short and the recipe does not ``allow_short``, or a check of
            :mod:`curation.checks` fails; an older release and all stages before stay as they are.
        InputError: when the stages before are not done.
        CorruptState: when files of the run contradict each other.
    """
    final = run.folder(RELEASE)
    inputs = [path for stage in (TASKS, ANSWERS, VERDICTS) for path in outputs_of(run.folder(stage))]
    settings = {"recipe": run.recipe.hash(), "version": facial_r1.__version__}
    new, old = (final.with_name(f"{final.name}.{state}") for state in ("incomplete", "old"))
    _recover(final, new, old)
    if is_done(final, inputs, settings):
        _verify_pictures(final)
        return final
    (run.root / CHECKS).unlink(missing_ok=True)
    cells = cell_table(run)
    _require_rows(cells, allow_short=run.recipe.allow_short)
    with writing(final):
        try:
            new.mkdir()
            outputs = _write(run, new, cells, progress or Progress())
            outputs |= _check(run, new, progress)
            finish(new, inputs, settings, outputs)
            os.sync()  # one barrier for the thousands of pictures
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        _swap(final, new, old)
    return final


def _require_rows(cells: Sequence[Cell], *, allow_short: bool) -> None:
    short = [cell for cell in cells if cell.short]
    if any(cell.released for cell in cells) and (allow_short or not short):
        return
    allow = "" if allow_short else ", or set allow_short: true"
    names = some(f"{c.cell}: {c.accepted} of {c.quota} ({c.tried} tried)" for c in short)
    raise GateFailed(
        f"{len(short)} of {len(cells)} quotas could not be filled, {sum(c.short for c in short)} rows are missing",
        found=names,
        expected="every quota of the recipe filled",
        do="see 4-verdicts/summary.json for the reasons; then lower the rows of these parts, raise select.reserve, "
        f"teacher.attempts or synthesis.repairs{allow}",
    )


def _chosen(run: Run, cells: Sequence[Cell]) -> Iterator[Sample]:
    """The rows to release, in the order of the tasks: by cell, then rank."""
    left = {cell.cell: cell.quota for cell in cells}
    released: str | None = None
    for task, answer, verdict in judged(run):
        if not verdict["accepted"] or released == task["id"] or left[task["cell"]] == 0:
            continue
        released = task["id"]
        left[task["cell"]] -= 1
        yield _row(task, answer, verdict["edit"], run.recipe)


def _row(task: dict[str, Any], answer: dict[str, Any], edit: dict[str, Any] | None, recipe: Recipe) -> Sample:
    sample = Sample.from_own(task["sample"])
    text: str = answer["text"]
    if edit is not None:
        sample, text = revised(sample, edit), edit["description"] or text
    sample.description = text.strip()
    if recipe.unknown_truth == "pseudo":
        _mark_pseudo(sample, recipe.label_set)
    meta = sample.meta_info
    meta.generator, meta.model, meta.prompt_hash = recipe.teacher.backend, answer["model"], answer["prompt_hash"]
    meta.attempts = answer["attempt"] + 1
    meta.label_conditioned = answer["conditioned"]
    return sample


def _mark_pseudo(sample: Sample, label_set: Iterable[str]) -> None:
    """List what the text states beyond the truth; AUs and labels stay what the corpus says."""
    response, meta = parse(sample.description, label_set=label_set), sample.meta_info
    meta.pseudo_aus = [au for au in response.claimed_aus if au not in meta.au_annotated]
    if not sample.labels:
        meta.pseudo_label = " and ".join(response.answer_labels) or None
    task, form = task_of(sample) or "", form_of(sample) or ""
    if form != task and sample.question == default_question(task):
        sample.question = default_question(form)


def _write(run: Run, folder: Path, cells: Sequence[Cell], progress: Progress) -> dict[str, int]:
    """Fill ``folder``; returns the rows of each file that the stage's marker vouches for."""
    from curation.card import card  # with the tables of the reports, whose charts need numpy

    census, pictures = Census(), Pictures(run.images, folder / "images")
    total = sum(cell.released for cell in cells)
    tested: list[Mapping[str, Any]] = []
    with ExitStack() as stack:
        files: dict[str | None, IO[bytes]] = {}
        for done, sample in enumerate(_chosen(run, cells), 1):
            line, split = sample.to_line(), sample.meta_info.split
            pictures.add(sample)
            census.add(sample)
            if split not in files:  # a split without rows has no file: readers refuse an empty one
                files[split] = stack.enter_context(atomic(folder / f"{split}.jsonl"))
            files[split].write(line)
            if split == "test":
                tested.append(frozen_line(sample))
            if done % STEP == 0 or done == total:
                progress.step("rows released", done, total)
    splits = [split for split in SPLITS if split in files]
    rows = {f"{split}.jsonl": census.rows(split) for split in splits} | {IMAGE_LIST: len(pictures.hashes)}
    write_atomic(folder / IMAGE_LIST, pictures.listing())
    if tested:
        rows[FROZEN] = write_jsonl(folder / FROZEN, tested)
    remarks = orjson.loads((run.folder(TASKS) / "report.json").read_bytes())["remarks"]
    found = facts(run.recipe, census, [cell.to_json() for cell in cells], splits, remarks)
    found["sent"] = orjson.loads((run.folder(ANSWERS) / SENT).read_bytes())
    write_atomic(folder / "README.md", card(found))
    found["files"] = {name: file_entry(folder / name, rows.get(name)) for name in [*rows, "README.md"]}
    write_atomic(folder / "manifest.json", orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return {**rows, "README.md": 0, "manifest.json": 0}


def _check(run: Run, folder: Path, progress: Progress | None) -> dict[str, int]:
    """Hold what will be released against all checks; the table is kept in the run, and in the release that passes."""
    frozen = run.recipe.select.frozen_test
    checks = check_release(folder, private=_private(run), frozen=frozen, progress=progress)
    table = orjson.dumps(to_json(checks), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_atomic(run.root / CHECKS, table)
    do = f"see {run.root / CHECKS}; mend what the rows name (or drop them from the recipe) and release again"
    require(checks, do)
    write_atomic(folder / CHECKS, table)
    return {CHECKS: len(checks)}


def _private(run: Run) -> set[str]:
    """Strings that would betray where and by whom a release was made."""
    sources = run.recipe.corpora.values()
    roots = [root for source in sources for root in (source.root, *source.joins.values()) if root is not None]
    folders = (run.root, Path.home(), *roots)
    return {str(form) for folder in folders for form in (folder.absolute(), folder.resolve())} - {"/"}


class Pictures:
    """Carries the pictures of the released rows from ``source`` to ``target``, each once and each verified.

    A hard link costs no space; where the file system has none, the bytes are copied. A symbolic link is followed, for
    its own text would be a path of this machine.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source, target
        self.hashes: dict[str, str] = {}
        """``image`` → hex SHA-256."""

    def add(self, sample: Sample) -> None:
        """Bring the row's picture.

        Raises:
            CorruptState: when it is missing, or is not the picture that its row was made with.
        """
        expected = sample.meta_info.image_sha256 or ""
        if self.hashes.get(sample.image) == expected:
            return
        try:
            path = inside(self.source, sample.image)
        except UsageError:
            return  # the check image_path names the row
        found = sha256_file(path) if path.is_file() else "no file"
        if found != expected:
            raise CorruptState(
                f"the picture of row {sample.id} is not the one it was selected with",
                path=path,
                found=found,
                expected=expected,
                do=f"delete {self.source.parent / 'done.json'} and build again",
            )
        copy = self.target / sample.image
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), copy)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, copy)
        self.hashes[sample.image] = expected

    def listing(self) -> bytes:
        """The list that ``sha256sum --check images.sha256`` reads."""
        return "".join(f"{sha}  images/{name}\n" for name, sha in sorted(self.hashes.items())).encode()


def _verify_pictures(folder: Path) -> None:
    """Compare the pictures of a finished release with its list.

    Raises:
        CorruptState: at the first that is missing or differs.
    """
    for line, entry in enumerate((folder / IMAGE_LIST).read_text(encoding="utf-8").splitlines(), 1):
        expected, name = entry.split("  ", 1)
        path = folder / name
        found = sha256_file(path) if path.is_file() else "no file"
        if found != expected:
            do = f"restore the picture, or delete {folder / 'done.json'} to release again"
            raise CorruptState(
                f"a finished release lost or changed a picture (line {line} of {IMAGE_LIST})",
                path=path,
                found=found,
                expected=expected,
                do=do,
            )


def _recover(final: Path, new: Path, old: Path) -> None:
    """Clear up after a killed release: a half-built folder goes, an old release that was moved aside comes back."""
    shutil.rmtree(new, ignore_errors=True)
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _swap(final: Path, new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``final``. Between the two renames there is only ``old``: :func:`_recover` knows."""
    if final.exists():
        final.rename(old)
    new.rename(final)
    fsync_folder(final.parent)
    shutil.rmtree(old, ignore_errors=True)
