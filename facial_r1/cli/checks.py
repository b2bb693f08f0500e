"""How the checks of a release are shown: one table, then the rows that fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facial_r1.cli.show import out, table

if TYPE_CHECKING:
    from curation.checks.check import Check

__all__ = ["show_checks", "show_failed_release"]

_RESULTS = {True: "passed", False: "FAILED", None: "not run"}


def show_checks(checks: Sequence[Check]) -> None:
    """Every check with what it found; under the table the first rows of each that failed."""
    rows = [(check.name, _RESULTS[check.passed], check.observed) for check in checks]
    table("Checks of the release", ("check", "result", "observed"), rows)
    for check in checks:
        if check.rows:
            out.print(f"{check.name}, expected {check.expected}:", soft_wrap=True)
        for row in check.rows:
            out.print(f"  {row}", soft_wrap=True)
        more = check.failing - len(check.rows)
        if more > 0:
            out.print(f"  and {more:,} more")
    passed = sum(check.passed is True for check in checks)
    failed = sum(check.passed is False for check in checks)
    out.print(f"{passed} checks passed, {failed} failed, {len(checks) - passed - failed} not run")


def show_failed_release(root: Path) -> None:
    """The table of the last attempt to release the run in ``root``, where a check stopped it."""
    from curation.checks.check import FILE, read_checks

    path = root / FILE
    checks = read_checks(path) if path.is_file() else []
    if any(check.passed is False for check in checks):
        show_checks(checks)
