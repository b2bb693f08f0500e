"""How fast the gates judge answers, beside the script one would write instead, and how it grows.

    .venv/bin/python benchmarks/gates.py
    ROWS=1000000 .venv/bin/python benchmarks/gates.py     # the full growth; minutes
    DATA_JUICER_PYTHON=DIR/bin/python .venv/bin/python benchmarks/gates.py     # beside data-juicer

The answers are the template teacher's, in the shares of a mixed set: every third row for each task. *Naive* is a script
of a page: regular expressions for tags and numbers, set comparison, a word list; it knows neither negation nor lists
nor ranges, and gives no reasons. Each measurement is the best of three fresh processes, preparation not counted.
data-juicer needs an environment of its own (``pip install py-data-juicer aiohttp scipy``). It knows no Action Units;
what both can do is compared: the number of words, repeated runs of three words, near-duplicates by MinHash of 128.
"""

from __future__ import annotations

import gc
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from measure import Job, Result, Timed, main, measure, table, timed

ROWS = int(os.environ.get("ROWS", "100000"))
POOL = 10_000
"""Different answers that are held in memory; beyond that they come again."""
PAIRS = 20_000
"""Rows for the set gates, all different; their time depends on what was kept."""
GOAL = 20_000
REPEATS = 3
SCORED = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26")
SLOW = ("language",)
"""Row gates that are measured apart: a model reads the text."""


def answers(count: int) -> Iterator[tuple[Any, str]]:
    """Rows with their truth, and what the template teacher says of each."""
    from facial_r1.emotions import EMOTIONS
    from facial_r1.facs import sort_codes
    from facial_r1.files import sha256_bytes
    from facial_r1.inference.backends.template import write
    from facial_r1.inference.protocol import Facts
    from facial_r1.sample import Meta, Sample

    for number in range(count):
        dice, task = Random(number), ("au", "au+emotion", "emotion")[number % 3]
        aus = sort_codes(dice.sample(SCORED, dice.choice((0, 1, 2, 2, 3, 3, 4, 5)))) if task != "emotion" else []
        labels = [dice.choice(EMOTIONS)] if task != "au" else []
        text = write(Facts(task, tuple(aus), tuple(labels)), sha256_bytes(str(number).encode()))
        meta = Meta(au_annotated=list(SCORED) if task != "emotion" else [], label_set=list(EMOTIONS) if labels else [])
        yield Sample(f"row-{number}", "mine", AUs=aus, labels=labels, meta_info=meta), text


def candidates(count: int) -> list[Any]:
    """The same, parsed."""
    from curation.gates.registry import Candidate
    from facial_r1.response import parse

    made = [Candidate(sample, "ok", parse(text)) for sample, text in answers(count)]
    gc.freeze()  # a stage holds one row at a time; the collector must not walk through the pool of this benchmark
    return made


def panel_of(names: str) -> Any:
    """The gates of these names with their defaults."""
    from curation.gates.registry import Panel
    from facial_r1.recipe import Gate

    return Panel([Gate(name=name) for name in names.split(",")])


def row_gates() -> list[str]:
    """All row gates, the rehearsal left out."""
    from curation.gates.registry import gate_names, is_set_gate

    return [name for name in gate_names() if not is_set_gate(name) and name != "drill"]


def judged(_: Path, argument: str) -> Timed:
    """Row gates over answers that are parsed already; ``names rows``."""
    names, rows = argument.split()
    panel, pool = panel_of(names), candidates(min(POOL, int(rows)))
    panel.judge(pool[0])  # a model is loaded once
    return timed(lambda: sum(1 for one in islice(cycle(pool), int(rows)) if panel.judge(one)))


def parsed(_: Path, argument: str) -> Timed:
    """The parser, and then the gates; ``names rows``, without names the parser alone."""
    from curation.gates.registry import Candidate
    from facial_r1.response import parse

    names, rows = argument.split()
    pool = list(answers(min(POOL, int(rows))))
    gc.freeze()
    judge: Callable[[Any], Any] = bool if names == "-" else panel_of(names).judge
    return timed(
        lambda: sum(1 for row, text in islice(cycle(pool), int(rows)) if judge(Candidate(row, "ok", parse(text))))
    )


_BLOCKS = re.compile(r"<think>(.*?)</think>\s*<answer>(.*?)</answer>", re.DOTALL)
_NUMBER = re.compile(r"A[UD](\d+)")
_NEGATIVE = re.compile(r"\b(?:no|not|never|none|without|maybe|perhaps|possibly|might|may)\b", re.IGNORECASE)


def naive(_: Path, rows: str) -> Timed:
    """What one would write first."""
    pool = list(answers(min(POOL, int(rows))))

    def good(sample: Any, text: str) -> bool:
        blocks = _BLOCKS.fullmatch(text)
        if blocks is None or _NEGATIVE.search(blocks[1]):
            return False
        if sample.meta_info.au_annotated and {f"AU{one}" for one in _NUMBER.findall(blocks[1])} != set(sample.AUs):
            return False
        return not sample.labels or blocks[2].strip().lower() in sample.labels

    return timed(lambda: sum(1 for row, text in islice(cycle(pool), int(rows)) if good(row, text) or True))


def bare(_: Path, rows: str) -> Timed:
    """The least that any reader of a text does: one pass over its characters, in C."""
    pool = [text for _, text in answers(min(POOL, int(rows)))]
    return timed(lambda: sum(1 for text in islice(cycle(pool), int(rows)) if text.split()))


def compared(_: Path, argument: str) -> Timed:
    """A set gate over rows that are all different; ``name rows``."""
    from curation.gates.sets import Admission

    name, rows = argument.split()
    pool = candidates(int(rows))
    admission = Admission(panel_of(name), {"cell": int(rows)})
    return timed(lambda: sum(1 for one in pool if admission.judge("cell", one)))


def texts(data: Path, rows: str) -> Timed:
    """Write the reasoning of the answers, for data-juicer."""
    from facial_r1.response import parse

    def work() -> int:
        lines = (json.dumps(parse(text).think) for _, text in answers(int(rows)))
        return (data / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")

    return timed(work)


def juicer_filters(data: Path, _: str) -> Timed:
    """data-juicer's filters by the number of words and by repeated words."""
    from data_juicer.ops.filter import WordRepetitionFilter, WordsNumFilter
    from data_juicer.utils.constant import Fields

    pool = [json.loads(line) for line in (data / "texts.jsonl").read_text("utf-8").splitlines()]
    filters = [WordsNumFilter(min_num=3, max_num=300), WordRepetitionFilter(rep_len=3, max_ratio=0.4)]

    def work() -> int:
        for start in range(0, len(pool), 1000):
            batch: dict[str, list[Any]] = {"text": pool[start : start + 1000]}
            batch[Fields.stats] = [{} for _ in batch["text"]]
            for one in filters:
                batch = one.compute_stats_batched(batch)
                list(one.process_batched(batch))
        return len(pool)

    return timed(work)


def juicer_minhash(data: Path, _: str) -> Timed:
    """data-juicer's near-duplicates."""
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.deduplicator import DocumentMinhashDeduplicator
    from datasets import Dataset

    pool = [json.loads(line) for line in (data / "texts.jsonl").read_text("utf-8").splitlines()]
    operator = DocumentMinhashDeduplicator(
        tokenization="space", window_size=3, num_permutations=128, jaccard_threshold=0.8
    )

    def work() -> int:
        rows = NestedDataset(Dataset.from_dict({"text": pool})).map(operator.compute_hash)
        operator.process(rows)
        return len(pool)

    return timed(work)


JOBS: dict[str, Job] = {
    "judged": judged,
    "parsed": parsed,
    "naive": naive,
    "bare": bare,
    "compared": compared,
    "texts": texts,
    "juicer_filters": juicer_filters,
    "juicer_minhash": juicer_minhash,
}
HEAD = ("what", "rows", "s", "rows/s", "rows/CPU s", "peak MB")


def line(what: str, found: Result, *more: str) -> tuple[str, ...]:
    """One measurement as cells."""
    rates = (f"{found.rate:,.0f}", f"{found.rows / found.cpu:,.0f}")
    return (what, f"{found.rows:,}", f"{found.seconds:.2f}", *rates, f"{found.peak:.0f}", *more)


def report() -> None:
    """Print the tables."""
    here, gates = Path(), row_gates()
    fast = ",".join(name for name in gates if name not in SLOW)

    def run(job: str, argument: object, repeats: int = REPEATS) -> Result:
        return measure(__file__, job, here, argument, repeats)

    whole = run("judged", f"{fast} {POOL}")
    met = "met" if whole.rows / whole.cpu >= GOAL else "missed"
    rows = [line(name, run("judged", f"{name} {POOL}")) for name in gates]
    rows.append(line(f"all but {', '.join(SLOW)}", whole))
    table(f"Row gates on parsed answers (goal {GOAL:,} rows per CPU second: {met})", HEAD, rows)
    ours, plain, floor = run("parsed", f"{fast} {POOL}"), run("naive", POOL), run("bare", POOL)
    pairs = {"parser": run("parsed", f"- {POOL}"), "parser and gates": ours, "naive": plain, "text.split()": floor}
    table(
        "From text to verdicts",
        (*HEAD, "CPU of naive"),
        [line(what, found, f"{found.cpu / plain.cpu:.1f} ×") for what, found in pairs.items()],
    )
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= ROWS]
    table("Growth of all row gates", HEAD, [line("all", run("judged", f"{fast} {size}", 1)) for size in sizes])
    sets = [
        line(name, run("compared", f"{name} {size}", 1))
        for name in ("opening", "novelty", "near_duplicate")
        for size in (PAIRS // 10, PAIRS)
    ]
    table("Set gates, all rows different", HEAD, sets)
    juicer = os.environ.get("DATA_JUICER_PYTHON")
    if not juicer:
        print("DATA_JUICER_PYTHON is unset: data-juicer is not compared.")
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        measure(__file__, "texts", data, PAIRS)
        theirs = [measure(__file__, f"juicer_{job}", data, python=juicer) for job in ("filters", "minhash")]
    shared = [
        line("words, repetition", run("judged", f"words,repetition {PAIRS}", 1)),
        line("the same by data-juicer", theirs[0]),
        line("near_duplicate", run("compared", f"near_duplicate {PAIRS}", 1)),
        line("the same by data-juicer", theirs[1]),
    ]
    table("Beside data-juicer", HEAD, shared)


if __name__ == "__main__":
    main(JOBS, report)
