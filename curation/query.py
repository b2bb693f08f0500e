"""SQL over everything a run has on disk, whatever stages it has reached.

DuckDB reads the JSONL files in place through views whose columns are always given, never guessed from the first rows.
``meta_info`` is unfolded: its keys are columns like all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from curation.evidence import JUDGEMENTS, REVIEWS
from curation.run import ANSWERS, RELEASE, SAMPLES, STAGES, TASKS, VERDICTS
from curation.splits import SPLITS
from facial_r1.columns import (
    ANSWER_TYPES,
    PROMPT_TYPES,
    REVIEW_TYPES,
    SAMPLE_TYPES,
    TASK_TYPES,
    VERDICT_TYPES,
    fault_in,
    read_lines,
    struct,
)
from facial_r1.errors import InputError, UsageError

__all__ = ["Table", "sql"]


class Table(NamedTuple):
    """The answer to a statement: names of the columns, and the rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


_MENTION = {"au": "VARCHAR", "value": "DOUBLE"}
_CONFIDENCE = {
    **dict.fromkeys(("id", "key"), "VARCHAR"),
    "accepted": "BOOLEAN",
    **dict.fromkeys(("asked", "replies", "right"), "INTEGER"),
    **dict.fromkeys(("agreement", "label_agreement", "au_f1"), "DOUBLE"),
    "mentions": f"{struct(_MENTION)}[]",
    "vote": struct({"labels": "VARCHAR[]", "AUs": "VARCHAR[]"}),
}
_DROPPED = {
    **dict.fromkeys(("dataset", "id", "reason", "detail", "source"), "VARCHAR"),
    **dict.fromkeys(("AUs", "labels"), "VARCHAR[]"),
}
_JUDGEMENT = {
    **dict.fromkeys(("id", "text_sha256", "rubric", "model"), "VARCHAR"),
    "score": "DOUBLE",
    "criteria": "MAP(VARCHAR, INTEGER)",
}
_CELL = {**dict.fromkeys(("cell", "corpus", "split", "class"), "VARCHAR"), "quota": "INTEGER"}
_DROPPED_FILE = "dropped.jsonl"

_ROW = "* EXCLUDE (meta_info), unnest(meta_info)"
_TASK_ROW = ", ".join(
    ["cell", "rank", *(f"sample.{name}" for name in SAMPLE_TYPES if name != "meta_info"), "unnest(sample.meta_info)"]
)

Source = tuple[Path, Mapping[str, str], str]
"""A file, the types of its columns, and what to select of them."""


def sql(place: Path, statement: str) -> Table:
    """Answer one reading statement (``SELECT``, ``SHOW TABLES``, ``DESCRIBE samples``, ``SUMMARIZE release`` …).

    Args:
        place: a run directory, a release folder, or one JSONL file of rows.
        statement: DuckDB SQL over the views ``samples, tasks, cells, answers, blind, confidence, prompts, verdicts,
            dropped, reviews, judgements, release``, as far as they exist; a single file is the view ``samples``, a
            release folder ``release``.

    Raises:
        InputError: when ``place`` holds nothing that could be asked, or a file does not fit its columns.
        UsageError: for a mistake in the statement (the message lists the views), or one that would write.
    """
    import duckdb

    views = _views(place)
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as connection:
        for name, query in views.items():
            connection.execute(f"CREATE VIEW {name} AS {query}")
        try:
            statements = duckdb.extract_statements(statement)
            # EXPLAIN is refused with the others: EXPLAIN ANALYZE COPY … would write.
            if [parsed.type for parsed in statements] != [duckdb.StatementType.SELECT]:
                raise UsageError("only one statement that reads is answered", found=statement, expected="SELECT …")
            answer = connection.execute(statements[0])
            return Table(tuple(column[0] for column in answer.description or ()), answer.fetchall())
        except duckdb.InvalidInputException as error:
            do = "`facial-r1 validate FILE` names every bad line of a file of rows"
            raise InputError(f"a file does not fit its columns ({fault_in(error)})", path=place, do=do) from None
        except duckdb.Error as error:
            do = f"correct the statement; there are the views {', '.join(views)}"
            raise UsageError(f"this SQL cannot be answered ({error})", found=statement, do=do) from None


def _views(place: Path) -> dict[str, str]:
    """View → its query, for what exists at ``place``."""
    if place.is_file():
        sources: dict[str, list[Source]] = {"samples": [(place, SAMPLE_TYPES, _ROW)]}
    elif place.is_dir():
        is_run = any((place / stage).is_dir() for stage in STAGES)
        sources = _run_sources(place) if is_run else {"release": _release_sources(place)}
    else:
        raise InputError("there is no such run, release or file", path=place, do="check the path")
    queries = {
        name: [read_lines(*source) for source in found if source[0].is_file()] for name, found in sources.items()
    }
    views = {name: " UNION ALL BY NAME ".join(found) for name, found in queries.items() if found}
    if not views:
        raise InputError("nothing here can be asked", path=place, expected="a run directory, a release or a JSONL file")
    return views


def _run_sources(root: Path) -> dict[str, list[Source]]:
    samples, tasks, answers = root / SAMPLES, root / TASKS, root / ANSWERS
    unified = [path for path in sorted(samples.glob("*.jsonl")) if path.name != _DROPPED_FILE]
    return {
        "samples": [(path, SAMPLE_TYPES, _ROW) for path in unified],
        "tasks": [(tasks / "tasks.jsonl", TASK_TYPES, _TASK_ROW)],
        "cells": [(tasks / "cells.jsonl", _CELL, "*")],
        "dropped": [(root / stage / _DROPPED_FILE, _DROPPED, f"'{stage}' AS stage, *") for stage in (SAMPLES, TASKS)],
        "answers": [(answers / "answers.jsonl", ANSWER_TYPES, "*")],
        "blind": [(answers / "blind.jsonl", ANSWER_TYPES, "*")],
        "confidence": [(answers / "confidence.jsonl", _CONFIDENCE, "*")],
        "prompts": [(answers / "prompts.jsonl", PROMPT_TYPES, "*")],
        "verdicts": [(root / VERDICTS / "verdicts.jsonl", VERDICT_TYPES, "*")],
        "reviews": [(root / REVIEWS, REVIEW_TYPES, "*")],
        "judgements": [(root / JUDGEMENTS, _JUDGEMENT, "*")],
        "release": _release_sources(root / RELEASE),
    }


def _release_sources(folder: Path) -> list[Source]:
    return [(folder / f"{split}.jsonl", SAMPLE_TYPES, _ROW) for split in SPLITS]
