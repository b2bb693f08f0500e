"""The FER2013 stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import datasets_builders
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make
from datasets_builders.synthetic.fer2013 import plan
from datasets_builders.synthetic.order import Order
from facial_r1.errors import UsageError

ORDER = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
NOUNS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
PUBLISHED = {  # typed from the corpus' description
    "Training": [3995, 436, 4097, 7215, 4830, 3171, 4965],
    "PublicTest": [467, 56, 496, 895, 653, 415, 607],
    "PrivateTest": [491, 55, 528, 879, 594, 416, 626],
}
csv.field_size_limit(sys.maxsize)


def pixels(text: str) -> NDArray[np.int64]:
    values = np.array(text.split(" "), dtype=np.int64)
    assert values.shape == (2304,)
    assert values.min() >= 0
    assert values.max() <= 255
    return values


def rows(path: Path) -> list[list[str]]:
    with open(path, newline="") as handle:
        return list(csv.reader(handle))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("fer2013", tmp_path_factory.mktemp("fer2013"), rows=450, workers=2).root


def test_the_full_size_has_the_published_counts_of_every_class_and_usage(tmp_path: Path) -> None:
    made = make("fer2013", tmp_path, labels_only=True)
    counts: Counter[tuple[str, str]] = Counter()
    usages = []
    with open(tmp_path / "fer2013.csv") as handle:
        assert handle.readline() == "emotion,pixels,Usage\n"
        for line in handle:
            emotion, numbers, usage = line.rstrip("\n").split(",")
            assert numbers.count(" ") == 2303
            counts[usage, emotion] += 1
            usages.append(usage)
    assert counts == {(usage, str(k)): n for usage, row in PUBLISHED.items() for k, n in enumerate(row)}
    assert len(usages) == made.rows == 35887
    assert usages == ["Training"] * 28709 + ["PublicTest"] * 3589 + ["PrivateTest"] * 3589


def test_a_small_one_keeps_the_proportions(small: Path) -> None:
    body = rows(small / "fer2013.csv")[1:]
    counts = Counter((usage, int(emotion)) for emotion, _, usage in body)
    assert len(body) == 450
    for usage, published in PUBLISHED.items():
        for label, count in enumerate(published):
            assert abs(counts[usage, label] - count * 450 / 35887) < 1


def test_pictures_are_faces_but_for_a_few_black_ones(small: Path) -> None:
    spread = [pixels(text).std() for _, text, _ in rows(small / "fer2013.csv")[1:]]
    assert 1 <= sum(value == 0 for value in spread) <= 12
    assert sum(value > 15 for value in spread) > 440


def test_faces_come_back_across_usages_identical_and_nearly(small: Path) -> None:
    body = [(emotion, pixels(text), usage) for emotion, text, usage in rows(small / "fer2013.csv")[1:]]
    faces = np.stack([face for _, face, _ in body]).astype(np.float64)
    labels = np.array([emotion for emotion, _, _ in body])
    train = np.array([usage == "Training" for _, _, usage in body])
    shown = faces.std(axis=1) > 0
    same = near = 0
    for row in np.flatnonzero(~train & shown):
        others = np.flatnonzero(train & shown & (labels == labels[row]))
        scaled = faces[others] / faces[others].mean(axis=1, keepdims=True) * faces[row].mean()
        least = np.abs(scaled - faces[row]).mean(axis=1).min()
        same += least < 1e-9  # the scaling rounds
        near += 1e-9 < least < 4
    assert same >= 1
    assert near >= 1


def test_the_icml_file_has_blanks_in_its_header_and_another_order(tmp_path: Path) -> None:
    make("fer2013", tmp_path, rows=21, variant="icml", labels_only=True)
    header, *body = rows(tmp_path / "icml_face_data.csv")
    assert header == ["emotion", " Usage", " pixels"]
    assert {usage for _, usage, _ in body} == set(PUBLISHED)
    assert all(len(pixels(text)) == 2304 for _, _, text in body)


def test_the_split_files_hold_the_same_rows_and_no_test_labels(tmp_path: Path) -> None:
    make("fer2013", tmp_path / "csv", rows=42)
    make("fer2013", tmp_path / "split", rows=42, variant="split")
    body = rows(tmp_path / "csv" / "fer2013.csv")[1:]
    train, test = rows(tmp_path / "split" / "train.csv"), rows(tmp_path / "split" / "test.csv")
    assert train[0] == ["emotion", "pixels"]
    assert test[0] == ["pixels"]
    assert train[1:] == [[emotion, text] for emotion, text, usage in body if usage == "Training"]
    assert test[1:] == [[text] for _, text, usage in body if usage != "Training"]


def test_the_folders_hold_the_same_rows_under_kaggle_names(tmp_path: Path) -> None:
    make("fer2013", tmp_path, rows=60, variant="folders")
    found: Counter[tuple[str, str]] = Counter()
    for path in tmp_path.glob("t*/*/*.jpg"):
        usage, number = path.stem.split("_")
        assert path.parts[-3] == ("train" if usage == "Training" else "test")
        assert len(number) == 8
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (48, 48)
        found[usage, path.parts[-2]] += 1
    stand = plan(Order("fer2013", rows=60))
    assert found == Counter((u, ORDER[label]) for u, label in zip(stand.usages, stand.labels, strict=True))


def test_only_the_wanted_rows_are_drawn_and_they_look_the_same(small: Path, tmp_path: Path) -> None:
    whole = rows(small / "fer2013.csv")
    wanted = [number for number, row in enumerate(whole[1:]) if pixels(row[1]).std() > 0][3:5]
    make("fer2013", tmp_path, rows=450, only=[f"fer2013-fer{number:07d}" for number in wanted])
    some = rows(tmp_path / "fer2013.csv")
    assert [(row[0], row[2]) for row in some] == [(row[0], row[2]) for row in whole]
    drawn = [number for number, row in enumerate(some[1:]) if pixels(row[1]).any()]
    assert drawn == wanted
    assert [some[number + 1] for number in wanted] == [whole[number + 1] for number in wanted]


def test_it_can_be_larger_than_the_real_one() -> None:
    stand = plan(Order("fer2013", rows=71774))
    assert Counter(stand.usages) == {"Training": 57418, "PublicTest": 7178, "PrivateTest": 7178}


def test_an_unknown_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`variant`.*parquet.*csv, icml, split, folders"):
        make("fer2013", tmp_path, rows=9, variant="parquet")


@pytest.mark.parametrize("variant", ["csv", "icml", "folders"])
def test_the_builder_reads_what_was_planned(variant: str, tmp_path: Path) -> None:
    make("fer2013", tmp_path, rows=120, variant=variant, labels_only=True)
    report = Report()
    samples = list(datasets_builders.require("fer2013", tmp_path).scan(tmp_path, report))
    stand = plan(Order("fer2013", rows=120), variant=variant)
    split = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
    truth = Counter((NOUNS[label], split[usage]) for label, usage in zip(stand.labels, stand.usages, strict=True))
    assert Counter((sample.labels[0], sample.meta_info.split) for sample in samples) == truth
    assert report.dropped == []
    if variant == "csv":
        assert [sample.id for sample in samples] == [f"fer2013-fer{row:07d}" for row in range(120)]
        assert [sample.labels for sample in samples] == [[NOUNS[label]] for label in stand.labels]
