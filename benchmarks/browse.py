"""How long the viewer takes to open a data set, to filter it and to draw its page, and how that grows.

    .venv/bin/python benchmarks/browse.py

Rows are those of a release, written by the template teacher; pictures are drawn from one file, so that what is timed is
the viewer and not this machine's disk. Beside it what a notebook would do: pandas reads the same file and filters it.
*Filter* is the slowest of seven filters, each with its count and its first page of rows;
*page* is the same with the cards and the sample drawn. Each is the best of three.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import Job, Timed, main, measure, table, timed

SIZES = (1_000, 20_000, 200_000)
GOALS = {"open": 3.0, "filter": 0.3}
"""Seconds, at the largest size."""
FILTERS = (
    {},
    {"labels": ["fear"]},
    {"aus": ["AU1", "AU4"], "au_mode": "all"},
    {"aus": ["AU12"], "au_mode": "none"},
    {"text": "corners"},
    {"words": (40, 60), "splits": ["train"]},
    {"subject": "s17"},
)


def make(data: Path, argument: str) -> Timed:
    """Write ``argument`` rows and the picture."""
    import random

    import cv2
    import numpy as np

    from facial_r1.emotions import EMOTIONS_7
    from facial_r1.facs import MAIN_CODES, sort_codes
    from facial_r1.files import write_jsonl
    from facial_r1.inference.backends.template import write
    from facial_r1.inference.protocol import Facts
    from facial_r1.sample import Meta, Sample

    dice = random.Random(0)
    texts = []
    for draw in range(2_000):
        aus = tuple(sort_codes(dice.sample(MAIN_CODES, 3)))
        label = dice.choice(EMOTIONS_7)
        texts.append((list(aus), label, write(Facts("au+emotion", aus, (label,)), str(draw))))

    def row(number: int) -> bytes:
        aus, label, text = texts[number % len(texts)]
        meta = Meta(sample_id=f"x-{number:07}", subject=f"s{number % 500}", split=("train", "test")[number % 10 == 0])
        meta.task, meta.au_annotated, meta.label_set = "au+emotion", list(MAIN_CODES), list(EMOTIONS_7)
        return Sample(meta.sample_id, "toy", "face.png", "Which emotion?", aus, [label], text, meta).to_line()

    data.mkdir()
    (data / "images").mkdir()
    cv2.imwrite(str(data / "images" / "face.png"), np.random.default_rng(0).integers(0, 255, (224, 224), np.uint8))
    return timed(lambda: write_jsonl(data / "rows.jsonl", map(row, range(int(argument)))))


def _store(data: Path):
    from viewer.place import find_place
    from viewer.store import Store

    return Store(find_place(data / "rows.jsonl"))


def open_(data: Path, _: str) -> Timed:
    """From nothing to the choices of the page."""

    def work() -> int:
        store = _store(data)
        store.facets()
        return int(store.count())

    return timed(work)


def _slowest(works: list[Callable[[], int]]) -> Timed:
    times = []
    for work in works:
        begun, cpu = time.perf_counter(), time.process_time()
        count = work()
        times.append((count, time.perf_counter() - begun, time.process_time() - cpu))
    return max(times, key=lambda one: one[1])


def filter_(data: Path, _: str) -> Timed:
    """The slowest filter: count and first page."""
    from viewer.filters import Filter

    store = _store(data)

    def work(chosen: Filter) -> int:
        count = int(store.count(chosen))
        store.page(chosen, "longest text", 0, 36)
        return count

    return _slowest([partial(work, Filter(**one)) for one in FILTERS])


def page(data: Path, _: str) -> Timed:
    """The slowest page: filter, cards and sample drawn."""
    from viewer.filters import Filter
    from viewer.session import Session, show

    store = _store(data)

    def drawn(session: Session) -> int:
        return len(show(store, session).cards)

    return _slowest([partial(drawn, Session(Filter(**one))) for one in FILTERS])


def pandas_open(data: Path, _: str) -> Timed:
    """The notebook: every row in pandas."""
    import pandas as pd

    return timed(lambda: len(pd.read_json(data / "rows.jsonl", lines=True)))


def pandas_filter(data: Path, _: str) -> Timed:
    """The notebook: two Action Units, sorted by length."""
    import pandas as pd

    frame = pd.read_json(data / "rows.jsonl", lines=True)

    def work() -> int:
        found = frame[frame["AUs"].map(lambda aus: "AU1" in aus and "AU4" in aus)]
        order = found["description"].str.split().str.len().sort_values(ascending=False)
        return len(found.loc[order.index].head(36))

    return timed(work)


JOBS: dict[str, Job] = {
    "make": make,
    "open": open_,
    "filter": filter_,
    "page": page,
    "pandas open": pandas_open,
    "pandas filter": pandas_filter,
}


def report() -> None:
    """Print one line per size."""
    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            measure(__file__, "make", data, size)
            found = {job: measure(__file__, job, data, repeats=3) for job in JOBS if job != "make"}
        largest = size == max(SIZES)
        line = [f"{size:,}"]
        for job in ("open", "filter", "page"):
            goal = GOALS.get(job)
            said = "" if goal is None or not largest else " (met)" if found[job].seconds <= goal else " (missed)"
            line.append(f"{found[job].seconds:.3f}{said}")
        line += [f"{found['pandas open'].seconds:.3f}", f"{found['pandas filter'].seconds:.3f}"]
        line += [f"{found['open'].peak:.0f}", f"{found['pandas open'].peak:.0f}"]
        rows.append(line)
    head = ("rows", "open s", "filter s", "page s", "pandas open s", "pandas filter s", "peak MB", "pandas peak MB")
    table("The viewer (goals: open under 3 s, filter under 0.3 s, at the largest size)", head, rows)


if __name__ == "__main__":
    main(JOBS, report)
