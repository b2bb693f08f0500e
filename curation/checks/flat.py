"""The rows of a release as a flat table in DuckDB: columns always given, never guessed; on disk when it is large.

``rows`` holds what is asked of a row later, without its texts. ``flat`` has one scalar column for each thing that the
suite looks at, named after its check; many hold what is wrong, and null when nothing is.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.checks.rules import Rules
from facial_r1.columns import SAMPLE_TYPES, read_lines
from facial_r1.emotions import EMOTIONS
from facial_r1.facs import REGISTRY

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["BATCH", "ask", "batches", "flat_table"]

BATCH = 128 * 2048
"""Rows of ``flat`` that are in memory at a time: whole vectors of DuckDB."""

MEMORY = "1GB"
"""What DuckDB keeps in memory; the rest goes to a temporary file. With half of it, it would read with one thread."""

_STORED = """SELECT ?::BIGINT AS before, ?::VARCHAR AS file, ?::VARCHAR AS split_of_file, id, dataset, image,
length(question) AS question_length, length(description) AS description_length, AUs, labels, unnest(meta_info)
FROM ({lines})"""

_ROWS = "CREATE VIEW rows AS SELECT rowid AS number, rowid - before + 1 AS line, * EXCLUDE (before) FROM stored"
"""``number`` orders rows by file and line. DuckDB inserts in the order of reading, with all threads; a window that
numbers the lines would leave it one."""

_PROVENANCE = "source image_sha256 generator model prompt_hash attempts label_conditioned"
"""Keys of ``meta_info`` without which a text cannot be traced."""

_FLAT = r"""
CREATE MACRO wrong(found) AS CASE WHEN len(found) > 0 THEN found::VARCHAR END;
CREATE MACRO known(code) AS regexp_full_match(code, '{codes}');
CREATE MACRO all_known(found) AS
    len(found) = 0 OR regexp_full_match(array_to_string(found, ',') || ',', '(({codes}),)*');
CREATE MACRO numbers(found) AS [try_cast(code[3:] AS INTEGER) for code in found if known(code)];
CREATE MACRO task_of(aus, labels) AS CASE WHEN len(aus) > 0 AND len(labels) > 0 THEN 'au+emotion'
    WHEN len(aus) > 0 THEN 'au' WHEN len(labels) > 0 THEN 'emotion' ELSE 'no task' END;
CREATE MACRO hash(found) AS regexp_full_match(found, '[0-9a-f]{{64}}');
CREATE TABLE repeated AS SELECT id FROM rows GROUP BY id HAVING count(*) > 1;
CREATE VIEW flat AS SELECT
    file, line, id, dataset, crop, fold, frame, attempts, au_threshold,
    id IN (FROM repeated) AS id_repeats,
    CASE WHEN split = split_of_file AND split IN ('train', 'val', 'test') THEN NULL
        ELSE coalesce(split, 'null') || ' in ' || file END AS split,
    CASE WHEN id = sample_id OR starts_with(id, sample_id || '#') THEN NULL ELSE coalesce(sample_id, 'null') END
        AS id_of_picture,
    CASE WHEN regexp_matches(image, '[\\\x00]|^[^/]*:|(^|/)[.]?[.]?(/|$)') THEN image END AS image_path,
    CASE WHEN task = task_of(au_annotated, labels) THEN NULL
        ELSE coalesce(task, 'null') || ', but the truth is of ' || task_of(au_annotated, labels) END AS task,
    CASE WHEN all_known(AUs || au_annotated || pseudo_aus || [x.au for x in au_intensity] || [x.au for x in au_side])
        THEN NULL ELSE [c for c in list_distinct(AUs || au_annotated || pseudo_aus || [x.au for x in au_intensity]
        || [x.au for x in au_side]) if NOT known(c)]::VARCHAR END AS au_codes,
    CASE WHEN numbers(AUs) <> list_sort(list_distinct(numbers(AUs))) THEN AUs::VARCHAR END AS au_order,
    CASE WHEN list_has_all(au_annotated, AUs) THEN NULL
        ELSE wrong([c for c in AUs if known(c) AND NOT list_contains(au_annotated, c)]) END AS au_annotated,
    wrong([x for x in au_intensity if x.value NOT BETWEEN 0 AND 5]) AS au_intensity,
    wrong([x for x in au_side if x.value NOT IN ('L', 'R', 'T', 'B', 'U')]) AS au_side,
    len(AUs) AS au_count,
    wrong([x for x in labels if NOT list_contains(CASE WHEN len(label_set) > 0 THEN label_set ELSE {labels} END, x)
        OR NOT list_contains({labels}, x)]) AS labels,
    CASE WHEN len(list_distinct(labels)) < len(labels) THEN labels::VARCHAR END AS label_repeats,
    {pseudo} AS pseudo,
    wrong([key for key in [{provenance}] if key <> '']) AS provenance,
    CASE WHEN NOT (hash(image_sha256) AND hash(prompt_hash)) THEN image_sha256 || ' ' || prompt_hash END AS hashes,
    CASE WHEN len(box) <> 4 OR box[1] < 0 OR box[2] < 0 OR box[1] >= box[3] OR box[2] >= box[4]
        THEN box::VARCHAR END AS box,
    wrong([x for x in [au_source, label_source] if NOT regexp_full_match(x, 'human|crowd|text|machine|joined:\w+')])
        AS sources,
    CASE WHEN json_valid(extra) AND json_type(extra) = 'OBJECT' THEN NULL ELSE extra END AS extra,
    length(id) AS id_length, question_length, description_length, length(extra) AS extra_length
FROM rows
"""
_PSEUDO = {
    "omit": "CASE WHEN len(pseudo_aus) > 0 OR pseudo_label IS NOT NULL "
    "THEN pseudo_aus::VARCHAR || ' ' || coalesce(pseudo_label, '') END",
    "pseudo": "CASE WHEN list_has_any(pseudo_aus, au_annotated) OR (pseudo_label IS NOT NULL AND len(labels) > 0) "
    "THEN pseudo_aus::VARCHAR || ' ' || coalesce(pseudo_label, '') END",
}


@contextlib.contextmanager
def flat_table(files: Sequence[Path], rules: Rules) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the views ``rows`` and ``flat`` over the split files of a release.

    The files must have passed the checks ``lines`` and ``schema``: every line is then a row.
    """
    import duckdb

    labels = sorted({*EMOTIONS, *(word.lower() for word in rules.label_set)})
    flat = _FLAT.format(
        codes="|".join(REGISTRY),
        labels="[" + ", ".join(f"'{label}'" for label in labels) + "]",
        pseudo=_PSEUDO[rules.unknown_truth],
        provenance=", ".join(f"if(coalesce({key}::VARCHAR, '') = '', '{key}', '')" for key in _PROVENANCE.split()),
    )
    with tempfile.TemporaryDirectory(prefix="facial-r1-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
        }
        with duckdb.connect(":memory:", config=config) as connection:
            before = 0
            for path in files:
                named, lines = [before, path.name, path.stem], _STORED.format(lines=read_lines(path, SAMPLE_TYPES))
                connection.execute(f"CREATE TABLE IF NOT EXISTS stored AS {lines} WITH NO DATA", named)
                before += connection.execute(f"INSERT INTO stored {lines}", named).fetchall()[0][0]
            connection.execute(_ROWS)
            connection.execute(flat)
            yield connection


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    """Stream the rows of an answer; other questions may be asked meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(1_000):
            yield from rows


def batches(connection: duckdb.DuckDBPyConnection) -> Iterator[pd.DataFrame]:
    """The rows of ``flat`` in the order of files and lines, :data:`BATCH` at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM flat")
        while not (frame := cursor.fetch_df_chunk(BATCH // 2048)).empty:
            yield frame
