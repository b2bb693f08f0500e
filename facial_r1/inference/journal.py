"""The journal of answers: append-only JSONL, on disk before anything is counted, shared by any number of processes.

Every process writes one file of its own, named by the time of its first record, and reads all of them: two processes
on one folder never touch the same bytes, and no lock is needed. An append is one write and one fsync for a whole
group of answers, which share its cost. Memory holds the place of an answer, not its text.

A process that was killed may leave half a line at the end of its file. That line was never counted; it is left out
and said. The bytes stay, because they may belong to a process that is alive and in the middle of writing them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Self

import orjson

from facial_r1.errors import CorruptState, FacialR1Error, InputError
from facial_r1.files import fsync_folder, parse_json
from facial_r1.inference.protocol import OUTCOMES, Answer
from facial_r1.progress import Progress

__all__ = ["Journal"]


class Journal:
    """All answers of a folder, by key; a context manager.

    When a key has several records, the last one wins, except that ``failed`` never displaces an answer.

    Args:
        folder: made when missing; its files ``journal-*.jsonl`` are read at once.
        progress: told about a torn last line.

    Raises:
        CorruptState: naming file and line, for a record that is none anywhere but at the torn end of a file.
    """

    def __init__(self, folder: Path, progress: Progress | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._files = sorted(folder.glob("journal-*.jsonl"))
        self._readers: dict[int, BinaryIO] = {}
        self._writer: FileIO | None = None
        self._size = 0  # bytes of our own file that are known to be on disk
        self._places: dict[str, tuple[int, int]] = {}  # key → (index into _files, byte offset)
        self._failed: set[str] = set()
        for index, path in enumerate(self._files):
            for offset, answer in _replay(path, progress or Progress()):
                self._note(answer, index, offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; nothing is pending, since every append is complete when it returns."""
        for handle in (*self._readers.values(), self._writer):
            if handle is not None:
                handle.close()
        self._readers.clear()
        self._writer = None

    def __len__(self) -> int:
        """How many keys have a record."""
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        """Whether ``key`` has a record, be it ``failed``."""
        return key in self._places

    def failed(self, key: str) -> bool:
        """Whether all there is for ``key`` is a permanent error."""
        return key in self._failed

    def __getitem__(self, key: str) -> Answer:
        """The answer to ``key``, read from disk.

        Raises:
            KeyError: when there is none.
        """
        index, offset = self._places[key]
        if index not in self._readers:
            self._readers[index] = open(self._files[index], "rb")  # noqa: SIM115 — closed by close()
        reader = self._readers[index]
        reader.seek(offset)
        return Answer(**orjson.loads(reader.readline()))

    def append(self, answers: Sequence[Answer]) -> None:
        """Put ``answers`` on disk; when this returns they survive a crash of the process and of the machine.

        Text that UTF-8 cannot hold (half a surrogate pair, as APIs send for a cut emoji) gets U+FFFD in its place,
        in the file and in the given answer alike.

        Raises:
            FacialR1Error: when the disk is full or fails. Everything appended before is safe, none of this group is
                counted.
        """
        if not answers:
            return
        lines = [_line(answer) for answer in answers]
        try:
            writer = self._writer or self._start()
            rest = memoryview(b"".join(lines))
            while rest:
                rest = rest[writer.write(rest) :]
            os.fsync(writer.fileno())
        except OSError as error:
            raise self._broken(error) from error
        for answer, line in zip(answers, lines, strict=True):
            self._note(answer, len(self._files) - 1, self._size)
            self._size += len(line)

    def _start(self) -> FileIO:
        path = self.folder / f"journal-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{token_hex(4)}.jsonl"
        self._writer = FileIO(path, "xb")
        self._files.append(path)
        self._size = 0
        fsync_folder(self.folder)
        return self._writer

    def _broken(self, error: OSError) -> FacialR1Error:
        path = self._files[-1] if self._writer else self.folder
        self.close()  # whole lines that reached the disk are answers and will be replayed; half a line will be cut
        return FacialR1Error(
            "the answers could not be written to the journal",
            path=path,
            found=error.strerror or str(error),
            expected="room on the disk and the right to write",
            do=f"make room and run the same command again; the {len(self)} answers in the journal are not asked again",
        )

    def _note(self, answer: Answer, index: int, offset: int) -> None:
        if answer.outcome != "failed":
            self._failed.discard(answer.key)
        elif answer.key in self._places and answer.key not in self._failed:
            return
        else:
            self._failed.add(answer.key)
        self._places[answer.key] = index, offset


def _line(answer: Answer) -> bytes:
    try:
        return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        answer.text, answer.detail = _encodable(answer.text), _encodable(answer.detail)
        return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def _encodable(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _replay(path: Path, progress: Progress) -> Iterator[tuple[int, Answer]]:
    """Yield ``(byte offset, answer)`` for every record of one file."""
    offset = 0
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.endswith(b"\n"):
                progress.say(
                    f"{path}: the last line is torn (a killed process left {len(line)} bytes); it is left out."
                )
                return
            yield offset, _answer(line, path, number)
            offset += len(line)


def _answer(line: bytes, path: Path, number: int) -> Answer:
    do = "restore this file from a copy; removing the line means that its question is asked (and paid) again"
    try:
        answer = Answer(**parse_json(line, path, number))
    except InputError as error:
        raise CorruptState(error.what, path=path, line=number, found=error.found, do=do) from None
    except TypeError as error:
        raise CorruptState(f"this line is no answer ({error})", path=path, line=number, do=do) from None
    if answer.outcome not in OUTCOMES:
        expected = f"one of {', '.join(OUTCOMES)}"
        raise CorruptState("unknown outcome", path=path, line=number, found=answer.outcome, expected=expected, do=do)
    return answer
