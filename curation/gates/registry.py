"""The registry of gates and the one place that runs them. There are two kinds, named alike in a recipe.

A *row gate* is a function ``(candidate, *, parameters) -> Ruling``. It must not look at other rows, read files or draw
random numbers: the same candidate and parameters always give the same ruling.

A *set gate* compares a row with those that were kept before it, see :mod:`curation.gates.sets`. It is a function
``(*, parameters) -> SetGate`` that makes a fresh comparison.

A new gate is one decorated function in any module of this folder; its signature is its documentation and the check of
what a recipe may set.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple, Protocol, TypeVar, get_type_hints

import orjson
from pydantic import ConfigDict, ValidationError, create_model

from facial_r1.errors import UsageError
from facial_r1.files import canonical_json
from facial_r1.recipe import Gate as GateSpec
from facial_r1.response import Response
from facial_r1.reviews import Review
from facial_r1.sample import Sample, form_of

__all__ = [
    "NOT_APPLICABLE",
    "OUTCOME",
    "PASSED",
    "Candidate",
    "Panel",
    "Ruling",
    "SetGate",
    "Verdict",
    "gate",
    "gate_names",
    "is_set_gate",
    "judge",
    "rejection",
    "resolve",
    "set_gate",
]

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
        judge: the score that a judge gave this text, 1-10; None where there is none.
        review: what people decided about this text; None where nobody did.
    """

    sample: Sample
    outcome: str
    response: Response
    label_rule: str = "any"
    unknown_truth: str = "omit"
    judge: float | None = None
    review: Review | None = None

    @property
    def form(self) -> str | None:
        """The task whose form the answer must have; None when nothing is known of the row."""
        return form_of(self.sample, self.unknown_truth)

    @property
    def beyond(self) -> bool:
        """The answer may state what the corpus does not know."""
        return self.unknown_truth == "pseudo"


class Ruling(NamedTuple):
    """What a gate says: ``ok`` True, False with a countable ``reason``, or None when it does not apply.

    ``detail`` is for people (which AU, which word); ``value`` is the measured quantity, kept for reports.
    """

    ok: bool | None
    reason: str | None = None
    detail: str = ""
    value: float | None = None


PASSED = Ruling(True)
NOT_APPLICABLE = Ruling(None)


@dataclass(slots=True)  # not frozen: a dozen are made for each answer, and freezing would double their cost
class Verdict:
    """A ruling under the name of its gate, as it is written to ``4-verdicts``."""

    gate: str
    ok: bool | None
    reason: str | None = None
    detail: str = ""
    value: float | None = None


class SetGate(Protocol):
    """A comparison with the rows that were kept so far; made anew for every pass over a run."""

    def read(self, candidate: Candidate) -> Any:
        """What the comparison needs of a row. Must depend on nothing else: it may be called at any time."""
        ...

    def rule(self, read: Any) -> Ruling:
        """Hold it against the rows kept so far; a rejection names one of them."""
        ...

    def keep(self, read: Any, row: str) -> None:
        """The row of that id is kept: no gate rejected it."""
        ...


Function = TypeVar("Function", bound=Callable[..., Any])
_GATES: dict[str, Callable[..., Ruling]] = {}
_SET_GATES: dict[str, Callable[..., SetGate]] = {}


def gate(function: Function) -> Function:
    """Register a row gate under its function name."""
    _GATES[function.__name__] = function
    return function


def set_gate(function: Function) -> Function:
    """Register a set gate under its function name."""
    _SET_GATES[function.__name__] = function
    return function


@cache
def _load() -> None:
    import curation.gates as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"curation.gates.{module.name}")


def gate_names() -> tuple[str, ...]:
    """All registered gates of both kinds, alphabetical."""
    _load()
    return tuple(sorted({*_GATES, *_SET_GATES}))


def is_set_gate(name: str) -> bool:
    """Whether the gate of this name compares rows with each other."""
    _load()
    return name in _SET_GATES


def resolve(spec: GateSpec) -> Callable[..., Any]:
    """The function of a recipe's gate with its parameters bound, once they fit the function's signature.

    Raises:
        UsageError: for an unknown gate, an unknown parameter or a value of the wrong type or range.
    """
    return _resolve(spec.name, canonical_json(spec.params))


@cache
def _resolve(name: str, params: bytes) -> Callable[..., Any]:
    _load()
    function = _GATES.get(name) or _SET_GATES.get(name)
    if function is None:
        raise UsageError("unknown gate in the recipe", found=name, expected=f"one of {', '.join(gate_names())}")
    hints = get_type_hints(function, include_extras=True)
    known = [p for p in inspect.signature(function).parameters.values() if p.default is not p.empty]
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
    return partial(function, **dict(checked)) if known else function


class Panel:
    """The gates of a recipe, each bound once; what judges many rows holds one.

    Raises:
        UsageError: as :func:`resolve`.
    """

    def __init__(self, gates: Sequence[GateSpec]) -> None:
        bound = [(spec, resolve(spec)) for spec in gates]
        self._rows = [(one.name, one.corpora, call) for one, call in bound if not is_set_gate(one.name)]
        self.sets = [(one.name, one.corpora, call) for one, call in bound if is_set_gate(one.name)]
        """The set gates: name, corpora (all, when empty), and what makes a fresh one."""

    def judge(self, candidate: Candidate) -> list[Verdict]:
        """The row gates in their order; all of them, so that a report can show every reason and not only the first.

        An answer that is no text (a refusal, a cut or failed answer) gets one verdict with that outcome as its reason:
        there is nothing to measure, and a zero would be a lie.
        """
        if candidate.outcome != "ok":
            return [Verdict(OUTCOME, False, candidate.outcome)]
        corpus = candidate.sample.dataset
        return [
            Verdict(name, *rule(candidate)) for name, corpora, rule in self._rows if not corpora or corpus in corpora
        ]


def judge(candidate: Candidate, gates: Sequence[GateSpec]) -> list[Verdict]:
    """What the row gates among ``gates`` say of one candidate, see :meth:`Panel.judge`."""
    return Panel(gates).judge(candidate)


def rejection(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first verdict that rejects, in the recipe's order, or None when the row is accepted."""
    return next((verdict for verdict in verdicts if verdict.ok is False), None)
