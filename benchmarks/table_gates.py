"""How fast a release is checked as a table, beside a plain pandas script, and how time and memory grow.

    .venv/bin/python benchmarks/table_gates.py

The rows are those of FACS-annotated and labelled stand-ins, written by the template teacher and repeated under new
names. *Table gates* are the flat table of DuckDB, the suite of great_expectations on it, totals and what splits share,
without imports, lines and pictures. *pandas* is what one would write instead: ``read_json``, then vectorised tests for
ids, splits, groups, codes and lengths, fewer than ours. *Lines* is the pass over bytes, schema and row gates. Each
measurement is the best of several fresh processes; *peak* is the highest memory of a process, imports included.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from measure import Job, Timed, main, measure, table, timed

SIZES = (10_000, 200_000, 1_000_000)
GOAL = 3.0
"""Seconds for 200,000 rows."""
REPEATS = 3
RECIPE = {
    "name": "bench",
    "corpora": {"disfa": {}, "fer2013": {}},
    "select": {"parts": [{"corpus": "disfa", "split": "train", "rows": 1}]},
}


def make(data: Path, argument: str) -> Timed:
    """Write the rows of a release, without its pictures: the argument is how many."""
    from facial_r1.facs import REGISTRY
    from facial_r1.sample import Meta, Sample, task_of

    annotated = [f"AU{n}" for n in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)]
    rows = int(argument)
    data.mkdir()

    def one(number: int) -> bytes:
        scored, split = number % 3 > 0, "train" if number % 10 < 8 else "test"
        aus = [code for place, code in enumerate(annotated) if scored and (number >> place) % 4 == 1]
        name = f"{'disfa' if scored else 'fer2013'}-{number:08d}"
        seen = "; ".join(REGISTRY[code].description + f" ({code})" for code in aus) or "The face is at rest"
        answer = (", ".join(aus) or "none") if scored else "fear"
        sample = Sample(
            name,
            name.partition("-")[0],
            f"images/{name}.png",
            "Which Action Units does this face show?",
            aus,
            [] if scored else ["fear"],
            f"<think>{seen}; so much for the brows, the eyes and the mouth.</think><answer>{answer}</answer>",
        )
        sample.meta_info = Meta(
            sample_id=name,
            group=f"{split}-{number // 50}",
            split=split,
            crop="none",
            au_annotated=annotated if scored else [],
            au_intensity=[{"au": code, "value": 3 if code in aus else 0} for code in annotated] if scored else [],
            label_set=[] if scored else ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"],
            source=f"labels.txt:{number}",
            image_sha256=f"{number:064x}",
            generator="template",
            model="template-1",
            prompt_hash="0" * 64,
            attempts=1,
            label_conditioned=True,
        )
        sample.meta_info.task = task_of(sample)
        return sample.to_line()

    def work() -> int:
        with open(data / "train.jsonl", "wb") as train, open(data / "test.jsonl", "wb") as test:
            for number in range(rows):
                (train if number % 10 < 8 else test).write(one(number))
        return rows

    return timed(work)


def _rules() -> object:
    from curation.checks.rules import Rules, rules_of
    from facial_r1.recipe import load_recipe

    recipe = load_recipe(RECIPE)
    kept = {**rules_of(recipe), "gates": [gate.model_dump() for gate in recipe.gates], "unknown_truth": "omit"}
    kept["parts"] = [{"corpus": name, "split": "train", "rows": 1} for name in ("disfa", "fer2013")]
    return Rules.model_validate_json(json.dumps(kept))


def gates(data: Path, argument: str) -> Timed:
    """The table gates; with the argument ``import`` nothing but their imports, for the memory these take."""
    import duckdb  # noqa: F401
    import great_expectations.expectations  # noqa: F401
    import pandas  # noqa: F401

    from curation.checks.flat import batches, flat_table
    from curation.checks.lines import split_files
    from curation.checks.rules import Rules
    from curation.checks.shared import check_frozen, check_shared
    from curation.checks.suite import row_suite
    from curation.checks.totals import Counts, check_totals

    rules = _rules()
    assert isinstance(rules, Rules)
    row_suite(rules)  # the context is made once a process

    def work() -> int:
        if argument == "import":
            return 0
        with flat_table(split_files(data), rules) as connection:
            suite = row_suite(rules)
            for frame in batches(connection):
                suite.check(frame)
            checks = [*suite.checks(), *check_totals(connection, Counts(), rules), *check_shared(connection)]
            checks += check_frozen(connection, data, None)
        failed = {check.name for check in checks if check.passed is False}
        assert failed <= {"composition", "counts", "au_rates", "classes", "frozen_list"}, failed
        return checks[0].of

    return timed(work)


def plain(data: Path, _: str) -> Timed:
    """What one would write with pandas."""
    import pandas as pd

    codes = {f"AU{n}" for n in range(1, 67)}

    def work() -> int:
        files = {split: data / f"{split}.jsonl" for split in ("train", "test")}
        frames = [pd.read_json(path, lines=True).assign(file=split) for split, path in files.items()]
        frame = pd.concat(frames, ignore_index=True)
        meta = pd.json_normalize(frame.pop("meta_info"), max_level=0)
        assert frame["id"].is_unique
        assert meta["sample_id"].eq(frame["id"]).all()
        assert meta["split"].eq(frame["file"]).all()
        assert meta.groupby("group")["split"].nunique().max() == 1
        assert meta.groupby("image_sha256")["split"].nunique().max() == 1
        assert set(frame["AUs"].explode().dropna()) <= codes
        assert set(meta["au_annotated"].explode().dropna()) <= codes
        assert meta[["source", "image_sha256", "generator", "model", "prompt_hash", "attempts"]].notna().all().all()
        assert frame["question"].str.len().between(1, 2_000).all()
        assert frame["description"].str.len().le(8_000).all()
        assert meta["prompt_hash"].astype(str).str.fullmatch("[0-9a-f]{1,64}").all()
        return len(frame)

    return timed(work)


def lines(data: Path, _: str) -> Timed:
    """The pass over the lines, with the row gates of a recipe that names none of its own."""
    from curation.checks.lines import check_lines, split_files
    from curation.checks.rules import Rules

    rules = _rules()
    assert isinstance(rules, Rules)
    return timed(lambda: check_lines(split_files(data), rules)[0].of)


def bare(data: Path, _: str) -> Timed:
    """The physical limit: read every file and look at nothing. Rows are bytes here."""
    return timed(lambda: sum(len(path.read_bytes()) for path in sorted(data.glob("*.jsonl"))))


JOBS: dict[str, Job] = {"make": make, "gates": gates, "plain": plain, "lines": lines, "bare": bare}


def report() -> None:
    """Print one line per size."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        imports = measure(__file__, "gates", Path(folder), "import").peak
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "release"
            measure(__file__, "make", data, size)
            read = measure(__file__, "bare", data, repeats=REPEATS)
            ours = measure(__file__, "gates", data, repeats=REPEATS)
            theirs = measure(__file__, "plain", data, repeats=1 if size > 500_000 else REPEATS)
            passed = measure(__file__, "lines", data) if size <= 200_000 else None
        goal = f"{GOAL:.0f} s: {'met' if ours.seconds <= GOAL else 'missed'}" if size == 200_000 else "–"
        per = 1e6 * ours.seconds / size
        rows.append(
            (
                f"{size:,}",
                f"{read.rows / 1e6:.0f}",
                f"{ours.seconds:.2f}",
                f"{ours.cpu:.2f}",
                f"{per:.1f}",
                f"{ours.peak:.0f} ({imports:.0f})",
                f"{theirs.seconds:.2f}",
                f"{theirs.seconds / ours.seconds:.1f} ×",
                f"{theirs.peak:.0f}",
                f"{read.seconds:.2f}",
                "–" if passed is None else f"{passed.rows / passed.cpu:,.0f}",
                goal,
            )
        )
    head = (
        *("rows", "MB", "table gates s", "CPU s", "µs a row", "peak MB (of imports)", "pandas s", "pandas / ours"),
        *("pandas peak MB", "bare read s", "lines, rows/CPU s", "goal"),
    )
    table("Table gates over the rows of a release", head, rows)


if __name__ == "__main__":
    main(JOBS, report)
