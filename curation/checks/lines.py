"""The lines of a release, one after the other: bytes, schema, private paths, and the row gates of its recipe.

This is the part that needs the exact line; memory stays flat whatever the file holds. What can be said of columns is
left to :mod:`curation.checks.suite`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from curation.checks.check import Check, Failing, Tally
from curation.checks.private import HINTS, private_fields
from curation.checks.rules import Rules
from curation.checks.schema import repeated_key, schema_fault
from curation.frozen import FILE as FROZEN
from curation.gates.registry import Candidate, Panel, is_set_gate, rejection
from curation.splits import SPLITS
from facial_r1.errors import InputError, clip
from facial_r1.facs import REGISTRY
from facial_r1.files import parse_json
from facial_r1.progress import Progress
from facial_r1.response import parse
from facial_r1.sample import Sample, strict_faults

__all__ = ["LONGEST_LINE", "check_lines", "line_checks", "split_files"]

LONGEST_LINE = 1 << 20
"""Bytes of a line. A row has some 1,500; a longer line than this is damage, and is not even read whole."""

STEP = 1_000
"""Lines between two reports of progress."""

_EXPECTED = {
    "lines": "one JSON object a line, in UTF-8, each ended by a newline, none blank, no key twice",
    "schema": "the eight published keys and all keys of meta_info, no other, each of its type",
    "private": "no absolute path and nothing of the machine or user",
}

_OUTSIDE = ("judge_score", "reviews")
"""Row gates that ask for what lies beside a run: a release cannot be held against them."""


def split_files(folder: Path) -> list[Path]:
    """The files of rows in a release, in the order of the splits; then those that should not be there."""
    names = [f"{split}.jsonl" for split in SPLITS]
    known = [path for name in names if (path := folder / name).is_file()]
    return known + sorted(path for path in folder.glob("*.jsonl") if path.name not in (*names, FROZEN))


def line_checks(rules: Rules) -> dict[str, str]:
    """The checks that :func:`check_lines` makes: name → what is expected."""
    asked = (gate.name for gate in rules.gates if gate.name not in _OUTSIDE and not is_set_gate(gate.name))
    return _EXPECTED | {
        f"gate:{name}": "the row gate accepts every text" for name in dict.fromkeys(["grammar", *asked])
    }


def check_lines(
    files: Iterable[Path], rules: Rules, private: Iterable[str] = (), progress: Progress | None = None
) -> list[Check]:
    """Read every line of ``files``.

    A gate compares a text with the truth of its row; a row whose truth is itself out of order is left to the checks of
    columns, and a text counts under the first gate that turns it down.

    Args:
        files: the JSONL files of the splits.
        rules: what the release promises.
        private: strings that must not occur in a row, such as the run's path; an empty one and ``/`` are ignored.
        progress: told about lines.
    """
    reading = _Reading(rules, tuple(text for text in private if text not in ("", "/")))
    progress = progress or Progress()
    for path in files:
        with open(path, "rb") as handle:
            for number, line in _lines(handle):
                reading.line(path, number, line)
                if reading.count % STEP == 0:
                    progress.step("rows checked", reading.count, None)
    progress.step("rows checked", reading.count, reading.count)
    return reading.tally.checks(line_checks(rules), reading.count, "rows")


def _lines(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """1-based number and content of each line; of one that is too long only the beginning."""
    number = 0
    while line := handle.readline(LONGEST_LINE + 1):
        number += 1
        yield number, line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = handle.readline(LONGEST_LINE + 1)


class _Reading:
    def __init__(self, rules: Rules, private: tuple[str, ...]) -> None:
        self.rules, self.private = rules, private
        self.hints = (*HINTS, *(text.encode() for text in private))
        self.panel = Panel(rules.gates)
        self.tally = Tally()
        self.count = 0

    def line(self, path: Path, number: int, line: bytes) -> None:
        self.count += 1
        try:
            row = _object(path, number, line)
        except InputError as error:
            found = error.what if error.found is None else f"{error.what}, {error.found}"
            self.tally.add("lines", Failing(path.name, number, None, found))
            return
        fault = schema_fault(row)
        if fault is not None:
            name = row.get("id")
            self.tally.add("schema", Failing(path.name, number, name if isinstance(name, str) else None, fault))
            return
        if any(hint in line for hint in self.hints):
            for where in private_fields(row, self.private):
                self.tally.add("private", Failing(path.name, number, row["id"], where))
        self.judge(path, number, Sample.from_own(row))

    def judge(self, path: Path, number: int, sample: Sample) -> None:
        if strict_faults(sample) or not all(code in REGISTRY for code in sample.meta_info.au_annotated):
            return
        rules = self.rules
        response = parse(sample.description, label_set=rules.label_set)
        place = (path.name, number, sample.id)
        if response.faults:  # also where the recipe does not name the gate: nobody can read such a text
            self.tally.add("gate:grammar", Failing(*place, ", ".join(response.faults)))
            return
        candidate = Candidate(sample, "ok", response, rules.label_rule, rules.unknown_truth)
        rejected = rejection(self.panel.judge(candidate))
        if rejected is not None:
            found = f"{rejected.reason}{f' ({rejected.detail})' if rejected.detail else ''}"
            self.tally.add(f"gate:{rejected.gate}", Failing(*place, found))


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """The row of a line. Raises :class:`InputError` for what no reader of a release should have to cope with."""
    if len(line) > LONGEST_LINE:
        raise InputError(f"this line has more than {LONGEST_LINE:,} bytes")
    if not line.strip():
        raise InputError("this line is blank")
    if line.endswith(b"\r\n"):
        raise InputError("this line ends with a carriage return and a newline")
    try:
        row = parse_json(line, path, number)
    except InputError as error:
        if _is_utf8(line):
            raise
        raise InputError("this line is not UTF-8", found=error.found) from None
    if not line.endswith(b"\n"):
        raise InputError("the last line has no newline: the file may be cut")
    twice = repeated_key(line.strip(), row)
    if twice is not None:
        raise InputError(f"the key {clip(twice)} stands twice in one object")
    return row


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
