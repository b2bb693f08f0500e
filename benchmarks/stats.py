"""How fast the numbers of a data set are counted, beside pandas, the bare reading of the same lines, and how it grows.

    .venv/bin/python benchmarks/stats.py

The rows have the published schema with all of ``meta_info``: half of them with twelve annotated Action Units, of which
up to four are present and named, texts of 30 to 90 words. *pandas* counts what a notebook would (composition,
emotions, rates, co-occurrence, lengths, openings) and neither n-grams nor Action Units in prose. *lines* decodes the
JSON and looks at nothing. Each measurement is the best of two fresh processes.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from measure import Job, Timed, main, measure, table, timed

SIZES = (20_000, 200_000, 1_000_000)
REPEATS = 2
AUS = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26")


def make(data: Path, argument: str) -> Timed:
    """Write a file of ``argument`` rows, and one in which every tenth row has another text."""
    from facial_r1.emotions import EMOTIONS
    from facial_r1.facs import REGISTRY
    from facial_r1.sample import Meta, Sample

    draw = random.Random(0)
    places, ways = ("brow", "nose", "jaw", "cheek", "chin", "forehead"), ("at ease", "level", "still", "relaxed")
    fillers = [f"the {a} part of the {b} stays {c}" for a in ("left", "upper", "outer") for b in places for c in ways]

    def text(aus: list[str], label: str) -> str:
        seen = [f"{REGISTRY[code].name} is visible ({code})" for code in aus]
        parts = draw.sample([*seen, *draw.sample(fillers, 5 + draw.randrange(6))], k=5 + len(seen))
        return f"<think>In this face, {'; '.join(parts)}.</think><answer>{label}</answer>"

    def write() -> int:
        count = int(argument)
        with open(data / "a.jsonl", "wb") as first, open(data / "b.jsonl", "wb") as second:
            for number in range(count):
                aus = sorted(draw.sample(AUS, draw.randrange(5)), key=AUS.index) if number % 2 else []
                label = draw.choice(EMOTIONS)
                annotated = list(AUS) if number % 2 else []
                meta = Meta(
                    task="au+emotion" if number % 2 else "emotion",
                    sample_id=f"row-{number}",
                    split="train",
                    au_annotated=annotated,
                    label_set=list(EMOTIONS),
                    image_sha256=f"{number:064x}",
                )
                sample = Sample(f"row-{number}", f"corpus-{number % 4}", f"{number}.png", "What is felt?", aus, [label])
                sample.description, sample.meta_info = text(aus, label), meta
                first.write(sample.to_line())
                if number % 10 == 0:
                    sample.description = text(aus, label)
                second.write(sample.to_line())
        return count

    return timed(write)


def lines(data: Path, _: str) -> Timed:
    """The limit of anything that reads JSON in Python."""
    import orjson

    with open(data / "a.jsonl", "rb") as handle:
        return timed(lambda: sum(1 for line in handle if orjson.loads(line)))


def rows(data: Path, _: str) -> Timed:
    """The generous reading alone."""
    from curation.places import rows_of

    return timed(lambda: sum(1 for _ in rows_of(data / "a.jsonl")))


def stats(data: Path, _: str) -> Timed:
    """``facial-r1 stats FILE --html``: read, count, and make the page."""
    from curation.places import rows_of
    from facial_r1.stats import page
    from facial_r1.stats.panels import panels
    from facial_r1.stats.rows import collect

    def work() -> int:
        found = collect(rows_of(data / "a.jsonl"))
        (data / "page.html").write_text(page("statistics", panels(found)))
        return found.counts.rows

    return timed(work)


def compared(data: Path, _: str) -> Timed:
    """``facial-r1 compare A B``; rows are those of both."""
    from curation.compare import compare

    def work() -> int:
        found = compare(data / "a.jsonl", data / "b.jsonl")
        found.shifts()
        found.diversities()
        return found.first.counts.rows + found.second.counts.rows

    return timed(work)


def with_pandas(data: Path, _: str) -> Timed:
    """What one would write in a notebook."""
    import pandas as pd

    def work() -> int:
        frame = pd.read_json(data / "a.jsonl", lines=True)
        meta = pd.json_normalize(frame["meta_info"].tolist())
        frame = pd.concat([frame.drop(columns="meta_info"), meta[["split", "task", "au_annotated"]]], axis=1)
        frame.groupby(["dataset", "split", "task"]).size()
        labels = frame[["labels", "AUs", "au_annotated"]].explode("labels")
        labels["labels"].value_counts()
        present, annotated = labels.explode("AUs"), labels.explode("au_annotated")
        pd.crosstab(present["AUs"], present["labels"]) / pd.crosstab(annotated["au_annotated"], annotated["labels"])
        words = frame["description"].str.extract("<think>(.*)</think>", expand=False).str.lower().str.findall(r"\w+")
        words.str.len().describe()
        words.str[:3].str.join(" ").value_counts().head(10)
        return len(frame)

    return timed(work)


JOBS: dict[str, Job] = {
    "make": make,
    "lines": lines,
    "rows": rows,
    "stats": stats,
    "compare": compared,
    "pandas": with_pandas,
}


def report() -> None:
    """Print one line per job and size."""
    printed = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            measure(__file__, "make", data, size)
            limit = measure(__file__, "lines", data, repeats=REPEATS)
            for job in ("lines", "rows", "stats", "compare", "pandas"):
                found = measure(__file__, job, data, repeats=REPEATS)
                each = found.cpu / found.rows
                printed.append(
                    (
                        job,
                        f"{size:,}",
                        f"{found.seconds:.2f}",
                        f"{found.rate:,.0f}",
                        f"{each * 1e6:.1f}",
                        f"{each / (limit.cpu / limit.rows):.1f} ×",
                        f"{found.peak:.0f}",
                    )
                )
    head = ("job", "rows", "s", "rows/s", "CPU µs a row", "of bare JSON", "peak MB")
    table("Statistics of a data set", head, printed)


if __name__ == "__main__":
    main(JOBS, report)
