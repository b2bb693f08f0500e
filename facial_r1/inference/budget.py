"""Hard caps: a request is asked only when it, with everything in flight, cannot pass them.

Before a request is sent its largest possible cost is set aside; when its answer comes the real cost takes that place.
When nothing more fits, the runner waits for what is in flight, since answers cost less than was set aside, and stops
only when nothing is in flight either.

A cap counts one call of :func:`facial_r1.inference.runner.ask`; what earlier runs paid for is in the journal and is
not asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.inference.prices import Price, usd
from facial_r1.inference.protocol import Answer, Request
from facial_r1.inference.tokens import most

__all__ = ["Budget", "CapReached"]


class CapReached(FacialR1Error):
    """A cap stopped the run; everything paid for is in the journal."""


@dataclass(slots=True)
class Budget:
    """Money and requests of one run.

    Args:
        price: the model's price, None when it is not known.
        max_cost: US dollars.
        max_requests: requests that the provider may charge for.
        batch: whether the provider's batch discount applies.

    Attributes:
        spent: US dollars so far, None without a price.
        charged: requests answered or lost on their way.

    Raises:
        UsageError: for a cap in money without a price, or a cap that is not positive.
    """

    price: Price | None = None
    max_cost: float | None = None
    max_requests: int | None = None
    batch: bool = False
    spent: float | None = field(default=None, init=False)
    charged: int = field(default=0, init=False)
    _held: dict[str, float] = field(default_factory=dict, init=False)  # key in flight → US dollars set aside
    _aside: float = field(default=0.0, init=False)  # their sum

    def __post_init__(self) -> None:
        if self.max_cost is not None and self.price is None:
            raise UsageError(
                "--max-cost needs a price, and the price table does not have this model",
                do="state a teacher's price in the recipe (teacher.prices), or cap the requests with --max-requests",
            )
        for name, cap in (("--max-cost", self.max_cost), ("--max-requests", self.max_requests)):
            if cap is not None and cap <= 0:
                raise UsageError(f"{name} must be positive", found=cap)
        if self.price is not None:
            self.spent = 0.0

    def reserve(self, key: str, request: Request) -> bool:
        """Set aside what ``request`` may cost; False, and nothing is set aside, when that could pass a cap.

        Raises:
            UsageError: when the length of the answer is not limited, and so its cost neither.
        """
        cost = self._at_most(request)
        if self.max_requests is not None and self.charged + len(self._held) >= self.max_requests:
            return False
        if self.max_cost is not None and (self.spent or 0.0) + self._aside + cost > self.max_cost:
            return False
        self._held[key] = cost
        self._aside += cost
        return True

    def settle(self, answers: Iterable[Answer]) -> None:
        """The real cost of answers takes the place of what was set aside; without counts, all of that was spent."""
        for answer in answers:
            held = self._free(answer.key)
            free = answer.outcome == "failed" and not answer.usage
            self._spend(0.0 if free else self._cost(answer.usage, held), requests=0 if free else 1)

    def release(self, keys: Iterable[str]) -> None:
        """Requests will not be asked, or were refused without charge."""
        for key in keys:
            self._free(key)

    def lose(self, keys: Iterable[str]) -> None:
        """Answers were lost on their way: all that was set aside for them counts as spent."""
        for key in keys:
            self._spend(self._free(key), requests=1)

    def reached(self, folder: Path) -> CapReached:
        """The error that ends the run, saying what was spent and how to go on; ``folder`` holds the journal."""
        caps = [] if self.max_cost is None else [f"--max-cost {self.max_cost:g}"]
        caps += [] if self.max_requests is None else [f"--max-requests {self.max_requests}"]
        money = "" if self.spent is None else f" and {self.spent:.4f} USD"
        return CapReached(
            f"the next request could pass {' or '.join(caps)}",
            found=f"{self.charged} requests{money} in this run, answers in {folder}",
            do="run the same command again to spend as much once more, or raise the cap; nothing is asked twice",
        )

    def _at_most(self, request: Request) -> float:
        if self.price is None or self.max_cost is None:
            return 0.0
        if not request.params.get("max_tokens"):
            raise UsageError("--max-cost needs a limit on the length of answers", do="set max_tokens in the options")
        return usd(self.price, most(request, self.price), batch=self.batch) or 0.0

    def _free(self, key: str) -> float:
        cost = self._held.pop(key, 0.0)
        self._aside = self._aside - cost if self._held else 0.0
        return cost

    def _cost(self, usage: Mapping[str, int], held: float) -> float:
        return (usd(self.price, usage, batch=self.batch) or 0.0) if usage else held

    def _spend(self, cost: float, *, requests: int) -> None:
        self.charged += requests
        if self.spent is not None:
            self.spent += cost
