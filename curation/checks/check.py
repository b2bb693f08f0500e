"""What a check says: its name, whether it passed, what was expected and observed, and the rows that fail."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from facial_r1.errors import GateFailed, InputError, clip

__all__ = ["FILE", "SHOWN", "Check", "Failing", "Tally", "not_run", "read_checks", "require", "to_json"]

FILE = "checks.json"
"""Holds the table: in a release, and in a run directory for its last attempt to release."""

SHOWN = 20
"""Failing rows that a check names; the others are counted."""

_MESSAGES = 3
"""Failing rows of a check that the error message repeats."""


class Failing(NamedTuple):
    """A row, picture, file or group of rows that fails a check, and what was found there."""

    file: str
    line: int | None
    id: str | None
    found: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}{'' if self.id is None else f' {clip(self.id)}'}: {self.found}"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table.

    Attributes:
        name: what failed is found by it; stable between versions.
        passed: None when it was not run, because what it reads is broken; ``observed`` says what.
        expected, observed: in words.
        of: how many rows (pictures, files, groups) were looked at.
        failing: how many of them fail.
        rows: the first :data:`SHOWN` of them, in the order of files and lines.
    """

    name: str
    passed: bool | None
    expected: str
    observed: str
    of: int = 0
    failing: int = 0
    rows: tuple[Failing, ...] = ()

    def __str__(self) -> str:
        shown = "; ".join(map(str, self.rows[:_MESSAGES]))
        more = self.failing - min(len(self.rows), _MESSAGES)
        return f"{self.name} (expected {self.expected}): {shown}{f'; and {more:,} more' if more > 0 else ''}"


class Tally:
    """Collects what fails under each name, without holding more of it than is shown."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows: defaultdict[str, list[Failing]] = defaultdict(list)

    def add(self, name: str, failing: Failing, times: int = 1) -> None:
        """Something fails the check ``name``; ``times`` as often as it is shown."""
        self.counts[name] += times
        if len(self.rows[name]) < SHOWN:
            self.rows[name].append(failing._replace(found=failing.found[:300]))

    def checks(self, expected: Mapping[str, str], of: int, what: str) -> list[Check]:
        """A check for each name in ``expected``; ``of`` is how many of ``what`` were looked at, such as 2,100 rows."""
        found = []
        for name, wanted in expected.items():
            count = self.counts[name]
            observed = f"{count:,} of {of:,} {what} fail" if count else f"{of:,} {what}, none fails"
            found.append(Check(name, not count, wanted, observed, of, count, tuple(self.rows[name])))
        return found


def not_run(expected: Mapping[str, str], why: str) -> list[Check]:
    """Checks that had nothing to look at."""
    return [Check(name, None, wanted, f"not run: {why}") for name, wanted in expected.items()]


def to_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """The table as plain JSON values."""
    return [{**asdict(check), "rows": [row._asdict() for row in check.rows]} for check in checks]


def read_checks(path: Path) -> list[Check]:
    """The table of a ``checks.json`` that this package wrote.

    Raises:
        InputError: when it is none.
    """
    try:
        return [
            Check(**{**check, "rows": tuple(Failing(**row) for row in check["rows"])})
            for check in orjson.loads(path.read_bytes())
        ]
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        do = "delete it; `facial-r1 release RUN` writes it again"
        raise InputError(f"this is no table of checks ({error})", path=path, do=do) from None


def require(checks: Sequence[Check], do: str) -> None:
    """Let a release pass.

    Raises:
        GateFailed: naming every check that failed, and its first rows.
    """
    failed = [check for check in checks if check.passed is False]
    if failed:
        what = f"{len(failed)} of {len(checks)} checks stop this release"
        raise GateFailed(what, found="; ".join(map(str, failed)), do=do)
