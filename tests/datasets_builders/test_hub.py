"""Corpora as Hugging Face data sets: the rows of the scan, pictures that open, a cache that follows the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from datasets import Dataset

from datasets_builders import corpus, corpus_names, load_corpus
from datasets_builders.common.corpus import Report
from datasets_builders.common.hub import builder_class
from datasets_builders.common.repeats import without_repeats
from datasets_builders.synthetic import make
from facial_r1.errors import NotThisCorpus, UsageError
from facial_r1.features import IMAGE_FEATURES

ROWS = 48


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small stand-in of every corpus, with pictures."""
    folder = tmp_path_factory.mktemp("corpora")
    return {name: make(name, folder / name, rows=ROWS).root for name in corpus_names()}


def scanned(name: str, root: Path) -> list[dict[str, Any]]:
    lines = without_repeats(corpus(name).scan(root, Report()), Report())
    return [orjson.loads(line) for line in lines]


def plain(rows: Any) -> list[dict[str, Any]]:
    """Rows as the scan gives them: no picture, and ``image`` empty as long as none was made."""
    return [{**{key: row[key] for key in row if key != "image"}, "image": ""} for row in rows]


@pytest.mark.parametrize("name", corpus_names())
def test_rows_equal_those_of_the_scan_and_pictures_open(name: str, stand_ins: dict[str, Path], tmp_path: Path) -> None:
    root = stand_ins[name]
    expected = scanned(name, root)
    loaded = load_corpus(name, root, cache_dir=tmp_path / "cache")
    assert isinstance(loaded, Dataset)
    assert loaded.features == IMAGE_FEATURES
    assert sorted(plain(loaded), key=lambda row: str(row["id"])) == sorted(expected, key=lambda row: str(row["id"]))
    pictures = [row["image"] for row in loaded]
    assert all(picture is not None and picture.size[0] >= 40 for picture in pictures)
    assert builder_class(name).__name__ == "".join(word.capitalize() for word in name.split("_")) + "Builder"


@pytest.mark.parametrize("name", corpus_names())
def test_streaming_gives_the_same_rows_and_writes_no_cache(
    name: str, stand_ins: dict[str, Path], tmp_path: Path
) -> None:
    stream = load_corpus(name, stand_ins[name], streaming=True, cache_dir=tmp_path / "cache")
    rows = list(stream)
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in scanned(name, stand_ins[name]))
    assert rows[0]["image"].size[0] >= 40
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_the_owners_splits_are_kept(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    root, cache = stand_ins["fer2013"], tmp_path / "cache"
    parts = {name: load_corpus("fer2013", root, split=name, cache_dir=cache) for name in ("train", "val", "test")}
    expected = scanned("fer2013", root)
    for name, part in parts.items():
        wanted = [row["id"] for row in expected if row["meta_info"]["split"] == name]
        assert part["id"][:] == wanted
        assert wanted
    with pytest.raises(UsageError, match=r"no such split. Found: dev. Expected: one of train, val, test"):
        load_corpus("fer2013", root, split="dev", cache_dir=cache)


def test_a_corpus_without_official_splits_has_train_only(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    rows = load_corpus("expw", stand_ins["expw"], split="train", cache_dir=tmp_path / "cache")
    assert len(rows) == len(scanned("expw", stand_ins["expw"]))


def test_pictures_are_those_of_their_rows(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    rows = load_corpus("fer2013", stand_ins["fer2013"], cache_dir=tmp_path / "cache")
    lines = (stand_ins["fer2013"] / "fer2013.csv").read_text().splitlines()[1:]
    for row, line in zip(rows, lines, strict=True):
        assert np.array_equal(np.asarray(row["image"]).ravel(), np.array(line.split(",")[1].split(), np.uint8))


def test_faces_are_cut_and_shrunk_on_demand(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    rows = load_corpus("expw", stand_ins["expw"], crop="box", max_side=32, cache_dir=tmp_path / "cache")
    assert {max(row["image"].size) for row in rows} == {32}


def test_a_corrected_label_file_is_read_again(tmp_path: Path) -> None:
    root = make("fer2013", tmp_path / "fer2013", rows=14).root
    before = load_corpus("fer2013", root, cache_dir=tmp_path / "cache")["labels"][:]
    csv = root / "fer2013.csv"
    lines = csv.read_text().splitlines()
    number = lines[1].partition(",")[0]
    lines[1] = ("1" if number == "0" else "0") + lines[1][1:]
    csv.write_text("\n".join(lines) + "\n")
    after = load_corpus("fer2013", root, cache_dir=tmp_path / "cache")["labels"][:]
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_a_missing_picture_leaves_its_labels(tmp_path: Path) -> None:
    root = make("raf_au", tmp_path / "raf_au", rows=12).root
    gone = sorted((root / "aligned").iterdir())[3]
    gone.unlink()
    rows = load_corpus("raf_au", root, cache_dir=tmp_path / "cache")
    assert [row["id"] for row in rows if row["image"] is None] == [f"raf_au-{gone.name[:4]}"]
    assert len(rows) == 12


def test_wrong_folders_and_options_are_said(stand_ins: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(NotThisCorpus, match=r"not FER2013.*a copy of ExpW"):
        load_corpus("fer2013", stand_ins["expw"])
    with pytest.raises(UsageError, match="unknown option"):
        load_corpus("expw", stand_ins["expw"], treshold=2)
    with pytest.raises(UsageError, match="unknown corpus"):
        load_corpus("fer2014", tmp_path)
