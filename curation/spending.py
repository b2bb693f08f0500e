"""What a teacher may cost and see: limits of a run, its price, and the pictures that may leave this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from datasets_builders.synthetic import MARKER
from facial_r1.inference.budget import Budget
from facial_r1.inference.guard import guard
from facial_r1.inference.prices import Price, price_of, stale, usd
from facial_r1.inference.protocol import Backend, Stateful
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe, Teacher

__all__ = ["Limits", "budget_of", "cost_of", "may_send", "price_for"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast a teacher is asked, and how far; nothing here changes a byte of what a finished stage holds.

    Attributes:
        concurrency: calls in flight at once, at most.
        rpm, tpm: requests and tokens a minute, at most.
        max_cost: US dollars of one call of the command; it stops before they could be passed.
        max_requests: requests of one call of the command.
        retry_failed: ask again what was answered with a permanent error.
    """

    concurrency: int = 8
    rpm: float | None = None
    tpm: float | None = None
    max_cost: float | None = None
    max_requests: int | None = None
    retry_failed: bool = False


def may_send(recipe: Recipe, backend: Backend) -> dict[str, str]:
    """Corpus → reason, of the pictures that leave this machine for the teacher; rendered faces are nobody's.

    Raises:
        UsageError: naming the corpora for which the recipe gives no reason, before anything is sent.
    """
    shown = {
        name: recipe.allow_send.get(name)
        for name, source in recipe.corpora.items()
        if recipe.teacher.pictures and source.root is not None and not (source.root / MARKER).is_file()
    }
    return guard(shown, backend.endpoint)


def price_for(teacher: Teacher, model: str = "") -> Price | None:
    """The price of a recipe's teacher, None when it is not known; ``model`` answers where its options name none."""
    return price_of(str(teacher.options.get("model", model)), teacher.prices)


def cost_of(teacher: Teacher, usage: Mapping[str, int], model: str = "") -> float | None:
    """US dollars for tokens of a recipe's teacher, half of it in batches; None when the price is not known."""
    return usd(price_for(teacher, model), usage, batch=teacher.backend == "openai-batch")


def budget_of(price: Price | None, backend: Backend, limits: Limits, progress: Progress) -> Budget:
    """The caps of one call of the command, with a word when the price table is old.

    Raises:
        UsageError: for a cap in money without a price.
    """
    old = stale(datetime.now(UTC).date()) if price is not None else None
    if old:
        progress.say(old)
    return Budget(price, limits.max_cost, limits.max_requests, batch=isinstance(backend, Stateful))
