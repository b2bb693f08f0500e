"""The rows of a place in DuckDB's memory: read once with given column types, then filtered and paged in milliseconds.

A run's rows are its tasks, each with the answer that counts: the first accepted one, else the last. The page never
holds more than what it shows, and what is read is never written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from facial_r1.columns import SAMPLE_TYPES, struct
from facial_r1.errors import InputError
from facial_r1.facs import sort_codes
from facial_r1.reviews import read_reviews, standing, text_hash
from facial_r1.stats.counts import Counts, Pattern
from viewer.filters import Filter, order, where
from viewer.place import ANSWERS, VERDICTS, Place

__all__ = ["Facets", "Store"]

_TASK = {"id": "VARCHAR", "cell": "VARCHAR", "rank": "INTEGER", "sample": struct(SAMPLE_TYPES)}
_ANSWER = {
    **dict.fromkeys(("id", "key", "outcome", "text", "model", "detail", "prompt_hash"), "VARCHAR"),
    "attempt": "INTEGER",
    "conditioned": "BOOLEAN",
    "usage": "MAP(VARCHAR, BIGINT)",
}
_RULING = {"gate": "VARCHAR", "ok": "BOOLEAN", "reason": "VARCHAR", "detail": "VARCHAR", "value": "DOUBLE"}
_VERDICT = {
    **dict.fromkeys(("id", "key", "reason"), "VARCHAR"),
    "attempt": "INTEGER",
    "accepted": "BOOLEAN",
    "verdicts": f"{struct(_RULING)}[]",
}
_BLANKS = "length(trim(description)) - length(replace(trim(description), ' ', ''))"
_WORDS = f"CASE WHEN trim(description) = '' THEN 0 ELSE {_BLANKS} + 1 END"
"""Blanks and one more: a regular expression would take longer than reading the file."""

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
    longest: int


class Store:
    """The rows of ``place``.

    Raises:
        InputError: for a line that does not fit the published schema.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._db = duckdb.connect()
        self.reload()

    def reload(self) -> None:
        """Read the files again."""
        self._seen = self._state()
        try:
            self._db.execute(
                f"CREATE OR REPLACE TABLE rows AS SELECT *, {_WORDS} AS words, row_number() OVER () - 1 AS place, "
                f"'unreviewed' AS review, {_SEARCHED} AS searched FROM ({self._source()})"
            )
        except duckdb.Error as error:
            found = str(error).splitlines()[0]
            do = "check the files with `facial-r1 validate`"
            raise InputError(f"the rows cannot be read ({found})", path=self.place.root, do=do) from None
        self.read_reviews()

    def read_reviews(self) -> None:
        """Mark which rows were reviewed; a decision about another text than the row now has does not count."""
        decided = standing(read_reviews(self.place.reviews))
        if not decided:
            self._db.execute("UPDATE rows SET review = 'unreviewed' WHERE review <> 'unreviewed'")
            return
        texts = self._ask("SELECT id, description FROM rows WHERE id IN ?", [list(decided)])
        marks = []
        for name, text in texts:
            seen = text_hash(text or "")
            latest = [review for review in decided[name].values() if review.text_sha256 == seen]
            if latest:
                marks.append((name, max(latest, key=lambda review: review.time).decision))
        self._db.execute("CREATE OR REPLACE TEMP TABLE marks (id VARCHAR, review VARCHAR)")
        if marks:
            self._db.executemany("INSERT INTO marks VALUES (?, ?)", marks)
        self._db.execute(
            "UPDATE rows SET review = coalesce((SELECT review FROM marks WHERE marks.id = rows.id), 'unreviewed')"
        )

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
        verdicts = f"LEFT JOIN ({_read(self._path(VERDICTS), _VERDICT)}) v USING (id, attempt)"
        judged = self._path(VERDICTS).is_file()
        more = "v.accepted, v.reason, v.verdicts" if judged else "NULL AS accepted, NULL AS reason, NULL AS verdicts"
        return self._dicts(
            f"SELECT a.*, {more} FROM ({_read(self._path(ANSWERS), _ANSWER)}) a {verdicts if judged else ''} "
            "WHERE a.id = ?",
            [identifier],
        )

    def prompt(self, prompt_hash: str) -> str | None:
        """The text of a prompt of a run, None where it is not known."""
        path = self.place.root / ANSWERS / "prompts.jsonl"
        if self.place.kind != "run" or not path.is_file():
            return None
        columns = {"hash": "VARCHAR", "text": "VARCHAR"}
        found = self._ask(f"SELECT text FROM ({_read(path, columns)}) WHERE hash = ? LIMIT 1", [prompt_hash])
        return str(found[0][0]) if found else None

    def facets(self) -> Facets:
        """The values that occur."""

        def values(expression: str) -> list[str]:
            found = self._ask(f"SELECT DISTINCT {expression} AS value FROM rows")
            return sorted(value for (value,) in found if value is not None)

        longest = self._ask("SELECT coalesce(max(words), 0) FROM rows")[0][0]
        return Facets(
            corpora=values("dataset"),
            splits=values("split"),
            tasks=values("task"),
            labels=values("unnest(labels)"),
            aus=sort_codes(values('unnest("AUs")')),
            verdicts=values("verdict"),
            reasons=values("reason"),
            models=values("model"),
            longest=int(longest),
        )

    def _source(self) -> str:
        if self.place.kind != "run":
            files = " UNION ALL ".join(_read(path, SAMPLE_TYPES) for path in self.place.rows)
            return (
                "SELECT * EXCLUDE (meta_info), unnest(meta_info), NULL::VARCHAR AS verdict, NULL::VARCHAR AS reason, "
                f"NULL::DOUBLE AS score FROM ({files})"
            )
        tasks = f"SELECT unnest(sample, max_depth := 1) FROM ({_read(self.place.rows[0], _TASK)})"
        sample = "SELECT * EXCLUDE (meta_info, description), unnest(meta_info) "
        if not self._path(ANSWERS).is_file():
            nothing = "'not asked' AS verdict, NULL::VARCHAR AS reason, NULL::DOUBLE AS score, '' AS description"
            return f"{sample}, {nothing} FROM ({tasks})"
        return (
            f"WITH told AS ({self._told()}), tasks AS ({sample} FROM ({tasks})) "
            "SELECT tasks.* REPLACE (coalesce(told.model, tasks.model) AS model), "
            "coalesce(told.text, '') AS description, coalesce(told.verdict, 'not asked') AS verdict, "
            "told.reason, told.score "
            "FROM tasks LEFT JOIN told ON told.id = tasks.id"
        )

    def _told(self) -> str:
        """The answer that counts for each row that was asked about."""
        answers = f"SELECT *, row_number() OVER () AS line FROM ({_read(self._path(ANSWERS), _ANSWER)})"
        if not self._path(VERDICTS).is_file():
            judged = (
                f"SELECT *, 'not judged' AS verdict, NULL::VARCHAR AS reason, NULL::DOUBLE AS score FROM ({answers})"
            )
            rank = "line DESC"
        else:
            score = "list_filter(v.verdicts, lambda one: one.gate = 'judge' OR one.gate = 'au_set')"
            judged = (
                "SELECT a.*, CASE WHEN v.accepted THEN 'accepted' ELSE 'rejected' END AS verdict, v.reason, "
                f"list_max(list_transform({score}, lambda one: one.value)) AS score FROM ({answers}) a "
                f"JOIN ({_read(self._path(VERDICTS), _VERDICT)}) v USING (id, attempt)"
            )
            rank = "verdict, CASE WHEN verdict = 'accepted' THEN line ELSE -line END"
        return f"SELECT * FROM ({judged}) QUALIFY row_number() OVER (PARTITION BY id ORDER BY {rank}) = 1"

    def _path(self, stage: str) -> Any:
        return self.place.root / stage / ("answers.jsonl" if stage == ANSWERS else "verdicts.jsonl")

    def _state(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(
            (stat.st_mtime_ns, stat.st_size) if path.is_file() and (stat := path.stat()) else None
            for path in self.place.watched
        )

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.cursor().execute(statement, list(values)).fetchall()

    def _dicts(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self._db.cursor().execute(statement, list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _read(path: Any, columns: dict[str, str]) -> str:
    quoted = str(path).replace("'", "''")
    for sign in "[*?":  # a name is a name, no pattern
        quoted = quoted.replace(sign, f"[{sign}]")
    types = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
    return (
        f"SELECT * FROM read_json('{quoted}', format = 'newline_delimited', columns = {{{types}}}, "
        "maximum_object_size = 67108864)"
    )
