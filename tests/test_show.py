"""How progress and tables look: plain lines where no terminal is, bars on one, nothing when quiet."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from facial_r1.cli import show
from facial_r1.errors import UsageError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(show.time, "monotonic", clock.monotonic)
    return clock


def test_lines_tell_start_rate_time_left_and_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress(quiet=False) as bar:
        bar.step("pictures", 0, 1000)
        clock.now += 5
        bar.step("pictures", 100, 1000)  # less than ten seconds after the last line: not told
        clock.now += 15
        bar.step("pictures", 400, 1000, "2 unreadable")
        clock.now += 30
        bar.step("pictures", 1000, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "pictures: 0 of 1,000",
        "pictures: 400 of 1,000, 20/s, 30 s left, 2 unreadable",
        "pictures: 1,000 of 1,000, 20/s",
    ]


def test_what_began_earlier_is_not_counted_as_done_in_no_time(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress(quiet=False) as bar:
        bar.step("steps", 100, 300)  # a run that goes on
        clock.now += 20
        bar.step("steps", 110, 300)
    assert capsys.readouterr().err.splitlines() == ["steps: 100 of 300", "steps: 110 of 300, 2.0 s each, 380 s left"]


def test_an_unknown_total_is_not_invented(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress(quiet=False) as bar:
        clock.now += 4
        bar.step("rows", 7, None)
        bar.say("one remark")
    assert capsys.readouterr().err.splitlines() == ["rows: 7", "one remark"]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress(quiet=True) as bar:
        bar.step("rows", 1, 2)
        bar.say("a remark")
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_bar_moves(tmp_path: Path) -> None:
    """Through a real pseudo-terminal: the bar is drawn there and the count grows."""
    main, terminal = pty.openpty()
    script = Path(sys.executable).parent / "facial-r1"
    command = [script, "corpora", "make", "raf_au", tmp_path / "raf_au", "--rows", "60", "--workers", "1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment) as child:
        os.close(terminal)
        drawn = bytearray()
        while True:
            try:
                block = os.read(main, 4096)
            except OSError:  # Linux says EIO when the other side is gone
                break
            drawn += block
            if not block:
                break
    os.close(main)
    assert child.returncode == 0
    assert "━" in drawn.decode()
    assert "60/60" in drawn.decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "yes"), (False, "no"), (12345, "12,345"), (2.345, "2.3"), ("plain [text]", "plain [text]")],
)
def test_cells(value: object, shown: str) -> None:
    assert show._cell(value) == shown


def test_with_takes_name_and_folder() -> None:
    assert show.roots(["fer2013=/a=b", "disfa=x"]) == {"fer2013": Path("/a=b"), "disfa": Path("x")}
    assert show.roots(None) == {}


@pytest.mark.parametrize("text", ["fer2013", "=/a", "fer2013="])
def test_with_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--with needs NAME=DIR"):
        show.roots([text])
