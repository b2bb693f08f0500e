"""A list of frames, as papers publish them beside their code: only these rows of a video corpus are wanted.

Every list is written in its own way, so a line is read for what it must name: a subject (``F001``, ``SN001``), a task
where the corpus has tasks (``T1``), and a number at the end. All of these are frame 2440 of one sequence::

    F001/T1/2440
    F001_T1 2440
    /data/BP4D/img/F001/T1/02440.jpg
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from datasets_builders.common.corpus import Report
from datasets_builders.common.layout import some
from facial_r1.errors import InputError, UsageError, clip

__all__ = ["FrameList", "parse_line", "read_frame_list"]

_LINE = re.compile(
    r"(?:.*[\W_])?(?:Left|Right)?(?:Video)?([A-Z]{1,2}\d{3})(?:_comp)?(?:[\W_]*(T\d{1,2}))?[\W_]+"
    r"(?:frame[\W_]*)?(\d{1,9})(?:\.[A-Z]{2,4})?",
    re.ASCII | re.IGNORECASE,
)
_LONGEST = 1000
_EXPECTED = "a subject, a task where there are tasks, and a number, such as `F001/T1/2440` or `SN001/0012.png`"


def parse_line(text: str, path: Path | str, line: int) -> tuple[str, int]:
    """The sequence (``F001/T1``, or ``SN001`` without tasks) and the number that a line names.

    Raises:
        InputError: naming file and line, when it names none.
    """
    match = _LINE.fullmatch(text.strip()) if len(text) < _LONGEST else None
    if match is None:
        what = "this line names no frame"
        raise InputError(what, path=path, line=line, found=clip(text), expected=_EXPECTED, do="mend or remove the line")
    subject, task, number = match.groups()
    return "/".join(filter(None, (subject.upper(), task and task.upper()))), int(number)


@dataclass(slots=True)
class FrameList:
    """The frames of a list by sequence, and those of them that no copy has shown yet.

    Attributes:
        path: the list.
        frames: sequence → numbers.
    """

    path: Path
    frames: dict[str, set[int]]
    _unseen: dict[str, set[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._unseen = {sequence: set(numbers) for sequence, numbers in self.frames.items()}

    def counted_from_one(self, report: Report) -> FrameList:
        """The list in a corpus whose label files count from 1, but whose published lists count pictures from 0.

        One that holds a 0 is moved by one; one that does not is taken as it is, which is said.
        """
        if not any(0 in numbers for numbers in self.frames.values()):
            what = f"{self.path.name} lists no frame 0: its numbers are taken to count from 1, as the label files do"
            report.remarks.append(what)
            return self
        return FrameList(self.path, {name: {number + 1 for number in own} for name, own in self.frames.items()})

    def choose(self, sequence: str, coded: Iterable[int]) -> Container[int]:
        """The listed frames of one sequence, of which the copy has the ``coded`` ones."""
        self._unseen.get(sequence, set()).difference_update(coded)
        return self.frames.get(sequence, frozenset())

    def tell(self, report: Report) -> None:
        """Say which listed frames no :meth:`choose` has met, once all sequences are read."""
        absent = [
            f"{sequence}/{number}" for sequence in sorted(self._unseen) for number in sorted(self._unseen[sequence])
        ]
        if absent:
            total = sum(map(len, self.frames.values()))
            what = f"{len(absent):,} of the {total:,} frames that {self.path.name} lists have no label in this copy"
            report.missing.append(f"{what}: {some(absent)}")


def read_frame_list(path: Path) -> FrameList:
    """Read a list; blank lines and lines that begin with ``#`` are skipped, a frame listed twice counts once.

    Raises:
        UsageError: when there is no such file.
        InputError: for the first line that names no frame, or a list without any.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"this list of frames is no text ({error.reason})", path=path, expected="UTF-8") from None
    except OSError as error:
        what = f"this list of frames cannot be read ({error.strerror})"
        raise UsageError(what, path=path, do="check the path") from None
    frames: dict[str, set[int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            sequence, frame = parse_line(line, path, number)
            frames.setdefault(sequence, set()).add(frame)
    if not frames:
        raise InputError("this list of frames is empty", path=path, expected=_EXPECTED)
    return FrameList(path, frames)
