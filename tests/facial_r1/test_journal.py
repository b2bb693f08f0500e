"""The journal: what was appended is there after any crash, and nothing else is."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facial_r1.errors import CorruptState, FacialR1Error
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import OUTCOMES, Answer
from facial_r1.progress import Progress

ROOT = Path(__file__).parents[2]


def answer(name: str, text: str | None = "a text", outcome: str = "ok", **more: object) -> Answer:
    return Answer(sha256(name.encode()).hexdigest(), name, outcome, text, "a-model", **more)  # type: ignore[arg-type]


class Remarks(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal-*.jsonl"))


def test_an_answer_is_read_back_whole(tmp_path: Path) -> None:
    rich = answer("a", "ein „Lächeln“ 🙂\nzweite Zeile", attempt=3, usage={"input": 10, "output": 5}, detail="d")
    failed = answer("b", None, "failed", detail="the picture is too large")
    with Journal(tmp_path) as journal:
        journal.append([rich, failed])
        assert journal[rich.key] == rich
    with Journal(tmp_path) as journal:
        assert (journal[rich.key], journal[failed.key]) == (rich, failed)
        assert len(journal) == 2
        assert rich.key in journal
        assert answer("c").key not in journal
        with pytest.raises(KeyError):
            journal[answer("c").key]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(OUTCOMES), st.text(max_size=30), st.integers(0, 2)),
        max_size=25,
    )
)
def test_replay_equals_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str, int]]
) -> None:
    """Whatever is appended, in groups and by several processes, replay gives what a plain dictionary would."""
    folder = tmp_path_factory.mktemp("journal")
    expected: dict[str, Answer] = {}
    for name, outcome, text, process in records:
        given_answer = answer(name, None if outcome == "failed" else text, outcome, attempt=process)
        with Journal(folder) as journal:  # each a process of its own, in the order of time
            journal.append([given_answer])
        old = expected.get(given_answer.key)
        if old is None or old.outcome == "failed" or outcome != "failed":
            expected[given_answer.key] = given_answer
    with Journal(folder) as journal:
        assert len(journal) == len(expected)
        assert {key: journal[key] for key in expected} == expected
        assert all(journal.failed(key) == (kept.outcome == "failed") for key, kept in expected.items())


def test_a_failure_is_superseded_and_supersedes_nothing(tmp_path: Path) -> None:
    failed, good = answer("a", None, "failed"), answer("a", "a text")
    with Journal(tmp_path) as journal:
        journal.append([failed])
        assert journal.failed(failed.key)
        journal.append([good])
        assert not journal.failed(good.key)
        journal.append([failed])
        assert journal[good.key] == good


def test_two_journals_on_one_folder_write_two_files_and_are_read_as_one(tmp_path: Path) -> None:
    with Journal(tmp_path) as first, Journal(tmp_path) as second:
        first.append([answer("a")])
        second.append([answer("b")])
        first.append([answer("c")])
    assert len(files(tmp_path)) == 2
    with Journal(tmp_path) as both:
        assert {both[answer(name).key].sample_id for name in "abc"} == set("abc")


def test_nothing_to_write_makes_no_file(tmp_path: Path) -> None:
    with Journal(tmp_path / "new") as journal:
        journal.append([])
    assert files(tmp_path / "new") == []


@pytest.mark.parametrize("cut", [1, 2, 40, 99999])
def test_a_torn_last_line_is_left_out_and_said(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path) as journal:
        journal.append([answer("a"), answer("b")])
    [path] = files(tmp_path)
    whole, torn = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole + torn[: -min(cut, len(torn) - 1)])
    remarks = Remarks()
    with Journal(tmp_path, remarks) as journal:
        assert answer("a").key in journal
        assert answer("b").key not in journal
        journal.append([answer("b", "again")])
    assert path.name in remarks.lines[0]
    assert "torn" in remarks.lines[0]
    with Journal(tmp_path) as journal:
        assert journal[answer("b").key].text == "again"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"{oops\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[1]\n", "not a JSON object"),
        (b'{"key": "k"}\n', "no answer"),
        (b'{"key":"k","sample_id":"a","outcome":"fine","text":"t","model":"m"}\n', "unknown outcome"),
        (b'{"key":"k","sample_id":"a","outcome":"ok","text":"t","model":"m","extra":1}\n', "extra"),
    ],
)
def test_a_bad_line_in_the_middle_names_file_and_line(tmp_path: Path, bad: bytes, words: str) -> None:
    with Journal(tmp_path) as journal:
        journal.append([answer("a"), answer("b")])
    [path] = files(tmp_path)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + bad + second)
    with pytest.raises(CorruptState, match=words) as caught:
        Journal(tmp_path)
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert "restore" in str(caught.value)


def test_half_a_surrogate_pair_does_not_lose_an_answer(tmp_path: Path) -> None:
    cut, pair = answer("a", "a smile \ud83d", detail="\udc00"), answer("b", "\ud83d\ude42 whole")
    with Journal(tmp_path) as journal:
        journal.append([cut, pair])
        assert journal[cut.key] == cut == answer("a", "a smile \ufffd", detail="\ufffd")
        assert journal[pair.key].text == "🙂 whole"


CHILD = """
import sys
from hashlib import sha256
from pathlib import Path
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer
with Journal(Path(sys.argv[1])) as journal:
    for group in range(100000):
        names = [f"{sys.argv[2]}-{group}-{i}" for i in range(1 + group % 7)]
        journal.append([Answer(sha256(n.encode()).hexdigest(), n, "ok", n * 50, "m") for n in names])
        print(*names, flush=True)
"""


def test_what_a_killed_process_reported_is_in_the_replay(tmp_path: Path) -> None:
    """SIGKILL at random moments, two processes at a time on one folder: every reported answer is there, whole."""
    dice = random.Random(7)
    reported: set[str] = set()
    for turn in range(4):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CHILD, str(tmp_path), f"{turn}{side}"],
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            for side in "ab"
        ]
        for child in children:
            assert child.stdout is not None
            reported.update(child.stdout.readline().split())
        time.sleep(dice.uniform(0, 0.15))
        for child in children:
            child.send_signal(signal.SIGKILL)
            lines = child.communicate()[0].splitlines(keepends=True)
            reported.update(name for line in lines if line.endswith("\n") for name in line.split())
    assert len(reported) > 50
    with Journal(tmp_path) as journal:
        for name in reported:
            assert journal[answer(name).key].text == name * 50


FULL = """
import resource, sys
from hashlib import sha256
from pathlib import Path
from facial_r1.errors import FacialR1Error
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Answer
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
journal = Journal(Path(sys.argv[1]))
try:
    for i in range(1000):
        journal.append([Answer(sha256(str(i).encode()).hexdigest(), str(i), "ok", "x" * 100, "m")])
        print(i, flush=True)
except FacialR1Error as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    """The file system itself refuses the write in the middle of a line (a limit on the size of files)."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    reported = done.stdout.split()
    assert done.returncode == 1
    assert len(reported) > 5
    assert "could not be written" in done.stderr
    assert f"the {len(reported)} answers in the journal are not asked again" in done.stderr
    assert "Traceback" not in done.stderr
    [path] = files(tmp_path)
    assert path.stat().st_size == 5000  # the last line is torn
    with Journal(tmp_path) as journal:
        assert all(answer(name).key in journal for name in reported)
        assert len(journal) == len(reported)


def test_after_a_full_disk_the_same_journal_goes_on_in_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path) as journal:
        journal.append([answer("a")])

        def full(_handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(FacialR1Error, match="No space left on device"):
            journal.append([answer("b")])
        assert answer("b").key not in journal
        monkeypatch.undo()
        journal.append([answer("c")])
        assert journal[answer("a").key] == answer("a")
        assert journal[answer("c").key] == answer("c")
    assert len(files(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with Journal(tmp_path) as journal:
        monkeypatch.setattr("facial_r1.inference.journal.FileIO", refused)
        with pytest.raises(FacialR1Error, match="Permission denied") as caught:
            journal.append([answer("a")])
    assert caught.value.path == tmp_path


def test_appends_are_on_disk_before_they_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fsync for a group of any size, after the bytes and before the key is known."""
    seen: list[tuple[int, bool]] = []
    real = os.fsync
    with Journal(tmp_path) as journal:
        journal.append([answer("warm up")])

        def spy(handle: int) -> None:
            real(handle)
            seen.append((os.fstat(handle).st_size, answer("0").key in journal))

        monkeypatch.setattr(os, "fsync", spy)
        journal.append([answer(str(i)) for i in range(100)])
        assert seen == [(files(tmp_path)[0].stat().st_size, False)]


def test_memory_does_not_hold_the_texts(tmp_path: Path) -> None:
    """20,000 answers of 2,000 characters are 40 MB on disk and a few MB in memory."""
    code = (
        "import sys; from pathlib import Path; from facial_r1.inference.journal import Journal\n"
        "rss = lambda: int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "before = rss(); journal = Journal(Path(sys.argv[1])); print(len(journal), rss() - before)"
    )
    with Journal(tmp_path) as journal:
        for start in range(0, 20_000, 1000):
            journal.append([answer(str(i), "word " * 400) for i in range(start, start + 1000)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    count, grown = map(int, done.stdout.split())
    assert count == 20_000
    assert grown < 12 * 2**20
