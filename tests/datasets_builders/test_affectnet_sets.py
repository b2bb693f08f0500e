"""AffectNet's later distributions from bytes typed by hand: four .npy files per picture, or one JSON object."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders import require
from datasets_builders.affectnet import CORPUS
from datasets_builders.affectnet.layout import find
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from facial_r1.errors import InputError, UsageError
from facial_r1.sample import Sample, strict_faults

LABELS = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
TRAIN = {  # number → class, valence, arousal, as text
    "2": ("1", "0.785714", "-0.0555556"),
    "10": ("0", "0", "-0"),
    "11": ("2", "-0.6", "-0.25"),
    "300": ("3", "0.1", "0.9"),
    "301": ("4", "-0.2", "1"),
    "414000": ("5", "-1", "0.3"),
    "414003": ("6", "-2", "-2"),
    "414799": ("7", "-0.5", "1.5e-05"),
}
VAL = {"2": ("7", "-0.25", "0.5"), "5": ("0", "0.01", "0.02")}
TRUTH = [
    ("affectnet-train-2", "happiness", 0.785714, -0.0555556),
    ("affectnet-train-10", "neutral", 0, 0),
    ("affectnet-train-11", "sadness", -0.6, -0.25),
    ("affectnet-train-300", "surprise", 0.1, 0.9),
    ("affectnet-train-301", "fear", -0.2, 1),
    ("affectnet-train-414000", "disgust", -1, 0.3),
    ("affectnet-train-414003", "anger", None, None),
    ("affectnet-train-414799", "contempt", -0.5, 1.5e-05),
    ("affectnet-val-2", "contempt", -0.25, 0.5),
    ("affectnet-val-5", "neutral", 0.01, 0.02),
]


def typed(text: str) -> bytes:
    """An array without dimensions that holds ``text``, byte by byte as numpy.save writes it."""
    header = f"{{'descr': '<U{len(text)}', 'fortran_order': False, 'shape': (), }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00v\x00" + header.encode() + b"".join(character.encode() + bytes(3) for character in text)


def saved(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


LANDMARKS = saved(np.stack([np.arange(68) + 0.5, np.arange(68) + 100], axis=1).ravel())


def _fill(
    folder: Path, rows: dict[str, tuple[str, str, str]], images: str = "images", notes: str = "annotations"
) -> None:
    (folder / notes).mkdir(parents=True)
    (folder / images).mkdir(parents=True)
    for number, texts in rows.items():
        for kind, text in zip(("exp", "val", "aro"), texts, strict=True):
            (folder / notes / f"{number}_{kind}.npy").write_bytes(typed(text))
        (folder / notes / f"{number}_lnd.npy").write_bytes(LANDMARKS)
        (folder / images / f"{number}.jpg").touch()


def _copy(root: Path) -> Path:
    """A copy whose pictures are empty files: a scan must not open one."""
    _fill(root / "train_set", TRAIN)
    _fill(root / "val_set", VAL)
    return root


def _scan(root: Path, report: Report | None = None, **options: object) -> list[Sample]:
    return list(require("affectnet", root).scan(root, report or Report(), **options))


def _facts(samples: list[Sample]) -> list[tuple[object, ...]]:
    return [(s.id, *s.labels, s.meta_info.extras()["valence"], s.meta_info.extras()["arousal"]) for s in samples]


def test_the_files_give_ids_labels_and_feelings_by_number(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_copy(tmp_path), report)
    assert _facts(samples) == TRUTH
    assert (report.missing, report.errors, report.remarks, report.dropped) == ([], [], [], [])
    assert [sample.meta_info.split for sample in samples] == ["train"] * 8 + ["val"] * 2
    sample, meta = samples[0], samples[0].meta_info
    assert (sample.dataset, sample.AUs, meta.au_annotated, meta.task) == ("affectnet", [], [], "emotion")
    assert (meta.sample_id, meta.group, meta.origin_ids, meta.box) == (sample.id, sample.id, [], None)
    assert (meta.source, meta.label_source) == ("train_set/annotations/2_exp.npy", "human")
    assert meta.label_set == sorted(LABELS)
    for row in samples:
        row.image = "a.jpg"
        assert strict_faults(row) == []


def test_the_landmarks_are_not_opened_by_a_scan_but_given_with_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(tmp_path)
    opening, opened = os.open, []
    monkeypatch.setattr(
        os, "open", lambda path, *rest, **more: opened.append(str(path)) or opening(path, *rest, **more)
    )
    samples = _scan(tmp_path)
    assert len([path for path in opened if path.endswith(".npy")]) == 30
    assert not [path for path in opened if path.endswith(("lnd.npy", ".jpg"))]
    raws = list(CORPUS.raw(tmp_path, samples[::-1]))
    assert [raw.sample_id for raw in raws] == [sample.id for sample in samples[::-1]]
    raw = raws[-1]
    assert (raw.path, raw.box, raw.problem) == (tmp_path / "train_set/images/2.jpg", None, None)
    assert raws[0].path == tmp_path / "val_set/images/5.jpg"
    assert raws[1].path == tmp_path / "val_set/images/2.jpg"  # not the 2 of train_set
    assert raw.points.shape == (68, 2)
    assert raw.points[[0, 67]].tolist() == [[0.5, 100], [67.5, 167]]


def test_landmarks_of_another_shape_or_none_cost_no_row(tmp_path: Path) -> None:
    notes = _copy(tmp_path) / "val_set/annotations"
    (notes / "2_lnd.npy").write_bytes(saved(np.arange(136).reshape(68, 2)))
    (notes / "5_lnd.npy").write_bytes(saved(np.array({"x": 1}), allow_pickle=True))
    two, five = CORPUS.raw(tmp_path, _scan(tmp_path)[-2:])
    assert two.points[67].tolist() == [134, 135]
    assert (five.points, five.problem) == (None, None)
    (notes / "5_lnd.npy").write_bytes(saved(np.arange(10)))
    assert next(CORPUS.raw(tmp_path, _scan(tmp_path)[-1:])).points is None


@pytest.mark.parametrize(
    ("expression", "valence", "arousal"),
    [
        (np.array("7"), np.array("-0.25"), np.array("0.5")),
        (np.array(["7"]), np.array(["-0.25"]), np.array(["0.5"])),
        (np.int64(7), np.float64(-0.25), np.float32(0.5)),
        (np.array([7.0], "f4"), np.array([-0.25]), np.array([0.5], ">f8")),
        (np.uint8(7), np.array(b"-0.25"), np.array("0.50000")),
    ],
)
def test_repacked_copies_may_hold_numbers_or_one_element(
    tmp_path: Path, expression: Any, valence: Any, arousal: Any
) -> None:
    notes = _copy(tmp_path) / "val_set/annotations"
    for kind, array in (("exp", expression), ("val", valence), ("aro", arousal)):
        (notes / f"2_{kind}.npy").write_bytes(saved(array))
    assert _facts(_scan(tmp_path)) == TRUTH


_ORDER = "0 neutral, 1 happiness, 2 sadness, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt"
_DO = "What to do: take this file from the official archive again."


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        (
            "exp",
            typed("11"),
            f"this is no class of AffectNet. Found: '11'. Expected: an integer of the order {_ORDER}. {_DO}",
        ),
        ("exp", typed("-1"), "this is no class of AffectNet. Found: '-1'. "),
        ("exp", typed("happy"), "this is no class of AffectNet. Found: 'happy'. "),
        ("exp", typed("1.5"), "this is no class of AffectNet. Found: '1.5'. "),
        ("exp", saved(1.5), "this is no class of AffectNet. Found: 1.5. "),
        ("exp", saved(np.nan), "this is no class of AffectNet. Found: nan. "),
        ("exp", b"", "this annotation cannot be read. Found: an empty file. Expected: one integer of the order 0 neut"),
        (
            "exp",
            saved(np.array(3, dtype=object), allow_pickle=True),
            "this annotation cannot be read. Found: Python objects (a pickle, which could run any program and is never "
            "opened). ",
        ),
        ("exp", saved(["1", "2"]), "this annotation cannot be read. Found: an array of shape (2,) instead of one val"),
        (
            "val",
            typed("1.7"),
            "this valence or arousal is wrong. Found: '1.7'. Expected: a number from -1 to 1, or -2 for not availa",
        ),
        ("val", saved(np.nan), "this valence or arousal is wrong. Found: nan. "),
        ("aro", typed("high"), "this valence or arousal is wrong. Found: 'high'. "),
        (
            "aro",
            typed("0.5")[:-1],
            "this annotation cannot be read. Found: 11 bytes of content instead of 12. Expected: a n",
        ),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, kind: str, content: bytes, message: str) -> None:
    path = _copy(tmp_path) / f"train_set/annotations/10_{kind}.npy"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        _scan(tmp_path)
    assert str(caught.value).startswith(f"{path}: {message}")
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == [fact for fact in TRUTH if fact[0] != "affectnet-train-10"]
    assert report.errors == [str(caught.value)]


def test_a_folder_in_the_place_of_a_file_is_one_clear_error(tmp_path: Path) -> None:
    path = _copy(tmp_path) / "train_set/annotations/10_val.npy"
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"10_val\.npy: this file cannot be read \(Is a directory\)"):
        _scan(tmp_path)


def test_the_four_files_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    notes = _copy(tmp_path) / "val_set/annotations"
    (notes / "2_val.npy").rename(notes / "x")
    (notes / "2_aro.npy").rename(notes / "2_val.npy")
    (notes / "x").rename(notes / "2_aro.npy")
    assert _facts(_scan(tmp_path))[8] == ("affectnet-val-2", "contempt", 0.5, -0.25)


def test_an_absent_file_is_said_and_unknown_is_no_number(tmp_path: Path) -> None:
    notes = _copy(tmp_path) / "train_set/annotations"
    for name in ("2_val.npy", "10_lnd.npy", "11_exp.npy", "414799_aro.npy"):
        (notes / name).unlink()
    report = Report()
    facts = _facts(_scan(tmp_path, report))
    assert facts[0] == ("affectnet-train-2", "happiness", None, -0.0555556)
    assert facts[6] == ("affectnet-train-414799", "contempt", -0.5, None)
    assert [fact[0] for fact in facts] == [fact[0] for fact in TRUTH if fact[0] != "affectnet-train-11"]
    absent = "2_val.npy, 10_lnd.npy, 11_exp.npy, 414799_aro.npy"
    assert report.missing == [f"4 of the annotation files of train_set/annotations: {absent}"]
    (row,) = report.dropped
    assert (row.id, row.reason, row.detail) == ("affectnet-train-11", "no_label_file", "there is no 11_exp.npy")


def test_classes_without_an_emotion_are_left_out_as_in_the_lists(tmp_path: Path) -> None:
    notes = _copy(tmp_path) / "train_set/annotations"
    for number, text in (("2", "8"), ("10", "9"), ("11", "10")):
        (notes / f"{number}_exp.npy").write_bytes(typed(text))
    report = Report()
    samples = _scan(tmp_path, report)
    assert [row.reason for row in report.dropped] == ["no_emotion", "uncertain", "no_face"]
    counts = CORPUS.count(iter(samples), report)
    assert (counts["rows"], counts["train"], counts["train/uncertain"], counts["val"]) == (10, 8, 1, 2)


def test_absent_and_further_pictures_are_said(tmp_path: Path) -> None:
    _copy(tmp_path)
    (tmp_path / "train_set/images/300.jpg").unlink()
    (tmp_path / "train_set/images/11.jpg").rename(tmp_path / "train_set/images/11.PNG")
    (tmp_path / "val_set/images/99.jpg").touch()
    report = Report()
    samples = _scan(tmp_path, report)
    assert _facts(samples) == TRUTH
    assert report.missing == ["1 of the annotated pictures of train_set: 300"]
    assert report.remarks == ["val_set/images: 1 without annotation, left out"]
    raws = {raw.sample_id: raw for raw in CORPUS.raw(tmp_path, samples)}
    assert raws["affectnet-train-300"].problem == ("missing", "there is no picture 300.jpg")
    assert raws["affectnet-train-11"].path == tmp_path / "train_set/images/11.PNG"


def test_a_part_or_its_pictures_that_are_not_there_are_a_gap(tmp_path: Path) -> None:
    _fill(tmp_path / "val_set", VAL, images="pictures")
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH[8:]
    assert report.missing == ["train_set", "val_set/images, the folder of the pictures"]


def test_a_test_set_is_read_when_there_is_one(tmp_path: Path) -> None:
    _fill(_copy(tmp_path) / "test_set", {"2": ("3", "0", "0")})
    sample = _scan(tmp_path)[-1]
    assert (sample.id, sample.labels, sample.meta_info.split) == ("affectnet-test-2", ["surprise"], "test")


@pytest.mark.parametrize("folder", [".", "AffectNet/student_pack"])
def test_a_flat_pack_has_no_split(tmp_path: Path, folder: str) -> None:
    _fill(tmp_path / folder, VAL)
    report = Report()
    samples = _scan(tmp_path, report)
    assert [(s.id, *s.labels, s.meta_info.split) for s in samples] == [
        ("affectnet-flat-2", "contempt", None),
        ("affectnet-flat-5", "neutral", None),
    ]
    assert report.missing == []
    assert report.remarks == ["a flat pack (images/ and annotations/): which part of AffectNet it is, is not known"]
    assert CORPUS.count(iter(samples), report) == {"rows": 2, "flat": 2, "flat/contempt": 1, "flat/neutral": 1}


def test_nested_differently_cased_padded_and_read_only_roots_read_the_same(tmp_path: Path) -> None:
    base = tmp_path / "AffectNet8/AffectNet8"
    _fill(base / "Train_Set", {number.zfill(7): row for number, row in TRAIN.items()}, "Images", "Annotations")
    _fill(base / "VAL_SET", VAL)
    (base / "VAL_SET/annotations/._2_exp.npy").write_bytes(b"left by an archive")
    below = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
    for folder in below:
        folder.chmod(0o555)
    try:
        report = Report()
        samples = _scan(tmp_path, report)
        assert _facts(samples) == TRUTH
        assert (report.missing, report.remarks) == ([], [])
        assert [raw.problem for raw in CORPUS.raw(tmp_path, samples)] == [None] * 10
    finally:
        for folder in below:
            folder.chmod(0o755)


def test_a_folder_with_two_distributions_is_read_as_the_first_and_says_so(tmp_path: Path) -> None:
    points = ";".join(["1.5"] * 136)
    _copy(tmp_path)
    (tmp_path / "validation.csv").write_text(f"1/0a1b.jpg,1,2,3,4,{points},3,0,0\n")
    report = Report()
    assert [sample.id for sample in _scan(tmp_path, report)] == ["affectnet-0a1b"]
    assert report.remarks == ["read as csv; the folder also holds npy (option layout)"]
    assert _facts(_scan(tmp_path, layout="npy")) == TRUTH
    assert CORPUS.variant(tmp_path) == {"layout": "csv"}
    assert CORPUS.variant(tmp_path, layout="npy") == {"layout": "npy"}


def test_labels_by_a_machine_are_only_in_a_list(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"the option automatic has no meaning here\. Found: npy\. Expected: layout csv"
    ):
        _scan(_copy(tmp_path), automatic=True)


def test_a_check_compares_with_the_distribution_that_is_there(tmp_path: Path) -> None:
    expected = {difference.what: difference.expected for difference in check("affectnet", _copy(tmp_path)).differences}
    assert (expected["rows"], expected["train"], expected["val"]) == (291_650, 287_651, 3_999)
    assert "train/no_face" not in expected


_CONTENTS = st.binary(max_size=160) | st.text("0123456789.-e ", min_size=1, max_size=9).map(typed)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["exp", "val", "aro"]), _CONTENTS)
@example("exp", typed("03"))
@example("val", typed("1e999"))
def test_any_content_is_a_row_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    _fill(root / "val_set", {"2": VAL["2"]})
    path = root / f"val_set/annotations/2_{kind}.npy"
    path.write_bytes(content)
    report = Report(keep_going=True)
    rows = _scan(root, report)
    assert len(rows) + len(report.errors) + len(report.dropped) == 1
    assert all(error.startswith(f"{path}: this ") for error in report.errors)


# ----------------------------------------------------------------------------------------------------- AffectNet+


def _object(label: object, valence: object = 0.5, arousal: object = -0.25, **more: object) -> dict[str, object]:
    points = [[number + 0.5, number + 100] for number in range(68)]
    meta = {
        "age": 34,
        "gender": "female",
        "race": "white",
        "valence": valence,
        "arousal": arousal,
        "landmark-68": points,
    }
    soft = [0.1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    return {"human-label": label, "soft-label": soft, "subset": 2, "meta-data": meta, **more}


def _plus(root: Path, rows: dict[str, object] | None = None) -> Path:
    """All classes in train_set, one row in validation_set, and pictures nobody labelled."""
    base = root / "human_annotated"
    known = {str(number + 8): _object(number) for number in range(8)} if rows is None else rows
    for folder, objects in (("train_set", known), ("validation_set", {"8": _object(7, -2, -2)})):
        for name in ("images", "annotations"):
            (base / folder / name).mkdir(parents=True)
        for number, row in objects.items():
            text = row if isinstance(row, str) else json.dumps(row)
            (base / folder / "annotations" / f"{number}.json").write_text(text)
            (base / folder / "images" / f"{number}.jpg").touch()
    (root / "no_human_annotated/annotations").mkdir(parents=True)
    (root / "no_human_annotated/annotations/1.json").write_text('{"soft-label": [], "human-label": 3}')
    return root


def test_the_objects_give_labels_feelings_and_facts(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_plus(tmp_path), report)
    assert [(s.id, *s.labels) for s in samples[:-1]] == [(f"affectnet-plus-train-{n + 8}", LABELS[n]) for n in range(8)]
    assert (samples[-1].id, samples[-1].labels, samples[-1].meta_info.split) == (
        "affectnet-plus-val-8",
        ["contempt"],
        "val",
    )
    meta = samples[0].meta_info
    assert (meta.split, meta.box, meta.origin_ids, meta.label_source) == ("train", None, [], "human")
    assert meta.source == "human_annotated/train_set/annotations/8.json"
    assert meta.extras() == {
        "valence": 0.5,
        "arousal": -0.25,
        "age": 34,
        "gender": "female",
        "race": "white",
        "subset": 2,
        "soft_label": [0.1, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
    }
    assert samples[-1].meta_info.extras()["valence"] is None
    assert report.missing == report.errors == []
    assert report.remarks == ["no_human_annotated holds no human label and is not read"]
    raw = next(CORPUS.raw(tmp_path, samples))
    assert raw.path == tmp_path / "human_annotated/train_set/images/8.jpg"
    assert raw.points[[0, 67]].tolist() == [[0.5, 100], [67.5, 167]]


def test_objects_without_an_emotion_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = {"1": _object(-1), "2": _object(8), "3": _object(9), "4": _object(10), "5": _object(0)}
    report = Report()
    samples = _scan(_plus(tmp_path, dict(rows)), report)
    assert [row.reason for row in report.dropped] == ["no_label", "no_emotion", "uncertain", "no_face"]
    counts = CORPUS.count(iter(samples), report)
    assert (counts["rows"], counts["train"], counts["val"], counts["train/no_face"]) == (6, 5, 1, 1)
    expected = {difference.what: difference.expected for difference in check("affectnet", tmp_path).differences}
    assert expected == {"rows": 420_299, "train": 414_799, "val": 5_500}


def test_what_only_one_reader_describes_may_be_missing(tmp_path: Path) -> None:
    (sample, _) = _scan(_plus(tmp_path, {"1": {"human-label": 4}}))
    assert (sample.labels, set(sample.meta_info.extras().values())) == (["fear"], {None})
    assert next(CORPUS.raw(tmp_path, [sample])).points is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "this annotation is not JSON ("),
        ("[1]", "this annotation is not a JSON object. Found: '[1]'. Expected: one JSON object. "),
        (
            {"human_label": 1},
            f"the key `human-label` is wrong. Found: no such key. Expected: an integer of the order {_ORDER}",
        ),
        (_object(11), "the key `human-label` is wrong. Found: 11. "),
        (_object("1"), "the key `human-label` is wrong. Found: '1'. "),
        (_object(True), "the key `human-label` is wrong. Found: True. "),
        (
            _object(1, 1.5),
            "the key `valence` is wrong. Found: 1.5. Expected: a number from -1 to 1, or -2 for not avail",
        ),
        (_object(1, 0, [0]), "the key `arousal` is wrong. Found: [0]. "),
        (_object(1, "high"), "the key `valence` is wrong. Found: 'high'. "),
    ],
)
def test_a_bad_object_is_named(tmp_path: Path, row: object, message: str) -> None:
    path = (
        _plus(tmp_path, {"1": _object(0), "2": row, "3": _object(1)}) / "human_annotated/train_set/annotations/2.json"
    )
    with pytest.raises(InputError) as caught:
        _scan(tmp_path)
    assert str(caught.value).startswith(f"{path}: {message}")
    report = Report(keep_going=True)
    assert [sample.labels for sample in _scan(tmp_path, report)] == [["neutral"], ["happiness"], ["contempt"]]
    assert report.errors == [str(caught.value)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_ROWS = st.builds(
    lambda label, rest, meta: _object(label, rest, **meta),
    st.integers(-2, 12) | _JSON,
    _JSON,
    st.fixed_dictionaries({}, optional={"meta-data": _JSON, "subset": _JSON, "soft-label": _JSON}),
)


@settings(deadline=None, max_examples=60)
@given(_ROWS.map(json.dumps) | _JSON.map(json.dumps) | st.text(max_size=30))
def test_any_object_is_a_row_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = _plus(tmp_path_factory.mktemp("fuzz"), {"1": "", "2": _object(0)})
    path = root / "human_annotated/train_set/annotations/1.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    report = Report(keep_going=True)
    rows = _scan(root, report)
    assert len(rows) + len(report.errors) + len(report.dropped) == 3
    assert all(error.startswith(f"{path}: th") for error in report.errors)
    assert len(list(CORPUS.raw(root, rows))) == len(rows)


def test_what_is_found_is_independent_of_the_case(tmp_path: Path) -> None:
    copy = find(_plus(tmp_path))
    assert [part.split for part in copy.plus] == ["train", "val"]
    assert (copy.layouts, copy.unlabelled) == (["plus"], True)


def test_cut_out_faces_become_pictures_and_can_be_cut_by_their_landmarks(tmp_path: Path) -> None:
    root = _copy(tmp_path / "corpus")
    for path in root.rglob("*.jpg"):
        path.write_bytes(cv2.imencode(".jpg", np.full((224, 224, 3), 90, np.uint8))[1].tobytes())
    samples = _scan(root)
    whole = list(materialize(CORPUS, root, samples, tmp_path / "whole"))
    assert Counter((row.reason, row.width) for row in whole) == {(None, 224): 10}
    cut = list(materialize(CORPUS, root, samples, tmp_path / "cut", crop="landmarks"))
    assert {row.box for row in cut} == {(0, 87, 81, 180)}
    box = list(materialize(CORPUS, root, samples, tmp_path / "box", crop="box"))
    assert {row.reason for row in box} == {"no_box"}
