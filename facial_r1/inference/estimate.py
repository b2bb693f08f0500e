"""What a run will ask and cost, before anything is asked: ``--dry-run``.

Every tokenizer differs from the rule of four characters a token, and a server of one's own has no picture price in the
table. So where the journal holds answers to some of the requests, what the rule missed there, on average, is added to
the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import Price, usd
from facial_r1.inference.protocol import Request
from facial_r1.inference.tokens import expected

__all__ = ["Estimate", "estimate"]

_SAMPLE = 1000
"""Answers of the journal that are read; more would not make the correction better."""


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
    """

    requests: int = 0
    text: int = 0
    pictures: int = 0
    output: int = 0
    online: float | None = None
    batch: float | None = None
    measured: int = 0


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
    guessed = counted = 0
    unpriced = False  # whether a picture has no price, so that it is what the rule misses
    for request in requests:
        key = request.key(model)
        if key in seen:
            continue
        seen.add(key)
        if journal is not None and key in journal:
            if total.measured < _SAMPLE and (tokens := journal[key].usage.get("input")):
                guessed, counted = guessed + expected(request, price)["input"], counted + tokens
                total.measured += 1
            continue
        unpriced = unpriced or (price is None and request.image is not None)
        need = expected(request, price)
        total.requests += 1
        total.text += need["input"] - need["picture"]
        total.pictures += need["picture"]
        total.output += need["output"]
    if total.measured:
        missed = round(total.requests * (counted - guessed) / total.measured)
        total.pictures += missed if unpriced else 0
        total.text += 0 if unpriced else missed
    usage = {"input": total.text + total.pictures, "output": total.output}
    total.online, total.batch = usd(price, usage), usd(price, usage, batch=True)
    return total
