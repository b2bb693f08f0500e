"""The pages for researchers: every command and every line of code on them is run, and their figures are the code's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets_builders import corpus, corpus_names
from datasets_builders.common import rafml
from datasets_builders.expw import LABELS as EXPW
from datasets_builders.fer2013 import LABELS as FER2013
from datasets_builders.raf_db import labels as raf_db_labels

FOLDER = Path(__file__).parents[1] / "docs" / "corpora"
INDEX = FOLDER / "README.md"
PAGES = sorted(page for page in FOLDER.glob("*.md") if page != INDEX)
Cli = Callable[..., subprocess.CompletedProcess[str]]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def lines(page: Path) -> list[str]:
    """The lines of all ``sh`` blocks, in their order."""
    return [line for block in blocks(page, "sh") for line in block.splitlines()]


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code as a reader would, with the caches of ``datasets`` inside ``folder`` and no network."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("FACIAL_R1_")}
    environment = {**own, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_every_corpus_has_a_page_and_the_index_leads_to_it() -> None:
    assert [page.stem for page in PAGES] == list(corpus_names())
    linked = re.findall(r"\((\w+)\.md\)", INDEX.read_text())
    assert sorted(linked) == list(corpus_names())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_begins_with_a_full_size_stand_in_and_shows_the_rows(page: Path) -> None:
    name = page.stem
    make, check, *more = lines(page)
    assert make == f"facial-r1 corpora make {name} stand-ins/{name} --labels-only"
    assert check == f"facial-r1 corpora check {name}=stand-ins/{name}"
    assert f"facial-r1 corpora make {name} small/{name} --rows 40" in "\n".join(more)
    assert all(line.startswith("facial-r1 ") for line in more)
    assert f'load_corpus("{name}", "small/{name}", split="train"' in "".join(blocks(page, "python"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_and_the_code_of_a_page_work(page: Path, cli: Cli, tmp_path: Path) -> None:
    for line in lines(page):
        done = cli(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    for code in blocks(page, "python"):
        done = run_python(code, tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_every_published_figure_option_and_licence(page: Path) -> None:
    text, known = page.read_text(), corpus(page.stem)
    figures = {int(number.replace(",", "")) for number in re.findall(r"\d{1,3}(?:,\d{3})+|\d+", text)}
    assert set(known.published().values()) <= figures
    assert [option for option in known.options if f"`{option}`" not in text] == []
    assert known.licence.url in text


def test_the_order_of_the_labels_in_the_index_is_the_builders_order() -> None:
    table = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in INDEX.read_text().splitlines() if row[:1] == "|"
    ]
    start = next(at for at, row in enumerate(table) if row[1:2] == ["FER2013, ExpW"])
    columns = dict(zip(table[start], zip(*table[start + 2 : start + 10], strict=True), strict=True))
    assert [int(number) for number in columns[""]] == list(range(8))
    assert columns["FER2013, ExpW"] == (*FER2013, "") == (*EXPW, "")
    assert columns["RAF-DB"] == ("", *raf_db_labels.LABELS)
    assert columns["RAF-ML (columns)"] == (*rafml.COLUMNS, "", "")
