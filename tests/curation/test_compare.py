"""Two data sets side by side: what came, went and changed, and what is no change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.compare import SHOWN, compare
from curation.places import files_of
from facial_r1.cli import report as commands
from facial_r1.errors import InputError


def row(name: str, **changes: Any) -> dict[str, Any]:
    text = "<think>The lip corners rise (AU12).</think><answer>happiness</answer>"
    meta = {"split": "train", "au_annotated": ["AU4", "AU12"], **changes.pop("meta", {})}
    known = {"image": "a.png", "AUs": ["AU12"], "labels": ["happiness"], "description": text, **changes}
    return {"id": name, "dataset": "mine", **known, "meta_info": meta}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in rows))
    return path


def test_rows_come_go_and_change(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [row("1"), row("2"), row("3")])
    changed = row("2", AUs=[], meta={"split": "test"})
    found = compare(a, write(tmp_path / "b.jsonl", [row("4"), changed, row("1")]))
    assert (found.added, found.dropped, found.unchanged) == (["4"], ["3"], 1)
    (change,) = found.changed
    assert (change.id, change.fields) == ("2", ("AUs", "meta_info.split"))
    assert change.values == {"AUs": (["AU12"], []), "meta_info.split": ("train", "test")}
    assert found.fields() == {"AUs": 1, "meta_info.split": 1}


def test_another_spelling_is_no_change(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [row("1")])
    b = write(tmp_path / "b.jsonl", [row("1", AUs=["AU012"], labels=["Happy"])])
    assert compare(a, b).unchanged == 1


def test_values_are_kept_of_the_first_changes_only(tmp_path: Path) -> None:
    many = SHOWN + 3
    a = write(tmp_path / "a.jsonl", [row(str(n)) for n in range(many)])
    b = write(tmp_path / "b.jsonl", [row(str(n), question="another") for n in reversed(range(many))])
    found = compare(a, b)
    assert [change.id for change in found.changed] == [str(n) for n in reversed(range(many))]
    assert [bool(change.values) for change in found.changed] == [True] * SHOWN + [False] * 3


names = st.lists(st.integers(0, 15), unique=True, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(names, names)
def test_what_one_way_adds_the_other_way_drops(tmp_path: Path, one: list[int], other: list[int]) -> None:
    a, b = (write(tmp_path / n, [row(str(k)) for k in keys]) for n, keys in (("a.jsonl", one), ("b.jsonl", other)))
    there, back = compare(a, b), compare(b, a)
    assert there.added == back.dropped == [str(k) for k in other if k not in one]
    assert there.dropped == back.added
    assert there.changed == back.changed == []
    assert there.unchanged == back.unchanged == len(set(one) & set(other))


def test_the_shift_of_an_au_is_over_the_rows_that_annotate_it(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [row(str(n)) for n in range(20)])
    unknown = [row(f"x{n}", AUs=[], meta={"au_annotated": []}) for n in range(80)]
    b = write(tmp_path / "b.jsonl", [row(str(n)) for n in range(20)] + unknown)
    found = {shift.name: shift for shift in compare(a, b).shifts() if shift.kind == "AU"}
    assert found["AU12"].first == found["AU12"].second == (20, 20)
    assert found["AU4"].first == (0, 20)


def test_texts_are_compared_at_equal_numbers(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [row("1"), row("2")])
    b = write(tmp_path / "b.jsonl", [row(str(n)) for n in range(9)])
    one, other = compare(a, b).diversities()
    assert one.texts == other.texts == 2
    assert one == other


def test_total_variation_of_disjoint_corpora_is_one(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", [row("1")])
    b = write(tmp_path / "b.jsonl", [{**row("2", labels=["fear"]), "dataset": "theirs"}])
    assert compare(a, b).variations() == {"corpus × split × task": 1.0, "emotions": 1.0}


def test_an_id_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jsonl", [row("1")])
    twice = write(tmp_path / "b.jsonl", [row("1"), row("1")])
    for pair in ((good, twice), (twice, good)):
        with pytest.raises(InputError, match=r"two rows have the same id.*Found: 1\..*validate FILE"):
            compare(*pair)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.jsonl", [row("1")]), tmp_path / "b.jsonl"
    bad.write_bytes(orjson.dumps(row("1")) + b"\n{broken\n")
    with pytest.raises(InputError, match=r"b\.jsonl:2: this line is not JSON"):
        compare(good, bad)


def test_places_that_hold_no_rows_say_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run, release or file"):
        files_of(tmp_path / "nothing")
    write(tmp_path / "folder" / "rows.jsonl", [row("1")])
    with pytest.raises(InputError, match=r"no release\. Found: rows\.jsonl.*train\.jsonl"):
        files_of(tmp_path / "folder")
    (tmp_path / "run" / "1-samples").mkdir(parents=True)
    with pytest.raises(InputError, match=r"this run has no release.*facial-r1 report RUN"):
        files_of(tmp_path / "run")


def test_the_rows_of_a_run_are_those_of_its_release(tmp_path: Path) -> None:
    for split in ("test", "train"):
        write(tmp_path / "run" / "5-release" / f"{split}.jsonl", [row(split)])
    write(tmp_path / "run" / "5-release" / "frozen-test.jsonl", [row("no row")])
    expected = [tmp_path / "run" / "5-release" / f"{split}.jsonl" for split in ("train", "test")]
    assert files_of(tmp_path / "run") == files_of(tmp_path / "run" / "5-release") == expected


@pytest.fixture
def cli() -> typer.Typer:
    app = typer.Typer()
    app.command()(commands.stats)
    app.command()(commands.compare)
    return app


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.out, "width", 200)


@pytest.mark.usefixtures("wide")
def test_the_command_shows_what_changed_where(tmp_path: Path, cli: typer.Typer) -> None:
    a = write(tmp_path / "a.jsonl", [row("1"), row("2")])
    text = "<think>The lip corners sink (AU12).</think><answer>happiness</answer>"
    b = write(tmp_path / "b.jsonl", [row("1", description=text), row("3")])
    done = CliRunner().invoke(cli, ["compare", str(a), str(b)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "unchanged 0 changed 1 added 1 dropped 1" in said
    assert "…lip corners rise (AU12)" in said
    assert "…lip corners sink (AU12)" in said
    assert "added: 3" in said
    assert "AU12 100.0 100.0 0.0" in said


@pytest.mark.usefixtures("wide")
def test_statistics_in_the_terminal_and_as_a_page(tmp_path: Path, cli: typer.Typer) -> None:
    hostile = {**row("1"), "dataset": "<script>alert(1)</script>"}
    a = write(tmp_path / "rows.jsonl", [hostile, row("2", AUs=["AU6"], description="")])
    page = tmp_path / "out" / "stats.html"
    done = CliRunner().invoke(cli, ["stats", str(a), "--html", str(page)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "AU12 lip corner puller 1 2 50.0 0" in said
    assert "AU6 cheek raiser 0 0 – 1" in said
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "rows.jsonl: statistics" in text
    assert str(tmp_path) not in text


@pytest.mark.usefixtures("wide")
def test_text_that_looks_like_the_terminals_markup_is_shown_as_it_is(tmp_path: Path, cli: typer.Typer) -> None:
    a = write(tmp_path / "a.jsonl", [row("1")])
    b = write(tmp_path / "b.jsonl", [{**row("1", description="[/b] [red]x :smile:"), "dataset": "[bold]raf [/x]"}])
    done = CliRunner().invoke(cli, ["compare", str(a), str(b)])
    assert done.exit_code == 0, done.output
    assert "[/b] [red]x :smile:" in done.output
    assert "[bold]raf [/x]" in CliRunner().invoke(cli, ["stats", str(b)]).output


@pytest.mark.usefixtures("wide")
def test_a_label_beyond_the_eight_is_allowed_when_named(tmp_path: Path, cli: typer.Typer) -> None:
    a = write(tmp_path / "a.jsonl", [row("1", labels=["confusion"])])
    assert isinstance(CliRunner().invoke(cli, ["stats", str(a)]).exception, InputError)
    done = CliRunner().invoke(cli, ["stats", str(a), "--label", "confusion"])
    assert "confusion 1 100.0" in " ".join(done.output.split())
