"""How fast the labels of a corpus are read, beside the bare read of the same bytes, and how it grows.

    .venv/bin/python benchmarks/scan.py

The copies are stand-ins of the published size, and of 1 % and 10 % of it, labels only. Each measurement is the best
of three fresh processes; *peak* is the highest memory of a process, Python and NumPy included.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import Job, Timed, main, measure, table, timed

ROWS = {
    "fer2013": 35_887,
    "expw": 91_793,
    "disfa": 130_814,
    "raf_au": 4_601,
    "bp4d": 146_847,
    "affectnet": 420_299,
    "affectnet/npy": 291_650,
    "raf_db": 15_339,
    "faba": 19_877,
}
"""Corpus, or corpus and layout → rows at the published size."""
SHARES = (0.01, 0.1, 1.0)
GOALS = {"bp4d": 146_847 / 5, "affectnet/npy": 20_000, "raf_db": 0, "faba": 0}
"""Rows a second; 100,000 for the others, none (0) where a corpus is small or its truth has to be read from prose."""
REPEATS = 3


def make(data: Path, argument: str) -> Timed:
    """Write a stand-in: the argument is ``corpus`` or ``corpus:rows``, the corpus perhaps with a layout."""
    from datasets_builders import synthetic

    what, _, rows = argument.partition(":")
    name, _, layout = what.partition("/")
    variant = {"layout": layout} if layout else {}
    count = int(rows) if rows else None
    return timed(lambda: synthetic.make(name, data, rows=count, labels_only=True, **variant).rows)


def scan(data: Path, name: str) -> Timed:
    """Read every row through the builder."""
    from datasets_builders import corpus
    from datasets_builders.common.corpus import Report

    wanted = corpus(name.partition("/")[0])
    return timed(lambda: sum(1 for _ in wanted.scan(data, Report())))


def bare(data: Path, _: str) -> Timed:
    """The physical limit: read every file and look at nothing. Rows are bytes here."""
    files = sorted(path for path in data.rglob("*") if path.is_file())
    return timed(lambda: sum(len(path.read_bytes()) for path in files))


JOBS: dict[str, Job] = {"make": make, "scan": scan, "bare": bare}


def report() -> None:
    """Print one line per corpus and size."""
    rows = []
    for name, full in ROWS.items():
        for share in SHARES:
            with tempfile.TemporaryDirectory() as folder:
                data = Path(folder) / "copy"
                order = name if share == 1.0 else f"{name}:{round(full * share)}"
                measure(__file__, "make", data, order)
                read = measure(__file__, "bare", data, repeats=REPEATS)
                ours = measure(__file__, "scan", data, name, repeats=REPEATS)
            figures = (
                f"{ours.rows:,}",
                f"{read.rows / 1e6:.1f}",
                f"{ours.seconds:.3f}",
                f"{ours.rate:,.0f}",
                f"{ours.rows / ours.cpu:,.0f}",
            )
            limit = (f"{read.seconds:.3f}", f"{ours.cpu / max(read.cpu, 1e-6):.0f} ×", f"{ours.peak:.0f}")
            wanted = GOALS.get(name, 100_000)
            goal = "–" if share < 1 or not wanted else f"{wanted:,.0f}: {'met' if ours.rate >= wanted else 'missed'}"
            rows.append((name, f"{share:.0%}", *figures, *limit, goal))
    head = (
        "corpus",
        "size",
        "rows",
        "MB",
        "scan s",
        "rows/s",
        "rows/CPU s",
        "bare read s",
        "CPU of bare read",
        "peak MB",
        "goal",
    )
    table("Labels-only scan (goals in rows/s, at full size)", head, rows)


if __name__ == "__main__":
    main(JOBS, report)
