"""Stage 3 by synthesis: a model rewrites the corpora, and only what passes the gates is kept.

About each row, in rounds:

1. ``samples`` answers to the first question, which tells the truth (or does not, with ``conditioned: false``).
2. When the gates reject all of them, up to ``repairs`` more rounds with a fresh question. It names the items that
   failed in the answer nearest to an accepted one, never that answer nor what would have been right; the last round
   spells the truth out.
3. Of the accepted answers of a round the best is taken: highest F1 of its Action Units against the true ones, then
   highest agreement with the blind answers, then the shortest, then the lowest attempt.
4. With ``blind``, as many answers to the student's question, which tells nothing. Their agreement with each accepted
   text is its confidence; below ``min_agreement`` (or when no blind answer came) the text is turned down.

A row without an accepted answer makes room for the next candidate of its cell, so classes that are hard to get right
are still filled to their quotas.

The files are those of :mod:`curation.teach`. In ``answers.jsonl`` the answer that was taken stands first among those of
its row, and one below ``min_agreement`` has the outcome ``low_agreement``. ``blind.jsonl`` holds the blind answers,
``confidence.jsonl`` what they say about each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from curation.asking import Asker, Asking, Finding, Told
from curation.confidence import Agreement, agreement, confidence
from curation.evidence import Evidence
from curation.quotas import beforehand, fill, settings_of
from curation.repair import failed_items, nearest, truth_f1
from curation.run import Run
from curation.spending import Limits
from curation.teach import facts_of
from facial_r1.errors import UsageError
from facial_r1.inference.backends import create
from facial_r1.inference.estimate import Estimate
from facial_r1.inference.protocol import Answer, Backend, Request
from facial_r1.inference.runner import Stats
from facial_r1.progress import Progress
from facial_r1.prompt import known_of, repair_prompt
from facial_r1.recipe import Synthesis
from facial_r1.sample import Sample

__all__ = ["LOW_AGREEMENT", "estimated", "synthesize"]

LOW_AGREEMENT = "low_agreement"
"""Outcome in ``answers.jsonl``, and so the reason of its rejection, of an answer that the blind ones do not confirm."""
BLIND_FROM = 1000
"""Attempt of a row's first blind answer: beyond all others, so that none of them is an echo of itself."""


def synthesize(run: Run, *, limits: Limits | None = None, progress: Progress | None = None) -> Stats | None:
    """Have the recipe's teacher write the reasoning for the tasks of a run as ``synthesis`` in its recipe says.

    Args:
        run: a run whose stage 2 is done; a recipe without ``synthesis`` stands for its defaults.
        limits: how fast, and how far.
        progress: told about every answer.

    Returns:
        What was asked, or None when the stage was finished already.

    Raises:
        UsageError: for an unknown teacher or option in the recipe, or several answers to one question from a teacher
            that always gives the same.
        FacialR1Error: as :func:`curation.quotas.fill`.
    """
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    evidence = Evidence.of(run.root, run.recipe, progress)
    policy = _policy(run, backend, evidence)
    rules = policy.rules.model_dump(mode="json")
    settings = {**settings_of(run.recipe, backend), "synthesis": rules, **evidence.settings()}
    return fill(run, backend, policy, settings, limits=limits, progress=progress)


def estimated(run: Run) -> Estimate:
    """What :func:`synthesize` would ask at least, and what that costs; nothing is asked and nothing is written.

    Raises:
        InputError, UsageError: as :func:`synthesize`.
    """
    backend = create(run.recipe.teacher.backend, **run.recipe.teacher.options)
    return beforehand(run, backend, _policy(run, backend, Evidence()))


def _policy(run: Run, backend: Backend, evidence: Evidence) -> _Rounds:
    rules = run.recipe.synthesis or Synthesis()
    if max(rules.samples, rules.blind) > 1 and backend.params.get("temperature") == 0:
        what = "at temperature 0 several answers to one question are all the same"
        found = f"synthesis.samples: {rules.samples}, synthesis.blind: {rules.blind}"
        do = "set temperature in teacher.options (--option temperature=1), or ask once"
        raise UsageError(what, found=found, do=do)
    return _Rounds(Asker(run.recipe, run.images, backend, evidence), rules)


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Rounds of questions about a row, see the module."""

    asker: Asker
    rules: Synthesis

    @property
    def files(self) -> Sequence[str]:
        return ("answers.jsonl", *(("blind.jsonl", "confidence.jsonl") if self.rules.blind else ()))

    @property
    def opening(self) -> int:
        return self.rules.samples

    def about(self, sample: Sample) -> Asking:
        told: list[Told] = []
        failed: tuple[str, ...] = ()
        for number in range(1 + self.rules.repairs):
            requests = self.round(sample, number, failed)
            group = self.read(sample, requests, (yield requests))
            told += group
            accepted = [one for one in group if one.accepted]
            if accepted:
                return (yield from self.confirmed(sample, told, accepted))
            failed = failed_items(nearest(sample, group).verdicts)
        return Finding(accepted=False, rows={"answers.jsonl": [one.to_json(sample) for one in told]})

    def confirmed(self, sample: Sample, told: Sequence[Told], accepted: Sequence[Told]) -> Asking:
        """Hold the accepted answers against blind ones, if any, and take the best."""
        blind: list[Told] = []
        if self.rules.blind:
            requests = self.blind(sample)
            blind = self.read(sample, requests, (yield requests))
        rated = [(one, agreement(sample, one, blind, self.asker.recipe.label_rule)) for one in accepted]
        kept = [(one, found) for one, found in rated if self.enough(found)]
        best, found = min(kept or rated, key=lambda pair: _merit(sample, *pair))
        low = {one.request.attempt for one, found in rated if not self.enough(found)}
        ordered = [best, *(one for one in told if one is not best)]
        rows = {"answers.jsonl": [_line(sample, one, low=one.request.attempt in low) for one in ordered]}
        if self.rules.blind:
            rows["blind.jsonl"] = [one.to_json(sample) for one in blind]
            rows["confidence.jsonl"] = [confidence(sample, best, blind, found, accepted=bool(kept))]
        texts = [one.candidate for one in ordered if one.accepted and one.request.attempt not in low]
        return Finding(bool(kept), rows, texts)

    def enough(self, found: Agreement) -> bool:
        """Whether an agreement reaches ``min_agreement``; where one is asked for, an unknown one does not."""
        least = self.rules.min_agreement
        return least is None or (found.mean is not None and found.mean >= least)

    def least(self, sample: Sample) -> Iterable[Request]:
        return [*self.round(sample, 0, ()), *self.blind(sample)]

    def round(self, sample: Sample, number: int, failed: Sequence[str]) -> list[Request]:
        """A round's requests; all of a row's rounds share one count of attempts."""
        last = 0 < number == self.rules.repairs
        told = self.rules.conditioned or last
        attempts = range(number * self.rules.samples, (number + 1) * self.rules.samples)
        return self.requests(sample, attempts, failed, told=told, last=last)

    def blind(self, sample: Sample) -> list[Request]:
        """The requests that hold no truth."""
        return self.requests(sample, range(BLIND_FROM, BLIND_FROM + self.rules.blind))

    def requests(
        self,
        sample: Sample,
        attempts: Iterable[int],
        failed: Sequence[str] = (),
        *,
        told: bool = False,
        last: bool = False,
    ) -> list[Request]:
        recipe = self.asker.recipe
        rule, known = recipe.label_rule, known_of(sample, recipe.unknown_truth)
        shown = facts_of(sample, rule) if told else None
        prompt = repair_prompt(*known, failed, shown, last=last, label_rule=rule)
        return [self.asker.request(sample, prompt, shown, attempt) for attempt in attempts]

    def read(self, sample: Sample, requests: Sequence[Request], answers: Sequence[Answer]) -> list[Told]:
        return [self.asker.told(sample, *pair) for pair in zip(requests, answers, strict=True)]


def _merit(sample: Sample, told: Told, found: Agreement) -> tuple[float, float, int, int]:
    """Sorts the best answer first."""
    return -truth_f1(sample, told), -(found.mean or 0.0), len(told.response.text), told.request.attempt


def _line(sample: Sample, told: Told, *, low: bool) -> dict[str, Any]:
    line = told.to_json(sample)
    return {**line, "outcome": LOW_AGREEMENT} if low else line
