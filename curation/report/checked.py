"""The table of checks in a report: what was looked at before the release, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from curation.checks.check import FILE, Check, Failing, read_checks
from curation.run import RELEASE, Run
from facial_r1.stats import Section, table

__all__ = ["check_lines", "checked", "checks_of"]

_RESULTS = {False: "failed", None: "not run", True: "passed"}
"""In the order of a table: what asks for attention first."""


def checks_of(run: Run) -> list[Check]:
    """The checks of the last attempt to release, or of the release; empty where there was none."""
    paths = (run.root / FILE, run.folder(RELEASE) / FILE)
    return next((read_checks(path) for path in paths if path.is_file()), [])


def check_lines(checks: Sequence[Check]) -> list[tuple[str, str, int, int]]:
    """(check, result, how many were looked at, how many fail), failed ones first, then those that were not run."""
    ranked = sorted(checks, key=lambda check: list(_RESULTS).index(check.passed))
    return [(check.name, _RESULTS[check.passed], check.of, check.failing) for check in ranked]


def checked(checks: Sequence[Check], *, rows: bool) -> list[Section]:
    """The section; ``rows`` shows what was expected and observed, and the failing rows: words that may name rows."""
    if not checks:
        return []
    columns, lines = ["check", "result", "looked at", "fail"], check_lines(checks)
    if rows:
        columns += ["expected", "observed"]
        words = {check.name: (check.expected, check.observed) for check in checks}
        body = table(columns, [(*line, *words[line[0]]) for line in lines], caption="Checks of the release")
    else:
        body = table(columns, lines, caption="Checks of the release")
    for check in checks if rows else ():
        if check.rows:
            failing = [(_place(row), row.id, row.found) for row in check.rows]
            shown = table(("where", "row", "found"), failing, caption=f"Rows that fail {check.name}")
            what = f"{check.name}: {check.failing:,} fail, {len(failing):,} of them here"
            body += Markup("<details><summary>{}</summary>{}</details>").format(what, shown)
    failed = sum(check.passed is False for check in checks)
    return [Section("Checks", body, f"{failed} of {len(checks)} checks failed.")]


def _place(row: Failing) -> str:
    return row.file if row.line is None else f"{row.file}:{row.line}"
