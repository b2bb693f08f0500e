"""The registry of row gates and the one place that runs them.

A gate is a function ``(candidate, **parameters) -> Ruling``. It must not look at other rows, read files or draw
random numbers: the same candidate and parameters always give the same ruling. A new gate is one decorated function
in any module of this folder; its signature is its documentation and the check of what a recipe may set.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import get_type_hints

import orjson
from pydantic import ConfigDict, ValidationError, create_model

from facial_r1.errors import UsageError
from facial_r1.files import canonical_json
from facial_r1.recipe import Gate as GateSpec
from facial_r1.response import Response
from facial_r1.sample import Sample, form_of

__all__ = ["OUTCOME", "Candidate", "Ruling", "Verdict", "gate", "gate_names", "judge", "rejection", "resolve"]

OUTCOME = "outcome"
"""The name under which an answer without a usable text is rejected; no gate is asked about it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a gate sees: the row with its truth, and what the model answered.

    Attributes:
        sample: the row; ``description`` is still empty.
        outcome: one of :data:`facial_r1.inference.protocol.OUTCOMES`.
        response: the parsed text; an empty one when there is none.
        label_rule: ``any`` or ``set``, see the recipe.
        unknown_truth: ``omit`` or ``pseudo``, see the recipe.
    """

    sample: Sample
    outcome: str
    response: Response
    label_rule: str = "any"
    unknown_truth: str = "omit"

    @property
    def form(self) -> str | None:
        """The task whose form the answer must have; None when nothing is known of the row."""
        return form_of(self.sample, self.unknown_truth)

    @property
    def beyond(self) -> bool:
        """The answer may state what the corpus does not know."""
        return self.unknown_truth == "pseudo"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a gate says: ``ok`` True, False with a countable ``reason``, or None when it does not apply.

    ``detail`` is for people (which AU, which word); ``value`` is the measured quantity, kept for reports.
    """

    ok: bool | None
    reason: str | None = None
    detail: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ruling under the name of its gate, as it is written to ``4-verdicts``."""

    gate: str
    ok: bool | None
    reason: str | None = None
    detail: str = ""
    value: float | None = None


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
    """The function of a recipe's gate with its parameters bound, once they fit the function's signature.

    Raises:
        UsageError: for an unknown gate, an unknown parameter or a value of the wrong type or range.
    """
    return _resolve(spec.name, canonical_json(spec.params))


@cache
def _resolve(name: str, params: bytes) -> GateFunction:
    _load()
    function = _GATES.get(name)
    if function is None:
        raise UsageError("unknown gate in the recipe", found=name, expected=f"one of {', '.join(gate_names())}")
    hints = get_type_hints(function, include_extras=True)
    known = list(inspect.signature(function).parameters.values())[1:]
    model = create_model(  # type: ignore[call-overload]
        name, __config__=ConfigDict(extra="forbid"), **{p.name: (hints[p.name], p.default) for p in known}
    )
    try:
        checked = model.model_validate(orjson.loads(params))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            expected = f"only {', '.join(p.name for p in known)}" if known else "no parameters"
            raise UsageError(f"unknown parameter of the gate {name}", found=key, expected=expected) from None
        message = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise UsageError(f"parameter `{key}` of the gate {name}: {message}", found=first["input"]) from None
    return partial(function, **dict(checked))


def judge(candidate: Candidate, gates: Sequence[GateSpec]) -> list[Verdict]:
    """Run ``gates`` in order; all of them, so that a report can show every reason and not only the first.

    An answer that is no text (a refusal, a cut or failed answer) gets one verdict with that outcome as its reason:
    there is nothing to measure, and a zero would be a lie.
    """
    if candidate.outcome != "ok":
        return [Verdict(OUTCOME, False, candidate.outcome)]
    verdicts = []
    for spec in gates:
        ruling = resolve(spec)(candidate)
        verdicts.append(Verdict(spec.name, ruling.ok, ruling.reason, ruling.detail, ruling.value))
    return verdicts


def rejection(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict that rejects, in the recipe's order, or None when the row is accepted."""
    return next((verdict for verdict in verdicts if verdict.ok is False), None)
