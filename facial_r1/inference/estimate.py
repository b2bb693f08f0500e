"""What a run will ask and cost, before anything is asked: ``--dry-run``.

Every tokenizer differs from the rule of four characters a token, and a server of one's own has no picture price in the
table. So where the journal holds answers to some of the requests, what was counted there corrects the rest: requests
that begin with the same line (the question, hence mostly those of one task) by the answers among them, and others by
all answers. Text is corrected in proportion, for it grows with its length. A picture without a price is what each
request was counted beyond the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import Price, usd
from facial_r1.inference.protocol import Request
from facial_r1.inference.tokens import expected

__all__ = ["Estimate", "estimate"]

_SAMPLE = 200
"""Answers of a kind that are read; more would not make the correction better."""
_OPENING = 80
"""Characters of the first line that tell kinds apart."""


@dataclass(slots=True)
class Estimate:
    """A run beforehand.

    Attributes:
        requests: what will be asked when nothing fails: every different question that the journal does not answer.
        text: input tokens of the prompts.
        pictures: input tokens of the pictures.
        output: tokens of the answers, at most.
        online: US dollars at most, None when the price is not known.
        batch: the same through the Batch API.
        measured: answers of the journal by whose counts ``text`` and ``pictures`` were corrected; 0: by rule alone.
        unlike: requests that begin like none of these answers, so that their correction is a guess.
    """

    requests: int = 0
    text: int = 0
    pictures: int = 0
    output: int = 0
    online: float | None = None
    batch: float | None = None
    measured: int = 0
    unlike: int = 0


@dataclass(slots=True)
class _Kind:
    """Requests that begin alike: tokens of those to be asked by the rule, and of answered ones by rule and by count."""

    requests: int = 0
    text: int = 0
    pictures: int = 0
    measured: int = 0
    ruled: int = 0
    counted: int = 0

    def measure(self, ruled: int, counted: int, answers: int = 1) -> None:
        """The text of ``answers`` makes ``ruled`` tokens by rule, and was ``counted``."""
        self.measured += answers
        self.ruled += ruled
        self.counted += counted

    def corrected(self, by: _Kind, priced: bool) -> tuple[int, int]:
        """Tokens of text and pictures to be asked, by the measured answers of ``by``."""
        if not by.measured:
            return self.text, self.pictures
        if priced:
            return round(self.text * by.counted / by.ruled), self.pictures
        return self.text, self.pictures + round(self.requests * (by.counted - by.ruled) / by.measured)


def estimate(
    requests: Iterable[Request], model: str, price: Price | None = None, journal: Journal | None = None
) -> Estimate:
    """Add up ``requests``.

    Args:
        requests: what a run would begin with; what follows from answers (further attempts) is not among them.
        model: the backend's ``model``, for the keys.
        price: of the model.
        journal: answers that are there already.

    Raises:
        PictureError: when the size of a picture decides its tokens and cannot be read.
    """
    total, seen = Estimate(), set[str]()
    kinds: defaultdict[tuple[str, bool], _Kind] = defaultdict(_Kind)
    for request in requests:
        key = request.key(model)
        if key in seen:
            continue
        seen.add(key)
        kind = kinds[_kind(request, price)]
        if journal is not None and key in journal:
            if kind.measured < _SAMPLE and (counted := journal[key].usage.get("input")):
                need = expected(request, price)
                kind.measure(need["input"] - need["picture"], counted - need["picture"])
            continue
        need = expected(request, price)
        kind.requests += 1
        kind.text += need["input"] - need["picture"]
        kind.pictures += need["picture"]
        total.output += need["output"]
    _correct(total, kinds)
    usage = {"input": total.text + total.pictures, "output": total.output}
    total.online, total.batch = usd(price, usage), usd(price, usage, batch=True)
    return total


def _kind(request: Request, price: Price | None) -> tuple[str, bool]:
    """How a request begins, and whether all that it costs has a price."""
    return request.prompt[:_OPENING].partition("\n")[0], price is not None or request.image is None


def _correct(total: Estimate, kinds: defaultdict[tuple[str, bool], _Kind]) -> None:
    """Add up the kinds, each by its own measured answers; where it has none, by those of all others."""
    together = {priced: _Kind() for priced in (True, False)}
    for (_, priced), kind in kinds.items():
        together[priced].measure(kind.ruled, kind.counted, kind.measured)
        total.measured += kind.measured
    for (_, priced), kind in kinds.items():
        text, pictures = kind.corrected(kind if kind.measured else together[priced], priced)
        total.requests += kind.requests
        total.text += text
        total.pictures += pictures
        total.unlike += kind.requests if total.measured and not kind.measured else 0
