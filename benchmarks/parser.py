"""How fast answers are read and judged, beside what a script would do instead, and how it grows with the text.

    .venv/bin/python benchmarks/parser.py

The answers are the template teacher's, about 60 words, of all three tasks, on the twelve Action Units of DISFA.
*Denying* ones have two more clauses that deny or doubt, so that the scope of these words is followed. *Usual* is the
reward code of many scripts: one pattern for the form, one for the numbers, one for the answer; it takes a denied number
for a claim. *Words* splits the text at blanks and looks up each word, the least a reader can do. Each figure is the
best of three fresh processes, by processor time.
"""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Job, Result, Timed, main, measure, table, timed

if TYPE_CHECKING:
    from facial_r1.inference.protocol import Facts

ROWS = 10_000
REPEATS = 3
GROWTH = (1, 10, 100, 1000)
AUS = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26")
GATES = ("grammar", "task_rules", "au_set", "label", "vocabulary")
GOALS = {("plain", "parse"): 10_000, ("denying", "parse"): 10_000, ("plain", "gates"): 20_000}
"""Rows per processor second."""


def facts(dice: random.Random) -> Facts:
    """What a corpus might know of a picture."""
    from facial_r1.facs import PROTOTYPES, sort_codes
    from facial_r1.inference.protocol import Facts
    from facial_r1.sample import TASKS

    aus = tuple(sort_codes(dice.sample(AUS, dice.randint(3, 7))))
    return Facts(dice.choice(TASKS), aus, (dice.choice(sorted(PROTOTYPES)),))


def rows(kind: str, times: int = 1) -> list[tuple[Facts, str]]:
    """Facts and the answer to them, its reasoning repeated ``times``; correspondingly fewer of them."""
    from facial_r1.inference.backends.template import write

    dice, made = random.Random(0), []
    for number in range(max(1, ROWS // times)):
        known = facts(dice)
        text = write(known, hashlib.sha256(b"%d" % number).hexdigest())
        if kind == "denying":
            text = text.replace(". ", ", while there is no furrow. ", 1)
            text = text.replace("</think>", " There is no sneer, and perhaps the lids move.</think>")
        head, think, tail = re.split(r"(?<=<think>)|(?=</think>)", text)
        made.append((known, head + " ".join([think] * times) + tail))
    return made


def parse_only(_: Path, argument: str) -> Timed:
    """The parser alone; ``kind times``."""
    from facial_r1.response import parse

    kind, times = argument.split()
    texts = [text for _, text in rows(kind, int(times))]
    return timed(lambda: len([parse(text).faults for text in texts]))


def gates(_: Path, argument: str) -> Timed:
    """The parser and the five gates on what it read; ``kind times``."""
    from curation.gates.registry import Candidate, Panel
    from facial_r1.recipe import Gate
    from facial_r1.response import parse
    from facial_r1.sample import Meta, Sample

    def sample(known: Facts) -> Sample:
        aus = list(known.aus) if known.task != "emotion" else []
        labels = list(known.labels) if known.task != "au" else []
        annotated = list(AUS) if known.task != "emotion" else []
        return Sample("x", "x", AUs=aus, labels=labels, meta_info=Meta(task=known.task, au_annotated=annotated))

    kind, times = argument.split()
    judged = [(sample(known), text) for known, text in rows(kind, int(times))]
    panel = Panel([Gate(name=name) for name in GATES])
    return timed(lambda: len([panel.judge(Candidate(row, "ok", parse(text))) for row, text in judged]))


_FORM = re.compile(r"^\s*<think>.*?</think>\s*<answer>.*?</answer>\s*$", re.DOTALL)
_NUMBER = re.compile(r"AU\s?(\d+)")
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


def usual(_: Path, argument: str) -> Timed:
    """What reward functions usually do; ``kind times``."""
    kind, times = argument.split()
    texts = [text for _, text in rows(kind, int(times))]

    def one(text: str) -> tuple[bool, set[int], str]:
        answer = _ANSWER.search(text)
        numbers = {int(number) for number in _NUMBER.findall(text)}
        return _FORM.match(text) is not None, numbers, answer[1].strip().lower() if answer else ""

    return timed(lambda: len([one(text) for text in texts]))


def words(_: Path, argument: str) -> Timed:
    """Every word looked up once; ``kind times``."""
    from facial_r1.wording import NEGATIVE_WORDS, UNCERTAIN_WORDS

    kind, times = argument.split()
    texts = [text for _, text in rows(kind, int(times))]
    known = frozenset(NEGATIVE_WORDS + UNCERTAIN_WORDS)
    return timed(lambda: len([known.isdisjoint(text.lower().split()) for text in texts]))


JOBS: dict[str, Job] = {"words": words, "usual": usual, "parse": parse_only, "gates": gates}
NAMES = {"words": "words looked up", "usual": "usual reward code", "parse": "parse", "gates": "parse and five gates"}


def speed() -> None:
    """Rows per processor second of both kinds of text."""
    lines = []
    for kind in ("plain", "denying"):
        done = {job: _measured(job, kind, 1) for job in JOBS}
        for job, result in done.items():
            rate, goal = result.rows / result.cpu, GOALS.get((kind, job))
            verdict = f"{goal:,}: {'met' if rate >= goal else 'missed'}" if goal else "–"
            share = f"{result.cpu / done['usual'].cpu:.1f} ×"
            lines.append((kind, NAMES[job], f"{rate:,.0f}", f"{1e6 * result.cpu / result.rows:.0f}", share, verdict))
    table("Answers of 60 words", ("text", "work", "rows/CPU s", "µs a row", "time of the usual", "goal"), lines)


def growth() -> None:
    """Time per word as the text grows; a reader in linear time keeps it."""
    lines = []
    for kind in ("plain", "denying"):
        for job in ("parse", "gates"):
            costs = [1e6 * (result := _measured(job, kind, times)).cpu / result.rows / times for times in GROWTH]
            lines.append((kind, NAMES[job], *(f"{cost:.1f}" for cost in costs)))
    head = ("text", "work", *(f"{60 * times:,} words" for times in GROWTH))
    table("µs for every 60 words of longer and longer texts", head, lines)


def _measured(job: str, kind: str, times: int) -> Result:
    return measure(__file__, job, Path(), f"{kind} {times}", REPEATS)


def report() -> None:
    """Print the tables."""
    speed()
    growth()


if __name__ == "__main__":
    main(JOBS, report)
