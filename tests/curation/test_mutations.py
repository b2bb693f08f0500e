"""Proof that each check works: a clean release passes, and each of the damages fails exactly the check meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from damages import DAMAGES, Copy, Damage

import curation
from curation.checks.check import Check
from curation.checks.run import TABLE_CHECKS, check_release
from datasets_builders import synthetic
from facial_r1.recipe import load_recipe

ROWS = {"fer2013": 260, "disfa": 540, "raf_au": 260}
PARTS = [
    {"corpus": "fer2013", "split": "train", "rows": 42, "balance": "label"},
    {"corpus": "fer2013", "split": "test", "rows": 14, "balance": "label"},
    {"corpus": "disfa", "split": "train", "rows": 60},
    {"corpus": "disfa", "split": "val", "rows": 10},
    {"corpus": "disfa", "split": "test", "rows": 10},
    {"corpus": "raf_au", "split": "train", "rows": 20, "where": "both"},
    {"corpus": "raf_au", "split": "test", "rows": 10, "where": "both"},
]


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small release that a template teacher wrote about three synthetic corpora."""
    folder = tmp_path_factory.mktemp("clean")
    for name, rows in ROWS.items():
        synthetic.make(name, folder / name, rows=rows, workers=1)
    corpora = {name: {"root": str(folder / name)} for name in ROWS}
    corpora["raf_au"]["joins"] = {"rafml": str(folder / "raf_au" / "RAF-ML")}  # type: ignore[assignment]
    recipe = {"name": "clean", "corpora": corpora, "select": {"parts": PARTS, "frame_gap": 2}}
    result = curation.build(load_recipe({**recipe, "bounds": {"least_rows": 30}}), folder / "run", workers=1)
    return result.release


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.passed is False]


def test_the_clean_release_passes_every_check(clean: Path) -> None:
    checks = check_release(clean, frozen=clean / "frozen-test.jsonl")
    assert [(check.name, check.rows) for check in checks if check.passed is not True] == []
    assert len({check.name for check in checks}) == len(checks) > 40


def test_there_are_enough_damages_and_none_has_the_name_of_another() -> None:
    assert len({one.name for one in DAMAGES}) == len(DAMAGES) >= 100


def damaged(clean: Path, folder: Path, one: Damage) -> tuple[Copy, str]:
    copy = Copy(clean, folder)
    if not one.files:
        named = one.do(copy)
        copy.save()
    else:
        copy.save()
        copy.seal()
        named = one.do(copy)
    if one.sealed:
        copy.seal()
    return copy, named


def _cases() -> Iterator[ParameterSet]:
    """All of them; the first of each check, and those that need no table, in every run of the tests."""
    seen = {"lines", "schema"}
    for one in DAMAGES:
        quick = one.check not in seen or one.check in ("lines", "schema")
        seen.add(one.check)
        yield pytest.param(one, id=one.name.replace(" ", "_"), marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize("one", _cases())
def test_a_damage_fails_the_check_meant_for_it_and_no_other(clean: Path, tmp_path: Path, one: Damage) -> None:
    copy, named = damaged(clean, tmp_path / "copy", one)
    checks = check_release(copy.folder)
    assert failed(checks) == [one.check]
    (check,) = (check for check in checks if check.passed is False)
    assert check.failing >= 1
    places = [(row.id, row.file, f"{row.file}:{row.line}") for row in check.rows]
    assert any(named in place or f"'{named}'" in row.found for place, row in zip(places, check.rows, strict=True))


def test_every_check_has_a_damage_that_fails_it() -> None:
    row_gates = {"gate:grammar", "gate:task_rules", "gate:au_set", "gate:label", "gate:vocabulary"}
    known = {*TABLE_CHECKS, "files", "lines", "schema", "private", *row_gates}
    assert known - {one.check for one in DAMAGES} == {"frozen_test"}  # it takes a second release: test_table_gates.py
