"""Stage 4: every answer before every gate; what was said is written down, accepted or not.

``verdicts.jsonl`` holds one row per answer, in the order of the answers; ``summary.json`` counts them by reason,
corpus, class and AU, because a filter that keeps only what is right also skews what is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

import facial_r1
from curation.evidence import Evidence
from curation.gates.registry import Panel, Verdict, rejection
from curation.gates.sets import Admission
from curation.run import ANSWERS, TASKS, VERDICTS, Run, begin, finish, is_done, outputs_of, writing
from facial_r1.errors import CorruptState
from facial_r1.facs import sort_codes
from facial_r1.files import read_jsonl, to_line, write_atomic, write_jsonl
from facial_r1.progress import Progress
from facial_r1.reviews import Review
from facial_r1.sample import Sample

__all__ = ["Tally", "answered", "gate", "judged"]

STEP = 1_000
"""Rows between two reports of progress."""


def gate(run: Run, *, progress: Progress | None = None) -> dict[str, Any]:
    """Judge all answers of a run; returns the summary that is also written as ``4-verdicts/summary.json``.

    A rejected row is no failure: the release decides whether enough rows are left.

    Raises:
        InputError: when the stages before are not done, or for a line that is no review or no judgement.
        UsageError: for an unknown gate or parameter in the recipe.
        CorruptState: when answers and tasks contradict each other, or a finished file was changed.
    """
    folder = run.folder(VERDICTS)
    inputs = [*outputs_of(run.folder(TASKS)), *outputs_of(run.folder(ANSWERS))]
    recipe, progress = run.recipe, progress or Progress()
    evidence = Evidence.of(run.root, recipe, progress)
    settings = {
        "gates": [spec.model_dump(mode="json") for spec in recipe.gates],
        "label_rule": recipe.label_rule,
        "label_set": recipe.label_set,
        "version": facial_r1.__version__,
        **evidence.settings(),
    }
    if is_done(folder, inputs, settings):
        return dict(orjson.loads((folder / "summary.json").read_bytes()))
    tally = Tally()
    with writing(folder):
        begin(folder)
        count = write_jsonl(folder / "verdicts.jsonl", _rows(run, evidence, tally, progress))
        summary = {**tally.to_json(), **_reviewed(evidence, tally, progress)}
        write_atomic(folder / "summary.json", orjson.dumps(summary, option=orjson.OPT_INDENT_2))
        finish(folder, inputs, settings, {"verdicts.jsonl": count, "summary.json": 1})
    return summary


def _rows(run: Run, evidence: Evidence, tally: Tally, progress: Progress) -> Iterator[bytes]:
    recipe = run.recipe
    panel = Panel(recipe.gates)
    quotas = {row["cell"]: row["quota"] for _, row in read_jsonl(run.folder(TASKS) / "cells.jsonl")}
    admission = Admission(panel, quotas)
    done = 0
    for task, answer in answered(run):
        sample = Sample.from_own(task["sample"])
        candidate = evidence.candidate(recipe, sample, answer["outcome"], answer["text"])
        verdicts = panel.judge(candidate)
        if rejection(verdicts) is None:
            verdicts += admission.judge(task["cell"], candidate)
        rejected = rejection(verdicts)
        tally.add(sample, rejected.reason if rejected else None)
        tally.reviewed.update((one.id, one.reviewer) for one in evidence.fitting(sample, answer["text"]))
        yield to_line(_row(task, answer, verdicts, candidate.review))
        done += 1
        if done % STEP == 0:
            progress.step("answers judged", done, None)
    progress.step("answers judged", done, done)


def _row(
    task: Mapping[str, Any], answer: Mapping[str, Any], verdicts: Sequence[Verdict], review: Review | None
) -> dict[str, Any]:
    """A line of ``verdicts.jsonl``; ``edit`` is the review that gave the text its new form, None without one."""
    rejected = rejection(verdicts)
    return {
        "id": task["id"],
        "key": answer["key"],
        "attempt": answer["attempt"],
        "cell": task["cell"],
        "rank": task["rank"],
        "accepted": rejected is None,
        "reason": rejected.reason if rejected else None,
        "verdicts": verdicts,
        "edit": review if review is not None and review.decision == "edit" else None,
    }


def _reviewed(evidence: Evidence, tally: Tally, progress: Progress) -> dict[str, Any]:
    """How many of the standing reviews speak of a text of this run; nothing where there are no reviews."""
    standing = sum(map(len, evidence.decisions.values()))
    if not standing:
        return {}
    ignored = standing - len(tally.reviewed)
    if ignored:
        progress.say(
            f"{ignored} of {standing} reviews are ignored: the run has no such row, or it has another text or task now."
        )
    return {"reviews": {"standing": standing, "ignored": ignored}}


def answered(run: Run) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every answer with its task, streaming: both files are ordered by cell and rank, so they are read side by side.

    Raises:
        CorruptState: for an answer whose row is not among the tasks, or not in their order.
    """
    path = run.folder(ANSWERS) / "answers.jsonl"
    tasks = read_jsonl(run.folder(TASKS) / "tasks.jsonl")
    task: Mapping[str, Any] = {"id": None}
    for line, answer in read_jsonl(path):
        while task["id"] != answer["id"]:
            following = next(tasks, None)
            if following is None:
                raise CorruptState(
                    "this answer belongs to no task, or stands out of order",
                    path=path,
                    line=line,
                    found=answer["id"],
                    expected="the order of 2-tasks/tasks.jsonl",
                    do=f"delete {path.parent / 'done.json'} and build again: the journal keeps what was answered",
                )
            task = following[1]
        yield dict(task), answer


def judged(run: Run) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Every answer with its task and its line of ``verdicts.jsonl``, streaming.

    Raises:
        CorruptState: as :func:`answered`, and where the verdicts are about other answers than there are now.
    """
    path = run.folder(VERDICTS) / "verdicts.jsonl"
    verdicts = read_jsonl(path)
    what = "the gates judged other answers than there are now"
    do = f"delete {path.parent / 'done.json'}, then `facial-r1 gate {run.root}`"
    for task, answer in answered(run):
        line, verdict = next(verdicts, (None, {"key": None}))
        if (verdict["key"], verdict.get("id")) != (answer["key"], task["id"]):
            raise CorruptState(what, path=path, line=line, found=verdict["key"], expected=answer["key"], do=do)
        yield task, answer, verdict
    for line, verdict in verdicts:
        raise CorruptState(what, path=path, line=line, found=verdict["key"], expected="no further line", do=do)


def _counters() -> defaultdict[str, Counter[str | None]]:
    return defaultdict(Counter)


@dataclass(slots=True)
class Tally:
    """Accepted and rejected answers by corpus, class and AU; a blend counts under each of its labels and AUs.

    The counters map a reason to a number of answers; the reason None counts the accepted. ``reviewed`` holds row and
    reviewer of every review that speaks of one of the texts.
    """

    total: Counter[str | None] = field(default_factory=Counter)
    corpus: defaultdict[str, Counter[str | None]] = field(default_factory=_counters)
    label: defaultdict[str, Counter[str | None]] = field(default_factory=_counters)
    au: defaultdict[str, Counter[str | None]] = field(default_factory=_counters)
    reviewed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, sample: Sample, reason: str | None) -> None:
        """Count one answer; ``reason`` is None when it was accepted."""
        self.total[reason] += 1
        self.corpus[sample.dataset][reason] += 1
        for name in sample.labels:
            self.label[name][reason] += 1
        for code in sample.AUs:
            self.au[code][reason] += 1

    def to_json(self) -> dict[str, Any]:
        """``{"accepted": n, "rejected": {reason: n}}`` for all answers, and the same per corpus, label and AU."""
        return {
            **_outcome(self.total),
            "corpus": {name: _outcome(counter) for name, counter in sorted(self.corpus.items())},
            "label": {name: _outcome(counter) for name, counter in sorted(self.label.items())},
            "au": {code: _outcome(self.au[code]) for code in sort_codes(self.au)},
        }


def _outcome(counter: Counter[str | None]) -> dict[str, Any]:
    rejected = sorted((reason, count) for reason, count in counter.items() if reason is not None)
    return {"accepted": counter[None], "rejected": dict(rejected)}
