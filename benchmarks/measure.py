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

__all__ = ["Job", "Result", "main", "measure", "table"]

Job: TypeAlias = Callable[[Path, str], tuple[int, float]]
"""Called with a folder of data and an argument; returns rows done and the seconds that they took."""

_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "pandas", "orjson")


@dataclass(frozen=True, slots=True)
class Result:
    """One job: ``rows`` done in ``seconds`` (the best repeat), and the process' ``peak`` memory in MB."""

    rows: int
    seconds: float
    peak: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """What ``work`` counted, and the seconds it took."""
    start = time.perf_counter()
    rows = work()
    return rows, time.perf_counter() - start


def measure(script: str, job: str, data: Path, argument: object = "", repeats: int = 1) -> Result:
    """Run one job of ``script`` in fresh processes; the best time of ``repeats``, the highest peak."""
    command = [sys.executable, script, "--job", job, "--data", str(data), "--argument", str(argument)]
    runs = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(repeats)]
    rows, seconds, _ = min(runs, key=lambda run: run[1])
    return Result(rows, seconds, max(run[2] for run in runs))


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
        rows, seconds = jobs[options.job](options.data, options.argument)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps((rows, seconds, peak)))


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a Markdown table."""
    names = list(head)
    print(f"## {title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def _versions() -> str:
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)])
