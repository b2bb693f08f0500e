"""What a build would do: rows, requests, tokens and cost, without writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

from curation.frozen import Frozen
from curation.ranking import reserved
from curation.rows import Row, to_rows
from curation.select import PartReport, choose
from curation.spending import cost_of, price_for
from curation.teach import facts_of
from curation.unify import Unified, find_corpora, scan, summed_up
from datasets_builders.common.corpus import Corpus, Report
from facial_r1.inference.tokens import text_tokens
from facial_r1.progress import Progress
from facial_r1.prompt import default_question, known_of, teacher_prompt
from facial_r1.recipe import Recipe
from facial_r1.sample import Meta, Sample, task_of

__all__ = ["Plan", "plan"]

ANSWER_TOKENS = 150
"""About ninety words of reasoning, the tags and the answer."""
LOOKED_AT = 20
"""Candidates per cell whose prompts are measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The figures of ``--dry-run``.

    Attributes:
        corpora: what the scan of each corpus gave.
        parts: wanted, available and short per part of the recipe; pictures are not looked at.
        requests: questions to the teacher when every answer is accepted.
        requests_at_most: questions when every candidate needs every attempt.
        input_tokens, output_tokens: estimates for ``requests``; pictures are not counted.
        cost: in USD, pictures included; None when the price of the teacher is not known.
        candidates: corpus → ids of all rows that would be chosen, reserve and spare included, in rank order.
    """

    corpora: list[Unified]
    parts: list[PartReport]
    requests: int
    requests_at_most: int
    input_tokens: int
    output_tokens: int
    cost: float | None = None
    candidates: dict[str, list[str]] = field(default_factory=dict)


def plan(recipe: Recipe, *, spare: float = 0.0, progress: Progress | None = None) -> Plan:
    """Scan the corpora of ``recipe`` and choose rows as a build would, writing nothing.

    Rows that cannot be read are counted in ``corpora`` and do not stop the plan.

    Args:
        recipe: the recipe.
        spare: a further share of ``candidates``, in case that pictures turn out to be unusable.
        progress: told about the corpora.

    Raises:
        UsageError: for a recipe that names an unknown corpus or option.
        InputError, GateFailed: for corpora that are missing or something else, as a build.
    """
    progress = progress or Progress()
    corpora = find_corpora(recipe)
    rows: list[Row] = []
    unified = []
    for done, (name, known) in enumerate(corpora.items(), 1):
        report = Report(keep_going=True)
        before = len(rows)
        rows += to_rows(scan(known, recipe.corpora[name], report))
        unified.append(summed_up(name, len(rows) - before, report))
        progress.step("corpora read", done, len(corpora))
    wider = recipe.select.model_copy(update={"reserve": (1 + recipe.select.reserve) * (1 + spare) - 1})
    frozen = Frozen.read(recipe.select.frozen_test)
    selection = choose(rows, recipe.model_copy(update={"select": wider}), lambda _cells: {}, frozen)
    rules = recipe.synthesis
    each = 1 if rules is None else rules.samples + rules.blind
    most = recipe.teacher.attempts if rules is None else rules.samples * (1 + rules.repairs) + rules.blind
    requests = tokens = at_most = 0
    candidates: dict[str, list[str]] = {name: [] for name in corpora}
    for cell in selection.cells:
        candidates.setdefault(cell.corpus, []).extend(row.id for row in cell.kept)
        del cell.kept[reserved(cell.quota, recipe.select.reserve) :]
        asked = min(cell.quota, len(cell.kept))
        requests += asked * each
        if asked:
            tokens += round(asked * each * fmean(_prompt_tokens(cell.kept, corpora[cell.corpus], recipe)))
        at_most += len(cell.kept) * most
    cost = _cost(recipe, requests, tokens)
    return Plan(unified, selection.report(), requests, at_most, tokens, requests * ANSWER_TOKENS, cost, candidates)


def _cost(recipe: Recipe, requests: int, tokens: int) -> float | None:
    teacher = recipe.teacher
    if teacher.backend == "template":
        return 0.0
    price = price_for(teacher)
    pictures = price.picture * requests if price is not None and teacher.pictures else 0
    return cost_of(teacher, {"input": tokens + pictures, "output": requests * ANSWER_TOKENS})


def _prompt_tokens(rows: Sequence[Row], known: Corpus, recipe: Recipe) -> Iterator[int]:
    for row in islice(rows, LOOKED_AT):
        meta = Meta(au_annotated=list(known.au_set) if row.scored else [], label_set=list(known.label_set))
        sample = Sample(row.id, row.dataset, AUs=list(row.aus), labels=list(row.labels), meta_info=meta)
        sample.question = default_question(task_of(sample) or "")
        told = facts_of(sample, recipe.label_rule)
        prompt = teacher_prompt(*known_of(sample, recipe.unknown_truth), told, label_rule=recipe.label_rule)
        yield text_tokens(prompt.text)
