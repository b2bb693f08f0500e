"""What is known of a provider's batches, on disk before anything is waited for.

Each batch has a small file of its own that says which requests it holds and how far it came: its lines are written,
its file is uploaded, the batch is created, its results are here. A process that was killed at any of these points
leaves enough for the next one to go on: a batch that was created without its id being written down is found again by
its input file.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, TextIO

import orjson

from facial_r1.errors import CorruptState, FacialR1Error
from facial_r1.files import sweep, write_atomic

__all__ = ["Batches", "Submission"]


@dataclass(slots=True)
class Submission:
    """One batch.

    Attributes:
        name: of its files here.
        keys: of its requests.
        limit: the name that its lines have for the limit of an answer.
        tokens: input tokens, as estimated, that it takes in the provider's queue.
        file_id: of the uploaded lines, None before.
        batch_id: None before the provider gave it.
        status: the provider's last word, such as ``in_progress`` or ``expired``; ``new`` before.
        done: whether its results are here, or there will be none.
    """

    name: str
    keys: list[str]
    limit: str
    tokens: int = 0
    file_id: str | None = None
    batch_id: str | None = None
    status: str = "new"
    done: bool = False


@dataclass(slots=True)
class Batches:
    """All batches of one journal.

    Attributes:
        folder: where their files are.
        all: by name; in the order of their making.
        results: key → file and byte offset of the line that answers it.

    Raises:
        FacialR1Error: when another process works with the same batches.
        CorruptState: for a file that is not of this kind.
    """

    folder: Path
    all: dict[str, Submission] = field(default_factory=dict)
    results: dict[str, tuple[Path, int]] = field(default_factory=dict)
    _lock: TextIO | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(self.folder / "lock", "w")  # noqa: SIM115 — held until close()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            do = "wait for it, or stop it; it can be started again at any time"
            raise FacialR1Error("another process works with these batches", path=self.folder, do=do) from None
        sweep(self.folder)
        for path in sorted(self.folder.glob("batch-*.json")):
            submission = _read(path)
            self.all[submission.name] = submission
        for path in self.folder.glob("*.input.jsonl"):
            if path.name.partition(".")[0] not in self.all:
                path.unlink()  # a killed process had written the lines, and nobody knows of them

    def close(self) -> None:
        """Let another process work with the batches."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def open(self) -> list[Submission]:
        """Batches whose results are not here yet."""
        return [submission for submission in self.all.values() if not submission.done]

    def add(self, keys: list[str], limit: str) -> Submission:
        """A new batch, nothing of which is on disk."""
        submission = Submission(f"batch-{len(self.all):05}-{token_hex(4)}", keys, limit)
        self.all[submission.name] = submission
        return submission

    def save(self, submission: Submission) -> None:
        """Put what is known on disk."""
        write_atomic(self.folder / f"{submission.name}.json", orjson.dumps(asdict(submission)))

    def lines(self, submission: Submission) -> Path:
        """The file of its requests, until it is handed over."""
        return self.folder / f"{submission.name}.input.jsonl"

    def output(self, submission: Submission, kind: str) -> Path:
        """The file of its results, ``output`` or ``error``."""
        return self.folder / f"{submission.name}.{kind}.jsonl"

    def read(self, submission: Submission) -> Iterator[tuple[str, Path, int, bytes]]:
        """``(key, file, offset, line)`` of its results, in whatever order; a line that is none has the key ``""``."""
        for kind in ("output", "error"):
            path = self.output(submission, kind)
            if not path.is_file():
                continue
            offset = 0
            with open(path, "rb") as handle:
                for line in handle:
                    if line.strip():
                        yield _custom_id(line), path, offset, line
                    offset += len(line)

    def line(self, key: str) -> bytes:
        """The line that answers ``key``."""
        path, offset = self.results[key]
        with open(path, "rb") as handle:
            handle.seek(offset)
            return handle.readline()


def _read(path: Path) -> Submission:
    try:
        return Submission(**orjson.loads(path.read_bytes()))
    except (orjson.JSONDecodeError, TypeError) as error:
        do = "restore this file from a copy; without it its requests are asked (and paid) again"
        raise CorruptState(f"this is no record of a batch ({error})", path=path, do=do) from None


def _custom_id(line: bytes) -> str:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return ""
    return str(row.get("custom_id", "")) if isinstance(row, dict) else ""
