"""Worker processes: they work, and at Ctrl-C only the first process says so, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from facial_r1.workers import Workers

SCRIPT = """
import sys, time
from facial_r1.workers import Workers

def work(seconds):
    sys.stdout.write("at work\\n")
    sys.stdout.flush()
    time.sleep(seconds)

if __name__ == "__main__":
    with Workers(2) as pool:
        try:
            waiting = pool.submit(work, 60)
            sys.stdout.write("started\\n")
            sys.stdout.flush()
            waiting.result()
        except KeyboardInterrupt:
            sys.stdout.write("interrupted\\n")
"""


def test_they_work_and_leave_the_signals_of_the_caller_alone() -> None:
    with Workers(2) as pool:
        assert [pool.submit(pow, 2, n).result() for n in range(4)] == [1, 2, 4, 8]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("word", ["started", "at work"], ids=["while they start", "one works and one waits"])
def test_ctrl_c_is_told_by_the_first_process_only(word: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.strip() == word:
                break
        os.killpg(child.pid, signal.SIGINT)
        told, errors = child.communicate(timeout=30)
    assert told.split() == ["interrupted"]
    assert errors == ""
