"""The FABA-Instruct stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

import io
import json
import re
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import datasets_builders
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.synthetic import make
from datasets_builders.synthetic.faba import plan
from datasets_builders.synthetic.faba_text import KINDS, au_text, bare_text, emotion_text
from datasets_builders.synthetic.order import Order
from facial_r1.facs import ANTAGONISTS, EXCLUSIVE
from facial_r1.sample import Sample

FILES = ("train_au", "train_emotion", "eval_au", "eval_emotion")
EMOTIONS = ["Happiness", "Sadness", "Surprise", "Anger", "Neutral", "Disgust", "Fear"]
TWENTY = {1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43}


def records(root: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads((root / name.partition("_")[0] / f"{name}_anno.json").read_text()))


def pictures(rows: list[dict[str, Any]]) -> list[str]:
    """The hashes of the records' pictures, in their order."""
    return [row["image"].rpartition("/")[2].removesuffix(".jpg") for row in rows]


def reply(row: dict[str, Any]) -> str:
    return str(row["conversations"][1]["value"])


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make("faba", tmp_path_factory.mktemp("faba"), labels_only=True)
    assert made.rows == 19877
    return made.root


@pytest.fixture(scope="module")
def lists(full: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: records(full, name) for name in FILES}


@pytest.fixture(scope="module")
def scanned(full: Path) -> tuple[list[Sample], Report]:
    report = Report()
    return list(datasets_builders.require("faba", full).scan(full, report)), report


# --- full size --------------------------------------------------------------------------------------------------------


def test_the_full_size_has_the_published_records_and_pictures(lists: dict[str, list[dict[str, Any]]]) -> None:
    assert {name: len(rows) for name, rows in lists.items()} == {
        "train_au": 15838,
        "train_emotion": 19474,
        "eval_au": 325,
        "eval_emotion": 403,
    }
    named = {name: set(pictures(rows)) for name, rows in lists.items()}
    assert all(len(named[name]) == len(lists[name]) for name in FILES), "no picture twice in a file"
    assert len(set().union(*named.values())) == 19877
    assert len(named["eval_au"] & named["eval_emotion"]) == 314
    assert named["train_au"] < named["train_emotion"]
    assert not (named["train_au"] | named["train_emotion"]) & named["eval_emotion"]
    assert len(named["train_emotion"] & named["eval_au"]) == 11


def test_the_builder_counts_exactly_what_was_published(scanned: tuple[list[Sample], Report]) -> None:
    corpus, (rows, report) = datasets_builders.corpus("faba"), scanned
    counts = corpus.count(iter(rows), report)
    assert {name: counts[name] for name in corpus.published()} == corpus.published()  # without its tolerances
    assert report.missing == ["the folders images, with the pictures"]
    assert report.errors == []


def test_most_rows_know_both_and_the_hard_ones_occur(scanned: tuple[list[Sample], Report]) -> None:
    rows, report = scanned
    tasks = Counter((row.meta_info.split, row.meta_info.task) for row in rows)
    assert tasks["train", "au+emotion"] >= 12_000
    assert (tasks["test", "au+emotion"], tasks["test", "au"], tasks["test", "emotion"]) == (314, 11, 89)
    assert min(tasks["train", "au"], tasks["train", "emotion"]) > 1000
    reasons = Counter(row.reason for row in report.dropped)
    assert reasons["in_test"] == 11
    assert set(reasons) == {"in_test", "no_class_word", "several_class_words"}
    said = " ".join(report.remarks)
    assert all(code in said for code in ("no_au_named", "no_class_word", "several_class_words", "FACS does not have"))
    assert set(Counter(label for row in rows for label in row.labels)) == {emotion.lower() for emotion in EMOTIONS}


def test_records_have_the_keys_of_the_two_schemas(lists: dict[str, list[dict[str, Any]]]) -> None:
    for row in lists["train_au"] + lists["train_emotion"]:
        assert list(row) == ["source", "image", "id", "conversations", "landmark"]
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"]
        assert row["conversations"][0]["value"].endswith("\n<image>")
        assert row["source"] == "AffectNet"
        assert re.fullmatch(r"AffectNet/AffectNet_v2/\d+/[0-9a-f]{56}", row["id"])
        assert row["image"] == f"FABAInstruct/train/images/{row['id']}.jpg"
        assert row["landmark"] == f"FABAInstruct/train/landmarks/{row['id']}.npy"
    for row in lists["eval_au"]:
        assert list(row) == ["image", "label", "gpt4", "landmark"]
        assert row["image"].startswith("FABAInstruct/eval/images/AffectNet/AffectNet_v2/")
        assert re.fullmatch(r"\d+(, \d+)*", row["label"])
    assert Counter(row["label"] for row in lists["eval_emotion"]).keys() == set(EMOTIONS)


def test_the_two_kinds_of_records_come_in_orders_of_their_own(lists: dict[str, list[dict[str, Any]]]) -> None:
    for au, emotion in (("train_au", "train_emotion"), ("eval_au", "eval_emotion")):
        pairs = zip(pictures(lists[au]), pictures(lists[emotion]), strict=False)
        assert sum(first == second for first, second in pairs) < 10


def test_texts_are_as_long_as_published(lists: dict[str, list[dict[str, Any]]]) -> None:
    words = {name: [len(reply(row).split()) for row in lists[name]] for name in ("train_au", "train_emotion")}
    assert statistics.mean(words["train_au"]) == pytest.approx(207.35, rel=0.05)
    assert statistics.mean(words["train_emotion"]) == pytest.approx(50.47, rel=0.05)
    assert len({reply(row) for row in lists["train_au"]}) > 15_000


def test_the_au_texts_are_written_like_the_real_ones(lists: dict[str, list[dict[str, Any]]]) -> None:
    texts = [reply(row) for row in lists["train_au"]]
    seen = "\n".join(texts)
    assert sum("\n1. AU" in text for text in texts) > len(texts) / 2
    assert "AUs:\n\n1. AU" in seen, "a list number right behind the word AUs"
    assert all(
        re.search(spelling, seen) for spelling in (r"AU0[1-9]\b", r"AU\d+B\b", r"AU\d+c\b", r"AU0\b", "Action Unit ")
    )
    numbers = {int(number) for text in texts for number in re.findall(r"\n\d+\. AU(\d+)", text)}
    assert numbers == {0, *TWENTY, 11, 18, 19, 22, 28, 30}
    assert sum(not re.search(r"AU\d|Action Unit \d", text) for text in texts) > 20
    assert sum("There is no AU" in text for text in texts) > 1000


def test_no_label_holds_what_one_face_cannot_show(lists: dict[str, list[dict[str, Any]]]) -> None:
    for row in lists["eval_au"]:
        numbers = [int(number) for number in row["label"].split(", ")]
        assert numbers == sorted(set(numbers))
        assert not {frozenset((a, b)) for a in numbers for b in numbers if a < b} & (EXCLUSIVE | ANTAGONISTS)


# --- small stand-ins --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", ["label", "numbers", "conversations"])
def test_the_builder_reads_what_was_planned(schema: str, tmp_path: Path) -> None:
    make("faba", tmp_path, rows=600, labels_only=True, schema=schema)
    corpus, report = datasets_builders.require("faba", tmp_path), Report()
    rows = {row.id: row for row in corpus.scan(tmp_path, report)}
    twice = {row.id for row in report.dropped if row.reason == "conflicting_repeat"}
    assert len(twice) == 2
    for picture in plan(Order("faba", rows=600), schema=schema).pictures:
        if picture.id in twice:
            continue
        files = [file for file in picture.files if file.startswith("eval")] or list(picture.files)
        labelled = files[0].startswith("eval") and schema != "conversations"
        aus = [int(code[2:]) for code in rows[picture.id].AUs] if picture.id in rows else []
        emotion = rows[picture.id].labels if picture.id in rows else []
        spoken = any(file.endswith("emotion") for file in files) and (labelled or picture.kind == "plain")
        assert emotion == ([picture.emotion] if spoken else [])
        named = any(file.endswith("au") for file in files) and picture.named
        assert aus == (list(picture.codes) if named else [])
        assert (picture.id in rows) == (spoken or named)
        if picture.id in rows:
            assert bool(rows[picture.id].meta_info.au_annotated) == named
            assert rows[picture.id].meta_info.split == ("test" if files[0].startswith("eval") else "train")


def test_repeats_come_in_small_stand_ins_only_and_in_addition(tmp_path: Path) -> None:
    made = make("faba", tmp_path, rows=100, labels_only=True)
    assert made.rows == 100
    lists = {name: records(tmp_path, name) for name in FILES}
    assert len({name for rows in lists.values() for name in pictures(rows)}) == 100
    for name in ("train_au", "train_emotion"):
        *rows, same, other = lists[name]
        assert same == rows[1]
        assert pictures([other]) == pictures(rows[:1])
        assert reply(other) != reply(rows[0])
    report = Report()
    list(datasets_builders.require("faba", tmp_path).scan(tmp_path, report))
    assert Counter(row.reason for row in report.dropped)["repeat"] == 2
    assert Counter(row.reason for row in report.dropped)["conflicting_repeat"] == 4


def test_the_other_layouts(tmp_path: Path) -> None:
    make("faba", tmp_path, rows=40, labels_only=True, nested=True, singular=True)
    rows = json.loads((tmp_path / "data" / "FABAInstruct" / "train" / "train_au_anno.json").read_text())
    assert all("conversation" in row and "conversations" not in row for row in rows)
    report = Report()
    assert len(list(datasets_builders.require("faba", tmp_path).scan(tmp_path, report))) > 25


def test_evaluation_labels_may_be_integers(tmp_path: Path) -> None:
    make("faba", tmp_path, rows=2000, labels_only=True, schema="numbers")
    planned = {picture.name: picture.emotion.title() for picture in plan(Order("faba", rows=2000)).pictures}
    rows = records(tmp_path, "eval_emotion")
    assert rows
    assert [EMOTIONS[row["label"]] for row in rows] == [planned[name] for name in pictures(rows)]


def test_pictures_and_landmarks_are_where_the_records_say(tmp_path: Path) -> None:
    make("faba", tmp_path / "FABAInstruct", rows=12)
    images = {row["image"] for name in FILES for row in records(tmp_path / "FABAInstruct", name)}
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")} == images
    assert len(list(tmp_path.rglob("*.npy"))) == len(images)
    for image in images:
        assert cv2.imread(str(tmp_path / image)).shape == (224, 224, 3)
        landmark = np.load(tmp_path / image.replace("/images/", "/landmarks/").replace(".jpg", ".npy"))
        assert (landmark.shape, landmark.dtype) == ((212,), np.float32)
        assert np.abs(landmark).max() <= 1
        assert np.ptp(landmark.reshape(-1, 2), axis=0).min() > 0.6, "the face fills the picture"


def test_faces_are_cut_out_by_their_landmarks(tmp_path: Path) -> None:
    root = make("faba", tmp_path / "faba", rows=10).root
    corpus = datasets_builders.require("faba", root)
    rows = list(corpus.scan(root, Report()))
    made = list(materialize(corpus, root, rows, tmp_path / "out", crop="landmarks"))
    assert [picture.reason for picture in made] == [None] * len(rows)
    assert all(picture.box is not None and 100 < picture.width <= 224 for picture in made)


def test_pictures_without_landmarks(tmp_path: Path) -> None:
    make("faba", tmp_path, rows=3, landmarks=False)
    assert len(list(tmp_path.rglob("*.jpg"))) == 3
    assert not list(tmp_path.rglob("*.npy"))


def test_only_the_pictures_asked_for_are_drawn(tmp_path: Path) -> None:
    chosen = [picture.id for picture in plan(Order("faba", rows=30)).pictures[3:6]]
    make("faba", tmp_path, rows=30, only=chosen)
    assert sorted(f"faba-{path.stem}" for path in tmp_path.rglob("*.jpg")) == sorted(chosen)
    assert len(records(tmp_path, "train_emotion")) > 20


def test_workers_change_no_byte(tmp_path: Path) -> None:
    trees = []
    for workers in (1, 2):
        root = make("faba", tmp_path / str(workers), rows=16, workers=workers).root
        files = sorted(path for path in root.rglob("*") if path.is_file())
        trees.append([(path.relative_to(root), path.read_bytes()) for path in files])
    assert trees[0] == trees[1]
    assert len(trees[0]) > 30


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    names = [
        set(
            pictures(records(make("faba", tmp_path / str(seed), rows=20, labels_only=True, seed=seed).root, "train_au"))
        )
        for seed in (0, 1)
    ]
    assert not names[0] & names[1]


@pytest.mark.parametrize("rows", [1, 2, 7, 63, 100])
def test_any_number_of_rows_can_be_made(rows: int, tmp_path: Path) -> None:
    assert make("faba", tmp_path, rows=rows, labels_only=True).rows == rows
    named = {name for file in FILES for name in pictures(records(tmp_path, file))}
    assert len(named) == rows


# --- texts ------------------------------------------------------------------------------------------------------------


def test_an_au_text_says_what_it_was_told() -> None:
    for seed in range(60):
        text = au_text(np.random.default_rng(seed), (4, 17))
        items = [line for line in text.split("\n") if re.match(r"(\d+[.)]|-) ", line)]
        assert len(items) >= 2
        assert re.search(r"(AU|Action Unit )0?4[Bc]?\b", items[0])
        assert re.search(r"(AU|Action Unit )0?17[Bc]?\b", items[1])
    assert not re.search(r"AU\d", bare_text(np.random.default_rng(0)))
    assert len(set(re.findall(r"AU\d+", au_text(np.random.default_rng(0), ())))) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_an_emotion_text_is_of_its_kind(kind: str) -> None:
    words = re.compile(r"\b(happ|joy|sad|sorrow|surpris|astonish|ang[er]|irritat|neutral|disgust|distaste|fear|scared)")
    for seed in range(60):
        text = emotion_text(np.random.default_rng(seed), "fear", (1, 4), kind).lower()
        sentences = [part for part in text.split(". ") if words.search(part)]
        denying = [part for part in sentences if re.search(r"\b(no|not|missing)\b", part)]
        if kind == "absent":
            assert sentences == denying != []
        elif kind in ("soft", "bare"):
            assert sentences == []
        else:
            assert len(sentences) - len(denying) == 1
            assert ("mixture" in text) == (kind == "several")


def test_a_landmark_file_is_a_plain_array(tmp_path: Path) -> None:
    make("faba", tmp_path, rows=1)
    [path] = tmp_path.rglob("*.npy")
    assert np.load(io.BytesIO(path.read_bytes()), allow_pickle=False).size == 212
