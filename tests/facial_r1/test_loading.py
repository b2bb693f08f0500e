"""Published JSONL and releases as data sets: generous rows, typed columns, pictures that open, errors that name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facial_r1.errors import InputError, UsageError
from facial_r1.features import IMAGE_FEATURES
from facial_r1.loading import load_jsonl, load_release

PUBLISHED = (
    '{"id": "a", "dataset": "mine", "image": "p/a.png", "question": "What?", "AUs": ["AU04", "AU1"], '
    '"labels": ["Sadness"], "description": "Free text.", "meta_info": {"key": "value"}}\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images" / "p").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / "p" / "a.png"), np.full((30, 20, 3), 7, np.uint8))
    (tmp_path / "train.jsonl").write_text(PUBLISHED)
    return tmp_path


def test_a_published_line_is_read_generously(folder: Path) -> None:
    rows = load_jsonl([folder / "train.jsonl"], [folder / "images"])
    assert rows.features == IMAGE_FEATURES
    (row,) = rows
    assert (row["AUs"], row["labels"], row["image"].size) == (["AU1", "AU4"], ["sadness"], (20, 30))
    assert row["meta_info"]["extra"] == '{"key":"value"}'


def test_several_files_share_a_folder_or_have_one_each(folder: Path) -> None:
    files = [folder / "train.jsonl"] * 2
    assert len(load_jsonl(files, [folder / "images"])) == len(load_jsonl(files, [folder / "images"] * 2)) == 2
    with pytest.raises(UsageError, match="2 files, 3 folders"):
        load_jsonl(files, [folder / "images"] * 3)


def test_a_release_is_loaded_by_split(folder: Path) -> None:
    assert load_release(folder, split="train")["id"][:] == ["a"]
    with pytest.raises(InputError, match=r"no split test. Found: \['train.jsonl'\]"):
        load_release(folder, split="test")


def test_a_missing_picture_is_named(folder: Path) -> None:
    (folder / "images" / "p" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png: the picture of row 1 \(a\) is not there"):
        load_jsonl([folder / "train.jsonl"], [folder / "images"])


def test_a_bad_line_is_named(folder: Path) -> None:
    (folder / "train.jsonl").write_text(PUBLISHED + PUBLISHED.replace("Sadness", "Sadnes"))
    with pytest.raises(InputError, match=r"train\.jsonl:2: `labels` holds an unknown emotion. Found: Sadnes"):
        load_jsonl([folder / "train.jsonl"], [folder / "images"])


def test_a_path_that_leaves_the_folder_is_refused(folder: Path) -> None:
    (folder / "train.jsonl").write_text(PUBLISHED.replace("p/a.png", "../a.png"))
    with pytest.raises(InputError, match="leaves the image folder"):
        load_jsonl([folder / "train.jsonl"], [folder / "images"])
