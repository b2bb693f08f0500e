"""SQL over a run: a view per stage that exists, columns that do not depend on the rows, and nothing written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import curation
from curation.query import Table, sql
from curation.run import ANSWERS, RELEASE, SAMPLES, TASKS, VERDICTS
from facial_r1.columns import META_TYPES, SAMPLE_TYPES
from facial_r1.errors import InputError, UsageError
from facial_r1.files import write_jsonl
from facial_r1.sample import KEYS, META_KEYS, Meta, Sample

COLUMNS = (*(key for key in KEYS if key != "meta_info"), *META_KEYS)
ALL_VIEWS = ("answers", "cells", "dropped", "prompts", "release", "samples", "tasks", "verdicts")


def row(identifier: str, *, dataset: str = "disfa", **more: Any) -> Sample:
    """A row of DISFA with AUs and no label, unless ``more`` says otherwise."""
    scored = Meta(sample_id=identifier, au_annotated=["AU6", "AU12"], split="train")
    given = {"AUs": ["AU6"], "meta_info": scored, **more}
    return Sample(identifier, dataset, image=f"{dataset}/{identifier}.png", **given)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with every stage, a few rows in each file."""
    root = tmp_path / "a run"
    rows = [row("disfa-1"), row("disfa-2", AUs=[])]
    face = row("fer-1", dataset="fer2013", AUs=[], labels=["fear"], meta_info=Meta(fold=None, frame=3, split="test"))
    dropped = {"dataset": "disfa", "id": "disfa-3", "reason": "frame_missing", "detail": "", "source": "a.txt:1"}
    dropped = {**dropped, "AUs": ["AU1"], "labels": []}
    answer = {"key": "k", "id": "disfa-1", "outcome": "ok", "text": "<think>", "model": "m", "prompt_hash": "h"}
    answer = {**answer, "detail": None, "attempt": 0, "usage": {"input": 10, "output": 5}}
    ruling = {"gate": "au_set", "ok": False, "reason": "au_mismatch", "detail": "extra AU4", "value": 0.5}
    verdict = {"id": "disfa-1", "key": "k", "attempt": 0, "cell": "disfa/train", "rank": 0, "accepted": False}
    verdict = {**verdict, "reason": "au_mismatch", "verdicts": [ruling]}
    cell = {"cell": "disfa/train", "corpus": "disfa", "split": "train", "class": None, "quota": 2}
    files: dict[str, list[Any]] = {
        f"{SAMPLES}/disfa.jsonl": [sample.to_line() for sample in rows],
        f"{SAMPLES}/fer2013.jsonl": [face.to_line()],
        f"{SAMPLES}/dropped.jsonl": [dropped],
        f"{TASKS}/tasks.jsonl": [{"id": "disfa-1", "cell": "disfa/train", "rank": 0, "sample": rows[0]}],
        f"{TASKS}/cells.jsonl": [cell],
        f"{TASKS}/dropped.jsonl": [{**dropped, "reason": "no_truth"}],
        f"{ANSWERS}/answers.jsonl": [answer],
        f"{ANSWERS}/prompts.jsonl": [{"hash": "h", "text": "What is seen?"}],
        f"{VERDICTS}/verdicts.jsonl": [verdict],
        f"{RELEASE}/train.jsonl": [rows[0].to_line()],
        f"{RELEASE}/test.jsonl": [face.to_line()],
    }
    for name, lines in files.items():
        write_jsonl(root / name, lines)
    return root


def names(table: Table) -> tuple[str, ...]:
    return tuple(line[0] for line in table.rows)


def test_it_is_the_function_of_the_package() -> None:
    assert curation.sql is sql


def test_every_stage_is_a_view(run: Path) -> None:
    assert names(sql(run, "SHOW TABLES")) == ALL_VIEWS


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select dataset, count(*) from samples group by all order by all", [("disfa", 2), ("fer2013", 1)]),
        ("select id, rank, AUs, split from tasks", [("disfa-1", 0, ["AU6"], "train")]),
        ("select cell, class, quota from cells", [("disfa/train", None, 2)]),
        ("select stage, reason from dropped order by all", [(SAMPLES, "frame_missing"), (TASKS, "no_truth")]),
        ("select id, outcome, usage['input'] from answers", [("disfa-1", "ok", 10)]),
        ("select text from prompts where hash = 'h'", [("What is seen?",)]),
        ("select v.gate, v.value from (select unnest(verdicts) v from verdicts)", [("au_set", 0.5)]),
        ("select id, split, frame from release order by id", [("disfa-1", "train", None), ("fer-1", "test", 3)]),
        ("select s.id, v.reason from samples s join verdicts v using (id)", [("disfa-1", "au_mismatch")]),
    ],
)
def test_every_view_answers(run: Path, statement: str, expected: list[Any]) -> None:
    assert sql(run, statement).rows == expected


@pytest.mark.parametrize("view", ["samples", "release"])
def test_columns_are_all_keys_of_a_row(run: Path, view: str) -> None:
    assert names(sql(run, f"DESCRIBE {view}")) == COLUMNS


def test_columns_of_tasks_are_those_of_a_row_and_its_place(run: Path) -> None:
    assert names(sql(run, "DESCRIBE tasks")) == ("cell", "rank", *COLUMNS)


def test_a_run_that_has_only_begun_has_the_views_it_has(run: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    (run / SAMPLES).rename(begun / SAMPLES)
    assert names(sql(begun, "SHOW TABLES")) == ("dropped", "samples")
    assert sql(begun, "select distinct stage from dropped").rows == [(SAMPLES,)]


def test_types_do_not_come_from_the_first_rows(tmp_path: Path) -> None:
    """AU-only rows first, whose label, box and fold are empty; then one row that has them."""
    path = tmp_path / "rows.jsonl"
    full = Meta(box=[1, 2, 3, 4], fold=2, au_side=[{"au": "AU10", "value": "L"}], label_conditioned=True)
    last = row("last", labels=["fear"], meta_info=full)
    write_jsonl(path, [*(row(f"au-{n}").to_line() for n in range(3_000)), last.to_line()])
    found = sql(path, "select labels, box, fold, au_side, label_conditioned from samples where id = 'last'")
    assert found.rows == [(["fear"], [1, 2, 3, 4], 2, [{"au": "AU10", "value": "L"}], True)]
    assert sql(path, "select count(*) from samples where labels = []").rows == [(3_000,)]


def test_an_empty_file_has_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.touch()
    assert sql(path, "select * from samples") == Table(COLUMNS, [])


def test_a_line_without_meta_info_has_empty_columns(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"id": "x", "dataset": "mine", "image": "x.jpg", "labels": ["Sadness"]}\n')
    assert sql(path, "select id, labels, AUs, fold, split from samples").rows == [("x", ["Sadness"], None, None, None)]


def test_a_bare_release_is_asked_by_its_folder(run: Path) -> None:
    assert names(sql(run / RELEASE, "SHOW TABLES")) == ("release",)
    assert sql(run / RELEASE, "select count(*) from release").rows == [(2,)]


def test_a_name_is_no_pattern_and_no_sql(tmp_path: Path) -> None:
    for name in ("a*.jsonl", "ab.jsonl", "it's [1]?.jsonl"):
        write_jsonl(tmp_path / name, [row(name).to_line()])
    for name in ("a*.jsonl", "it's [1]?.jsonl"):
        assert sql(tmp_path / name, "select id from samples").rows == [(name,)]


def test_types_cover_the_record() -> None:
    assert tuple(META_TYPES) == META_KEYS
    assert tuple(SAMPLE_TYPES) == KEYS
    assert META_TYPES["au_intensity"] == "STRUCT(au VARCHAR, value INTEGER)[]"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("select nothing from samples", 'Referenced column "nothing" not found'),
        ("select * from sample", "Table with name sample does not exist"),
        ("selekt 1", "syntax error"),
    ],
)
def test_a_mistake_is_one_message_that_lists_the_views(run: Path, statement: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        sql(run, statement)
    message = str(caught.value)
    assert words in message
    assert f"Found: {statement}." in message
    for view in ALL_VIEWS:
        assert view in message.split("there are the views")[1]
    assert caught.value.exit_code == 2


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "statement",
    [
        "COPY samples TO '{out}'",
        "EXPLAIN ANALYZE COPY samples TO '{out}'",
        "ATTACH '{out}' AS other",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO samples VALUES (1)",
        "DROP VIEW samples",
        "SELECT 1; COPY samples TO '{out}'",
        "EXPORT DATABASE '{out}'",
        "INSTALL httpfs",
        "SET threads = 1",
        "",
    ],
)
def test_nothing_can_be_written(run: Path, tmp_path: Path, statement: str) -> None:
    before = files_of(tmp_path)
    with pytest.raises(UsageError, match="only one statement that reads is answered"):
        sql(run, statement.format(out=tmp_path / "out"))
    assert files_of(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"id": "x", "dataset": "mine", "image": "x.jpg"}\nnot json\n')
    with pytest.raises(InputError, match=r"own\.jsonl: a file does not fit its columns .*Malformed JSON") as caught:
        sql(path, "select * from samples")
    assert "`facial-r1 validate FILE` names every bad line" in str(caught.value)
    assert "in line" not in str(caught.value)  # DuckDB counts from another place, and says 3 here


def test_a_value_of_another_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"id": "x", "dataset": "mine", "image": "x.jpg", "AUs": "AU1"}\n')
    with pytest.raises(InputError, match=r"own\.jsonl: a file does not fit its columns"):
        sql(path, "select * from samples")


def test_where_nothing_is_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such run, release or file"):
        sql(tmp_path / "nowhere", "select 1")
    with pytest.raises(InputError, match="nothing here can be asked"):
        sql(tmp_path, "select 1")


def test_blind_answers_and_confidence_can_be_asked(run: Path) -> None:
    """Types as given, although nobody replied about the first row."""
    silent = {"id": "a", "key": "k", "accepted": False, "asked": 2, "replies": 0, "right": 0, "mentions": []}
    silent |= {"agreement": None, "label_agreement": None, "au_f1": None, "vote": {"labels": None, "AUs": None}}
    heard = silent | {"id": "b", "replies": 2, "agreement": 0.5, "mentions": [{"au": "AU6", "value": 0.5}]}
    heard["vote"] = {"labels": ["fear"], "AUs": []}
    write_jsonl(run / ANSWERS / "confidence.jsonl", [silent, heard])
    write_jsonl(run / ANSWERS / "blind.jsonl", [{"id": "b", "key": "x", "outcome": "refusal", "attempt": 1000}])
    assert names(sql(run, "SHOW TABLES")) == tuple(sorted((*ALL_VIEWS, "blind", "confidence")))
    found = sql(run, "SELECT id, agreement, mentions[1].value, vote.labels[1] FROM confidence ORDER BY id")
    assert found.rows == [("a", None, None, None), ("b", 0.5, 0.5, "fear")]
    assert sql(run, "SELECT outcome, text FROM blind").rows == [("refusal", None)]
