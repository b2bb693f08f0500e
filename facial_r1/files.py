"""Durability in one place: atomic files, picture batches, JSONL and hashes.

The promise: *a file appears whole or not at all*. A write goes to a temporary name in the same folder, is
flushed and fsynced, renamed over the target, and the folder is fsynced. After a crash there is either the old
file, the new file, or a ``.tmp-*`` file that :func:`sweep` removes; never half a file under its final name.

Trade-offs, stated: an atomic rename replaces a symbolic link instead of writing through it; many small pictures
(:func:`commit`) share one ``os.sync`` barrier instead of one fsync each, which keeps the promise at a
thousandth of the cost.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import orjson

from facial_r1.errors import InputError, UsageError

__all__ = [
    "TEMPORARY",
    "atomic",
    "canonical_json",
    "commit",
    "discard",
    "fsync_folder",
    "inside",
    "link",
    "parse_json",
    "read_jsonl",
    "sha256_bytes",
    "sha256_file",
    "stage",
    "sweep",
    "to_line",
    "write_atomic",
    "write_batch",
    "write_jsonl",
]

TEMPORARY = ".tmp-"
"""Prefix of every temporary file of this package; a file so named is never finished."""


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable (a rename is only on disk once its folder is)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic(path: Path, *, validate: Callable[[Path], None] | None = None) -> Iterator[IO[bytes]]:
    """Open a temporary file beside ``path`` for writing; on success it becomes ``path``, on any error it vanishes.

    Args:
        path: the final name; its folder is made when missing.
        validate: called with the temporary file, complete and on disk, before the rename; an exception it
            raises leaves the old ``path`` untouched.

    Raises:
        OSError: from the file system (a full disk, a read-only folder); ``path`` is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}"
    try:
        with open(temporary, "xb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        if validate is not None:
            validate(temporary)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def write_atomic(path: Path, data: bytes | str, *, validate: Callable[[Path], None] | None = None) -> None:
    """Write ``data`` (text as UTF-8) to ``path``, whole or not at all. See :func:`atomic`."""
    with atomic(path, validate=validate) as handle:
        handle.write(data.encode() if isinstance(data, str) else data)


def _temporary(path: str) -> str:
    folder, _, base = path.rpartition("/")
    return f"{folder}/{TEMPORARY}{secrets.token_hex(6)}-{base}"


def stage(path: str, data: bytes) -> tuple[str, str]:
    """Write ``data`` under a temporary name beside ``path``, whose folder exists; for :func:`commit`. Thread-safe.

    Plain strings, not ``Path``: making thousands of those takes as long as writing the files.
    """
    temporary = _temporary(path)
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    return temporary, path


def link(source: Path, path: str) -> tuple[str, str] | None:
    """Hard-link ``source`` under a temporary name beside ``path``, as :func:`stage` writes one.

    None where the file system cannot (another device, no permission, too many links).
    """
    temporary = _temporary(path)
    try:
        os.link(source, temporary)
    except OSError:
        return None
    return temporary, path


def commit(staged: Sequence[tuple[str, str]]) -> None:
    """Give staged files (temporary name, final name) their names, with one barrier for all of them.

    First ``os.sync`` puts their content on disk, then they are renamed and the touched folders fsynced: a name that
    exists has its content, as with :func:`write_atomic`.

    Raises:
        OSError: as :func:`atomic`; files that were not yet renamed are removed.
    """
    if not staged:
        return
    try:
        os.sync()
        for temporary, path in staged:
            os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        discard(staged)
        raise
    for folder in {path.rpartition("/")[0] for _, path in staged}:
        fsync_folder(Path(folder))


def discard(staged: Iterable[tuple[str, str]]) -> None:
    """Remove staged files that will not be committed; those that have their names already stay."""
    for temporary, _ in staged:
        Path(temporary).unlink(missing_ok=True)


def write_batch(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write many small files (name relative to ``folder`` → content) with one barrier: :func:`stage`, :func:`commit`.

    Raises:
        OSError: as :func:`commit`.
    """
    staged: list[tuple[str, str]] = []
    for place in {name.rpartition("/")[0] for name in files}:
        (folder / place).mkdir(parents=True, exist_ok=True)
    try:
        staged.extend(stage(f"{folder}/{name}", data) for name, data in files.items())
    except BaseException:
        discard(staged)
        raise
    commit(staged)


def sweep(folder: Path) -> int:
    """Remove what a killed process left unfinished below ``folder``; returns how many files that were."""
    leftovers = [path for path in folder.rglob(f"{TEMPORARY}*") if path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def to_line(row: Mapping[str, Any]) -> bytes:
    """One JSON object as one line with its newline; key order is kept."""
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no blanks: the form that is hashed."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any] | bytes]) -> int:
    """Stream ``rows`` (mappings, or lines that :func:`to_line` made) into ``path`` atomically; returns their number."""
    count = 0
    with atomic(path) as handle:
        for row in rows:
            handle.write(row if isinstance(row, bytes) else to_line(row))
            count += 1
    return count


def parse_json(line: bytes, path: Path | str, number: int) -> dict[str, Any]:
    """One line of a JSONL file as a dict.

    Raises:
        InputError: naming file and line, when it is not UTF-8, not JSON, or not an object.
    """
    do = "mend or remove this line; `facial-r1 validate FILE` lists every such line"
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        found = line.strip()[:60].decode("utf-8", "backslashreplace")
        what = f"this line is not JSON ({error.msg} at column {error.colno})"
        raise InputError(what, path=path, line=number, found=f"`{found}`", expected="one JSON object", do=do) from None
    if not isinstance(row, dict):
        raise InputError("this line is not a JSON object", path=path, line=number, found=row, do=do)
    return row


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(1-based line number, object)`` for every non-blank line of ``path``, streaming.

    Raises:
        InputError: for a missing file, or the first line that is not a JSON object.
    """
    if not path.is_file():
        raise InputError("there is no such file", path=path, do="check the path")
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield number, parse_json(text, path, number)


def sha256_bytes(data: bytes) -> str:
    """Hex SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's content, read in blocks."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def inside(folder: Path, name: str) -> Path:
    """``folder / name`` for a POSIX path that stays inside ``folder``.

    Raises:
        UsageError: when ``name`` is empty, absolute, holds ``..``, a backslash or a null character.
    """
    parts = name.split("/")
    forbidden = "\\" in name or "\0" in name or ":" in parts[0]
    if forbidden or name.startswith("/") or ".." in parts or "" in parts:
        raise UsageError(
            "this is not a path inside the image folder",
            found=name,
            expected="a relative POSIX path without `..`",
            do="make the path relative to the image folder",
        )
    return folder / name
