"""The figures of a run for its report, each read once from the files of its stages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

import datasets_builders
from curation.evidence import revised
from curation.places import files_of
from curation.report.examples import Example, Examples
from curation.report.usage import Meter, Usage
from curation.results import Result, results
from curation.run import ANSWERS, RELEASE, SAMPLES, TASKS, VERDICTS, Run, outputs_of
from curation.verdicts import judged
from datasets_builders.synthetic import MARKER
from facial_r1.files import read_jsonl, sha256_file
from facial_r1.progress import Progress
from facial_r1.sample import Sample
from facial_r1.stats.rows import Stats

__all__ = ["AFTER_GATES", "BEFORE_ASKING", "Facts", "GateCount", "Loss", "gather"]

STEP = 2_000
"""Rows between two reports of progress."""

BEFORE_ASKING, AFTER_GATES = "before a teacher was asked", "answers, by the first gate that rejects"
"""What the counts of a :class:`Loss` are: rows before the teacher, answers after it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows or answers that went no further: at which stage, why, and how many of each corpus."""

    stage: str
    reason: str
    counts: Mapping[str, int]


@dataclass(slots=True)
class GateCount:
    """What one gate said to all answers: passed, rejected, or not applicable to the row."""

    passed: int = 0
    rejected: int = 0
    not_applicable: int = 0


@dataclass(slots=True)
class Facts:
    """Everything that a report says.

    Attributes:
        result: rows per corpus and stage, quotas, errors.
        raw: corpus → rows in its label files, usable or not.
        losses: where rows went, in the order of the stages.
        acceptance: ``4-verdicts/summary.json``: accepted and rejected answers by corpus, label and AU.
        gates: gate → what it said.
        usage: per model.
        outcomes: outcome of an answer (``ok``, ``refused``, …) → answers.
        stats: of the released rows, or of all accepted ones while there is no release.
        released: whether ``stats`` is about a release that is made from these verdicts.
        examples: accepted and rejected answers.
        shown_texts: corpora whose texts may be shown to others: rendered faces, or the owner's terms say so.
        synthetic: corpora whose faces were rendered.
        remarks: what scans and selection noticed.
    """

    run: Run
    result: Result
    raw: dict[str, int]
    losses: list[Loss]
    acceptance: Mapping[str, Any]
    released: bool
    gates: dict[str, GateCount] = field(default_factory=dict)
    usage: list[Usage] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    stats: Stats = field(default_factory=Stats)
    examples: Examples = field(default_factory=Examples)
    shown_texts: set[str] = field(default_factory=set)
    synthetic: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)


def gather(run: Run, *, progress: Progress | None = None) -> Facts:
    """Read a run whose gates have judged; the release may be there or not.

    Raises:
        InputError: when a stage before the release is not done.
        CorruptState: when a finished file was changed by another hand.
    """
    result = results(run)
    outputs_of(run.folder(ANSWERS))  # for its errors
    unified = orjson.loads((run.folder(SAMPLES) / "report.json").read_bytes())
    acceptance = orjson.loads((run.folder(VERDICTS) / "summary.json").read_bytes())
    raw = {entry["corpus"]: entry["rows"] + sum(entry["dropped"].values()) for entry in unified}
    facts = Facts(run, result, raw, _losses(run, result, acceptance), acceptance, _is_current(run))
    facts.remarks = [f"{entry['corpus']}: {text}" for entry in unified for text in entry["missing"] + entry["remarks"]]
    facts.remarks += orjson.loads((run.folder(TASKS) / "report.json").read_bytes())["remarks"]
    for name, source in run.recipe.corpora.items():
        if any((root / MARKER).is_file() for root in (source.root, *source.joins.values()) if root is not None):
            facts.synthetic.add(name)
    allowed = {name for name in run.recipe.corpora if datasets_builders.corpus(name).licence.texts}
    facts.shown_texts = facts.synthetic | allowed
    _read_answers(facts, progress or Progress())
    for sample in _released(run) if facts.released else ():
        facts.stats.add(sample)
    return facts


def _is_current(run: Run) -> bool:
    """Whether there is a release, and it was made from the verdicts that are there now."""
    marker = run.folder(RELEASE) / "done.json"
    if not marker.is_file():
        return False
    outputs_of(run.folder(RELEASE))  # for its errors
    verdicts = run.folder(VERDICTS) / "verdicts.jsonl"
    inputs = orjson.loads(marker.read_bytes())["inputs"]
    return bool(inputs.get(f"{VERDICTS}/{verdicts.name}") == sha256_file(verdicts))


def _released(run: Run) -> Iterator[Sample]:
    for path in files_of(run.root):
        yield from (Sample.from_own(row) for _, row in read_jsonl(path))


def _losses(run: Run, result: Result, acceptance: Mapping[str, Any]) -> list[Loss]:
    dropped: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for stage, name in ((SAMPLES, "scan"), (TASKS, "selection")):
        for _, row in read_jsonl(run.folder(stage) / "dropped.jsonl"):
            dropped[name, row["reason"]][row["dataset"]] += 1
    losses = [Loss(stage, reason, counts) for (stage, reason), counts in sorted(dropped.items())]
    chosen, reserve = Counter[str](), Counter[str]()
    for name, rows in result.corpora.items():
        faulty = sum(counts[name] for (stage, _), counts in dropped.items() if stage == "selection")
        chosen[name] = rows.samples - faulty - rows.candidates
        reserve[name] = rows.candidates - rows.tried
    losses += [Loss("selection", "not needed for a quota", +chosen), Loss("asking", "reserve, not needed", +reserve)]
    reasons = sorted({reason for entry in acceptance["corpus"].values() for reason in entry["rejected"]})
    for reason in reasons:
        counts = {name: entry["rejected"].get(reason, 0) for name, entry in acceptance["corpus"].items()}
        losses.append(Loss(AFTER_GATES, reason, counts))
    return [loss for loss in losses if sum(loss.counts.values())]


def _judged(task: Mapping[str, Any], answer: Mapping[str, Any], edit: Mapping[str, Any] | None) -> Sample:
    """The row with the text that the gates judged: as it was answered, or as a person edited it."""
    sample = Sample.from_own(task["sample"])
    text = answer["text"] or ""
    if edit is not None:
        sample, text = revised(sample, edit), edit["description"] or text
    sample.description = text.strip()
    return sample


def _read_answers(facts: Facts, progress: Progress) -> None:
    """One pass over answers and verdicts side by side: gates, outcomes, tokens, examples, and accepted rows."""
    run, used = facts.run, Meter()
    accepted: str | None = None
    for done, (task, answer, verdict) in enumerate(judged(run), 1):
        sample = _judged(task, answer, verdict.get("edit"))
        facts.outcomes[answer["outcome"]] += 1
        used.add(answer)
        for ruling in verdict["verdicts"]:
            count = facts.gates.setdefault(ruling["gate"], GateCount())
            count.passed += ruling["ok"] is True
            count.rejected += ruling["ok"] is False
            count.not_applicable += ruling["ok"] is None
        facts.examples.offer(Example(sample, answer["key"], verdict))
        if verdict["accepted"] and accepted != task["id"]:
            accepted = task["id"]
            if not facts.released:
                facts.stats.add(sample)
        if done % STEP == 0:
            progress.step("answers read for the report", done, None)
    blind = run.folder(ANSWERS) / "blind.jsonl"
    for _, answer in read_jsonl(blind) if blind.is_file() else ():
        used.add(answer)
    facts.usage = used.total(run.recipe.teacher)
