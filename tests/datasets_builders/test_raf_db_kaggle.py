"""RAF-DB as Kaggle has it: class folders, CSV files, and what is said when the two disagree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from datasets_builders import looks_like, require
from datasets_builders.common.corpus import Report
from datasets_builders.raf_db import CORPUS
from facial_r1.errors import InputError
from facial_r1.sample import Sample

TRAIN = """\
image,label
train_00001_aligned.jpg,5
train_00002_aligned.jpg,1
train_00003_aligned.jpg,2
train_00004_aligned.jpg,3
train_12271_aligned.jpg,4
"""
TEST = """\
image,label
test_0001_aligned.jpg,6
test_3068_aligned.jpg,7
"""
PLACES = (
    "train/5/train_00001_aligned.jpg",
    "train/1/train_00002_aligned.jpg",
    "train/2/train_00003_aligned.jpg",
    "train/3/train_00004_aligned.jpg",
    "train/4/train_12271_aligned.jpg",
    "test/6/test_0001_aligned.jpg",
    "test/7/test_3068_aligned.jpg",
)
TRUTH = {
    "raf_db-train_00001": ("sadness", "train"),
    "raf_db-train_00002": ("surprise", "train"),
    "raf_db-train_00003": ("fear", "train"),
    "raf_db-train_00004": ("disgust", "train"),
    "raf_db-train_12271": ("happiness", "train"),
    "raf_db-test_0001": ("anger", "test"),
    "raf_db-test_3068": ("neutral", "test"),
}


def _put(path: Path, text: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _kaggle(root: Path, *, csv: bool = True, placed: bool = True) -> Path:
    for place in PLACES if placed else ():
        _put(root / "DATASET" / place)
    for part, text in (("train", TRAIN), ("test", TEST)) if csv else ():
        _put(root / f"{part}_labels.csv", text)
    return root


def _scan(root: Path, report: Report | None = None, **options: object) -> list[Sample]:
    return list(require("raf_db", root).scan(root, report or Report(), **options))


def _facts(samples: list[Sample]) -> dict[str, tuple[str, str | None]]:
    return {sample.id: (sample.labels[0], sample.meta_info.split) for sample in samples}


def test_kaggle_s_copy_says_the_same(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_kaggle(tmp_path), report)
    assert _facts(samples) == TRUTH
    assert report == Report()  # this copy never had annotations, so none are missing
    assert {sample.id: sample.meta_info.source for sample in samples}["raf_db-test_0001"] == "test_labels.csv:2"
    assert samples[0].meta_info.extra is None
    raws = list(CORPUS.raw(tmp_path, samples, pictures="aligned"))
    assert {raw.path and raw.path.relative_to(tmp_path).as_posix() for raw in raws} >= {
        "DATASET/train/5/train_00001_aligned.jpg",
        "DATASET/test/7/test_3068_aligned.jpg",
    }


def test_kaggle_s_folders_alone_are_enough(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_kaggle(tmp_path, csv=False), report)
    assert _facts(samples) == TRUTH
    assert [sample.id for sample in samples] == list(TRUTH)  # in the official order, not that of the folders
    assert samples[0].meta_info.source == "DATASET/train/5/train_00001_aligned.jpg"
    assert report == Report()


def test_kaggle_s_csv_alone_has_labels_but_no_pictures(tmp_path: Path) -> None:
    report = Report()
    assert _facts(_scan(_kaggle(tmp_path, placed=False), report)) == TRUTH
    assert report.missing == ["basic, aligned pictures: none of 7 is there"]


def test_a_folder_that_contradicts_the_csv_is_an_error_that_names_both(tmp_path: Path) -> None:
    _kaggle(tmp_path)
    (tmp_path / "DATASET/train/4").mkdir(exist_ok=True)
    (tmp_path / "DATASET/train/5/train_00001_aligned.jpg").rename(tmp_path / "DATASET/train/4/train_00001_aligned.jpg")
    found = (
        r"train_labels\.csv:2: the class of train_00001 here is not that of the folder in which the picture lies\. "
        r"Found: class 5 \(sadness\) here, class 4 \(happiness\) in DATASET/train/4/train_00001_aligned\.jpg\."
    )
    with pytest.raises(InputError, match=found):
        _scan(tmp_path)
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == {k: v for k, v in TRUTH.items() if k != "raf_db-train_00001"}
    assert len(report.errors) == 1


def test_pictures_that_the_csv_lacks_are_kept_and_said(tmp_path: Path) -> None:
    _kaggle(tmp_path)
    (tmp_path / "test_labels.csv").unlink()
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH
    assert report.remarks == ["2 pictures stand in no CSV; their folders give the class"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "image,label\ntrain_00001_aligned.jpg,8\n",
            r"csv:2: this row is not a picture of RAF-DB and its class.*7 neutral",
        ),
        ("image,label\ntrain_00001_aligned.jpg\n", r"csv:2: this row is not a picture"),
        ("image,label\nface.jpg,1\n", r"csv:2: this row is not a picture"),
        ("image,label\ntrain_00001_aligned.jpg,surprise\n", r"csv:2: this row is not a picture"),
        ("image,label\n\xff,1\n", r"csv:2: this row is not a picture"),
        (
            "name,label\ntrain_00001_aligned.jpg,1\n",
            r"csv:1: the header names other columns.*Expected: the columns image",
        ),
        ("image,label\ntest_0001_aligned.jpg,6\n", r"csv:2: a test picture stands in the label file of the other part"),
    ],
)
def test_a_bad_row_of_the_csv_is_named(text: str, words: str, tmp_path: Path) -> None:
    _kaggle(tmp_path)
    _put(tmp_path / "train_labels.csv", text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"train_labels\.{words}"):
        _scan(tmp_path)
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == TRUTH  # the folders know
    assert len(report.errors) == 1


def test_columns_of_the_csv_are_known_by_name(tmp_path: Path) -> None:
    _kaggle(tmp_path, placed=False)
    (tmp_path / "train_labels.csv").unlink()
    _put(tmp_path / "test_labels.csv", '\ufeff"", Label ,"image"\r\n0,6,"test_0001_aligned.jpg"\r\n\r\n')
    assert _facts(_scan(tmp_path)) == {"raf_db-test_0001": ("anger", "test")}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            "DATASET/train/happy/train_00005_aligned.jpg",
            "pictures lie in a folder that is no class. Expected: folders",
        ),
        ("DATASET/train/8/train_00005_aligned.jpg", "pictures lie in a folder that is no class"),
        ("DATASET/train/3/test_0005_aligned.jpg", "the file name says test, its folder train. What to do: move"),
        ("DATASET/train/2/train_00001_aligned.jpg", "train_00001 lies in the folders of two classes. Found: also"),
        (
            "DATASET/more/train_00005_aligned.jpg",
            "nothing gives this picture a class. Expected: a folder 1-7",
        ),
    ],
)
def test_pictures_in_a_wrong_folder_are_named(place: str, words: str, tmp_path: Path) -> None:
    _put(_kaggle(tmp_path, csv=False) / place)
    with pytest.raises(InputError, match=re.escape(words)):
        _scan(tmp_path)
    report = Report(keep_going=True)
    found = _facts(_scan(tmp_path, report))
    assert len(report.errors) == 1
    assert found == {k: v for k, v in TRUTH.items() if "two classes" not in words or k != "raf_db-train_00001"}


def test_both_halves_are_recognised_as_this_corpus(tmp_path: Path) -> None:
    assert looks_like(_kaggle(tmp_path / "folders", csv=False)) == "raf_db"
    assert looks_like(_kaggle(tmp_path / "csv", placed=False)) == "raf_db"


def test_it_has_no_compound_subset_and_no_original_pictures(tmp_path: Path) -> None:
    _kaggle(tmp_path)
    with pytest.raises(InputError, match="this copy of RAF-DB does not hold the compound subset"):
        _scan(tmp_path, subset="compound")
    report = Report()
    samples = _scan(tmp_path, report, pictures="original")
    assert report.missing == ["basic, original pictures: none of 7 is there"]
    assert {raw.problem and raw.problem[0] for raw in CORPUS.raw(tmp_path, samples, pictures="original")} == {"missing"}


def test_an_official_list_beside_it_is_what_counts(tmp_path: Path) -> None:
    _put(_kaggle(tmp_path) / "EmoLabel/list_patition_label.txt", "train_00001.jpg 5\n")
    report = Report()
    samples = _scan(tmp_path, report)
    assert [sample.meta_info.source for sample in samples] == ["EmoLabel/list_patition_label.txt:1"]
    [raw] = CORPUS.raw(tmp_path, samples)
    assert raw.path == tmp_path / "DATASET/train/5/train_00001_aligned.jpg"
