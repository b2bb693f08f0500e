"""The rows of a place in DuckDB's memory: read once with given column types, then filtered and paged in milliseconds.

A run's rows are its tasks, each with the answer that counts: the first accepted one, else the last. The page never
holds more than what it shows, and what is read is never written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from facial_r1.columns import (
    ANSWER_TYPES,
    META_TYPES,
    PROMPT_TYPES,
    SAMPLE_TYPES,
    TASK_TYPES,
    VERDICT_TYPES,
    fault_in,
    read_lines,
)
from facial_r1.emotions import try_canonical
from facial_r1.errors import InputError
from facial_r1.facs import code, sort_codes
from facial_r1.reviews import Review, read_reviews, standing, text_hash
from facial_r1.stats.counts import Counts, Pattern
from viewer.filters import Filter, order, where
from viewer.place import ANSWERS, VERDICTS, Place

__all__ = ["DECISIONS", "Facets", "Store"]

DECISIONS = ("unreviewed", "accept", "reject", "edit")
"""What a row's ``review`` may be."""
_BLANKS = "length(trim(description)) - length(replace(trim(description), ' ', ''))"
_WORDS = f"CASE WHEN trim(description) = '' THEN 0 ELSE {_BLANKS} + 1 END"
"""Blanks and one more: a regular expression would take longer than reading the file."""

_LISTS = ", ".join(
    f'coalesce("{name}", []) AS "{name}"'
    for name, kind in {**SAMPLE_TYPES, **META_TYPES}.items()
    if kind.endswith("[]")
)
"""A file of the published schema may leave lists out, with all of `meta_info`."""
_SEARCHED = "lower(concat_ws(' ', description, question, id))"
_SHOWN = "* EXCLUDE (searched)"


@dataclass(frozen=True, slots=True)
class Facets:
    """The values that rows have, for the choices of the page."""

    corpora: list[str]
    splits: list[str]
    tasks: list[str]
    labels: list[str]
    aus: list[str]
    verdicts: list[str]
    reasons: list[str]
    models: list[str]


class Store:
    """The rows of ``place``; any number of threads may ask.

    Attributes:
        place: where the rows are.
        version: how often they were read.

    Raises:
        InputError: for a line that does not fit the published schema.
    """

    def __init__(self, place: Place) -> None:
        self.place, self.version = place, 0
        self._db, self._writing = duckdb.connect(), Lock()
        self.reload()

    def reload(self) -> None:
        """Read the files again."""
        self._seen = self._state()
        self._write(
            f"CREATE OR REPLACE TABLE rows AS SELECT * REPLACE ({_LISTS}), {_WORDS} AS words, "
            "row_number() OVER () - 1 AS place, 'unreviewed' AS review, "
            f"{_SEARCHED} AS searched FROM ({self._source()})"
        )
        nameless = self._ask("SELECT count(*) FROM rows WHERE id IS NULL OR dataset IS NULL")[0][0]
        if nameless:
            do = "give a JSONL file of the published schema; `facial-r1 validate` names every bad line"
            raise InputError(
                "these are no samples", path=self.place.root, found=f"{nameless:,} rows without an id", do=do
            )
        self._spell()
        self.version += 1
        self.read_reviews()

    def _spell(self) -> None:
        """Spell codes and labels as everywhere else: in the published schema they may be ``AU04`` and ``Sadness``."""
        for column, spelled in (("AUs", code), ("au_annotated", code), ("pseudo_aus", code), ("labels", _noun)):
            for (written,) in self._ask(f'SELECT DISTINCT unnest("{column}") FROM rows'):
                try:
                    canonical = spelled(str(written))
                except InputError as error:
                    do = "check the files with `facial-r1 validate`"
                    raise InputError(error.what, path=self.place.root, found=error.found, do=do) from None
                if canonical != written:
                    self._write(
                        f'UPDATE rows SET "{column}" = list_transform("{column}", lambda one: if(one = $1, $2, one)) '
                        f'WHERE list_contains("{column}", $1) AND NOT list_contains(label_set, $1)',
                        [written, canonical],
                    )

    def read_reviews(self, identifier: str | None = None) -> None:
        """Mark which rows were reviewed, or of one row whether it was.

        A decision about another text than the row now has does not count; of several reviewers the latest does.
        """
        decided = standing(read_reviews(self.place.reviews))
        looked_at = list(decided) if identifier is None else [identifier]
        marks = {name: _decision(decided.get(name, {}), text) for name, text in self._texts(looked_at)}
        if identifier is None:
            self._write("UPDATE rows SET review = 'unreviewed' WHERE review <> 'unreviewed'")
        for decision in DECISIONS:
            names = [name for name, found in marks.items() if found == decision]
            if names:
                self._write("UPDATE rows SET review = ? WHERE id IN ?", [decision, names])

    def _texts(self, identifiers: Sequence[str]) -> list[tuple[Any, ...]]:
        return self._ask("SELECT id, description FROM rows WHERE id IN ?", [list(identifiers)]) if identifiers else []

    @property
    def stale(self) -> bool:
        """A file has changed since it was read: the run is still being written."""
        return self._seen != self._state()

    def count(self, chosen: Filter | None = None) -> int:
        """How many rows pass."""
        condition, values = where(chosen or Filter())
        return int(self._ask(f"SELECT count(*) FROM rows WHERE {condition}", values)[0][0])

    def page(self, chosen: Filter, sort: str, offset: int, limit: int) -> list[dict[str, Any]]:
        """Some of the rows that pass: what a card or a sample shows."""
        condition, values = where(chosen)
        # First the places alone: sorting whole rows would copy every text.
        found = self._ask(
            f"SELECT rowid FROM rows WHERE {condition} ORDER BY {order(sort)} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        if not found:
            return []
        numbers = ", ".join(str(int(number)) for (number,) in found)
        rows = {
            row["rowid"]: row for row in self._dicts(f"SELECT rowid, {_SHOWN} FROM rows WHERE rowid IN ({numbers})")
        }
        return [{name: value for name, value in rows[number].items() if name != "rowid"} for (number,) in found]

    def row(self, identifier: str) -> dict[str, Any] | None:
        """One row by its id."""
        found = self._dicts(f"SELECT {_SHOWN} FROM rows WHERE id = ? LIMIT 1", [identifier])
        return found[0] if found else None

    def rows(self, identifiers: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Several rows by their ids; those that are not here are left out."""
        found = self._dicts(f"SELECT {_SHOWN} FROM rows WHERE id IN ?", [list(identifiers)])
        return {row["id"]: row for row in found}

    def counts(self, chosen: Filter) -> Counts:
        """What the rows that pass hold: corpora, labels and Action Units."""
        condition, values = where(chosen)
        found = self._ask(
            'SELECT dataset, split, task, labels, "AUs", au_annotated, count(*) FROM rows '
            f"WHERE {condition} GROUP BY ALL",
            values,
        )
        patterns: Counter[Pattern] = Counter()
        for dataset, split, task, labels, aus, annotated, rows in found:
            patterns[Pattern(dataset, split, task, tuple(labels), tuple(aus), tuple(annotated))] += rows
        return Counts(patterns)

    def lengths(self, chosen: Filter) -> list[int]:
        """The lengths of the texts that pass, in words."""
        condition, values = where(chosen)
        return [int(n) for (n,) in self._ask(f"SELECT words FROM rows WHERE description <> '' AND {condition}", values)]

    def attempts(self, identifier: str) -> list[dict[str, Any]]:
        """All answers about a row of a run with their verdicts, in the order in which they count."""
        if self.place.kind != "run" or not self._path(ANSWERS).is_file():
            return []
        verdicts = f"LEFT JOIN ({read_lines(self._path(VERDICTS), VERDICT_TYPES)}) v USING (id, attempt)"
        judged = self._path(VERDICTS).is_file()
        more = "v.accepted, v.reason, v.verdicts" if judged else "NULL AS accepted, NULL AS reason, NULL AS verdicts"
        return self._dicts(
            f"SELECT a.*, {more} FROM ({read_lines(self._path(ANSWERS), ANSWER_TYPES)}) a {verdicts if judged else ''} "
            "WHERE a.id = ?",
            [identifier],
        )

    def prompt(self, prompt_hash: str) -> str | None:
        """The text of a prompt of a run, None where it is not known."""
        path = self.place.root / ANSWERS / "prompts.jsonl"
        if self.place.kind != "run" or not path.is_file():
            return None
        found = self._ask(f"SELECT text FROM ({read_lines(path, PROMPT_TYPES)}) WHERE hash = ? LIMIT 1", [prompt_hash])
        return str(found[0][0]) if found else None

    def facets(self) -> Facets:
        """The values that occur."""

        def values(expression: str) -> list[str]:
            found = self._ask(f"SELECT DISTINCT {expression} AS value FROM rows")
            return sorted(value for (value,) in found if value is not None)

        return Facets(
            corpora=values("dataset"),
            splits=values("split"),
            tasks=values("task"),
            labels=values("unnest(labels)"),
            aus=sort_codes(values('unnest("AUs")')),
            verdicts=values("verdict"),
            reasons=values("reason"),
            models=values("model"),
        )

    def _source(self) -> str:
        if self.place.kind != "run":
            files = " UNION ALL ".join(read_lines(path, SAMPLE_TYPES) for path in self.place.rows)
            return (
                "SELECT * EXCLUDE (meta_info), unnest(meta_info), NULL::VARCHAR AS verdict, NULL::VARCHAR AS reason, "
                f"NULL::DOUBLE AS score FROM ({files})"
            )
        tasks = f"SELECT unnest(sample, max_depth := 1) FROM ({read_lines(self.place.rows[0], TASK_TYPES)})"
        sample = "SELECT * EXCLUDE (meta_info, description), unnest(meta_info) "
        if not self._path(ANSWERS).is_file():
            nothing = "'not asked' AS verdict, NULL::VARCHAR AS reason, NULL::DOUBLE AS score, '' AS description"
            return f"{sample}, {nothing} FROM ({tasks})"
        return (
            f"WITH told AS ({self._told()}), tasks AS ({sample} FROM ({tasks})) "
            "SELECT tasks.* REPLACE (coalesce(told.model, tasks.model) AS model, told.prompt_hash AS prompt_hash, "
            "told.conditioned AS label_conditioned), "
            "coalesce(told.text, '') AS description, coalesce(told.verdict, 'not asked') AS verdict, "
            "told.reason, told.score "
            "FROM tasks LEFT JOIN told ON told.id = tasks.id"
        )

    def _told(self) -> str:
        """The answer that counts for each row that was asked about."""
        answers = f"SELECT *, row_number() OVER () AS line FROM ({read_lines(self._path(ANSWERS), ANSWER_TYPES)})"
        if not self._path(VERDICTS).is_file():
            judged = (
                f"SELECT *, 'not judged' AS verdict, NULL::VARCHAR AS reason, NULL::DOUBLE AS score FROM ({answers})"
            )
            rank = "line DESC"
        else:
            judged = (
                "SELECT a.*, CASE v.accepted WHEN true THEN 'accepted' WHEN false THEN 'rejected' "
                "ELSE 'not judged' END AS verdict, v.reason, "
                f"coalesce({_value('judge_score')} / 10, {_value('au_set')}) AS score FROM ({answers}) a "
                f"LEFT JOIN ({read_lines(self._path(VERDICTS), VERDICT_TYPES)}) v USING (id, attempt)"
            )
            rank = "verdict, CASE WHEN verdict = 'accepted' THEN line ELSE -line END"
        return f"SELECT * FROM ({judged}) QUALIFY row_number() OVER (PARTITION BY id ORDER BY {rank}) = 1"

    def _path(self, stage: str) -> Path:
        return self.place.root / stage / ("answers.jsonl" if stage == ANSWERS else "verdicts.jsonl")

    def _state(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(
            (stat.st_mtime_ns, stat.st_size) if path.is_file() and (stat := path.stat()) else None
            for path in self.place.watched
        )

    def _write(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._writing:
            self._execute(statement, values)

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._execute(statement, values).fetchall()

    def _execute(self, statement: str, values: Sequence[Any]) -> duckdb.DuckDBPyConnection:
        try:
            return self._db.cursor().execute(statement, list(values))
        except duckdb.Error as error:
            do = "`facial-r1 validate` names every bad line of a file of rows"
            raise InputError(f"the rows cannot be read ({fault_in(error)})", path=self.place.root, do=do) from None

    def _dicts(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self._execute(statement, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _value(gate: str) -> str:
    """The value that a gate measured, out of a verdict."""
    return f"list_filter(v.verdicts, lambda one: one.gate = '{gate}')[1].value"


def _noun(word: str) -> str:
    return try_canonical(word) or word


def _decision(by: Mapping[str, Review], text: str | None) -> str:
    seen = text_hash(text or "")
    latest = [review for review in by.values() if review.text_sha256 == seen]
    return max(latest, key=lambda review: review.time).decision if latest else "unreviewed"
