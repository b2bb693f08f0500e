"""A file appears whole or not at all: killed writers, full disks, refused renames; and JSONL that people broke."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1 import files
from facial_r1.errors import InputError, UsageError
from facial_r1.files import (
    TEMPORARY,
    atomic,
    canonical_json,
    commit,
    discard,
    inside,
    link,
    parse_json,
    read_jsonl,
    sha256_bytes,
    sha256_file,
    stage,
    sweep,
    to_line,
    write_atomic,
    write_batch,
    write_jsonl,
)


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------------------------------------- killed writers

_KILLED = """
import os, signal, sys
from pathlib import Path
from facial_r1 import files

point, folder = sys.argv[1], Path(sys.argv[2])
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
replace, renames = os.replace, []

def replace_until(source, target):
    if len(renames) == 2:
        die()
    renames.append(target)
    return replace(source, target)

if point == "written":
    os.fsync = os.sync = die
elif point == "validated":
    os.replace = die
elif point == "renamed":
    files.fsync_folder = die
elif point == "third rename":
    os.replace = replace_until

if sys.argv[3] == "batch":
    files.write_batch(folder, {f"{n % 2}/{n}.png": b"new %d" % n * 9999 for n in range(5)})
else:
    with files.atomic(folder / "out.bin") as handle:
        handle.write(b"new" * 9999)
        if point == "half":
            handle.flush()
            die()
"""


def _kill(point: str, folder: Path, what: str) -> None:
    """Run a writer in a child that is killed with SIGKILL when it reaches ``point``."""
    child = subprocess.run([sys.executable, "-c", _KILLED, point, str(folder), what], timeout=120, check=False)
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("point", "expected"), [("half", b"old"), ("written", b"old"), ("validated", b"old"), ("renamed", b"new" * 9999)]
)
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path, point: str, expected: bytes) -> None:
    target = tmp_path / "out.bin"
    write_atomic(target, b"old")
    _kill(point, tmp_path, "one")
    assert target.read_bytes() == expected
    leftovers = 0 if point == "renamed" else 1
    assert sum(name.startswith(TEMPORARY) for name in _names(tmp_path)) == leftovers
    assert sweep(tmp_path) == leftovers
    assert _names(tmp_path) == ["out.bin"]


@pytest.mark.parametrize(("point", "whole"), [("written", 0), ("validated", 0), ("third rename", 2), ("renamed", 5)])
def test_a_killed_batch_leaves_only_whole_files(tmp_path: Path, point: str, whole: int) -> None:
    _kill(point, tmp_path, "batch")
    leftovers = sum(Path(name).name.startswith(TEMPORARY) for name in _names(tmp_path))
    assert leftovers == 5 - whole
    assert sweep(tmp_path) == leftovers
    assert len(_names(tmp_path)) == whole
    for name in _names(tmp_path):
        assert (tmp_path / name).read_bytes() == b"new %d" % int(Path(name).stem) * 9999


def test_a_writer_killed_at_any_moment_never_shows_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    code = (
        "import sys, itertools; from pathlib import Path; from facial_r1.files import write_atomic\n"
        "for n in itertools.count():\n"
        "    write_atomic(Path(sys.argv[1]), b'%07d' % n * 200_000)\n"
    )
    for wait in (0.0, 0.013, 0.037):
        target.unlink(missing_ok=True)
        with subprocess.Popen([sys.executable, "-c", code, str(target)]) as child:
            while not target.exists():
                assert child.poll() is None
            threading.Event().wait(wait)
            child.kill()
        data = target.read_bytes()
        assert len(data) == 1_400_000
        assert data == data[:7] * 200_000


# ------------------------------------------------------------------------------------------ order of durability


def test_content_is_on_disk_before_the_name_and_the_name_before_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is the promise: a rename that reaches the disk before its content shows an empty file."""
    steps: list[str] = []
    fsync, replace, sync = os.fsync, os.replace, os.sync

    def spy_fsync(handle: int) -> None:
        steps.append("fsync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "fsync file")
        fsync(handle)

    def spy_replace(source: Path | str, target: Path | str) -> None:
        steps.append("rename")
        replace(source, target)

    def spy_sync() -> None:
        steps.append("sync")
        sync()

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "sync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    write_atomic(tmp_path / "a", b"x", validate=lambda _: steps.append("validate"))
    assert steps == ["fsync file", "validate", "rename", "fsync folder"]
    steps.clear()
    write_batch(tmp_path, {"p/a": b"1", "p/b": b"2", "q/c": b"3"})
    assert steps == ["sync", "rename", "rename", "rename", "fsync folder", "fsync folder"]


# ------------------------------------------------------------------------------------------------- full disks


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_beyond_the_limit_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    write_atomic(target, b"old")
    with _largest_file(100_000), pytest.raises(OSError, match="File too large"):
        write_atomic(target, b"n" * 200_000)
    assert target.read_bytes() == b"old"
    assert _names(tmp_path) == ["out.bin"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.bin"
    write_atomic(target, b"old")
    monkeypatch.setattr(files, "open", lambda *_: open("/dev/full", "wb"), raising=False)  # noqa: SIM115
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(target, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert target.read_bytes() == b"old"
    assert _names(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("call", ["fsync", "sync"])
def test_a_disk_that_refuses_at_the_barrier_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """File systems that allocate late say ENOSPC or EIO only when they are asked to make the bytes durable."""
    write_atomic(tmp_path / "a", b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(tmp_path / "a", b"new") if call == "fsync" else write_batch(tmp_path, {"a": b"new", "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert _names(tmp_path) == ["a"]


def test_a_disk_that_fills_up_in_a_batch_leaves_nothing_of_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"old")
    with _largest_file(50_000), pytest.raises(OSError, match="File too large"):
        write_batch(tmp_path, {"a": b"new", "b": b"n" * 40_000, "c": b"n" * 60_000, "d": b"new"})
    assert _names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_batch_whose_rename_fails_keeps_what_is_renamed_and_removes_the_rest(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()  # a folder in the way of a file
    with pytest.raises(IsADirectoryError):
        write_batch(tmp_path, {"a": b"1", "b": b"2", "c": b"3"})
    assert _names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"1"


# ----------------------------------------------------------------------- validate, exceptions, links, permissions


def test_a_file_that_does_not_validate_never_gets_its_name(tmp_path: Path) -> None:
    target, seen = tmp_path / "out.json", []
    write_atomic(target, "{}")

    def validate(path: Path) -> None:
        seen.append(path.read_bytes())
        orjson.loads(path.read_bytes())

    with pytest.raises(orjson.JSONDecodeError):
        write_atomic(target, '{"half":', validate=validate)
    assert seen == [b'{"half":']  # it was complete when it was judged
    assert target.read_text() == "{}"
    assert _names(tmp_path) == ["out.json"]
    write_atomic(target, '{"a":1}', validate=validate)
    assert target.read_text() == '{"a":1}'


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_while_writing_leaves_no_trace(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), atomic(tmp_path / "deep" / "out") as handle:  # noqa: PT012
        handle.write(b"half")
        raise error
    assert _names(tmp_path) == []


def test_a_symbolic_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"precious")
    link.symlink_to(real)
    write_atomic(link, b"new")
    write_batch(tmp_path, {"link": b"newer"})
    assert not link.is_symlink()
    assert (link.read_bytes(), real.read_bytes()) == (b"newer", b"precious")


def test_a_dangling_link_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere" / "file")
    write_atomic(link, b"new")
    assert link.read_bytes() == b"new"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    "write", [lambda folder: write_atomic(folder / "a", b"new"), lambda folder: write_batch(folder, {"a": b"new"})]
)
def test_a_read_only_folder_is_an_os_error_and_stays_as_it_was(write: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").write_bytes(b"old")
        folder.chmod(0o555)
        child = os.fork()
        if child == 0:  # permissions mean nothing to root, so the child becomes nobody
            code = 1
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                write(folder)
            except PermissionError:
                code = 42
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
        folder.chmod(0o755)
        assert _names(folder) == ["a"]
        assert (folder / "a").read_bytes() == b"old"


def test_writers_of_one_name_do_not_mix(tmp_path: Path) -> None:
    target = tmp_path / "out"
    contents = [bytes([letter]) * 300_000 for letter in b"abcdefgh"]
    threads = [threading.Thread(target=write_atomic, args=(target, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents
    assert _names(tmp_path) == ["out"]


def test_sweep_removes_unfinished_files_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a" / f"{TEMPORARY}folder").mkdir(parents=True)
    for name in (f"{TEMPORARY}1", f"a/{TEMPORARY}2-x.png", "a/keep.tmp", "a/x.tmp-y", f"a/{TEMPORARY}folder/keep"):
        (tmp_path / name).write_bytes(b"")
    assert sweep(tmp_path) == 2
    assert _names(tmp_path) == [f"a/{TEMPORARY}folder/keep", "a/keep.tmp", "a/x.tmp-y"]
    assert sweep(tmp_path) == 0
    assert sweep(tmp_path / "absent") == 0


def test_staged_files_have_their_names_only_once_committed(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"linked")
    staged = [stage(f"{tmp_path}/a", b"1"), stage(f"{tmp_path}/b", b"2")]
    linked = link(tmp_path / "source", f"{tmp_path}/c")
    assert linked is not None
    assert [name for name in _names(tmp_path) if not name.startswith(TEMPORARY)] == ["source"]
    commit([staged[0], linked])
    discard(staged)
    assert _names(tmp_path) == ["a", "c", "source"]
    assert (tmp_path / "c").samefile(tmp_path / "source")


def test_a_disk_that_fills_up_while_staging_leaves_no_file(tmp_path: Path) -> None:
    with _largest_file(10_000), pytest.raises(OSError, match="File too large"):
        stage(f"{tmp_path}/a", b"n" * 60_000)
    assert _names(tmp_path) == []


def test_a_link_that_cannot_be_is_none(tmp_path: Path) -> None:
    assert link(tmp_path / "nowhere", f"{tmp_path}/a") is None
    assert _names(tmp_path) == []


def test_an_empty_batch_is_no_error(tmp_path: Path) -> None:
    write_batch(tmp_path / "new", {})
    assert _names(tmp_path) == []


# ------------------------------------------------------------------------------------------------------- JSONL

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_ROWS = st.lists(st.dictionaries(st.text(), _JSON, max_size=4), max_size=6)


@settings(deadline=None, max_examples=30)
@given(_ROWS)
def test_jsonl_reads_back_as_it_was_written(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        assert write_jsonl(path, [to_line(row) if n % 2 else row for n, row in enumerate(rows)]) == len(rows)
        assert list(read_jsonl(path)) == list(enumerate(rows, 1))


def test_jsonl_is_streamed_and_a_failing_row_leaves_no_file(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_jsonl(tmp_path / "rows.jsonl", rows())
    assert _names(tmp_path) == []


def test_byte_order_mark_blank_lines_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n\r\n   \n{"a":2}\r\n{"a":"\xc3\xa9"}')
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (4, {"a": 2}), (5, {"a": "é"})]


def test_a_byte_order_mark_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\n\xef\xbb\xbf{"a":2}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl:2: this line is not JSON"):
        list(read_jsonl(path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": 1', "this line is not JSON (unexpected end of data"),
        (b"{'a': 1}", "this line is not JSON"),
        (b'{"name": "M\xfcller"}', 'Found: `{"name": "M\\xfcller"}`. Expected: one JSON object.'),
        (b'{"a": NaN}', "this line is not JSON"),
        (b"[1, 2]", "this line is not a JSON object. Found: [1, 2]."),
        (b'"text"', "this line is not a JSON object. Found: text."),
        (b"null", "this line is not a JSON object"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, words: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a":1}\n\n' + line + b"\n")
    rows = read_jsonl(path)
    assert next(rows) == (1, {"a": 1})
    with pytest.raises(InputError) as caught:
        next(rows)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert words in str(caught.value)
    assert "What to do: mend or remove this line; `facial-r1 validate FILE` lists every such line." in str(caught.value)


def test_a_huge_broken_line_does_not_flood_the_message() -> None:
    with pytest.raises(InputError) as caught:
        parse_json(b"{" + b"x" * 1_000_000, "rows.jsonl", 1)
    assert len(str(caught.value)) < 400


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_one_clear_error(line: bytes) -> None:
    try:
        row = parse_json(line, "rows.jsonl", 7)
    except InputError as error:
        message = str(error)
    else:
        assert isinstance(row, dict)
        return
    assert message.startswith("rows.jsonl:7: this line is not")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl: there is no such file"):
        next(read_jsonl(tmp_path / "absent.jsonl"))
    with pytest.raises(InputError, match="there is no such file"):
        next(read_jsonl(tmp_path))  # a folder is no file


# ------------------------------------------------------------------------------------------- hashes and paths


def test_hashes_are_sha_256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sha256_bytes(b"abc") == sha256_file(tmp_path / "abc") == expected
    large = os.urandom(3_000_001)
    (tmp_path / "large").write_bytes(large)
    assert sha256_file(tmp_path / "large") == hashlib.sha256(large).hexdigest()


@settings(deadline=None)
@given(st.dictionaries(st.text(), _JSON, max_size=5))
def test_canonical_json_does_not_depend_on_the_order_of_keys(row: dict[str, Any]) -> None:
    shuffled = dict(reversed(row.items()))
    assert canonical_json(row) == canonical_json(shuffled)
    assert orjson.loads(canonical_json(row)) == row


def test_canonical_json_and_lines_have_their_exact_form() -> None:
    assert canonical_json({"b": [1, 2], "a": {"z": None, "y": "é"}}) == '{"a":{"y":"é","z":null},"b":[1,2]}'.encode()
    assert to_line({"b": 1, "a": 2}) == b'{"b":1,"a":2}\n'


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../../x", "a/..", "..", "a//b", "a/", "a\\b", "..\\x", "C:/x", "C:x", "a\0b"],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a path inside the image folder") as caught:
        inside(tmp_path, name)
    assert caught.value.exit_code == 2


@settings(deadline=None)
@given(st.text(alphabet="ab./\\: \0~é", max_size=12))
def test_what_is_accepted_lies_inside(name: str) -> None:
    folder = Path("/images/here")
    try:
        path = inside(folder, name)
    except UsageError:
        return
    assert Path(os.path.normpath(path)).is_relative_to(folder)


def test_ordinary_names_are_joined() -> None:
    assert inside(Path("/images"), "expw/expw-happy..child_12-0.jpg") == Path("/images/expw/expw-happy..child_12-0.jpg")
