"""The AffectNet stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets_builders import corpus, require
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make, options_of
from datasets_builders.synthetic.affectnet import LAYOUTS, plan
from datasets_builders.synthetic.order import Order
from facial_r1.errors import UsageError
from facial_r1.pictures import load_picture

NOUNS = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
TRAIN = [74874, 134416, 25459, 14090, 6378, 3803, 24882, 3750, 33088, 11645, 82414]  # typed from the published counts
COLUMNS = [
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height"),
    *("facial_landmarks", "expression", "valence", "arousal"),
]
LISTS, IMAGES = "Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_Images"


def rows(path: Path) -> list[list[str]]:
    """The rows of a list without its header."""
    with open(path, newline="") as handle:
        found = list(csv.reader(handle))
    return found[1:] if found[0] == COLUMNS else found


def tree(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "SYNTHETIC.json")
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("affectnet", tmp_path_factory.mktemp("full"), labels_only=True)
    assert made.rows == 420_299
    return made.root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("small")
    return {layout: make("affectnet", base / layout, rows=400, workers=2, layout=layout).root for layout in LAYOUTS}


def test_the_full_size_has_the_published_counts_of_every_class(full: Path) -> None:
    counts, hashes = {}, set()
    for name in ("training.csv", "validation.csv"):
        classes: Counter[int] = Counter()
        with open(full / LISTS / name) as handle:
            header = next(handle) if name == "training.csv" else None
            assert header in (None, ",".join(COLUMNS) + "\n")
            for line in handle:
                head, expression, valence, arousal = line.rsplit(",", 3)
                classes[int(expression)] += 1
                hashes.add(head[: head.index(",")].partition("/")[2])
                assert (int(expression) >= 8) == (valence == "-2") == (arousal == "-2\n")
                assert int(expression) >= 8 or -1 <= float(valence) <= 1 >= float(arousal) >= -1
        counts[name] = [classes[number] for number in range(11)]
    assert counts == {"training.csv": TRAIN, "validation.csv": [500] * 11}
    assert len(hashes) == 420_299


def test_a_check_of_the_full_size_finds_no_difference(full: Path) -> None:
    whole = check("affectnet", full)
    assert whole.differences == []
    assert (whole.counts["rows"], whole.counts["train/no_face"]) == (420_299, 82_414)


@pytest.mark.parametrize("layout", ["npy", "plus"])
def test_the_other_layouts_are_planned_with_the_published_counts(layout: str) -> None:
    stand = plan(Order("affectnet", labels_only=True), layout=layout)
    found: Counter[str] = Counter(rows=stand.rows)
    for split, part in zip(("train", "val"), stand.parts, strict=True):
        found[split] = len(part.labels)
        found.update(f"{split}/{NOUNS[label]}" for label in part.labels if label < 8)
        assert len(set(part.names)) == len(part.names)
    published = corpus("affectnet").published(layout=layout)
    loose = corpus("affectnet").tolerances
    assert {what for what, number in published.items() if abs(found[what] - number) > loose.get(what, 0)} == set()
    assert stand.rows == {"npy": 291_650, "plus": 420_299}[layout]


# ----------------------------------------------------------------------------------------------------- the lists


def test_a_line_has_nine_columns_and_136_numbers_about_the_box(small: dict[str, Path]) -> None:
    for row in rows(small["csv"] / LISTS / "training.csv"):
        assert len(row) == 9
        x, y, width, height = map(int, row[1:5])
        points = np.array(row[5].split(";"), float).reshape(68, 2)
        assert min(x, y) >= 0
        assert width == height > 100
        inside = (points > (x, y)) & (points < (x + width, y + height))
        assert inside.mean() > 0.95
        assert np.ptp(points, axis=0).min() > 0.4 * width


def test_only_training_csv_has_a_header_unless_asked_for(small: dict[str, Path], tmp_path: Path) -> None:
    make("affectnet", tmp_path, rows=400, labels_only=True, header=True)
    for root, header in ((small["csv"], False), (tmp_path, True)):
        training, validation = ((root / LISTS / name).read_text() for name in ("training.csv", "validation.csv"))
        assert training.startswith(",".join(COLUMNS))
        assert validation.startswith(",".join(COLUMNS)) == header
    assert rows(tmp_path / LISTS / "validation.csv") == rows(small["csv"] / LISTS / "validation.csv")


def test_pictures_are_of_mixed_types_lie_in_numbered_folders_and_one_is_nowhere(small: dict[str, Path]) -> None:
    listed = [row[0] for name in ("training.csv", "validation.csv") for row in rows(small["csv"] / LISTS / name)]
    base = small["csv"] / IMAGES
    there = {path.relative_to(base).as_posix() for path in base.rglob("*.*")}
    (absent,) = set(listed) - there
    assert there < set(listed)
    assert {row[0]: row[6] for row in rows(small["csv"] / LISTS / "training.csv")}[absent] == "1"
    assert {Path(name).suffix for name in listed} >= {".jpg", ".JPG", ".png"}
    starts = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"BM": ".bmp", b"II": ".tif"}
    for name in there:
        assert starts[(base / name).read_bytes()[:2]] == Path(name).suffix.lower()
    assert all(len(Path(name).stem) == 56 and name.split("/")[0].isdecimal() for name in listed)


def test_a_picture_shows_a_face_in_its_box_and_none_where_there_is_none(small: dict[str, Path]) -> None:
    ratios = defaultdict(list)
    for name, *box, _, expression, _, _ in rows(small["csv"] / LISTS / "training.csv")[:60]:
        path = small["csv"] / IMAGES / name
        if not path.exists():
            continue
        picture = cv2.cvtColor(load_picture(path), cv2.COLOR_RGB2GRAY)
        edges = np.abs(cv2.Laplacian(picture, cv2.CV_64F))
        x, y, width, height = map(int, box)
        assert x + width <= picture.shape[1]
        assert y + height <= picture.shape[0]
        ratios[expression == "10"].append(edges[y : y + height, x : x + width].mean())
    assert min(ratios[False]) > 3 * max(ratios[True])


def test_some_pictures_come_twice_under_two_names(small: dict[str, Path]) -> None:
    pictures = {name: digest for name, digest in tree(small["csv"]).items() if name.startswith("Manually_Annotated/")}
    twice = [digest for digest, number in Counter(pictures.values()).items() if number > 1]
    assert 3 <= len(twice) <= 20


# ------------------------------------------------------------------------------------------- the later layouts


def test_an_npy_picture_has_four_files_of_text_and_numbers(small: dict[str, Path]) -> None:
    numbers = {}
    for folder in ("train_set", "val_set"):
        notes = small["npy"] / folder / "annotations"
        stems = Counter(path.stem.rpartition("_")[0] for path in notes.iterdir())
        assert set(stems.values()) == {4}
        assert {path.stem for path in (small["npy"] / folder / "images").iterdir()} == set(stems)
        numbers[folder] = set(map(int, stems))
        for stem in stems:
            texts = [np.load(notes / f"{stem}_{kind}.npy", allow_pickle=False) for kind in ("exp", "val", "aro")]
            assert all(text.shape == () and text.dtype.kind == "U" for text in texts)
            assert texts[0].dtype == "<U1"
            assert 0 <= int(str(texts[0][()])) <= 7
            assert all(-1 <= float(str(text[()])) <= 1 for text in texts[1:])
            points = np.load(notes / f"{stem}_lnd.npy", allow_pickle=False)
            assert (points.shape, points.dtype.kind) == ((136,), "f")
    assert numbers["train_set"] & numbers["val_set"]  # the two count each for itself
    assert max(numbers["train_set"]) > len(numbers["train_set"])  # with gaps
    picture = next((small["npy"] / "val_set/images").iterdir())
    assert load_picture(picture).shape == (224, 224, 3)


def test_an_object_of_affectnet_plus_has_keys_with_hyphens(small: dict[str, Path]) -> None:
    base = small["plus"] / "human_annotated"
    classes: Counter[int] = Counter()
    for folder in ("train_set", "validation_set"):
        for path in (base / folder / "annotations").iterdir():
            row = json.loads(path.read_text())
            assert set(row) == {"human-label", "soft-label", "subset", "meta-data"}
            assert abs(sum(row["soft-label"]) - 1) < 1e-6
            assert np.array(row["meta-data"]["landmark-68"]).shape == (68, 2)
            classes[row["human-label"]] += 1
    assert set(classes) == set(range(11))
    others = [json.loads(path.read_text()) for path in (small["plus"] / "no_human_annotated").rglob("*.json")]
    assert others
    assert not any("human-label" in row for row in others)


# ------------------------------------------------------------------------------------------------- all layouts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_builder_reads_what_was_planned(small: dict[str, Path], layout: str) -> None:
    root, report = small[layout], Report()
    samples = list(require("affectnet", root).scan(root, report))
    stand = plan(Order("affectnet", rows=400), layout=layout)
    planned, left_out = {}, Counter[str]()
    for split, part in zip(("train", "val"), stand.parts, strict=True):
        prefix = {"csv": "affectnet-", "npy": f"affectnet-{split}-", "plus": f"affectnet-plus-{split}-"}[layout]
        for name, label, felt, frame in zip(part.names, part.labels, part.felt.tolist(), part.frames, strict=True):
            if label >= 8:
                left_out[{8: "no_emotion", 9: "uncertain", 10: "no_face"}[label]] += 1
                continue
            at = stand.frames[label][frame]
            box = [at.left, at.top, at.left + at.side, at.top + at.side] if layout == "csv" else None
            planned[prefix + Path(name).stem] = (
                split,
                [NOUNS[label]],
                box,
                *(float(f"{number:.6g}") for number in felt),
            )
    found = {}
    for sample in samples:
        extra = sample.meta_info.extras()
        meta = sample.meta_info
        found[sample.id] = (meta.split, sample.labels, meta.box, extra["valence"], extra["arousal"])
    assert found == planned
    assert Counter(row.reason for row in report.dropped) == left_out
    assert report.errors == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_order_gives_the_same_bytes_whatever_the_workers(
    small: dict[str, Path], layout: str, tmp_path: Path
) -> None:
    assert tree(make("affectnet", tmp_path, rows=400, layout=layout).root) == tree(small[layout])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_labels_only_writes_the_same_labels_and_no_picture(small: dict[str, Path], layout: str, tmp_path: Path) -> None:
    labels = tree(make("affectnet", tmp_path, rows=400, layout=layout, labels_only=True).root)
    assert {Path(name).suffix for name in labels} == {f".{'json' if layout == 'plus' else layout}"}
    assert labels.items() < tree(small[layout]).items()


def test_another_seed_gives_other_names_and_labels(small: dict[str, Path], tmp_path: Path) -> None:
    make("affectnet", tmp_path, rows=400, seed=1, labels_only=True)
    one, other = (rows(root / LISTS / "training.csv") for root in (small["csv"], tmp_path))
    assert not {row[0] for row in one} & {row[0] for row in other}
    assert [row[6] for row in one] != [row[6] for row in other]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_only_draws_the_wanted_pictures(small: dict[str, Path], layout: str, tmp_path: Path) -> None:
    root = small[layout]
    chosen = [sample.id for sample in require("affectnet", root).scan(root, Report())][10:12]
    whole, some = tree(root), tree(make("affectnet", tmp_path, rows=400, layout=layout, only=chosen).root)
    assert some.items() < whole.items()
    drawn = [name for name in some if Path(name).suffix.lower() in (".jpg", ".png", ".bmp", ".tif")]
    assert sorted(Path(name).stem for name in drawn) == sorted(name.rpartition("-")[2] for name in chosen)


def test_every_size_can_be_made(tmp_path: Path) -> None:
    for number, layout in product((1, 2, 25), LAYOUTS):
        made = make("affectnet", tmp_path / f"{layout}{number}", rows=number, layout=layout, labels_only=True)
        assert made.rows == number


def test_the_options_are_checked(tmp_path: Path) -> None:
    assert options_of("affectnet") == {"layout": "csv", "header": False}
    with pytest.raises(
        UsageError, match=r"unknown value for the option `layout`\. Found: folders\. Expected: one of c"
    ):
        make("affectnet", tmp_path / "x", rows=5, layout="folders")
