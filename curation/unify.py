"""Stage 1: the labels of every corpus of the recipe, in one schema; no picture is opened.

This stage is done anew on every call: whether label files below a root have changed can only be told by reading them,
and reading them is all that this stage does (seconds for all of DISFA, ExpW and FER2013). When nothing changed, the
same bytes are written again and the later stages, which compare hashes, are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from curation.run import SAMPLES, Run, begin, finish, is_done, writing
from datasets_builders import corpus, require
from datasets_builders.common.corpus import Corpus, Report
from datasets_builders.common.repeats import without_repeats
from facial_r1.errors import GateFailed, InputError
from facial_r1.files import write_atomic, write_jsonl
from facial_r1.progress import Progress
from facial_r1.recipe import CorpusSource, Recipe
from facial_r1.workers import Workers

__all__ = ["Unified", "absent_corpora", "find_corpora", "scan", "summed_up", "unify"]

STEP = 10_000
"""Rows between two reports of progress."""
SAID = 6
"""Remarks about one corpus that are told as they come; all of them are in the report."""


@dataclass(frozen=True, slots=True)
class Unified:
    """What a scan of one corpus gave: rows kept, rows dropped by reason, and what the user should know.

    ``errors`` are messages of bad rows, collected with ``keep_going``; a result that has any is no success.
    """

    corpus: str
    rows: int
    dropped: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def absent_corpora(recipe: Recipe) -> list[str]:
    """The corpora of the recipe for which no folder was given, in name order."""
    return [name for name, source in sorted(recipe.corpora.items()) if source.root is None]


def find_corpora(recipe: Recipe) -> dict[str, Corpus]:
    """Every corpus of the recipe, in name order, once its folder is known to hold it and its options are known.

    Absent corpora are left out where the recipe says ``allow_short``: their quotas are short, and are reported so.

    Raises:
        UsageError: for an unknown corpus or option.
        InputError: naming *all* corpora whose folder is not there or holds something else.
        GateFailed: naming all absent corpora and the rows that they were to give.
    """
    absent = absent_corpora(recipe)
    found: dict[str, Corpus] = {}
    wrong: list[InputError] = []
    for name, source in sorted(recipe.corpora.items()):
        known = corpus(name)
        known.settings(source.arguments)
        if name in absent:
            continue
        assert source.root is not None
        try:
            found[name] = require(name, source.root)
        except InputError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        listing = "".join(f"\n  {error}" for error in wrong)
        raise InputError(f"{len(wrong)} corpora of the recipe cannot be used, nothing was done:{listing}")
    if not found or (absent and not recipe.allow_short):
        raise _lacking(recipe, absent)
    return found


def _lacking(recipe: Recipe, absent: Sequence[str]) -> GateFailed:
    wanted = [part.rows for part in recipe.select.parts]
    lost = sum(part.rows for part in recipe.select.parts if part.corpus in absent)
    what = f"{len(absent)} of {len(recipe.corpora)} corpora of the recipe are missing, and with them {lost:,} of "
    first = absent[0]
    ways = f"--with {first}=DIR, the recipe's corpora.{first}.root, or the variable FACIAL_R1_{first.upper()}"
    do = f"give their folders ({ways}), or build without them: --allow-short"
    return GateFailed(
        f"{what}{sum(wanted):,} rows; nothing was done", found=f"no folder for {', '.join(absent)}", do=do
    )


def scan(known: Corpus, source: CorpusSource, report: Report) -> Iterator[bytes]:
    """The rows of one corpus as JSONL lines, repeats resolved; fills ``report``, joins without a folder included."""
    assert source.root is not None  # find_corpora saw to it
    report.missing += [
        f"what {join} would add: no folder is given for it (--with {join}=DIR, or FACIAL_R1_{join.upper()})"
        for join, folder in sorted(source.joins.items())
        if folder is None
    ]
    return without_repeats(known.scan(source.root, report, **source.arguments), report)


def unify(run: Run, *, workers: int = 1, progress: Progress | None = None, keep_going: bool = False) -> list[Unified]:
    """Read the labels of every corpus into ``1-samples/<corpus>.jsonl``, with ``dropped.jsonl`` and ``report.json``.

    Args:
        run: the run; its recipe names corpora, folders and options.
        workers: corpora read at the same time; changes no byte.
        progress: told about rows and remarks.
        keep_going: collect bad rows in the report instead of stopping at the first.

    Returns:
        One entry per corpus, in name order.

    Raises:
        InputError, GateFailed: as :func:`find_corpora`, before anything is read; or the first bad row.
        CorruptState: when a finished file of this stage was changed by another hand.
    """
    progress = progress or Progress()
    found = find_corpora(run.recipe)
    folder = run.folder(SAMPLES)
    settings = {name: [source.options, sorted(source.joins)] for name, source in run.recipe.corpora.items()}
    is_done(folder, [], settings)  # only for its error: an edited file is reported, not overwritten
    with writing(folder):
        begin(folder)
        results = list(_scan_all(run, list(found), workers, progress, keep_going))
        unified = [summed_up(name, rows, report) for name, (rows, report) in zip(found, results, strict=True)]
        lines = (asdict(row) for _, report in results for row in report.dropped)
        dropped = write_jsonl(folder / "dropped.jsonl", lines)
        summary = [asdict(entry) for entry in unified]
        write_atomic(folder / "report.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2))
        rows_of = {f"{entry.corpus}.jsonl": entry.rows for entry in unified}
        finish(folder, [], settings, {**rows_of, "dropped.jsonl": dropped, "report.json": len(unified)})
    for entry in unified:
        texts = [*(f"gap: {gap}" for gap in entry.missing), *entry.remarks]
        for text in texts[:SAID]:
            progress.say(f"{entry.corpus}: {text}")
        if len(texts) > SAID:
            progress.say(f"{entry.corpus}: {len(texts) - SAID} more remarks stand in {folder / 'report.json'}")
    return unified


def _scan_all(
    run: Run, names: Sequence[str], workers: int, progress: Progress, keep_going: bool
) -> Iterator[tuple[int, Report]]:
    """Scan every corpus into its file; in name order, so that of several errors the same one is always met."""
    tasks = [(run.folder(SAMPLES) / f"{name}.jsonl", name, run.recipe.corpora[name], keep_going) for name in names]
    if workers == 1 or len(names) == 1:
        for task in tasks:
            yield _scan_to(*task, progress)
        return
    with Workers(min(workers, len(names)), method=None) as pool:
        futures = [pool.submit(_scan_to, *task) for task in tasks]
        try:
            for done, future in enumerate(futures, 1):
                yield future.result()
                progress.step("corpora read", done, len(names))
        finally:
            pool.shutdown(cancel_futures=True)


def _scan_to(
    path: Path, name: str, source: CorpusSource, keep_going: bool, progress: Progress | None = None
) -> tuple[int, Report]:
    report = Report(keep_going=keep_going)
    lines = scan(corpus(name), source, report)
    rows = write_jsonl(path, lines if progress is None else _told(lines, f"{name} rows", progress))
    return rows, report


def _told(lines: Iterable[bytes], what: str, progress: Progress) -> Iterator[bytes]:
    done = 0
    for done, line in enumerate(lines, 1):
        yield line
        if done % STEP == 0:
            progress.step(what, done, None)
    progress.step(what, done, done)


def summed_up(name: str, rows: int, report: Report) -> Unified:
    """The figures of a finished scan that kept ``rows`` rows."""
    dropped = dict(sorted(Counter(row.reason for row in report.dropped).items()))
    return Unified(name, rows, dropped, report.missing, report.remarks, report.errors)
