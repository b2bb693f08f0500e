"""Stage 3: the teacher writes the reasoning, row by row, until every quota is filled with accepted answers.

A rejected answer is followed by the row's next attempt, and when the attempts are used up by the next candidate of its
cell. :mod:`curation.synthesize` is the other way to fill this stage.

``3-answers/answers.jsonl`` holds every answer, accepted or not, by cell, rank and attempt; ``prompts.jsonl`` each
prompt once; ``sent.json`` which pictures left this machine. The journals beside them hold the same answers as they
came, and outlive any number of restarts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from curation.asking import Asker, Asking, Finding
from curation.evidence import Evidence
from curation.quotas import SENT, beforehand, fill, settings_of
from curation.run import Run
from curation.spending import Limits
from facial_r1.inference.backends import create
from facial_r1.inference.estimate import Estimate
from facial_r1.inference.protocol import Facts, Request
from facial_r1.inference.runner import Stats
from facial_r1.progress import Progress
from facial_r1.prompt import known_of, teacher_prompt
from facial_r1.sample import Sample, task_of

__all__ = ["SENT", "estimated", "facts_of", "generate"]


def generate(run: Run, *, limits: Limits | None = None, progress: Progress | None = None) -> Stats | None:
    """Have the recipe's teacher write the reasoning for the tasks of a run.

    Args:
        run: a run whose stage 2 is done.
        limits: how fast, and how far.
        progress: told about every answer.

    Returns:
        What was asked, or None when the stage was finished already.

    Raises:
        UsageError: for an unknown teacher or option in the recipe.
        FacialR1Error: as :func:`curation.quotas.fill`.
    """
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    evidence = Evidence.of(run.root, run.recipe, progress)
    policy = _Attempts(Asker(run.recipe, run.images, backend, evidence))
    settings = {**settings_of(run.recipe, backend), **evidence.settings()}
    return fill(run, backend, policy, settings, limits=limits, progress=progress)


def estimated(run: Run) -> Estimate:
    """What :func:`generate` would ask at least, and what that costs; nothing is asked and nothing is written.

    Raises:
        InputError, UsageError: as :func:`generate`.
    """
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    return beforehand(run, backend, _Attempts(Asker(run.recipe, run.images, backend)))


def facts_of(sample: Sample, label_rule: str) -> Facts:
    """What the teacher is told; of several true labels only the first when the rule is ``any``: one answers the row."""
    labels = sample.labels if label_rule == "set" else sample.labels[:1]
    return Facts(task_of(sample) or "", tuple(sample.AUs if sample.meta_info.au_annotated else ()), tuple(labels))


@dataclass(frozen=True, slots=True)
class _Attempts:
    """The same question again until an answer is accepted or the recipe's attempts are used up."""

    asker: Asker
    files: ClassVar = ("answers.jsonl",)
    opening: ClassVar = 1

    def about(self, sample: Sample) -> Asking:
        told = []
        for attempt in range(self.asker.recipe.teacher.attempts):
            request = self.request(sample, attempt)
            (answer,) = yield [request]
            told.append(self.asker.told(sample, request, answer))
            if told[-1].accepted:
                break
        texts = [one.candidate for one in told if one.accepted]
        return Finding(bool(texts), {"answers.jsonl": [one.to_json(sample) for one in told]}, texts)

    def least(self, sample: Sample) -> Iterable[Request]:
        return [self.request(sample, 0)]

    def request(self, sample: Sample, attempt: int) -> Request:
        rule = self.asker.recipe.label_rule
        facts = facts_of(sample, rule)
        prompt = teacher_prompt(*known_of(sample, self.asker.recipe.unknown_truth), facts, label_rule=rule)
        return self.asker.request(sample, prompt, facts, attempt)
