"""The RAF-AU stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

import datasets_builders
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make
from datasets_builders.synthetic.order import Order
from datasets_builders.synthetic.raf_au import plan
from datasets_builders.synthetic.rafml import COLUMNS, compound, distribution
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE

EMOTIONS = ["surprise", "fear", "disgust", "happiness", "sadness", "anger"]
PUBLISHED = {"disgust": 1073, "surprise": 1008, "anger": 903, "sadness": 749, "happiness": 515, "fear": 353}


def table(path: Path) -> dict[str, list[str]]:
    """Picture name → the other fields, split at blanks; every name once."""
    rows = [line.split() for line in path.read_text().splitlines()]
    found = {name: fields for name, *fields in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("raf_au", tmp_path_factory.mktemp("raf_au"), labels_only=True, rafce=True)
    assert made.rows == 4601
    return made.root


@pytest.fixture(scope="module")
def codes(full: Path) -> list[list[str]]:
    """The tokens of every coded line."""
    return [fields[0].split("+") for fields in table(full / "RAFAU_label.txt").values() if fields != ["null"]]


def test_the_full_size_has_the_published_lines(full: Path, codes: list[list[str]]) -> None:
    lines = (full / "RAFAU_label.txt").read_text().splitlines()
    assert len(lines) == 4601
    assert sum(line.split()[1] == "null" for line in lines) == 253
    assert len(codes) == 4348
    assert sum(line.endswith(" ") for line in lines) == 421
    assert all(re.fullmatch(r"\d{4}\.jpg (null|(AD)?[LRTB]?\d+(\+(AD)?[LRTB]?\d+)*) ?", line) for line in lines)


def test_the_full_size_has_the_published_majorities_in_rafml(full: Path) -> None:
    shares = table(full / "RAF-ML/EmoLabel/distribution.txt")
    assert len(shares) == 4908
    names = table(full / "RAFAU_label.txt")
    assert set(names) < set(shares)
    majority = Counter(EMOTIONS[int(np.argmax([float(share) for share in shares[name]]))] for name in names)
    assert majority == PUBLISHED


def test_distributions_are_blends_with_a_few_exact_ties(full: Path) -> None:
    rows = np.array([[float(x) for x in row] for row in table(full / "RAF-ML/EmoLabel/distribution.txt").values()])
    assert np.allclose(rows.sum(axis=1), 1)
    assert 0.5 < np.median(rows.max(axis=1)) < 0.62
    ties = (rows == rows.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert 20 < ties.sum() < 400


def test_the_other_rafml_files_fit_the_distributions(full: Path) -> None:
    folder = full / "RAF-ML" / "EmoLabel"
    shares, binary = table(folder / "distribution.txt"), table(folder / "multilabel.txt")
    parts = table(folder / "partition_label.txt")
    assert list(shares) == list(binary) == list(parts)
    assert {value for row in parts.values() for value in row} == {"0", "1"}
    for name, row in shares.items():
        assert [float(share) >= 0.2 for share in row] == [mark == "1" for mark in binary[name]]


def test_rafce_has_the_published_size_and_classes_of_two_emotions(full: Path) -> None:
    classes, aus = table(full / "RAF-CE/RAFCE_emolabel.txt"), table(full / "RAF-CE/RAFCE_AUlabel.txt")
    parts = table(full / "RAF-CE/RAFCE_partition.txt")
    assert len(classes) == len(aus) == len(parts) == 4549
    assert {int(row[0]) for row in classes.values()} == set(range(14))
    assert {row[0] for row in parts.values()} == {"0", "1", "2"}
    original = table(full / "RAFAU_label.txt")
    assert all(original[name] == row for name, row in aus.items())


def test_numbers_have_gaps(full: Path) -> None:
    numbers = {int(name[:4]) for name in table(full / "RAFAU_label.txt")}
    assert not numbers & {31, 32, 46}
    assert {1, 4908} <= numbers


def test_the_label_file_has_the_oddities_of_the_real_one(codes: list[list[str]]) -> None:
    tokens = Counter(token for line in codes for token in line)
    assert {"L12", "R2", "T24", "B22", "B28", "AD19", "21", "39"} <= set(tokens)
    assert "19" not in tokens
    assert any(len(set(line)) < len(line) for line in codes)
    numbers = [[int(re.sub(r"\D", "", token)) for token in line] for line in codes]
    assert any(line != sorted(line) for line in numbers)
    used = {number for line in numbers for number in line}
    assert used == {*range(1, 31), 32, 39, 43} - {3, 8, 11, 13}


def test_no_line_holds_what_one_face_cannot_show(codes: list[list[str]]) -> None:
    for line in codes:
        numbers = sorted({int(re.sub(r"\D", "", token)) for token in line})
        pairs = {frozenset((a, b)) for a in numbers for b in numbers if a < b}
        assert not pairs & (EXCLUSIVE | ANTAGONISTS)


def test_pictures_are_aligned_and_original(tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=12)
    names = table(tmp_path / "RAFAU_label.txt")
    assert {path.name for path in (tmp_path / "original").iterdir()} == set(names)
    assert {path.name for path in (tmp_path / "aligned").iterdir()} == {f"{name[:4]}_aligned.jpg" for name in names}
    for name in names:
        aligned = cv2.imread(str(tmp_path / "aligned" / f"{name[:4]}_aligned.jpg"))
        original = cv2.imread(str(tmp_path / "original" / name))
        height, width = original.shape[:2]
        side = min(height, width)
        square = original[(height - side) // 2 :, (width - side) // 2 :][:side, :side]
        assert aligned.shape == (224, 224, 3)
        assert np.abs(cv2.resize(square, (224, 224)).astype(int) - aligned).mean() < 6, "the same photograph"


def test_rafml_can_be_left_out(tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=12, labels_only=True, rafml=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RAFAU_label.txt", "SYNTHETIC.json"]


@pytest.mark.parametrize("rows", [1, 2, 10, 100])
def test_any_number_of_rows_can_be_made(rows: int, tmp_path: Path) -> None:
    made = make("raf_au", tmp_path, rows=rows, labels_only=True, rafce=True)
    assert made.rows == rows == len(table(tmp_path / "RAFAU_label.txt"))


@pytest.mark.parametrize("top", range(6))
def test_a_distribution_has_its_first_maximum_where_it_was_asked(top: int) -> None:
    for seed in range(300):
        shares = distribution(np.random.default_rng(seed), top)
        assert sum(shares) == 100
        assert min(shares) >= 0
        assert shares.index(max(shares)) == top


def test_a_compound_is_of_the_two_strongest_emotions_that_make_one() -> None:
    assert list(COLUMNS) == EMOTIONS
    assert compound([40, 0, 0, 60, 0, 0]) == 0  # happily surprised
    assert compound([0, 10, 0, 0, 50, 40]) == 3  # sadly angry
    assert compound([0, 0, 10, 50, 0, 40]) == 1  # no class is happily angry: happily disgusted


@pytest.mark.parametrize("join", [False, True])
def test_the_builder_reads_what_was_planned(join: bool, tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=200, labels_only=True)
    corpus = datasets_builders.require("raf_au", tmp_path)
    options = {"rafml": tmp_path / "RAF-ML", "ties": "file_order"} if join else {}
    samples = {sample.id: sample for sample in corpus.scan(tmp_path, Report(), **options)}
    inside = plan(Order("raf_au", rows=200)).inside
    assert len(samples) == len(inside) == 200
    for row in inside:
        sample = samples[f"raf_au-{row.number:04d}"]
        numbers = {int(re.sub(r"\D", "", code)) for code in row.codes} if row.coded else set()
        assert {int(re.sub(r"\D", "", code)) for code in sample.AUs} == numbers
        assert bool(sample.meta_info.au_annotated) == row.coded
        assert sample.labels == ([EMOTIONS[row.shares.index(max(row.shares))]] if join else [])
