"""What the rows of a release come to: the parts of its recipe, the counts of its manifest, rates of AUs and classes.

DuckDB counts, great_expectations holds the counts against what they should be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.checks.check import Check, not_run
from curation.checks.flat import ask
from curation.checks.rates import USUAL, allowed, wilson
from curation.checks.rules import MANIFEST, Rules
from curation.checks.suite import Suite
from facial_r1.errors import InputError
from facial_r1.recipe import Bounds

if TYPE_CHECKING:
    import duckdb

__all__ = ["TOTAL_CHECKS", "Counts", "check_totals", "stated_counts"]

TOTAL_CHECKS: dict[str, str] = {
    "composition": "as many rows as the parts of the recipe ask for (fewer only where it allows to be short)",
    "counts": "the counts that the manifest states",
    "classes": "no emotion has more of a corpus and split than bounds.most_of_one_class",
    "au_rates": "AUs as frequent as in their corpus, within bounds.au_rate_factor; none in nearly all rows",
}
"""The checks of :func:`check_totals`: name → what is expected."""

_TRUTHS = """CREATE TABLE truths AS SELECT dataset, split_of_file AS split, task, AUs, au_annotated, labels,
len(pseudo_aus) > 0 OR pseudo_label IS NOT NULL AS beyond, count(*) AS times FROM rows GROUP BY ALL"""

_COUNTS = """
SELECT 'rows', split, NULL, NULL, sum(times) FROM truths GROUP BY ALL
UNION ALL SELECT 'corpora', dataset, split, task, sum(times) FROM truths GROUP BY ALL
UNION ALL SELECT 'aus', dataset, au, NULL, sum(times)
    FROM (SELECT dataset, unnest(AUs) AS au, times FROM truths) GROUP BY ALL
UNION ALL SELECT 'labels', dataset, label, NULL, sum(times)
    FROM (SELECT dataset, unnest(labels) AS label, times FROM truths) GROUP BY ALL
UNION ALL SELECT 'pseudo_rows', NULL, NULL, NULL, sum(times) FROM truths WHERE beyond AND task <> 'au+emotion'
UNION ALL SELECT 'cells', dataset, split, NULL, sum(times) FROM truths GROUP BY ALL
"""

_CLASSES = """SELECT dataset, split, label, sum(times)::BIGINT AS hits, any_value(labelled)::BIGINT AS of FROM (
    SELECT dataset, split, times, unnest(labels) AS label,
        sum(times) FILTER (len(labels) > 0) OVER (PARTITION BY dataset, split) AS labelled FROM truths
) GROUP BY dataset, split, label HAVING any_value(labelled) >= {least} ORDER BY ALL"""

_RATES = """SELECT dataset, split, au,
    sum(times) FILTER (list_contains(AUs, au))::BIGINT AS hits, sum(times)::BIGINT AS of
FROM (SELECT dataset, split, AUs, times, unnest(au_annotated) AS au FROM truths)
GROUP BY dataset, split, au HAVING sum(times) >= {least} ORDER BY ALL"""

Counts = Counter[tuple[str | None, ...]]
"""What is counted, such as ``("aus", "disfa", "AU12", None)`` → rows."""


def check_totals(
    connection: duckdb.DuckDBPyConnection, stated: Counts, rules: Rules, *, counted: bool = True
) -> list[Check]:
    """Count the table ``rows`` of :func:`curation.checks.flat.flat_table`, and judge the counts.

    Args:
        connection: the database.
        stated: what the manifest says, see :func:`stated_counts`.
        rules: of the release.
        counted: False when rows are of no corpus of the recipe; how many there are of each then says nothing.
    """
    import great_expectations.expectations as gxe

    def at_least(check: str, more: str, less: str) -> Any:
        return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=more, column_B=less, or_equal=True, meta={"check": check}
        )

    def equal(check: str, one: str, other: str) -> Any:
        return gxe.ExpectColumnPairValuesToBeEqual(column_A=one, column_B=other, meta={"check": check})

    connection.execute(_TRUTHS)
    bounds = rules.bounds
    parts = (at_least if rules.allow_short else equal)("composition", "wanted", "rows")
    counts = equal("counts", "manifest", "found")
    share = gxe.ExpectColumnValuesToBeBetween(
        column="share", max_value=bounds.most_of_one_class, meta={"check": "classes"}
    )
    rates = [at_least("au_rates", "rate_at_most", "least"), at_least("au_rates", "most", "rate_at_least")]
    checks = [
        _judge("composition", "parts", [parts], _parts(connection, rules)),
        _judge("counts", "counts", [counts], _counts(connection, stated)),
        _judge("classes", "classes", [share], _classes(connection, bounds)),
        _judge("au_rates", "rates", rates, _rates(connection, rules)),
    ]
    if counted:
        return checks
    first = {name: TOTAL_CHECKS[name] for name in ("composition", "counts")}
    return not_run(first, "dataset failed") + checks[len(first) :]


def _judge(name: str, what: str, expectations: Sequence[Any], rows: Iterable[dict[str, Any]]) -> Check:
    import pandas as pd

    suite = Suite(expectations, {name: TOTAL_CHECKS[name]}, place=("file", "id"), what=what)
    frame = pd.DataFrame(rows)
    if not frame.empty:
        suite.check(frame)
    (check,) = suite.checks()
    return check


def _parts(connection: duckdb.DuckDBPyConnection, rules: Rules) -> Iterator[dict[str, Any]]:
    found = Counter({(corpus, split): times for corpus, split, times in ask(connection, _BY_PART)})
    wanted: Counter[tuple[str, str]] = Counter()
    for part in rules.parts:
        wanted[part.corpus, part.split] += part.rows
    for corpus, split in sorted(wanted | found):
        place = {"file": f"{split}.jsonl", "id": corpus}
        yield {**place, "wanted": wanted[corpus, split], "rows": found[corpus, split]}


_BY_PART = "SELECT dataset, split, sum(times)::BIGINT FROM truths GROUP BY ALL"


def _counts(connection: duckdb.DuckDBPyConnection, stated: Counts) -> Iterator[dict[str, Any]]:
    found: Counts = Counter({tuple(key): int(times or 0) for *key, times in ask(connection, _COUNTS)})
    for key in sorted(stated | found, key=str):
        name = "/".join(part for part in key if part is not None)
        yield {"file": MANIFEST, "id": name, "manifest": stated[key], "found": found[key]}


def stated_counts(manifest: Mapping[str, Any], path: Path) -> Counts:
    """What a manifest says about the rows, as they are counted here.

    Raises:
        InputError: naming ``path``, when it does not say so in the form in which it is written.
    """
    try:
        return _stated(manifest)
    except (KeyError, TypeError, AttributeError) as error:
        what = f"the counts of this manifest are broken ({error!r})"
        raise InputError(what, path=path, do="restore the manifest, or release again") from None


def _stated(manifest: Mapping[str, Any]) -> Counts:
    stated: Counts = Counter()
    for split, rows in manifest["rows"].items():
        stated["rows", split, None, None] += rows
    for name, entry in manifest["corpora"].items():
        for cell in entry["rows"]:
            stated["corpora", name, cell["split"], cell["task"]] += cell["rows"]
        for kind in ("aus", "labels"):
            for value, rows in entry[kind].items():
                stated[kind, name, value, None] += rows
    for cell in manifest["cells"]:
        stated["cells", cell["corpus"], cell["split"], None] += cell["released"]
    stated["pseudo_rows", None, None, None] += manifest["unknown_truth"]["pseudo_rows"]
    return stated


def _classes(connection: duckdb.DuckDBPyConnection, bounds: Bounds) -> Iterator[dict[str, Any]]:
    for corpus, split, label, hits, of in ask(connection, _CLASSES.format(least=bounds.least_rows)):
        yield {"file": f"{split}.jsonl", "id": f"{corpus} {label}", "rows": hits, "of": of, "share": hits / of}


def _rates(connection: duckdb.DuckDBPyConnection, rules: Rules) -> Iterator[dict[str, Any]]:
    """A rate is held against its range with the error that so few rows leave; a part balanced over AUs has no range."""
    balanced = {(part.corpus, part.split) for part in rules.parts if part.balance == "au"}
    for corpus, split, au, hits, of in ask(connection, _RATES.format(least=rules.bounds.least_rows)):
        usual = {} if (corpus, split) in balanced else USUAL.get(corpus, {})
        low, high = wilson(hits or 0, of)
        least, most = allowed(usual, au, rules.bounds.au_rate_factor)
        place = {"file": f"{split}.jsonl", "id": f"{corpus} {au}"}
        yield {
            **place,
            "rate": (hits or 0) / of,
            "least": least,
            "most": most,
            "rate_at_least": low,
            "rate_at_most": high,
        }
