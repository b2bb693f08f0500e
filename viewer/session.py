"""What one browser looks at: a filter, an order, a page, and the sample that is open."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from markupsafe import Markup

from viewer.detail import card, sample
from viewer.filters import Filter
from viewer.store import Store

__all__ = ["PAGE", "Session", "View", "show"]

PAGE = 36
"""Samples on a page."""


@dataclass(frozen=True, slots=True)
class Session:
    """The state of one browser.

    Attributes:
        chosen, sort: which rows, in which order.
        spot: the place of the open sample among them, from 0.
        version: of the store, when it was drawn last.
    """

    chosen: Filter = field(default_factory=Filter)
    sort: str = "file order"
    spot: int = 0
    version: int = 0

    def at(self, spot: int, total: int) -> Session:
        """The same with another sample open, the nearest there is."""
        return replace(self, spot=max(0, min(spot, total - 1)))


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a session, its open sample's id and editable fields among it."""

    session: Session
    status: str
    cards: str
    sample: str
    identifier: str
    description: str
    aus: str
    labels: str


def show(store: Store, session: Session) -> View:
    """Draw a session: its page of cards and its open sample."""
    total = store.count(session.chosen)
    session = replace(session.at(session.spot, total), version=store.version)
    first = session.spot // PAGE * PAGE
    rows = store.page(session.chosen, session.sort, first, PAGE)
    images = store.place.images
    if not rows:
        nothing = Markup("<p class='note'>Nothing passes this filter.</p>")
        return View(session, f"0 of {store.count():,} samples", nothing, "", "", "", "", "")
    row = rows[session.spot - first]
    cards = Markup("").join(card(one, images, chosen=one is row) for one in rows)
    status = (
        f"sample {session.spot + 1:,} of {total:,} · page {first // PAGE + 1:,} of {(total - 1) // PAGE + 1:,} · "
        f"{store.count():,} in all"
    )
    shown = sample(row, store.attempts(row["id"]), images, store.prompt(row["prompt_hash"] or ""))
    return View(
        session,
        status,
        Markup('<div class="cards" role="group" aria-label="samples">{}</div>').format(cards),
        shown,
        row["id"],
        row["description"] or "",
        ", ".join(row["AUs"]),
        ", ".join(row["labels"]),
    )
