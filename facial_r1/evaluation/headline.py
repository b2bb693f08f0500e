"""The numbers of a result that belong into a table, each with its interval and its coverage.

Works on results as they are stored (:meth:`facial_r1.evaluation.result.Evaluation.to_json`), so that those of earlier
evaluations and of this one are one kind of thing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facial_r1.evaluation.au import MEANS

__all__ = ["Figure", "Result", "Spread", "figures", "identity", "run_table", "spreads"]

Result = Mapping[str, Any]

_EMOTION = {"accuracy": "accuracy (WAR)", "uar": "UAR", "macro_f1": "emotion macro F1"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        name: the metric.
        value: as tables show it: per cent, REGE 0-200, judge 1-10; None when it is not known.
        low, high: 95 % interval in the same unit.
        rows, of: rows behind it, and rows there could have been.
        lower: the lower bound in which rows without an answer say nothing; None when every row is answered.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    of: int = 0
    lower: float | None = None

    def __str__(self) -> str:
        """``73.1 [70.2, 75.8]``."""
        if self.value is None:
            return "–"
        digits = 2 if self.name.startswith("judge") else 1
        ends = "" if self.low is None or self.high is None else f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return f"{self.value:.{digits}f}{ends}"


def figures(result: Result) -> list[Figure]:
    """The figures of a result, in the order of tables; what does not apply is left out."""
    total = result["coverage"]["rows"]
    found: list[Figure] = []
    if (aus := result["aus"]) is not None:
        known = (result["aus_of_all"] or aus)["rows"]
        found += [
            _scaled(f"AU F1 {mean}", aus, mean, known, result["aus_of_all"]) for mean in MEANS if aus[mean] is not None
        ]
    if (emotions := result["emotions"]) is not None:
        labelled = (result["emotions_of_all"] or emotions)["rows"]
        found += [_scaled(name, emotions, key, labelled, result["emotions_of_all"]) for key, name in _EMOTION.items()]
    for name, mean in result["texts"].items():
        found.append(_mean(name, mean, 100.0))
    for one in result["rege"]:
        name = f"REGE {one['kind']} ({one['reader']})"
        found.append(Figure(name, one["recognition"] + one["generation"], rows=one["rows"], of=total))
    for criterion, mean in result["judge"].items():
        found.append(_mean(f"judge {criterion}", mean, 1.0))
    return found


def _scaled(name: str, scores: Mapping[str, Any], key: str, of: int, bound: Mapping[str, Any] | None) -> Figure:
    low, high = scores["intervals"].get(key, (None, None))
    lower = None if bound is None or bound[key] is None else 100 * bound[key]
    value = None if scores[key] is None else 100 * scores[key]
    return Figure(name, value, _percent(low), _percent(high), scores["rows"], of, lower)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _mean(name: str, mean: Mapping[str, Any], factor: float) -> Figure:
    value, low, high = (None if mean[key] is None else factor * mean[key] for key in ("value", "low", "high"))
    return Figure(name, value, low, high, mean["rows"], mean["of"])


def identity(result: Result) -> str:
    """The sentence without which a number means nothing: protocol, split, rows, lists, readers."""
    coverage = result["coverage"]
    parts = [
        f"protocol {result['protocol']}",
        f"split {result['split']}",
        f"{coverage['answered']:,} of {coverage['rows']:,} rows answered",
    ]
    if result["aus"] is not None:
        parts.append(f"{len(result['aus']['aus'])} AUs ({', '.join(result['aus']['aus'])})")
    if result["emotions"] is not None:
        parts.append(f"{len(result['emotions']['classes'])} classes ({', '.join(result['emotions']['classes'])})")
    parts.append(f"read as {' and '.join(result['readers']) or 'nothing'}")
    return "; ".join(parts)


def run_table(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table across runs: a run a row, a metric a column."""
    tables = [{one.name: one for one in figures(result)} for result in results]
    names = list(dict.fromkeys(name for table in tables for name in table))
    head = ["model", "protocol", "split", "rows", "answered", *names]
    rows = [
        [
            result["model"],
            result["protocol"],
            result["split"],
            f"{result['coverage']['rows']:,}",
            f"{_share(result):.1f} %",
            *(str(table[name]) if name in table else "–" for name in names),
        ]
        for result, table in zip(results, tables, strict=True)
    ]
    return head, rows


def _share(result: Result) -> float:
    return float(100 * result["coverage"]["answered"] / max(1, result["coverage"]["rows"]))


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric over several runs of one model, such as seeds."""

    metric: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Their sample standard deviation; NaN for one run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan


def spreads(results: Sequence[Result]) -> dict[str, list[Spread]]:
    """Model → its metrics over all its runs on the same split under the same protocol, models with several runs only.

    A metric that one of the runs lacks is left out.
    """
    models: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        models.setdefault((result["model"], result["protocol"], result["split"]), []).append(result)
    return {
        model: [Spread(name, values) for name, values in _columns(runs)]
        for (model, *_), runs in models.items()
        if len(runs) > 1
    }


def _columns(runs: Sequence[Result]) -> Iterable[tuple[str, tuple[float, ...]]]:
    tables = [{one.name: one.value for one in figures(run) if one.value is not None} for run in runs]
    for name in tables[0]:
        if all(name in table for table in tables):
            yield name, tuple(table[name] for table in tables)
