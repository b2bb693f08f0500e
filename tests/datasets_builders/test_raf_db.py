"""RAF-DB from lines typed by hand: two subsets under the same names, and what lies beside their label lists."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders import looks_like, require
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.common.rafml import COMPOUNDS as RAFCE_COMPOUNDS
from datasets_builders.common.repeats import without_repeats
from datasets_builders.raf_db import CORPUS
from datasets_builders.raf_db.labels import CLASSES, COMPOUNDS, LABELS, parse_line
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.pictures import load_picture
from facial_r1.sample import Sample, strict_faults

BASIC = """\
train_00001.jpg 5
train_00002.jpg 1
train_00003.jpg 2
train_00004.jpg 3
train_12271.jpg 4
test_0001.jpg 6
test_3068.jpg 7
"""
TRUTH = {
    "raf_db-train_00001": ("sadness", "train"),
    "raf_db-train_00002": ("surprise", "train"),
    "raf_db-train_00003": ("fear", "train"),
    "raf_db-train_00004": ("disgust", "train"),
    "raf_db-train_12271": ("happiness", "train"),
    "raf_db-test_0001": ("anger", "test"),
    "raf_db-test_3068": ("neutral", "test"),
}
COMPOUND = """\
train_00001.jpg 4
train_00002.jpg 9
train_00003.jpg 1
test_0001.jpg 11
"""
MANUAL = "102.0\t88.5\n151.25\t90.0\n128.0\t120.0\n105.5\t150.0\n150.0\t151.5\n1\n0\n2\n"
BOX = "60.25 41.75 190.5 199.0 \n"
AUTO = "\n".join(f"{100 + n}.5\t{60 + 3 * n}" for n in range(37))


LIST = "list_patition_label.txt"


def _put(path: Path, text: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _subset(base: Path, text: str = BASIC, *, spelling: str = LIST, annotated: bool = True) -> Path:
    """A subset as the archives unpack, with empty pictures: a scan must not open one."""
    _put(base / "EmoLabel" / spelling, text)
    for name in re.findall(r"(\w+)\.jpg", text):
        _put(base / "Image" / "aligned" / f"{name}_aligned.jpg")
        _put(base / "Image" / "original" / f"{name}.jpg")
        if annotated:
            _put(base / "Annotation" / "manual" / f"{name}_manu_attri.txt", MANUAL)
            _put(base / "Annotation" / "auto" / f"{name}_auto_attri.txt", AUTO)
            _put(base / "Annotation" / "boundingbox" / f"{name}_boundingbox.txt", BOX)
    return base


def _scan(root: Path, report: Report | None = None, **options: object) -> list[Sample]:
    return list(require("raf_db", root).scan(root, report or Report(), **options))


def _facts(samples: list[Sample]) -> dict[str, tuple[str, str | None]]:
    return {sample.id: (sample.labels[0], sample.meta_info.split) for sample in samples}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _subset(tmp_path / "RAF-DB" / "basic")
    _subset(tmp_path / "RAF-DB" / "compound", COMPOUND)
    return tmp_path / "RAF-DB"


# ------------------------------------------------------------------------------------------------- the basic subset


@pytest.mark.parametrize("spelling", ["list_patition_label.txt", "list_partition_label.txt", "List_Patition_Label.TXT"])
def test_the_lines_give_ids_labels_and_splits(spelling: str, tmp_path: Path) -> None:
    _subset(tmp_path / "basic", spelling=spelling)
    report = Report()
    samples = _scan(tmp_path, report)
    assert _facts(samples) == TRUTH
    assert list(TRUTH) == [sample.id for sample in samples]
    assert report == Report()
    sample, meta = samples[5], samples[5].meta_info
    assert (sample.dataset, sample.AUs, meta.au_annotated, meta.task) == ("raf_db", [], [], "emotion")
    assert (meta.sample_id, meta.group, meta.subject, meta.fold) == (sample.id, sample.id, None, None)
    assert (meta.source, meta.label_source) == (f"basic/EmoLabel/{spelling}:6", "crowd")
    assert meta.label_set == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    assert (meta.box, meta.origin_ids) == (None, [])  # the box is not one of the aligned picture
    assert meta.extras() == {"gender": "female", "race": "Caucasian", "age": "20-39"}
    sample.image = "raf_db/x.jpg"
    assert strict_faults(sample) == []


def test_the_classes_have_raf_db_s_own_order() -> None:
    typed = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
    assert [parse_line(f"test_0001.jpg {n}", "f", 1)[1] for n in typed] == list(typed)
    assert tuple(typed.values()) == LABELS


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("train_00001.jpg 5", ("train", 1)),
        ("train_1.jpg 5", ("train", 1)),
        ("test_0042.jpg\t5 ", ("test", 42)),
        ("Test_42_aligned.JPG  5\r", ("test", 42)),
    ],
)
def test_zeros_case_and_white_space_do_not_matter(line: str, key: tuple[str, int]) -> None:
    assert parse_line(line, "f", 1) == (key, 5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "train_00001.jpg",
            "this line is not a picture and its class. Found: `train_00001.jpg`. Expected: a line such as",
        ),
        ("train_00001.jpg five", "this line is not a picture and its class."),
        ("train_00001.jpg 5 1", "this line is not a picture and its class."),
        ("5 train_00001.jpg", "this line is not a picture and its class."),
        ("train_00001 5", "this line is not a picture and its class."),
        ("val_00001.jpg 5", "this line is not a picture and its class."),
        ("../train_00001.jpg 5", "this line is not a picture and its class."),
        ("train_٣.jpg 5", "this line is not a picture and its class."),
        ("train_00001.jpg -1", "this line is not a picture and its class."),
        (
            "train_00001.jpg 0",
            "this class does not exist in the basic subset. Found: `train_00001.jpg 0`. Expected: 1 surprise, 2 fear, "
            "3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral. What to do: take this file from the official",
        ),
        ("train_00001.jpg 12", "this class does not exist in the basic subset."),
    ],
)
def test_a_line_that_is_none_is_named(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        parse_line(line, "list.txt", 17)
    assert str(caught.value).startswith(f"list.txt:17: {message}")
    _subset(tmp_path / "basic", f"test_0001.jpg 6\n{line}\n", annotated=False)
    with pytest.raises(InputError, match=r"list_patition_label\.txt:2: this"):
        _scan(tmp_path)
    report = Report(keep_going=True)
    assert list(_facts(_scan(tmp_path, report))) == ["raf_db-test_0001"]
    assert len(report.errors) == 1


_PIECES = st.sampled_from(
    ["train_", "test_", "0001", "12", ".jpg", ".png", "_aligned", " ", "\t", "5", "11", "٣", "\\x"]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES, max_size=9).map("".join) | st.text(max_size=40))
@example("train_00001.jpg " + "9" * 5000)
@example("train_" + "9" * 5000 + ".jpg 1")
@example("train_1.jpg ５")
def test_any_text_is_a_picture_with_a_class_or_one_clear_error(text: str) -> None:
    try:
        (part, number), label = parse_line(text, "list.txt", 3)
    except InputError as error:
        message = str(error)
    else:
        assert part in ("train", "test")
        assert 0 <= number <= 999_999
        assert 1 <= label <= 11
        return
    assert message.startswith("list.txt:3: this ")


def test_a_byte_order_mark_blank_lines_and_no_final_newline_do_no_harm(tmp_path: Path) -> None:
    _subset(tmp_path / "basic")
    _put(tmp_path / "basic/EmoLabel/list_patition_label.txt", "\ufeff" + BASIC.replace("\n", "\r\n\r\n").rstrip())
    assert _facts(_scan(tmp_path)) == TRUTH


def test_repeated_lines_are_kept_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    _subset(tmp_path / "basic", "train_00001.jpg 5\ntrain_00002.jpg 1\ntrain_00001.jpg 5\ntrain_00002.jpg 4\n")
    report = Report()
    [line] = without_repeats(_scan(tmp_path, report), report)
    assert b'"raf_db-train_00001"' in line
    assert [row.reason for row in report.dropped] == ["repeat", "conflicting_repeat", "conflicting_repeat"]


# ---------------------------------------------------------------------------------------------- the compound subset


def test_compound_classes_are_two_labels_and_the_subset_is_in_the_id(root: Path) -> None:
    samples = _scan(root, subset="compound")
    assert {sample.id: sample.labels for sample in samples} == {
        "raf_db-compound-train_00001": ["sadness", "anger"],
        "raf_db-compound-train_00002": ["anger", "surprise"],
        "raf_db-compound-train_00003": ["happiness", "surprise"],
        "raf_db-compound-test_0001": ["disgust", "surprise"],
    }
    meta = samples[1].meta_info
    assert (meta.group, meta.split, meta.task) == ("raf_db-compound-train_00002", "train", "emotion")
    assert meta.label_set == ["anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    assert meta.extras() == {"compound": "angrily surprised", "gender": "female", "race": "Caucasian", "age": "20-39"}
    assert meta.source == "compound/EmoLabel/list_patition_label.txt:2"


def test_the_compound_classes_in_their_published_order() -> None:
    typed = (
        "happily surprised, happily disgusted, sadly fearful, sadly angry, sadly surprised, sadly disgusted, "
        "fearfully angry, fearfully surprised, angrily surprised, angrily disgusted, disgustedly surprised"
    )
    assert [name for name, _ in COMPOUNDS] == typed.split(", ")
    assert [labels for _, labels in COMPOUNDS[7:10]] == [
        ("fear", "surprise"),
        ("anger", "surprise"),
        ("anger", "disgust"),
    ]
    assert COMPOUNDS[8] != RAFCE_COMPOUNDS[8]  # RAF-CE has a class more in between
    assert CLASSES["basic"][0] == ("surprise", ("surprise",))


def test_both_subsets_together_keep_their_pictures_apart(root: Path) -> None:
    report = Report()
    samples = _scan(root, report, subset="both")
    assert len(samples) == len({sample.id for sample in samples}) == 11
    assert report == Report()
    paths = [raw.path for raw in CORPUS.raw(root, [samples[0], samples[7]], subset="both")]
    assert paths == [root / part / "Image/aligned/train_00001_aligned.jpg" for part in ("basic", "compound")]


def test_the_option_chooses_what_is_read_and_the_rest_is_left_alone(root: Path) -> None:
    assert _facts(_scan(root)) == TRUTH
    for subset, missing in (("basic", "compound"), ("compound", "basic")):
        found = f"this copy of RAF-DB does not hold the {missing} subset. Found: {subset}. "
        with pytest.raises(
            InputError, match=re.escape(found) + f"What to do: set the option subset: {subset}, or give"
        ):
            _scan(root / subset, subset=missing)
        report = Report()
        assert _scan(root / subset, report, subset="both")
        assert report.missing == [f"the {missing} subset, {missing}/EmoLabel/list_patition_label.txt"]


def test_one_subset_inside_the_folder_of_the_other_has_its_own_pictures(tmp_path: Path) -> None:
    _subset(tmp_path, BASIC)
    _subset(tmp_path / "compound", COMPOUND)
    (tmp_path / "Image/aligned/train_00001_aligned.jpg").unlink()
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH
    assert report.missing == ["basic, aligned pictures: 1 of 7 are missing: train_00001"]


MIXED = (
    "basic and compound classes are mixed in this label list. Found: {found}. Expected: classes of one subset; basic "
    "and compound pictures have the same names, so they cannot share a folder. What to do: keep each subset in a folder"
)


@pytest.mark.parametrize("folder", ["basic", "RAF", "RAF/my_basic"])
def test_a_compound_class_in_a_basic_list_is_refused(folder: str, tmp_path: Path) -> None:
    _subset(tmp_path / "copy" / folder, BASIC + "train_00005.jpg 9\n")
    found = "the class 9 of train_00005 in a list of the basic subset"
    with pytest.raises(InputError, match=rf"list_patition_label\.txt:8: {re.escape(MIXED.format(found=found))}"):
        _scan(tmp_path / "copy")
    report = Report(keep_going=True)
    assert _scan(tmp_path / "copy", report) == []  # nobody can say which of the pictures are whose
    assert len(report.errors) == 1


def test_names_that_are_in_both_subsets_are_refused(tmp_path: Path) -> None:
    _subset(tmp_path / "compound", COMPOUND + BASIC)
    found = "the classes 4 (line 1) and 5 of train_00001"
    with pytest.raises(InputError, match=rf"list_patition_label\.txt:5: {re.escape(MIXED.format(found=found))}"):
        _scan(tmp_path, subset="compound")


def test_two_lists_for_one_subset_must_say_the_same(tmp_path: Path) -> None:
    _subset(tmp_path / "basic")
    second = _put(tmp_path / "basic/EmoLabel/list_partition_label.txt", BASIC)
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH
    assert report.remarks == ["list_partition_label.txt is there 2 times with the same content; the first is read"]
    _put(second, COMPOUND)
    with pytest.raises(InputError, match=r"two different label lists for one subset.*keep basic and compound in"):
        _scan(tmp_path)
    report = Report(keep_going=True)
    assert _scan(tmp_path, report) == []


def test_a_compound_copy_without_the_name_needs_the_option(tmp_path: Path) -> None:
    _subset(tmp_path / "raf" / "raf", COMPOUND)
    with pytest.raises(InputError, match=r"mixed in this label list.*set the option subset"):
        _scan(tmp_path / "raf")
    report = Report()
    samples = _scan(tmp_path / "raf", report, subset="compound")
    assert (len(samples), report.missing) == (4, [])
    assert [raw.problem for raw in CORPUS.raw(tmp_path / "raf", samples, subset="compound")] == [None] * 4


@pytest.mark.parametrize("folder", ["raf", "compound-emotions"])
def test_a_basic_copy_is_never_read_as_compound(folder: str, tmp_path: Path) -> None:
    root = _subset(tmp_path / folder)
    words = "no class above 7 and no folder called compound: this seems to be the basic subset. What to do: set the"
    with pytest.raises(InputError, match=re.escape(words)):
        _scan(root, subset="compound")
    report = Report(keep_going=True)
    assert _scan(root, report, subset="compound") == []


def test_the_root_itself_may_name_the_subset(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(root / "compound")
    monkeypatch.chdir(root / "compound")
    for place in (root / "compound", tmp_path / "link", Path()):
        assert len(_scan(place, subset="both")) == 4


# ----------------------------------------------------------------------------------------------------- annotations


def test_a_bad_annotation_costs_its_own_fact_only(tmp_path: Path) -> None:
    _subset(tmp_path / "basic")
    _put(tmp_path / "basic/Annotation/manual/train_00001_manu_attri.txt", "1 2\n")
    _put(tmp_path / "basic/Annotation/boundingbox/train_00002_boundingbox.txt", "1 2 3\n")
    with pytest.raises(InputError, match=r"train_00001_manu_attri\.txt: this is no attribute file"):
        _scan(tmp_path)
    report = Report(keep_going=True)
    first, second, *_ = _scan(tmp_path, report, pictures="original")
    assert (first.meta_info.extra, first.meta_info.box) == (None, [60, 41, 191, 199])
    assert (second.meta_info.box, second.meta_info.extras()["gender"]) == (None, "female")
    assert len(report.errors) == 2


def test_annotations_that_are_not_there_are_a_gap_of_an_official_copy(tmp_path: Path) -> None:
    _subset(tmp_path / "basic", annotated=False)
    report = Report()
    samples = _scan(tmp_path, report, pictures="original")
    assert report.missing == [
        "basic, files of gender, race and age (Annotation/manual): none of 7 is there",
        "basic, face boxes (Annotation/boundingbox): none of 7 is there",
    ]
    assert (samples[0].meta_info.extra, samples[0].meta_info.box) == (None, None)
    [raw] = CORPUS.raw(tmp_path, samples[:1], pictures="original")
    assert (raw.box, raw.points, raw.problem) == (None, None, None)
    _put(tmp_path / "basic/Annotation/manual/train_00001_manu_attri.txt", MANUAL)
    report = Report()
    assert _scan(tmp_path, report)[0].meta_info.extras()["age"] == "20-39"
    assert report.missing[0].startswith(
        "basic, files of gender, race and age (Annotation/manual): 6 of 7 are missing: "
    )


# -------------------------------------------------------------------------------------------------------- pictures


def test_only_original_pictures_have_box_and_landmarks(root: Path) -> None:
    samples = _scan(root, pictures="original")
    [original] = CORPUS.raw(root, samples[:1], pictures="original")
    assert original.path == root / "basic/Image/original/train_00001.jpg"
    assert original.box == (60, 41, 191, 199)
    assert original.points.shape == (37, 2)
    assert original.points[1].tolist() == [101.5, 63.0]
    [aligned] = CORPUS.raw(root, samples[:1])
    assert aligned.path == root / "basic/Image/aligned/train_00001_aligned.jpg"
    assert (aligned.box, aligned.points) == (None, None)  # they are measured in the original picture


def test_landmarks_by_hand_serve_where_the_detector_s_are_absent_or_broken(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = _scan(root, pictures="original")[:2]
    (root / "basic/Annotation/auto/train_00001_auto_attri.txt").unlink()
    _put(root / "basic/Annotation/auto/train_00002_auto_attri.txt", "1 2\n" * 36)
    with caplog.at_level(logging.WARNING):
        raws = list(CORPUS.raw(root, samples, pictures="original"))
    for raw in raws:
        assert raw.points.tolist() == [[102, 88.5], [151.25, 90], [128, 120], [105.5, 150], [150, 151.5]]
    assert "train_00002_auto_attri.txt: this file holds no landmarks" in caplog.text


def test_missing_pictures_are_said_and_have_a_reason(root: Path) -> None:
    (root / "basic/Image/aligned/test_0001_aligned.jpg").unlink()
    report = Report()
    samples = _scan(root, report)
    assert report.missing == ["basic, aligned pictures: 1 of 7 are missing: test_0001"]
    raws = list(CORPUS.raw(root, samples))
    assert [raw.problem for raw in raws if raw.problem] == [("missing", "there is no aligned picture test_0001")]
    assert [raw.sample_id for raw in raws] == list(TRUTH)
    [foreign] = CORPUS.raw(root, [Sample("raf_au-0001", "raf_au")])
    assert foreign.problem == ("missing", "there is no picture of raf_au-0001")


def test_the_face_is_cut_at_the_box_clipped_to_the_picture(tmp_path: Path) -> None:
    _subset(tmp_path / "basic", "train_00001.jpg 5\n")
    pixels = np.zeros((160, 180, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(180)[None, :], np.arange(160)[:, None]
    png = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
    _put(tmp_path / "basic/Image/original/train_00001.jpg", png)
    _put(tmp_path / "basic/Image/aligned/train_00001_aligned.jpg", png)
    options = {"pictures": "original"}
    samples = _scan(tmp_path, **options)
    [made] = materialize(CORPUS, tmp_path, samples, tmp_path / "images", crop="box", options=options)
    assert made.box == (60, 41, 180, 160)
    assert np.array_equal(load_picture(tmp_path / "images" / str(made.image)), pixels[41:160, 60:180])
    [refused] = materialize(CORPUS, tmp_path, _scan(tmp_path), tmp_path / "others", crop="landmarks")
    assert refused.reason == "no_landmarks"


# ---------------------------------------------------------------------------------------------- copies and strangers


@pytest.mark.parametrize(
    ("labels", "aligned"),
    [
        ("basic/EmoLabel/list_patition_label.txt", "basic/Image/aligned/aligned"),
        ("RAF/RAF/Basic/emolabel/LIST_PATITION_LABEL.TXT", "RAF/RAF/Basic/IMAGE/Aligned"),
        ("list_patition_label.txt", "aligned"),
        ("rafdb/list_partition_label.txt", "rafdb/Image/aligned/imgs"),
        ("EmoLabel/list_patition_label.txt", "Image/aligned"),
    ],
)
def test_nested_differently_cased_linked_and_read_only_roots_read_the_same(
    tmp_path: Path, labels: str, aligned: str
) -> None:
    real = tmp_path / "real"
    _put(real / labels, BASIC)
    for name in re.findall(r"(\w+)\.jpg", BASIC):
        _put(real / aligned / f"{name.replace('_0', '_')}_ALIGNED.JPG")
    (tmp_path / "link").symlink_to(real)
    folders = [Path(folder) for folder, _, _ in os.walk(real)]
    for folder in folders:
        folder.chmod(0o555)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))]
    try:
        for root in (real, tmp_path / "link"):
            report = Report()
            samples = _scan(root, report)
            assert _facts(samples) == TRUTH
            assert samples[0].meta_info.source == f"{labels}:1"
            assert [what for what in report.missing if "pictures" in what] == []
            assert [raw.problem for raw in CORPUS.raw(root, samples)] == [None] * 7
        assert [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))] == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_pictures_and_lists_that_people_made_themselves_do_not_get_in_the_way(tmp_path: Path) -> None:
    base = _subset(tmp_path / "basic")
    _put(base / "GenderLabel" / "list_patition_label.txt", "train_00001.jpg 0\n")
    _put(base / "A" / "train_00001_aligned.jpg")  # before Image, but in no folder called aligned
    samples = _scan(tmp_path)
    assert _facts(samples) == TRUTH
    [raw] = CORPUS.raw(tmp_path, samples[:1])
    assert raw.path == base / "Image/aligned/train_00001_aligned.jpg"


def test_two_pictures_of_one_name_are_an_error(root: Path) -> None:
    _put(root / "basic/Image/aligned/train_1.png")
    with pytest.raises(InputError, match=r"two pictures are called train_00001\. Found: also train_00001_aligned\.jpg"):
        _scan(root)
    report = Report(keep_going=True)
    assert _facts(_scan(root, report)) == TRUTH
    assert len(report.errors) == 1


def test_raf_ml_raf_ce_and_raf_au_are_other_corpora(tmp_path: Path) -> None:
    for name, words in (
        ("EmoLabel/distribution.txt", "RAF-ML, whose pictures have several emotions each"),
        ("EmoLabel/multilabel.txt", "RAF-ML, whose pictures"),
        ("RAFCE_emolabel.txt", "RAF-CE, the compound emotions of RAF-AU's pictures"),
    ):
        root = tmp_path / Path(name).name
        _put(root / name, "0001.jpg 0.62 0.10 0.05 0.00 0.08 0.15\n")
        _put(root / "EmoLabel/partition_label.txt", "0001.jpg 0\n")
        assert not CORPUS.recognises(root)
        with pytest.raises(NotThisCorpus, match=f"this folder is not RAF-DB. Found: {words}"):
            require("raf_db", root)
        with pytest.raises(NotThisCorpus, match="this folder is not RAF-DB"):
            list(CORPUS.scan(root, Report()))
    _put(tmp_path / "au" / "RAFAU_label.txt", "0001.jpg 1+2\n")
    _put(tmp_path / "au" / "RAF-ML/EmoLabel/distribution.txt", "0001.jpg 0.62 0.10 0.05 0.00 0.08 0.15\n")
    with pytest.raises(NotThisCorpus, match="Found: a copy of RAF-AU"):
        require("raf_db", tmp_path / "au")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("EmoLabel/list_patition_label.txt", "fer0000001.png 5\n"),
        ("EmoLabel/list_patition_label.txt", ""),
        ("train_labels.csv", "id,target\n1,2\n"),
        ("train_labels.csv", ""),
        ("train/1/cat_0001.jpg", ""),
        ("train/images/train_00001.jpg", ""),
    ],
)
def test_files_of_the_same_name_are_not_enough(name: str, text: str, tmp_path: Path) -> None:
    _put(tmp_path / name, text)
    assert not CORPUS.recognises(tmp_path)


def test_both_subsets_are_recognised_as_this_corpus(root: Path) -> None:
    assert looks_like(root) == looks_like(root / "basic") == looks_like(root / "compound") == "raf_db"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subset": "simple"}, "option subset. Found: simple. Expected: one of basic, compound, both"),
        ({"pictures": "cropped"}, "option pictures. Found: cropped. Expected: one of aligned, original"),
        ({"pictures": ["aligned"]}, "unknown value of the option pictures"),
        ({"rafml": "a"}, "RAF-DB: unknown option. Found: rafml"),
    ],
)
def test_wrong_options_are_usage_errors(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _scan(root, **options)


# ------------------------------------------------------------------------ published numbers, typed here a second time


def test_published_numbers() -> None:
    labels = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
    train, test = (1290, 281, 717, 4772, 1982, 705, 2524), (329, 74, 160, 1185, 478, 162, 680)
    basic = {f"train/{label}": n for label, n in zip(labels, train, strict=True)}
    basic |= {f"test/{label}": n for label, n in zip(labels, test, strict=True)}
    basic |= {"train": 12_271, "test": 3_068}
    assert CORPUS.published() == {"rows": 15_339, **basic}
    compound = {"compound": 3_954, "compound/train": 3_162, "compound/test": 792}
    assert CORPUS.published(subset="compound") == {"rows": 3_954, **compound}
    assert CORPUS.published(subset="both", pictures="original") == {"rows": 19_293, **basic, **compound}


def test_the_counts_have_the_published_names(root: Path) -> None:
    counts = CORPUS.count(iter(_scan(root, subset="both")), Report())
    expected = Counter({"rows": 11, "train": 5, "test": 2, "compound": 4, "compound/train": 3, "compound/test": 1})
    expected.update({f"{split}/{label}": 1 for label, split in TRUTH.values()})
    names = ("sadly angry", "angrily surprised", "happily surprised", "disgustedly surprised")
    expected.update({f"compound/{name}": 1 for name in names})
    assert counts == expected
    assert set(counts) - set(CORPUS.published(subset="both")) == {f"compound/{name}" for name in names}
