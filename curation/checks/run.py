"""All checks of a release, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from curation.checks.check import Check, not_run
from curation.checks.copies import COPY_CHECKS, check_copies
from curation.checks.files import check_files
from curation.checks.flat import batches, flat_table
from curation.checks.lines import check_lines, split_files
from curation.checks.pictures import PICTURE_CHECKS, check_pictures
from curation.checks.rules import MANIFEST, read_manifest
from curation.checks.shared import FROZEN_CHECKS, SHARED_CHECKS, check_frozen, check_shared
from curation.checks.suite import ROW_CHECKS, row_suite
from curation.checks.totals import TOTAL_CHECKS, check_totals, stated_counts
from curation.frozen import Frozen
from facial_r1.progress import Progress

__all__ = ["TABLE_CHECKS", "check_release"]

TABLE_CHECKS: dict[str, str] = ROW_CHECKS | TOTAL_CHECKS | SHARED_CHECKS | FROZEN_CHECKS | PICTURE_CHECKS | COPY_CHECKS
"""The checks that read the rows as a table, hence after ``lines`` and ``schema``: name → what is expected."""


def check_release(
    folder: Path, *, private: Iterable[str] = (), frozen: Path | None = None, progress: Progress | None = None
) -> list[Check]:
    """Look at everything that a release folder holds, as it lies on disk.

    Memory stays bounded whatever its size: lines and pictures are streamed, the table is DuckDB's, on disk when large.

    Args:
        folder: a release, such as ``5-release``.
        private: strings that must not occur in a row, such as the path of the run.
        frozen: ``frozen-test.jsonl`` of an earlier release, of which nothing may stand outside test.
        progress: told about rows and pictures.

    Returns:
        the table; its order is fixed. Where lines or schema are broken, what reads the rows as a table is not run.

    Raises:
        InputError: when the folder is no release, or one of another format, or ``frozen`` is no frozen test set.
    """
    manifest, rules = read_manifest(folder)
    stated = stated_counts(manifest, folder / MANIFEST)
    Frozen.read(frozen)  # names its first broken line before minutes of work
    files = split_files(folder)
    checks = check_files(folder, manifest)
    lines = check_lines(files, rules, private, progress)
    checks += lines
    broken = [check.name for check in lines if check.name in ("lines", "schema") and not check.passed]
    if broken or not files:
        return checks + not_run(TABLE_CHECKS, f"{' and '.join(broken)} failed" if broken else "there are no rows")
    with flat_table(files, rules) as connection:
        suite = row_suite(rules)
        for frame in batches(connection):
            suite.check(frame)
        rows = suite.checks()
        checks += rows
        checks += check_totals(connection, stated, rules, counted=_passed(rows, "dataset"))
        checks += check_shared(connection)
        checks += check_frozen(connection, folder, frozen)
        checks += check_pictures(connection, folder, progress)
        checks += check_copies(connection, folder, manifest, rules, frozen, progress)
    return checks


def _passed(checks: Iterable[Check], name: str) -> bool:
    return any(check.name == name and check.passed for check in checks)
