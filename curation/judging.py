"""A judge reads the texts of a run and gives each a score from 1 to 10; the gate ``judge_score`` turns low ones down.

The judge is any backend, asked as :mod:`facial_r1.evaluation.judge` asks: one strict JSON object, at temperature 0,
every answer in a journal. It compares a text with what the corpus knows of the row, and on demand sees the picture.
Only texts that the row gates accept are worth its price. ``judging/judgements.jsonl`` holds one line per text, in the
order of the answers; a text without a valid verdict has the score null, which is missing and never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from curation.evidence import JUDGEMENTS, Evidence
from curation.gates.registry import Panel, rejection
from curation.run import Run, writing
from curation.spending import Limits, budget_of, may_send, price_for
from curation.verdicts import answered
from facial_r1.evaluation.judge import Question, Rubric, requests_for
from facial_r1.evaluation.judge import judge as ask_judge
from facial_r1.facs import REGISTRY
from facial_r1.files import canonical_json, inside, write_atomic, write_jsonl
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.journal import Journal
from facial_r1.inference.protocol import Backend
from facial_r1.inference.runner import Stats
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe
from facial_r1.reviews import text_hash
from facial_r1.sample import Sample

__all__ = ["CRITERIA", "Judgements", "estimated", "judge"]

CRITERIA: dict[str, str] = {
    "facts": "how far the Action Units, features and emotion of the candidate are those of the reference, none missing "
    "and none added",
    "description": "how far each Action Unit is described by the feature that it stands for, concretely and as visible",
    "reasoning": "how far the emotion or the list of Action Units follows from the features that were described",
    "language": "how far it is one clear, natural paragraph, without repetition and remarks about a task or an answer",
}
"""Criterion → what it means to the judge; each is given 1-10, and their mean is the score."""
_SEEN = "how far everything that the candidate says can be seen in the picture"


@dataclass(frozen=True, slots=True)
class Judgements:
    """What a judge said.

    Attributes:
        texts: texts that were to be judged.
        scored: those with a valid verdict.
        mean: their mean score, None without any.
        stats: what was asked.
    """

    texts: int
    scored: int
    mean: float | None
    stats: Stats


def judge(
    run: Run,
    backend: Backend,
    *,
    pictures: bool = False,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Judgements:
    """Have the texts of a run judged; what was judged before is not asked again.

    Args:
        run: a run whose stage 3 is done.
        backend: the judge, created with :data:`facial_r1.evaluation.judge.OPTIONS`.
        pictures: show it the pictures, and ask what can be seen in them.
        limits: how fast, and how far.
        progress: told about every answer.

    Raises:
        UsageError: when pictures would leave this machine without the recipe's leave.
        CapReached: when a cap of ``limits`` has no room for the next request; the same call goes on there.
        FacialR1Error: as :func:`facial_r1.inference.runner.ask`.
    """
    limits, progress = limits or Limits(), progress or Progress()
    recipe = _shown(run.recipe, pictures)
    sent = may_send(recipe, backend)
    budget = budget_of(price_for(recipe.teacher, backend.model), backend, limits, progress)
    rubric, questions = _rubric(pictures), list(_questions(run, pictures))
    path = run.root / JUDGEMENTS
    with writing(path.parent):
        verdicts, stats = ask_judge(
            questions,
            backend,
            path.parent,
            rubric=rubric,
            concurrency=limits.concurrency,
            budget=budget,
            retry_failed=limits.retry_failed,
            progress=progress,
        )
        lines = [_line(one, verdicts.get(one.id), rubric, backend.model) for one in questions]
        write_jsonl(path, lines)
        write_atomic(path.parent / "sent.json", canonical_json(sent))
    scores = [line["score"] for line in lines if line["score"] is not None]
    return Judgements(len(lines), len(scores), fmean(scores) if scores else None, stats)


def estimated(run: Run, backend: Backend, *, pictures: bool = False) -> Estimate:
    """What :func:`judge` would ask at least, and what that costs; nothing is asked and nothing is written."""
    recipe = _shown(run.recipe, pictures)
    may_send(recipe, backend)
    requests = requests_for(_questions(run, pictures), _rubric(pictures), backend)
    folder, price = (run.root / JUDGEMENTS).parent, price_for(recipe.teacher, backend.model)
    if not folder.is_dir():
        return estimate(requests, backend.model, price)
    with Journal(folder) as journal:
        return estimate(requests, backend.model, price, journal)


def _shown(recipe: Recipe, pictures: bool) -> Recipe:
    """The recipe as if its teacher were the judge, for what may be sent and what it costs."""
    teacher = recipe.teacher.model_copy(update={"pictures": pictures, "options": {}})
    return recipe.model_copy(update={"teacher": teacher})


def _rubric(pictures: bool) -> Rubric:
    return Rubric("curation", {**CRITERIA, **({"picture": _SEEN} if pictures else {})}, pictures)


def _questions(run: Run, pictures: bool) -> Iterator[Question]:
    """Every text that the row gates accept, the judge's own gate aside; an edited one in its new form."""
    recipe = run.recipe
    panel = Panel([gate for gate in recipe.gates if gate.name != "judge_score"])
    evidence = Evidence.of(run.root, recipe)
    seen: set[str] = set()
    for task, answer in answered(run):
        candidate = evidence.candidate(recipe, Sample.from_own(task["sample"]), answer["outcome"], answer["text"])
        if rejection(panel.judge(candidate)) is not None:
            continue
        sample, text = candidate.sample, candidate.response.text
        name = f"{sample.id}#{text_hash(text)}"
        if name not in seen:  # two attempts may have brought the same text
            seen.add(name)
            image = inside(run.images, sample.image) if pictures else None
            yield Question(name, text, _known(sample), image)


def _known(sample: Sample) -> str:
    """What the corpus knows of a row, in words."""
    lines = []
    if sample.meta_info.au_annotated:
        named = [f"{code} ({REGISTRY[code].name}: {REGISTRY[code].description})" for code in sample.AUs]
        lines.append(f"Active Action Units: {'; '.join(named) or 'none'}.")
    if sample.labels:
        lines.append(f"Emotion: {' or '.join(sample.labels)}.")
    return "\n".join(lines)


def _line(question: Question, scores: dict[str, int] | None, rubric: Rubric, model: str) -> dict[str, Any]:
    row, _, digest = question.id.rpartition("#")
    score = fmean(scores.values()) if scores else None
    return {"id": row, "text_sha256": digest, "score": score, "criteria": scores, "rubric": rubric.name, "model": model}
