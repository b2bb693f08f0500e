"""The registry of row gates and the one place that runs them.

A gate is a function ``(candidate, **parameters) -> Ruling``. It must not look at other rows, read files or draw
random numbers: the same candidate and parameters always give the same ruling.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from facial_r1.errors import UsageError
from facial_r1.recipe import Gate as GateSpec
from facial_r1.response import Response
from facial_r1.sample import Sample

__all__ = ["Candidate", "Ruling", "Verdict", "gate", "gate_names", "judge", "rejection"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a gate sees: the row with its truth, and what the model answered.

    Attributes:
        sample: the row; ``description`` is still empty.
        outcome: one of :data:`facial_r1.inference.protocol.OUTCOMES`.
        response: the parsed text; an empty one when there is none.
        label_rule: ``any`` or ``set``, see the recipe.
    """

    sample: Sample
    outcome: str
    response: Response
    label_rule: str = "any"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate says: ``ok`` True, False with a countable ``reason``, or None when it does not apply.

    ``detail`` is for people (which AU, which word); ``value`` is the measured quantity, kept for reports.
    """

    ok: bool | None
    reason: str | None = None
    detail: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ruling under the name of its gate, as it is written to ``4-verdicts``."""

    gate: str
    ok: bool | None
    reason: str | None
    detail: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


GateFunction = Callable[..., Ruling]
_GATES: dict[str, GateFunction] = {}


def gate(function: GateFunction) -> GateFunction:
    """Register a gate under its function name."""
    _GATES[function.__name__] = function
    return function


@cache
def _load() -> None:
    import curation.gates as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"curation.gates.{module.name}")


def gate_names() -> tuple[str, ...]:
    """All registered gates, alphabetical."""
    _load()
    return tuple(sorted(_GATES))


def resolve(spec: GateSpec) -> GateFunction:
    """The function of a recipe's gate, its parameters checked against the function's signature.

    Raises:
        UsageError: for an unknown gate or parameter.
    """
    _load()
    function = _GATES.get(spec.name)
    if function is None:
        raise UsageError("unknown gate in the recipe", found=spec.name, expected=f"one of {', '.join(gate_names())}")
    known = list(inspect.signature(function).parameters)[1:]
    unknown = sorted(set(spec.params) - set(known))
    if unknown:
        expected = f"only {', '.join(known)}" if known else "no parameters"
        raise UsageError(f"unknown parameter of the gate {spec.name}", found=unknown[0], expected=expected)
    return function


def judge(candidate: Candidate, gates: Sequence[GateSpec]) -> list[Verdict]:
    """Run ``gates`` in order; all of them, so that a report can show every reason and not only the first."""
    verdicts = []
    for spec in gates:
        ruling = resolve(spec)(candidate, **spec.params)
        verdicts.append(Verdict(spec.name, ruling.ok, ruling.reason, ruling.detail, ruling.value))
    return verdicts


def rejection(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict that rejects, in the recipe's order, or None when the row is accepted."""
    return next((verdict for verdict in verdicts if verdict.ok is False), None)
