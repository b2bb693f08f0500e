"""Pages that show what a model answers while it is reinforced: the picture, the answers of a group, their rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from transformers import TrainerCallback

from facial_r1.files import write_atomic
from facial_r1.response import canonical_answer
from facial_r1.stats import Section, page, table, thumbnail
from training.data import Lesson
from training.processes import rank
from training.rewards import Reward, Scores

__all__ = ["GROUPS", "Rollouts"]

GROUPS = 4
"""Prompts on a page."""


class Rollouts(TrainerCallback):
    """Listens to the rewards and writes a page now and then. The pages hold faces: they stay with the corpus.

    Args:
        folder: of the pages, ``00050.html`` for step 50.
        rows: the rows that are trained on.
        weights: reward → its weight in the sum.
        every: steps between two pages; there is one for the first step, too.
    """

    def __init__(self, folder: Path, rows: Sequence[Lesson], weights: Mapping[str, float], every: int) -> None:
        self.folder, self.weights, self.every = folder, weights, every
        self.rows = {row.sample.id: row for row in rows}
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.scores: dict[str, Scores] = {}

    def watching(self, name: str, reward: Reward) -> Reward:
        """The same reward, of whose last batch is kept what it scored."""

        def scored(completions: Sequence[Any], **columns: Any) -> Scores:
            scores = reward(completions, **columns)
            self.ids, self.scores[name] = columns["id"], scores
            self.texts = [one if isinstance(one, str) else one[0]["content"] for one in completions]
            return scores

        scored.__name__ = name
        return scored

    def on_step_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """Write a page when one is due."""
        del args, control
        if rank() == 0 and self.texts and (state.global_step == 1 or state.global_step % self.every == 0):
            write_atomic(self.folder / f"{state.global_step:05d}.html", self._page(state.global_step))

    def _page(self, step: int) -> str:
        shown = list(dict.fromkeys(self.ids))[:GROUPS]
        sections = [self._group(name) for name in shown]
        return page(f"Rollouts of step {step}", sections, lead="Answers to one picture compete with each other.")

    def _group(self, name: str) -> Section:
        row = self.rows[name]
        own = [place for place, one in enumerate(self.ids) if one == name]
        lines = [
            [self.texts[place], *(scores[place] for scores in self.scores.values()), self._sum(place)] for place in own
        ]
        face = thumbnail(row.picture) if row.picture is not None else Markup("")
        sample = row.sample
        truth = [canonical_answer(sample.AUs)] if sample.meta_info.au_annotated else []
        note = f"True: {'; '.join([*truth, *sample.labels])}."
        return Section(name, face + table(["answer", *self.scores, "weighted sum"], lines), note=note)

    def _sum(self, place: int) -> float:
        known = [(self.weights[name], scores[place]) for name, scores in self.scores.items()]
        return sum(weight * score for weight, score in known if score is not None)
