"""A step of a long run: one command of ``facial-r1`` in a process of its own, done once.

The process gives its memory back when it ends (of the GPU too, which a trainer and an inference engine could not
share), and the steps need not import one another: training reads a release, curation reads a checkpoint.

A step has a folder. Its marker ``done.json`` holds the hashes of what it read and made, as the stages of a run have
them (:mod:`curation.run`); ``log.txt`` holds what the command printed. Kill it anywhere, start again: finished steps
are skipped, and the command that was under way is given again in the same folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.run import finish, is_done
from facial_r1.errors import FacialR1Error, GateFailed, UsageError
from facial_r1.files import canonical_json, sha256_bytes, sha256_file, write_atomic

__all__ = ["LOCK", "LOG", "Step", "alone", "perform", "script"]

LOG, LOCK = "log.txt", ".lock"
BEGUN = "begun"
_KINDS: dict[int, type[FacialR1Error]] = {2: UsageError, 3: GateFailed}


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Attributes:
        name: its folder below the run, such as ``1-sft``.
        what: for people.
        command: the arguments of ``facial-r1``; relative paths are below the run.
        processes: how many of them torchrun starts, one a device.
        inputs: files below the run, or absolute, whose content decides the result.
        outputs: files below the step's folder that the command makes, and that stand for all it makes.
        settings: what else decides the result.
        keep: what an earlier start with other inputs left is of use (a journal of paid answers), so it stays.
    """

    name: str
    what: str
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    keep: bool = False
    processes: int = 1

    def words(self, program: Path) -> list[str]:
        """The whole command; torchrun stands beside the script."""
        own = [str(program), *self.command]
        if self.processes == 1:
            return own
        return [str(program.with_name("torchrun")), "--standalone", f"--nproc_per_node={self.processes}", *own]

    def done(self, out: Path) -> bool:
        """Whether it is finished for exactly these inputs and settings.

        Raises:
            CorruptState: when what it made was changed by another hand.
        """
        there = all((out / name).is_file() for name in self.inputs)
        return there and is_done(out / self.name, [out / name for name in self.inputs], self.settings)


def script() -> Path:
    """The installed entry script ``facial-r1`` of this environment.

    Raises:
        FacialR1Error: when there is none.
    """
    beside = Path(sys.executable).with_name("facial-r1")
    found = beside if beside.is_file() else shutil.which("facial-r1")
    if found is None:
        what = "the script facial-r1 is not installed in this environment"
        raise FacialR1Error(what, expected=str(beside), do="pip install facial-r1 there")
    return Path(found)


@contextlib.contextmanager
def alone(out: Path) -> Iterator[int]:
    """Hold the run for oneself; gives the lock to hand to children.

    A child inherits it: when a parent is killed and its child works on, nobody else begins in the same folder.

    Raises:
        FacialR1Error: when somebody works there.
    """
    handle = os.open(out / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = "another process works in this folder"
            do = "wait until it ends, or stop it; then give the same command again"
            raise FacialR1Error(what, path=out, do=do) from None
        yield handle
    finally:
        os.close(handle)


def perform(step: Step, out: Path, program: Path, lock: int) -> None:
    """Run the command of a step that is not done, and write its marker.

    Raises:
        UsageError, GateFailed, FacialR1Error: with what the command said, by its exit code.
    """
    folder = out / step.name
    inputs = [out / name for name in step.inputs]
    stamp = sha256_bytes(canonical_json([dict(step.settings), [sha256_file(path) for path in inputs]]))
    begun = folder / BEGUN
    if folder.exists() and not step.keep and not (begun.is_file() and begun.read_text() == stamp):
        shutil.rmtree(folder)  # half of something else
    folder.mkdir(exist_ok=True)
    write_atomic(begun, stamp)
    log = folder / LOG
    with log.open("ab") as written:
        start = written.tell()
        how: dict[str, Any] = {"cwd": out, "stdout": written, "stderr": written, "pass_fds": (lock,)}
        code = subprocess.run(step.words(program), check=False, **how).returncode
    missing = [name for name in step.outputs if not (folder / name).is_file()]
    if code or missing:
        kind = _KINDS.get(code, FacialR1Error)
        found = _last_words(log, start) if code else f"it ended well and left no {missing[0]}"
        do = "mend that and give the same command again; what is finished is kept"
        raise kind(f"step {step.name} ({step.what}) stopped with exit code {code}", path=log, found=found, do=do)
    finish(folder, inputs, step.settings, dict.fromkeys(step.outputs, 0))


def _last_words(log: Path, start: int) -> str:
    """The error that the command printed, else its last line."""
    with log.open("rb") as file:
        file.seek(start)
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["nothing was printed"])[-1].rstrip(".")
