"""The ExpW stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import datasets_builders
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make
from datasets_builders.synthetic.expw import plan
from datasets_builders.synthetic.order import Order

NOUNS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
PUBLISHED = [3671, 3995, 1088, 30537, 10559, 7060, 34883]


def lines(root: Path) -> list[list[str]]:
    text = (root / "label" / "label.lst").read_text()
    assert text.endswith("\n")
    return [line.split(" ") for line in text.splitlines()]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    made = make("expw", tmp_path_factory.mktemp("expw"), labels_only=True)
    assert made.rows == 91793
    return lines(made.root)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("expw", tmp_path_factory.mktemp("expw"), rows=300, workers=2).root


def test_the_full_size_has_the_published_counts_and_no_repeated_face(full: list[list[str]]) -> None:
    assert len(full) == 91793
    counts = Counter(int(line[7]) for line in full)
    assert [counts[label] for label in range(7)] == PUBLISHED
    assert len({(line[0], line[1]) for line in full}) == 91793
    assert len({line[0] for line in full}) == 68096


def test_every_line_is_a_square_box_top_left_right_bottom(full: list[list[str]]) -> None:
    for _, face_id, top, left, right, bottom, confidence, _ in full:
        assert int(right) - int(left) == int(bottom) - int(top) > 30
        assert min(int(face_id), int(top), int(left)) >= 0
        assert 0 < float(confidence) < 140
    assert any("." in line[6] for line in full)


def test_photographs_hold_one_or_several_faces_whose_ids_may_skip(full: list[list[str]]) -> None:
    ids = defaultdict(list)
    for line in full:
        ids[line[0]].append(int(line[1]))
    sizes = Counter(len(faces) for faces in ids.values())
    assert sizes[1] > sizes[2] > sizes[3] > 0
    assert any(faces[0] > 0 for faces in ids.values())
    assert any(b - a > 1 for faces in ids.values() for a, b in pairwise(faces))


def test_names_say_nothing_about_the_label(full: list[list[str]]) -> None:
    happy = [line[0].startswith("happy") for line in full]
    label = [line[7] == "3" for line in full]
    assert abs(float(np.corrcoef(happy, label)[0, 1])) < 0.02


def test_the_readme_is_the_misspelt_one_and_says_synthetic(small: Path) -> None:
    data = (small / "readme.txt").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    assert "face_box_left face_box_right face_box_bottom face_box_cofidence expression_label" in text
    assert "SYNTHETIC" in text


def test_a_small_one_repeats_lines_identical_and_conflicting(small: Path) -> None:
    by_face = defaultdict(list)
    for line in lines(small):
        by_face[line[0], line[1]].append(line)
    repeated = [found for found in by_face.values() if len(found) > 1]
    assert len(by_face) == 300
    assert any(first == second for first, second in repeated)
    assert any(first[:7] == second[:7] and first[7] != second[7] for first, second in repeated)


def test_a_photograph_holds_a_face_in_each_of_its_boxes(small: Path) -> None:
    photographs = defaultdict(set)
    for name, _, *box, _, _ in lines(small):
        photographs[name].add(tuple(int(number) for number in box))
    name, boxes = next((name, boxes) for name, boxes in photographs.items() if len(boxes) >= 3)
    picture = cv2.imread(str(small / "image" / "origin" / name), cv2.IMREAD_GRAYSCALE)
    edges = np.abs(cv2.Laplacian(picture, cv2.CV_64F))
    outside = np.ones(picture.shape, bool)
    inside = []
    for top, left, right, bottom in boxes:
        outside[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = False
        inside.append(edges[top:bottom, left:right].mean())
    assert min(inside) > 3 * edges[outside].mean()


def test_some_boxes_end_beyond_the_picture_but_begin_inside(small: Path) -> None:
    beyond = 0
    for name, _, top, left, right, bottom, _, _ in lines(small):
        height, width = cv2.imread(str(small / "image" / "origin" / name)).shape[:2]
        assert int(left) < width
        assert int(top) < height
        beyond += int(right) > width or int(bottom) > height
    assert 1 <= beyond <= 20


def test_there_are_photographs_without_a_label(small: Path) -> None:
    there = {path.name for path in (small / "image" / "origin").iterdir()}
    assert there > {line[0] for line in lines(small)}


def test_the_nested_layout_holds_the_same(small: Path, tmp_path: Path) -> None:
    make("expw", tmp_path, rows=300, nested=True, labels_only=True)
    assert (tmp_path / "data/label/label.lst").read_bytes() == (small / "label/label.lst").read_bytes()
    assert not (tmp_path / "label").exists()


def test_only_draws_the_photographs_of_the_wanted_faces(small: Path, tmp_path: Path) -> None:
    name, face_id = lines(small)[5][:2]
    make("expw", tmp_path, rows=300, only=[f"expw-{Path(name).stem}-{face_id}"])
    drawn = sorted(path.name for path in (tmp_path / "image" / "origin").iterdir() if "unlabelled" not in path.name)
    assert drawn == [name]
    assert lines(tmp_path) == lines(small)
    file = Path("image") / "origin" / name
    assert (tmp_path / file).read_bytes() == (small / file).read_bytes()


def test_the_builder_reads_what_was_planned(tmp_path: Path) -> None:
    make("expw", tmp_path, rows=120, labels_only=True)
    samples = list(datasets_builders.require("expw", tmp_path).scan(tmp_path, Report()))
    stand = plan(Order("expw", rows=120))
    planned = {
        name: (NOUNS[face.label], [face.left, face.top, face.left + face.side, face.top + face.side])
        for photograph in stand.photographs
        for name, face in zip(photograph.ids(), photograph.faces, strict=True)
    }
    assert {sample.id: (sample.labels[0], sample.meta_info.box) for sample in samples[:120]} == planned
    assert len(samples) == 120 + len(stand.repeats)
