"""Proof that each check works: a clean release passes, and each of the damages fails exactly the check meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from damages import DAMAGES, Copy, Damage

from curation.checks.check import Check
from curation.checks.files import FILE_CHECKS
from curation.checks.lines import line_checks
from curation.checks.rules import read_manifest
from curation.checks.run import TABLE_CHECKS, check_release

pytestmark = pytest.mark.xdist_group("clean_release")


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.passed is False]


def test_the_clean_release_passes_every_check(clean_release: Path) -> None:
    checks = check_release(clean_release, frozen=clean_release / "frozen-test.jsonl")
    assert [(check.name, check.rows) for check in checks if check.passed is not True] == [("near_duplicates", ())]
    assert len({check.name for check in checks}) == len(checks) > 40


def test_there_are_enough_damages_and_none_has_the_name_of_another() -> None:
    assert len({one.name for one in DAMAGES}) == len(DAMAGES) >= 100


def damaged(clean_release: Path, folder: Path, one: Damage) -> tuple[Copy, str]:
    copy = Copy(clean_release, folder)
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


@pytest.mark.parametrize("one", list(_cases()))
def test_a_damage_fails_the_check_meant_for_it_and_no_other(clean_release: Path, tmp_path: Path, one: Damage) -> None:
    copy, named = damaged(clean_release, tmp_path / "copy", one)
    checks = check_release(copy.folder)
    assert failed(checks) == [one.check]
    (check,) = (check for check in checks if check.passed is False)
    assert check.failing >= 1
    places = [(row.id, row.file, f"{row.file}:{row.line}") for row in check.rows]
    assert any(named in place or f"'{named}'" in row.found for place, row in zip(places, check.rows, strict=True))


def test_every_check_has_a_damage_that_fails_it(clean_release: Path) -> None:
    known = {*TABLE_CHECKS, *FILE_CHECKS, *line_checks(read_manifest(clean_release)[1])}
    # What was tested on before takes a second release: see test_table_gates.py. Plausibility is a score, no judgement.
    assert known - {one.check for one in DAMAGES} == {"frozen_test", "gate:plausibility"}
