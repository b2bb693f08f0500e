"""What tokens cost: a dated table, which a recipe may correct, and the sum for what was used.

A model that is not in the table has no price, which is not a price of zero: a cap in money is then refused before the
first request, and no cost is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from facial_r1.errors import UsageError

__all__ = ["DATED", "TABLE", "Price", "price_of", "stale", "usd"]

DATED = date(2026, 11, 25)
"""The day on which :data:`TABLE` was put together."""

_KEEPS = 180
_BATCH = 0.5
_PER = 1_000_000
_DATE_LENGTH = len("-2024-07-18")


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs.

    Attributes:
        input, output: US dollars a million tokens.
        picture: tokens of a picture at detail ``low``, and the base at ``high``.
        tile: tokens of each 512-pixel tile at detail ``high``.
    """

    input: float
    output: float
    picture: int = 0
    tile: int = 0


TABLE: dict[str, Price] = {
    "gpt-4o-mini": Price(0.15, 0.60, 2833, 5667),
    "gpt-4o": Price(2.50, 10.00, 85, 170),
}
"""Model → price, from OpenAI's public price list; the picture tokens agree with bills that users have published."""


def price_of(model: str, corrections: Mapping[str, Mapping[str, Any]] | None = None) -> Price | None:
    """The price of ``model``; a snapshot such as ``gpt-4o-2024-08-06`` costs what its model does. None: not known.

    Args:
        model: the model's name at the provider.
        corrections: model → fields of :class:`Price`, stronger than the table: ``{"my-model": {"input": 0.1,
            "output": 0.4}}``; what is left out is taken from the table.

    Raises:
        UsageError: for a correction that is no price.
    """
    name = model
    if name not in TABLE and name[-_DATE_LENGTH:].replace("-", "").isdigit():
        name = name[:-_DATE_LENGTH]
    known = TABLE.get(name)
    correction = (corrections or {}).get(model)
    if correction is None:
        return known
    fields = {} if known is None else {name: getattr(known, name) for name in Price.__slots__}
    return _checked(model, {**fields, **correction})


def usd(price: Price | None, usage: Mapping[str, int], *, batch: bool = False) -> float | None:
    """US dollars for ``usage`` (``{"input": tokens, "output": tokens}``), half of it through the Batch API; None
    without a price. Discounts for cached input are left out, so the bill may be lower, not higher."""
    if price is None:
        return None
    full = (usage.get("input", 0) * price.input + usage.get("output", 0) * price.output) / _PER
    return full * _BATCH if batch else full


def stale(today: date) -> str | None:
    """A warning when the table is older than 180 days."""
    age = (today - DATED).days
    if age <= _KEEPS:
        return None
    return f"The price table is of {DATED} ({age} days old): check the provider's list and correct it with `prices`."


def _checked(model: str, fields: Mapping[str, Any]) -> Price:
    expected = "input and output in US dollars a million tokens; picture and tile in tokens; none of them negative"
    try:
        price = Price(**fields)
        if min(price.input, price.output, price.picture, price.tile) >= 0:
            return price
    except TypeError:
        pass  # a missing or unknown field, or a value that is no number
    raise UsageError(f"this is no price for {model}", found=dict(fields), expected=expected, do="correct `prices`")
