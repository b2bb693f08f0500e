"""The RAF-DB stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datasets_builders import corpus, looks_like
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.synthetic import make
from datasets_builders.synthetic.order import Order
from datasets_builders.synthetic.raf_db import plan
from datasets_builders.synthetic.raf_db_pictures import DETECTED, blend
from facial_r1.errors import UsageError
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE

NOUNS = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
TRAIN = [1290, 281, 717, 4772, 1982, 705, 2524]
TEST = [329, 74, 160, 1185, 478, 162, 680]
SEED = 5


def lines(base: Path) -> list[tuple[str, int]]:
    text = (base / "EmoLabel" / "list_patition_label.txt").read_text()
    assert text.endswith("\n")
    return [(name, int(label)) for name, label in (line.split(" ") for line in text.splitlines())]


def numbers(path: Path) -> np.ndarray[Any, Any]:
    return np.array([[float(field) for field in line.split("\t")] for line in path.read_text().splitlines()])


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("raf_db", tmp_path_factory.mktemp("raf_db"), labels_only=True, subset="both")
    assert made.rows == 15_339 + 3_954
    return made.root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make("raf_db", tmp_path_factory.mktemp("raf_db"), rows=120, workers=2, subset="both").root


# ------------------------------------------------------------------------------------------------------- full size


def test_the_basic_subset_has_the_published_counts_and_names(full: Path) -> None:
    rows = lines(full / "basic")
    train, test = rows[:12_271], rows[12_271:]
    assert [name for name, _ in train] == [f"train_{number:05d}.jpg" for number in range(1, 12_272)]
    assert [name for name, _ in test] == [f"test_{number:04d}.jpg" for number in range(1, 3_069)]
    assert [Counter(label for _, label in train)[label] for label in range(1, 8)] == TRAIN
    assert [Counter(label for _, label in test)[label] for label in range(1, 8)] == TEST


def test_the_compound_subset_has_eleven_classes_under_the_same_names(full: Path) -> None:
    rows = lines(full / "compound")
    assert Counter(name.split("_")[0] for name, _ in rows) == {"train": 3_162, "test": 792}
    counts = Counter(label for _, label in rows)
    assert sorted(counts) == list(range(1, 12))
    assert min(counts.values()) > 50
    assert {name for name, _ in rows} < {name for name, _ in lines(full / "basic")}


@pytest.mark.parametrize(("subset", "rows"), [("basic", 15_339), ("compound", 3_954), ("both", 19_293)])
def test_a_check_of_the_full_size_finds_no_difference(subset: str, rows: int, full: Path) -> None:
    found = check("raf_db", full, subset=subset)
    assert (found.differences, found.counts["rows"], found.usable) == ([], rows, True)
    assert all("none of" in gap for gap in found.gaps)  # pictures, and what describes them


def test_kaggle_s_variant_at_full_size_has_the_published_counts(tmp_path: Path) -> None:
    root = make("raf_db", tmp_path, labels_only=True, variant="kaggle").root
    found = check("raf_db", root)
    assert (found.differences, found.counts["train/happiness"]) == ([], 4_772)
    assert sorted(path.name for path in root.iterdir()) == ["SYNTHETIC.json", "test_labels.csv", "train_labels.csv"]


def test_labels_are_in_no_order(full: Path) -> None:
    labels = [label for _, label in lines(full / "basic")[:12_271]]
    assert labels != sorted(labels)
    assert len(set(labels[:60])) >= 5


# ------------------------------------------------------------------------------------------------------ round trips


def facts(root: Path, **options: Any) -> list[tuple[str, list[str], str | None]]:
    report = Report()
    samples = list(corpus("raf_db").scan(root, report, **options))
    assert (report.dropped, report.errors) == ([], [])
    return [(sample.id, sample.labels, sample.meta_info.split) for sample in samples]


def test_the_builder_reads_what_was_planned(tmp_path: Path) -> None:
    root = make("raf_db", tmp_path, seed=SEED, rows=90, labels_only=True).root
    stand = plan(Order("raf_db", SEED, 90, labels_only=True))
    assert facts(root) == [(f"raf_db-{row.stem}", [NOUNS[row.label - 1]], row.part) for row in stand.pictures]
    assert {row.label for row in stand.pictures} == set(range(1, 8))


def test_the_builder_reads_the_planned_compounds(tmp_path: Path) -> None:
    typed = {1: "happiness surprise", 4: "sadness anger", 8: "fear surprise", 9: "anger surprise", 10: "anger disgust"}
    root = make("raf_db", tmp_path, seed=SEED, rows=300, labels_only=True, subset="both").root
    stand = plan(Order("raf_db", SEED, 300, labels_only=True), subset="both")
    planned = {row.id: row for row in stand.pictures if row.subset == "compound"}
    found = facts(root, subset="compound")
    assert [name for name, _, _ in found] == list(planned)
    assert {planned[name].label for name, _, _ in found} == set(range(1, 12))
    for name, labels, part in found:
        row = planned[name]
        assert (part, name) == (row.part, f"raf_db-compound-{row.stem}")
        if row.label in typed:
            assert labels == typed[row.label].split()


def test_kaggle_s_variant_says_the_same_with_and_without_its_csv(tmp_path: Path) -> None:
    official = make("raf_db", tmp_path / "official", rows=40, workers=2).root
    kaggle = make("raf_db", tmp_path / "kaggle", rows=40, workers=2, variant="kaggle").root
    assert facts(kaggle) == facts(official)
    for path in kaggle.glob("*.csv"):
        path.unlink()
    assert facts(kaggle) == facts(official)
    name, label = lines(official / "basic")[0]
    aligned = name.replace(".jpg", "_aligned.jpg")
    copy = kaggle / "DATASET" / "train" / str(label) / aligned
    assert copy.read_bytes() == (official / "basic/Image/aligned" / aligned).read_bytes()


def test_it_looks_like_no_other_corpus(small: Path, full: Path) -> None:
    assert looks_like(small) == looks_like(full) == "raf_db"
    names = [name for name in ("disfa", "expw", "fer2013", "raf_au") if corpus(name).recognises(small)]
    assert names == []


# ---------------------------------------------------------------------------------------- pictures and annotations


def test_every_picture_is_there_twice_and_the_aligned_one_is_small(small: Path) -> None:
    for subset in ("basic", "compound"):
        names = [name.removesuffix(".jpg") for name, _ in lines(small / subset)]
        image = small / subset / "Image"
        assert sorted(path.stem for path in (image / "original").iterdir()) == sorted(names)
        assert {path.name for path in (image / "aligned").iterdir()} == {f"{name}_aligned.jpg" for name in names}
        aligned = cv2.imread(str(image / "aligned" / f"{names[0]}_aligned.jpg"))
        original = cv2.imread(str(image / "original" / f"{names[0]}.jpg"))
        assert aligned.shape == (100, 100, 3)
        assert min(original.shape[:2]) >= 300
        assert aligned.std() > 15


def test_the_annotations_lie_in_the_original_picture_and_describe_the_face(small: Path) -> None:
    base = small / "basic"
    beyond, genders = 0, set()
    for name, _ in lines(base):
        stem = name.removesuffix(".jpg")
        height, width = cv2.imread(str(base / "Image/original" / name)).shape[:2]
        manual = (base / "Annotation/manual" / f"{stem}_manu_attri.txt").read_text().splitlines()
        points = np.array([[float(field) for field in line.split("\t")] for line in manual[:5]])
        gender, race, age = (int(line) for line in manual[5:])
        assert gender in range(3)
        assert race in range(3)
        assert age in range(5)
        genders.add(gender)
        detected = numbers(base / "Annotation/auto" / f"{stem}_auto_attri.txt")
        left, top, right, bottom = map(
            float, (base / "Annotation/boundingbox" / f"{stem}_boundingbox.txt").read_text().split()
        )
        assert detected.shape == (len(DETECTED), 2) == (37, 2)
        left_eye, right_eye, nose, left_corner, right_corner = points
        assert left_eye[0] < nose[0] < right_eye[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_corner[1], right_corner[1])
        assert left_corner[0] < right_corner[0]
        for x, y in (*points, *detected):
            assert left < x < right
            assert top < y < bottom
            assert 0 <= x < width
            assert 0 <= y < height
        beyond += left < 0 or top < 0 or right > width or bottom > height
    assert beyond >= 1
    assert {0, 1} <= genders


def test_in_an_aligned_picture_the_eyes_are_level(small: Path, tmp_path: Path) -> None:
    """The dark irises of aligned faces average to two spots at one height, left and right of the middle."""
    faces = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((small / "basic/Image/aligned").iterdir())]
    mean = np.mean([face.astype(float) for face in faces], axis=0)
    band = mean[28:44]
    left, right = band[:, 20:50], band[:, 50:80]
    rows = [int(np.unravel_index(half.argmin(), half.shape)[0]) for half in (left, right)]
    assert abs(rows[0] - rows[1]) <= 3
    assert min(left.min(), right.min()) < mean[40:55, 45:55].mean()  # darker than the bridge of the nose


def test_crops_by_box_and_landmarks_hold_the_face(small: Path, tmp_path: Path) -> None:
    raf_db, options = corpus("raf_db"), {"pictures": "original"}
    samples = list(raf_db.scan(small, Report(), **options))[:6]
    for crop in ("box", "landmarks"):
        made = list(materialize(raf_db, small, samples, tmp_path / crop, crop=crop, options=options))
        assert [picture.reason for picture in made] == [None] * 6
        assert all(picture.width > 60 < picture.height for picture in made)


def test_only_draws_the_wanted_pictures_and_their_annotations(small: Path, tmp_path: Path) -> None:
    wanted = ["raf_db-train_00002", "raf_db-compound-test_0001"]
    make("raf_db", tmp_path, rows=120, subset="both", only=wanted)
    drawn = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")}
    assert drawn == {
        "basic/Image/aligned/train_00002_aligned.jpg",
        "basic/Image/original/train_00002.jpg",
        "compound/Image/aligned/test_0001_aligned.jpg",
        "compound/Image/original/test_0001.jpg",
    }
    assert len(list(tmp_path.rglob("*_attri.txt"))) == 4
    assert lines(tmp_path / "basic") == lines(small / "basic")
    for name in drawn:
        assert (tmp_path / name).read_bytes() == (small / name).read_bytes()


def test_annotations_can_be_left_out(tmp_path: Path) -> None:
    make("raf_db", tmp_path, rows=3, annotations=False)
    assert len(list(tmp_path.rglob("*.jpg"))) == 6
    assert not list(tmp_path.rglob("Annotation"))


def test_the_two_subsets_show_different_people(small: Path) -> None:
    basic, compound = ((small / part / "Image/original/train_00001.jpg").read_bytes() for part in ("basic", "compound"))
    assert basic != compound


def test_a_compound_shows_both_emotions_and_no_impossible_pair() -> None:
    faces = [blend(np.random.default_rng(seed), ("happiness", "disgust")) for seed in range(60)]
    assert sum(12 in shown for shown in faces) > 50
    assert sum(bool({9, 10, 17} & set(shown)) for shown in faces) > 50
    for shown in faces:
        assert not any(frozenset((a, b)) in EXCLUSIVE | ANTAGONISTS for a in shown for b in shown if a != b)
    assert blend(np.random.default_rng(0), ("neutral",)) == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subset": "all"}, "unknown value for the option `subset`. Found: 'all'|Found: all"),
        ({"variant": "zip"}, "unknown value for the option `variant`"),
        ({"variant": "kaggle", "subset": "both"}, "Kaggle has the basic subset only"),
    ],
)
def test_wrong_options_are_usage_errors(options: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        make("raf_db", tmp_path, rows=3, **options)
