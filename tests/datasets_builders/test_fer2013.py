"""FER2013 in all its layouts, from lines typed by hand; and what is said about copies that are wrong."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets_builders import require
from datasets_builders.common.corpus import Raw, Report
from datasets_builders.common.materialize import materialize
from datasets_builders.common.pixel_csv import PixelCsv, columns_of, parse_pixels
from datasets_builders.common.repeats import without_repeats
from datasets_builders.fer2013 import CORPUS
from facial_r1.errors import FacialR1Error, InputError, NotThisCorpus
from facial_r1.pictures import load_picture
from facial_r1.sample import Sample

PIXELS = "12 14 15 " + "7 " * 2300 + "200"
"""A row of 2,304 numbers whose first and last tell rows from columns."""

OFFICIAL = f"""emotion,pixels,Usage
3,{PIXELS},Training
0,{PIXELS},Training
1,{PIXELS},PublicTest
2,{PIXELS},PublicTest
4,{PIXELS},PrivateTest
5,{PIXELS},PrivateTest
6,{PIXELS},Training
"""
ICML = f"""emotion, Usage, pixels
3,Training,{PIXELS}
0,Training,{PIXELS}
1,PublicTest,{PIXELS}
2,PublicTest,{PIXELS}
4,PrivateTest,{PIXELS}
5,PrivateTest,{PIXELS}
6,Training,{PIXELS}
"""
TRUTH = [
    ("fer2013-fer0000000", "happiness", "train"),
    ("fer2013-fer0000001", "anger", "train"),
    ("fer2013-fer0000002", "disgust", "val"),
    ("fer2013-fer0000003", "fear", "val"),
    ("fer2013-fer0000004", "sadness", "test"),
    ("fer2013-fer0000005", "surprise", "test"),
    ("fer2013-fer0000006", "neutral", "train"),
]


def _csv(root: Path, text: str | bytes, name: str = "fer2013.csv") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _scan(root: Path, report: Report | None = None) -> list[Sample]:
    return list(require("fer2013", root).scan(root, report or Report()))


def _facts(samples: list[Sample]) -> list[tuple[str, str, str | None]]:
    return [(sample.id, sample.labels[0], sample.meta_info.split) for sample in samples]


def _fault(root: Path, text: str | bytes, name: str = "fer2013.csv") -> str:
    """The message of the first bad line; a scan that keeps going must say the same and give all other rows."""
    path = _csv(root, text, name)
    with pytest.raises(InputError) as caught:
        _scan(root)
    report = Report(keep_going=True)
    _scan(root, report)
    assert report.errors[0] == str(caught.value)
    assert str(caught.value).startswith(f"{path}:")
    return str(caught.value).removeprefix(f"{path}:")


# --------------------------------------------------------------------------------------------------- the CSVs


def test_the_official_file_gives_ids_labels_and_splits(tmp_path: Path) -> None:
    _csv(tmp_path, OFFICIAL)
    samples, report = _scan(tmp_path), Report()
    assert _facts(samples) == TRUTH
    meta = samples[2].meta_info
    assert (samples[2].dataset, samples[2].AUs, samples[2].image) == ("fer2013", [], "")
    assert (meta.task, meta.au_annotated, meta.subject) == ("emotion", [], None)  # no Action Unit was ever coded
    assert (meta.sample_id, meta.group, meta.source) == (samples[2].id, samples[2].id, "fer2013.csv:4")
    assert (meta.label_source, meta.extras()) == ("human", {"usage": "PublicTest"})
    assert meta.label_set == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    assert _facts(list(CORPUS.scan(tmp_path, report))) == TRUTH
    assert (report.missing, report.dropped, report.errors) == ([], [], [])


def test_columns_are_known_by_their_stripped_names(tmp_path: Path) -> None:
    assert columns_of(_csv(tmp_path, ICML, "icml_face_data.csv")) == ("emotion", "usage", "pixels")
    samples = _scan(tmp_path)
    assert _facts(samples) == TRUTH
    assert samples[0].meta_info.source == "icml_face_data.csv:2"


@pytest.mark.parametrize("order", ["pixels,emotion,Usage", "Usage,emotion,pixels", '"emotion", "pixels","Usage"'])
def test_any_order_quotes_and_line_ends_give_the_same_rows(tmp_path: Path, order: str) -> None:
    lines = [order]
    for row in OFFICIAL.splitlines()[1:]:
        values = dict(zip(("emotion", "pixels", "usage"), row.split(","), strict=True))
        lines.append(",".join(f'"{values[name.strip(chr(34) + " ").lower()]}"' for name in order.split(",")))
    _csv(tmp_path, "\ufeff" + "\r\n".join(lines) + "\r\n\r\n")
    assert _facts(_scan(tmp_path)) == TRUTH


def test_swapped_columns_under_the_official_header_are_refused(tmp_path: Path) -> None:
    message = _fault(tmp_path, ICML.replace("emotion, Usage, pixels", "emotion,pixels,Usage"))
    assert message.startswith("2: this row has the wrong number of pixels. Found: 1, 0 blanks. Expected: 2304,")


def test_train_csv_is_the_training_part_and_says_what_is_missing(tmp_path: Path) -> None:
    _csv(tmp_path, f"emotion,pixels\n3,{PIXELS}\n6,{PIXELS}\n", "train.csv")
    report = Report()
    samples = _scan(tmp_path, report)
    assert [(s.labels, s.meta_info.split) for s in samples] == [(["happiness"], "train"), (["neutral"], "train")]
    assert report.missing == ["PublicTest and PrivateTest (no labelled test part)"]
    _csv(tmp_path, f"pixels\n{PIXELS}\n", "test.csv")
    report = Report()
    assert len(_scan(tmp_path, report)) == 2
    assert report.missing == ["PublicTest and PrivateTest (test.csv holds no labels)"]


@pytest.mark.parametrize("name", ["test.csv", "train.csv"])
def test_a_csv_without_labels_is_not_this_corpus(tmp_path: Path, name: str) -> None:
    _csv(tmp_path, f"pixels\n{PIXELS}\n", name)
    assert not CORPUS.recognises(tmp_path)
    with pytest.raises(NotThisCorpus, match="this folder is not FER2013"):
        list(CORPUS.scan(tmp_path, Report()))


def test_the_official_file_wins_over_its_copies(tmp_path: Path) -> None:
    _csv(tmp_path, f"emotion,pixels\n3,{PIXELS}\n", "train.csv")
    _csv(tmp_path, ICML, "icml_face_data.csv")
    _csv(tmp_path, OFFICIAL, "deeper/FER2013.CSV")
    samples = _scan(tmp_path)
    assert samples[0].meta_info.source == "deeper/FER2013.CSV:2"
    assert _facts(samples) == TRUTH


# ---------------------------------------------------------------------------------------- what is wrong is said


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("3,Training", "this row has the wrong number of columns. Found: 2. Expected: 3: emotion, pixels, usage. "),
        (f"3,{PIXELS},Training,0", "this row has the wrong number of columns. Found: 4. Expected: 3: emotion, "),
        (
            f"7,{PIXELS},Training",
            "unknown label. Found: '7'. Expected: an integer of the order 0 anger, 1 disgust, 2 fear, 3 happiness, "
            "4 sadness, 5 surprise, 6 neutral. What to do: correct the row.",
        ),
        (f"-1,{PIXELS},Training", "unknown label. Found: '-1'. "),
        (f"happy,{PIXELS},Training", "unknown label. Found: 'happy'. "),
        (f",{PIXELS},Training", "unknown label. Found: ''. "),
        (f"3,{PIXELS},Testing", "unknown usage. Found: 'Testing'. Expected: one of Training, PublicTest, PrivateTest."),
        (f"3,{PIXELS} 1,Training", "this row has the wrong number of pixels. Found: 2305, 2304 blanks. "),
        (f"3,{PIXELS[:-4]},Training", "this row has the wrong number of pixels. Found: 2303, 2302 blanks. "),
        (f"3,{PIXELS.replace(' ', '  ', 1)},Training", "this row has the wrong number of pixels. Found: 2304, 2304 bl"),
        ("3,,Training", "this row has the wrong number of pixels. Found: 0, 0 blanks. Expected: 2304, one blank "),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    assert _fault(tmp_path, OFFICIAL + row + "\n" + f"0,{PIXELS},Training\n").startswith(f"9: {message}")


def test_a_row_that_is_no_text_is_named_with_its_byte(tmp_path: Path) -> None:
    message = _fault(tmp_path, OFFICIAL.encode() + b"3,1\xff4," + PIXELS.encode() + b",Training\n")
    assert message.startswith("9: this row holds bytes that are no ASCII text. Found: 0xff at byte 4. ")


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (40, "this row has the wrong number of columns; the file ends here. Found: 2. "),
        (1, "this row has the wrong number of columns; the file ends here. Found: 1. "),
    ],
)
def test_a_file_cut_in_its_last_row_is_called_cut_off(tmp_path: Path, kept: int, message: str) -> None:
    text = _fault(tmp_path, OFFICIAL + f"3,{PIXELS},Training"[:kept])
    assert text.startswith(f"9: {message}")
    assert text.endswith("What to do: copy the file again, this copy seems to be cut off.")


def test_a_file_cut_in_the_last_usage_or_last_pixels_is_found(tmp_path: Path) -> None:
    assert _fault(tmp_path, OFFICIAL[:-4]).startswith("8: unknown usage. Found: 'Train'. ")
    (tmp_path / "fer2013.csv").unlink()
    assert "8: this row has the wrong number of pixels; the file ends here. Found: 2299, " in _fault(
        tmp_path, ICML[: -len("7 7 7 7 200\n") - 1], "icml_face_data.csv"
    )


def test_a_last_row_without_a_line_end_is_whole(tmp_path: Path) -> None:
    _csv(tmp_path, OFFICIAL.rstrip())
    assert _facts(_scan(tmp_path)) == TRUTH


def test_a_header_with_other_columns_is_refused(tmp_path: Path) -> None:
    message = _fault_of_header(tmp_path, "label,image\n3,4\n")
    assert "fer2013.csv:1: the header names other columns. Found: ('label', 'image'). Expected: the columns" in message
    assert "the header names other columns. Found: ('',)" in _fault_of_header(tmp_path, "")


def _fault_of_header(root: Path, text: str) -> str:
    _csv(root, text)
    with pytest.raises(InputError) as caught:
        _scan(root)
    return str(caught.value)


def test_a_scan_that_keeps_going_loses_only_bad_rows(tmp_path: Path) -> None:
    rows = OFFICIAL.splitlines()
    rows[3:3] = ["9," + PIXELS + ",Training", "rubbish"]
    _csv(tmp_path, "\n".join(rows) + "\n")
    report = Report(keep_going=True)
    samples = _scan(tmp_path, report)
    assert [sample.labels[0] for sample in samples] == [label for _, label, _ in TRUTH]
    assert samples[2].id == "fer2013-fer0000004"  # rows keep the number they have in the file
    assert len(report.errors) == 2


_FIELD = st.sampled_from(
    [b"3", b"7", b"", b"Training", b"training", PIXELS.encode(), PIXELS.encode()[:-3], b'"', b"\xff"]
)
_ROW = st.lists(_FIELD | st.binary(max_size=8), max_size=4).map(b",".join)


@settings(deadline=None, max_examples=60)
@given(st.lists(_ROW, max_size=4))
def test_whatever_stands_in_a_file_each_row_is_a_sample_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    body = b"\n".join(rows)
    _csv(root, b"emotion,pixels,Usage\n" + body)
    report = Report(keep_going=True)
    samples = _scan(root, report)
    lines = body.split(b"\n")
    filled = sum(bool(line.strip()) or b"," in line for line in lines)
    assert len(samples) + len(report.errors) == filled
    assert all(sample.labels == ["happiness"] and sample.meta_info.split == "train" for sample in samples)
    assert all(message.startswith(f"{root}/fer2013.csv:") for message in report.errors)


# ---------------------------------------------------------------------------------------------------- pixels


def _unpacked(root: Path, samples: list[Sample]) -> list[Raw]:
    """The pictures as a worker sees them: unpacked after a journey between processes."""
    return [pickle.loads(pickle.dumps(raw.later))() for raw in CORPUS.raw(root, samples)]


def test_pixels_are_read_row_by_row_of_the_chosen_lines_only(tmp_path: Path) -> None:
    _csv(tmp_path, OFFICIAL.replace(f"5,{PIXELS}", "5,255 " + "0 " * 2302 + "1"))
    samples = _scan(tmp_path)
    raws = {raw.sample_id: raw for raw in _unpacked(tmp_path, [samples[5], samples[0]])}
    assert set(raws) == {samples[0].id, samples[5].id}
    first = raws[samples[0].id].pixels
    assert (first.shape, first.dtype) == ((48, 48), np.uint8)
    assert (list(first[0, :4]), first[-1, -1], first[0, -1], first[-1, 0]) == ([12, 14, 15, 7], 200, 7, 7)
    assert raws[samples[5].id].pixels.sum() == 256


@pytest.mark.parametrize(
    "bad", ["256", "-1", "1.5", "x", "true", "false", "[1]", "null", "007", "1e1", "99999999999999999999"]
)
def test_a_row_whose_pixels_are_no_bytes_has_a_problem(tmp_path: Path, bad: str) -> None:
    _csv(tmp_path, OFFICIAL.replace("12 14 15", f"12 {bad} 15", 1))
    samples = _scan(tmp_path)
    raws = _unpacked(tmp_path, samples[:2])
    assert raws[0].problem == ("bad_pixels", "fer2013.csv:2 does not hold 48×48 numbers from 0 to 255")
    assert raws[0].pixels is None
    assert (raws[1].problem, raws[1].pixels.shape) == (None, (48, 48))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_any_picture_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)
    path = _csv(tmp_path_factory.mktemp("pixels"), "pixels,emotion\n" + " ".join(map(str, pixels.ravel())) + ",0")
    ((number, text),) = PixelCsv.open(path, 48).fields([2, 9])
    assert number == 2
    assert np.array_equal(parse_pixels(text, 48), pixels)


def test_made_pictures_hold_the_pixels_of_their_row(tmp_path: Path) -> None:
    _csv(tmp_path / "corpus", OFFICIAL)
    samples = _scan(tmp_path / "corpus")[::-1]
    made = list(materialize(CORPUS, tmp_path / "corpus", samples, tmp_path / "images"))
    assert [picture.sample_id for picture in made] == [sample.id for sample in samples]
    assert made[-1].image == "fer2013/fer2013-fer0000000.png"
    assert load_picture(tmp_path / "images" / made[-1].image).ravel().tolist() == [int(n) for n in PIXELS.split()]


# --------------------------------------------------------------------------------------------------- folders

FOLDERS = {
    "train/angry/Training_3908.jpg": ("Training_3908", "anger", "train"),
    "train/fear/Training_10018621.jpg": ("Training_10018621", "fear", "train"),
    "train/neutral/Training_65667.jpg": ("Training_65667", "neutral", "train"),
    "train/sad/Training_66197.jpg": ("Training_66197", "sadness", "train"),
    "train/surprise/Training_8796.jpg": ("Training_8796", "surprise", "train"),
    "test/angry/PrivateTest_10131363.jpg": ("PrivateTest_10131363", "anger", "test"),
    "test/disgust/PublicTest_22123472.jpg": ("PublicTest_22123472", "disgust", "val"),
    "test/happy/PublicTest_1054527.jpg": ("PublicTest_1054527", "happiness", "val"),
}


def _pictures(root: Path, *names: str) -> Path:
    data = cv2.imencode(".png", np.full((48, 48), 99, np.uint8))[1].tobytes()
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


@pytest.mark.parametrize("nest", ["", "fer2013/", "a:1/archive/"])
def test_folders_give_class_by_name_and_split_by_prefix(tmp_path: Path, nest: str) -> None:
    _pictures(tmp_path, *(nest + name for name in FOLDERS))
    samples = _scan(tmp_path)
    found = {s.meta_info.source: (s.id.removeprefix("fer2013-"), s.labels[0], s.meta_info.split) for s in samples}
    assert found == {nest + name: facts for name, facts in FOLDERS.items()}
    raws = list(CORPUS.raw(tmp_path, samples))
    assert [raw.path for raw in raws] == [tmp_path / str(sample.meta_info.source) for sample in samples]
    assert all(load_picture(raw.path).shape == (48, 48) for raw in raws if raw.path)


def test_prefix_and_class_are_read_in_any_case(tmp_path: Path) -> None:
    _pictures(tmp_path, "TEST/Angry/privatetest_12.JPG", "Train/HAPPY/TRAINING_7.png")
    assert _facts(_scan(tmp_path)) == [
        ("fer2013-PrivateTest_12", "anger", "test"),
        ("fer2013-Training_7", "happiness", "train"),
    ]


def test_a_prefix_that_contradicts_its_folder_is_a_fault(tmp_path: Path) -> None:
    _pictures(tmp_path, "train/angry/PrivateTest_1.jpg", "test/angry/Training_2.jpg", "test/angry/PublicTest_3.jpg")
    report = Report(keep_going=True)
    assert [sample.id for sample in _scan(tmp_path, report)] == ["fer2013-PublicTest_3"]
    do = "What to do: move the picture where it belongs."
    assert report.errors == [
        f"{tmp_path}/test/angry/Training_2.jpg: the file name says Training, its folder test. {do}",
        f"{tmp_path}/train/angry/PrivateTest_1.jpg: the file name says PrivateTest, its folder train. {do}",
    ]


@pytest.mark.parametrize("name", ["contempt", "3", "faces", "shock"])
def test_pictures_in_a_folder_that_is_no_class_are_a_fault(tmp_path: Path, name: str) -> None:
    _pictures(tmp_path, f"train/{name}/Training_1.jpg")
    with pytest.raises(
        InputError, match=rf"train/{name}: pictures lie in a folder that is no class\. Expected: a fold"
    ):
        _scan(tmp_path)


def test_foreign_pictures_are_dropped_with_a_reason_and_other_files_passed_over(tmp_path: Path) -> None:
    _pictures(tmp_path, "train/sad/Training_1.jpg", "train/sad/aug_Training_1.jpg", "train/sad/notes.txt")
    report = Report()
    assert len(_scan(tmp_path, report)) == 1
    (dropped,) = report.dropped
    assert (dropped.reason, dropped.source, dropped.id) == ("foreign_name", "train/sad/aug_Training_1.jpg", None)


def test_a_picture_in_two_classes_counts_for_neither(tmp_path: Path) -> None:
    _pictures(tmp_path, "train/sad/Training_1.jpg", "train/fear/Training_1.jpg", "copy/train/fear/Training_2.jpg")
    _pictures(tmp_path, "train/fear/Training_2.jpg")
    report = Report()
    lines = list(without_repeats(_scan(tmp_path, report), report))
    assert len(lines) == 1
    assert b"fer2013-Training_2" in lines[0]
    assert Counter(dropped.reason for dropped in report.dropped) == {"conflicting_repeat": 2, "repeat": 1}


# ------------------------------------------------------------------------------------ roots, counts, real data


@pytest.mark.parametrize("name", ["fer2013.csv", "fer2013/fer2013.csv", "a/b/FER2013/Fer2013.CSV"])
def test_nested_differently_cased_linked_and_read_only_roots_read_the_same(tmp_path: Path, name: str) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    path = _csv(real, OFFICIAL, name)
    link.symlink_to(real)
    folders = [real, *(folder for folder in path.parents if folder.is_relative_to(real) and folder != real)]
    path.chmod(0o444)
    for folder in folders:
        folder.chmod(0o555)
    before = [(entry, entry.stat().st_mtime_ns) for entry in sorted(real.rglob("*"))]
    try:
        for root in (real, link):
            samples = _scan(root)
            assert _facts(samples) == TRUTH
            assert samples[0].meta_info.source == f"{name}:2"
            assert len(list(CORPUS.raw(root, samples))) == 7
        assert [(entry, entry.stat().st_mtime_ns) for entry in sorted(real.rglob("*"))] == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_published_counts_agree_with_themselves_and_with_the_row_totals() -> None:
    published = CORPUS.published()
    assert published["rows"] == 35_887
    assert [published[usage] for usage in ("Training", "PublicTest", "PrivateTest")] == [28_709, 3_589, 3_589]
    by_class = {"anger": 4953, "disgust": 547, "fear": 5121, "happiness": 8989, "sadness": 6077, "surprise": 4002}
    for label, number in (by_class | {"neutral": 6198}).items():
        assert sum(published[f"{usage}/{label}"] for usage in ("Training", "PublicTest", "PrivateTest")) == number
    assert published["PrivateTest/disgust"] == 55
    assert published["Training/happiness"] == 7215


def test_a_scan_is_counted_under_the_published_names(tmp_path: Path) -> None:
    _csv(tmp_path, OFFICIAL)
    counts = CORPUS.count(iter(_scan(tmp_path)), Report())
    assert counts["rows"] == 7
    assert (counts["Training"], counts["PublicTest"], counts["PrivateTest"]) == (3, 2, 2)
    assert (counts["PublicTest/fear"], counts["PublicTest/anger"]) == (1, 0)
    assert set(counts) <= set(CORPUS.published())


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    _csv(tmp_path, OFFICIAL)
    with pytest.raises(FacialR1Error, match=r"FER2013: unknown option\. Found: threshold\. Expected: no option"):
        list(CORPUS.scan(tmp_path, Report(), threshold=2))


def test_an_empty_folder_is_not_this_corpus(tmp_path: Path) -> None:
    with pytest.raises(NotThisCorpus, match=r"this folder is not FER2013\. Found: an empty folder"):
        _scan(tmp_path)


def test_real_rows_are_read_with_their_classes_and_pixels(real_data: Path, tmp_path: Path) -> None:
    root = real_data / "fer2013"
    samples = _scan(root)
    assert len(samples) == len({sample.id for sample in samples}) == 588
    cells = Counter((sample.meta_info.split, sample.labels[0]) for sample in samples)
    assert set(cells.values()) == {60, 12}
    assert {cell for cell, number in cells.items() if number == 60} == {("train", label) for label in CORPUS.label_set}
    made = list(materialize(CORPUS, root, samples, tmp_path, workers=2))
    assert [(picture.reason, picture.width, picture.height) for picture in made] == [(None, 48, 48)] * 588
    line = (root / "fer2013.csv").read_text().splitlines()[587].split(",")
    assert load_picture(tmp_path / str(made[586].image)).ravel().tolist() == [int(n) for n in line[1].split()]
    assert samples[586].meta_info.extras()["usage"] == line[2]
