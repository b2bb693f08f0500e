"""What the benchmarks share: one measurement per process, so that peak memory is that of one job alone."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

__all__ = ["Job", "Result", "Timed", "main", "measure", "table", "timed"]

Timed: TypeAlias = tuple[int, float, float]
"""Rows done, wall seconds, and processor seconds of all threads."""

Job: TypeAlias = Callable[[Path, str], Timed]
"""Called with a folder of data and an argument."""

_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "pandas", "orjson")


@dataclass(frozen=True, slots=True)
class Result:
    """One job: ``rows`` done in ``seconds`` (wall) and ``cpu`` seconds, each the best repeat; ``peak`` MB of memory.

    Processor time tells what the work costs even while other programs compete for the machine.
    """

    rows: int
    seconds: float
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def timed(work: Callable[[], int]) -> Timed:
    """What ``work`` counted, and the time it took."""
    start, cpu = time.perf_counter(), time.process_time()
    rows = work()
    return rows, time.perf_counter() - start, time.process_time() - cpu


def measure(
    script: str, job: str, data: Path, argument: object = "", repeats: int = 1, *, python: str = sys.executable
) -> Result:
    """Run one job of ``script`` in fresh processes; the best time of ``repeats``, the highest peak.

    ``python`` is another interpreter for what has to live in an environment of its own.
    """
    command = [python, script, "--job", job, "--data", str(data), "--argument", str(argument)]
    ended = (subprocess.run(command, check=True, stdout=subprocess.PIPE) for _ in range(repeats))
    runs = [json.loads(one.stdout.splitlines()[-1]) for one in ended]  # other libraries print to standard output too
    rows, seconds, cpu, peak = zip(*runs, strict=True)
    return Result(rows[0], min(seconds), min(cpu), max(peak))


def main(jobs: Mapping[str, Job], report: Callable[[], None]) -> None:
    """Run the job that the command line names, for :func:`measure`; without one, print the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", choices=list(jobs))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--argument", default="")
    options = parser.parse_args()
    if options.job is None:
        print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores; {_versions()}\n")
        report()
    else:
        done = jobs[options.job](options.data, options.argument)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps((*done, peak)))


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    names = list(head)
    print(f"## {title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def _versions() -> str:
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)])
