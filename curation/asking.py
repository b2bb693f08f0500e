"""What is asked about one row, and what came of it: the words that the ways of filling stage 3 share.

An :data:`Asking` is a generator that yields a group of requests, is sent all their answers, and so on until it returns
its :class:`Finding`. It sees the answers of a group together and in the order of their requests, so what it concludes
cannot depend on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from curation.evidence import Evidence
from curation.gates.registry import Candidate, Panel, Verdict, rejection
from facial_r1.errors import UsageError
from facial_r1.inference.protocol import Answer, Backend, Facts, Request
from facial_r1.prompt import Prompt
from facial_r1.recipe import Recipe
from facial_r1.response import Response
from facial_r1.sample import Sample

__all__ = ["Asker", "Asking", "Finding", "Policy", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer about a row, read and judged."""

    request: Request
    answer: Answer
    candidate: Candidate
    verdicts: Sequence[Verdict]

    @property
    def form(self) -> str:
        """The task whose form it must have."""
        return self.candidate.form or ""

    @property
    def response(self) -> Response:
        """The text as the gates read it: in its new form where a reviewer edited it."""
        return self.candidate.response

    @property
    def accepted(self) -> bool:
        """No gate rejects it."""
        return rejection(self.verdicts) is None

    def to_json(self, sample: Sample) -> dict[str, Any]:
        """A line of ``answers.jsonl``. Its id is the row's, also when an equal question was answered for another."""
        answer = self.answer
        return {
            "id": sample.id,
            "key": answer.key,
            "outcome": answer.outcome,
            "text": answer.text,
            "model": answer.model,
            "attempt": answer.attempt,
            "usage": answer.usage,
            "detail": answer.detail,
            "prompt_hash": self.request.prompt_hash,
            "conditioned": self.request.facts is not None,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out for a row.

    Attributes:
        accepted: whether one of its answers can be released; else the cell's next candidate takes its turn.
        rows: the row's lines by name of the policy's files; in ``answers.jsonl`` the answer to release comes first
            among those that the gates accept.
        texts: these answers in that order, for the gates that compare rows; empty when it is not ``accepted``.
    """

    accepted: bool
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    texts: Sequence[Candidate] = ()


Asking = Generator[Sequence[Request], Sequence[Answer], Finding]
"""The questions about one row, group by group; the requests of a group differ in their ``attempt``."""


class Policy(Protocol):
    """A way of asking about a row."""

    @property
    def files(self) -> Sequence[str]:
        """The files that its findings fill, ``answers.jsonl`` among them."""
        ...

    @property
    def opening(self) -> int:
        """Requests of a row's first group."""
        ...

    def about(self, sample: Sample) -> Asking:
        """Ask about a row."""
        ...

    def least(self, sample: Sample) -> Iterable[Request]:
        """What is asked about a row when the first group is accepted."""
        ...


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes requests to the recipe's teacher, and judges its answers."""

    recipe: Recipe
    images: Path
    backend: Backend
    evidence: Evidence = field(default_factory=Evidence)
    panel: Panel = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "panel", Panel(self.recipe.gates))
        if self.recipe.unknown_truth == "pseudo" and self.backend.name == "template":
            what = "unknown_truth: pseudo needs a teacher that looks at the picture"
            do = "name another teacher, or set unknown_truth: omit"
            raise UsageError(what, found="the template teacher, which knows only the labels", do=do)

    def request(self, sample: Sample, prompt: Prompt, facts: Facts | None, attempt: int) -> Request:
        """A question about a row; ``facts`` is what ``prompt`` tells of the truth, ``attempt`` counts from 0."""
        shown = self.recipe.teacher.pictures
        return Request(
            sample.id,
            prompt.text,
            prompt.hash,
            facts,
            self.images / sample.image if shown else None,
            sample.meta_info.image_sha256 if shown else None,
            self.backend.params,
            attempt,
        )

    def told(self, sample: Sample, request: Request, answer: Answer) -> Told:
        """The answer with the verdicts of the recipe's row gates."""
        candidate = self.evidence.candidate(self.recipe, sample, answer.outcome, answer.text)
        return Told(request, answer, candidate, self.panel.judge(candidate))
