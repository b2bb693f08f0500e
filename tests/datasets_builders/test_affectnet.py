"""AffectNet as distributed in 2017, from lines typed by hand: nine columns, eleven classes, pictures named by hash."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders import corpus, corpus_names, require
from datasets_builders.affectnet import CORPUS
from datasets_builders.affectnet.csv import parse_line, points
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.common.repeats import without_repeats
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.pictures import load_picture
from facial_r1.sample import Sample, strict_faults

HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"
P = ";".join(f"{100 + n}.5;{200 + n}" for n in range(68))
"""Point n is (100.5 + n, 200 + n)."""
TRAINING = f"""\
689/0a1b.jpg,10,20,200,150,{P},1,0.785714,-0.0555556
1/2c3d.JPG,0,0,99,98,{P},0,0,0
2/4e5f.png,5,6,7,8,{P},2,-0.6,-0.25
3/aa00.jpg,5,6,7,8,{P},8,-2,-2
4/6a7b.bmp,5,6,7,8,{P},3,0.1,0.9
5/8c9d.tif,-3,-4,50,60,{P},4,-0.2,1
6/aa01.jpg,5,6,7,8,{P},10,-2,-2
7/e0f1.jpg,5,6,7,8,{P},5,-1,0.3
8/1a2b.jpg,5,6,7,8,{P},6,-2,-2
9/3c4d.jpg,5,6,7,8,{P},7,-0.5,1.5e-05
10/aa02.jpg,5,6,7,8,{P},9,-2,-2
"""
VALIDATION = f"""\
11/5e6f.jpg,1,2,30,40,{P},0,0.01,0.02
12/7a8b.jpg,1,2,30,40,{P},10,-2,-2
"""
LABELS = [  # typed from the description of the corpus
    *("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
]
TRUTH = [
    ("affectnet-0a1b", "happiness", [10, 20, 210, 170], 0.785714, -0.0555556),
    ("affectnet-2c3d", "neutral", [0, 0, 99, 98], 0, 0),
    ("affectnet-4e5f", "sadness", [5, 6, 12, 14], -0.6, -0.25),
    ("affectnet-6a7b", "surprise", [5, 6, 12, 14], 0.1, 0.9),
    ("affectnet-8c9d", "fear", [-3, -4, 47, 56], -0.2, 1),
    ("affectnet-e0f1", "disgust", [5, 6, 12, 14], -1, 0.3),
    ("affectnet-1a2b", "anger", [5, 6, 12, 14], None, None),
    ("affectnet-3c4d", "contempt", [5, 6, 12, 14], -0.5, 1.5e-05),
    ("affectnet-5e6f", "neutral", [1, 2, 31, 42], 0.01, 0.02),
]
LISTS, IMAGES = "Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_Images"


def _names(text: str) -> list[str]:
    return [line.partition(",")[0] for line in text.splitlines() if "/" in line]


def _copy(
    root: Path,
    training: str | bytes = HEADER + TRAINING,
    validation: str | bytes = VALIDATION,
    lists: str = LISTS,
    images: str = IMAGES,
) -> Path:
    """A copy whose photographs are empty files: a scan must not open one."""
    (root / lists).mkdir(parents=True, exist_ok=True)
    for name, text in (("training.csv", training), ("validation.csv", validation)):
        (root / lists / name).write_bytes(text.encode() if isinstance(text, str) else text)
    for name in _names(TRAINING) + _names(VALIDATION):
        (root / images / name).parent.mkdir(parents=True, exist_ok=True)
        (root / images / name).touch()
    return root


def _scan(root: Path, report: Report | None = None, **options: object) -> list[Sample]:
    return list(require("affectnet", root).scan(root, report or Report(), **options))


def _facts(samples: list[Sample]) -> list[tuple[object, ...]]:
    return [
        (s.id, *s.labels, s.meta_info.box, s.meta_info.extras()["valence"], s.meta_info.extras()["arousal"])
        for s in samples
    ]


def test_the_lines_give_ids_labels_boxes_and_feelings(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_copy(tmp_path), report)
    assert _facts(samples) == TRUTH
    assert (report.missing, report.errors, report.remarks) == ([], [], [])
    assert [sample.meta_info.split for sample in samples] == ["train"] * 8 + ["val"]
    sample, meta = samples[0], samples[0].meta_info
    assert (sample.dataset, sample.AUs, meta.au_annotated, meta.task) == ("affectnet", [], [], "emotion")
    assert (meta.sample_id, meta.group, meta.origin_ids) == (sample.id, sample.id, ["affectnet:0a1b"])
    assert (meta.source, meta.label_source, meta.subject) == (f"{LISTS}/training.csv:2", "human", None)
    assert meta.label_set == sorted(LABELS)
    assert samples[-1].meta_info.source == f"{LISTS}/validation.csv:1"
    for row in samples:
        row.image = "a.jpg"
        assert strict_faults(row) == []


def test_the_integer_labels_have_affectnets_own_order() -> None:
    found = [parse_line(f"1/a.jpg,0,0,9,9,{P},{n},0,0".encode(), Path("x"), 1).expression for n in range(11)]
    assert found == list(range(11))
    numbers = [int(line.split(",")[6]) for line in TRAINING.splitlines()]
    assert [LABELS[number] for number in numbers if number < 8] == [fact[1] for fact in TRUTH[:8]]


def test_pictures_without_an_emotion_are_left_out_with_a_reason_each(tmp_path: Path) -> None:
    report = Report()
    _scan(_copy(tmp_path), report)
    assert [(row.id, row.reason, row.source) for row in report.dropped] == [
        ("affectnet-aa00", "no_emotion", f"{LISTS}/training.csv:5"),
        ("affectnet-aa01", "no_face", f"{LISTS}/training.csv:8"),
        ("affectnet-aa02", "uncertain", f"{LISTS}/training.csv:12"),
        ("affectnet-7a8b", "no_face", f"{LISTS}/validation.csv:2"),
    ]
    assert report.dropped[0].detail == "the annotators chose 8, no emotion"


@pytest.mark.parametrize(("training", "validation"), [(True, True), (True, False), (False, True), (False, False)])
def test_each_list_may_have_a_header_or_none(tmp_path: Path, training: bool, validation: bool) -> None:
    _copy(tmp_path, HEADER * training + TRAINING, HEADER * validation + VALIDATION)
    samples = _scan(tmp_path)
    assert _facts(samples) == TRUTH
    assert samples[0].meta_info.source == f"{LISTS}/training.csv:{1 + training}"
    assert samples[-1].meta_info.source == f"{LISTS}/validation.csv:{1 + validation}"


def test_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    text = "\ufeff" + (HEADER + TRAINING).replace("\n", "\r\n\r\n")
    assert _facts(_scan(_copy(tmp_path, text, "\ufeff" + VALIDATION.rstrip()))) == TRUTH


def test_a_header_with_quotes_and_in_another_case_is_a_header(tmp_path: Path) -> None:
    header = ",".join(f'"{name.upper()}"' for name in HEADER.strip().split(","))
    assert _facts(_scan(_copy(tmp_path, header + "\n" + TRAINING))) == TRUTH


# ---------------------------------------------------------------------------------------- what is wrong is said

_ORDER = "0 neutral, 1 happiness, 2 sadness, 3 surprise, 4 fear, 5 disgust, 6 anger, 7 contempt"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            f"1/a.jpg,5,6,7,8,{P},1,0.5",
            "this line does not hold nine fields. Found: 8. Expected: subDirectory_filePath, face_x, face_y, ",
        ),
        (f"1/a.jpg,5,6,7,8,{P},1,0.5,0.5,0", "this line does not hold nine fields. Found: 10. "),
        (f"1/a.jpg,5,6,7,8,{P.replace(';', ',')},1,0.5,0.5", "this line does not hold nine fields. Found: 144. "),
        ("1/a.jpg;5;6;7;8;1;0.5;0.5", "this line does not hold nine fields. Found: 1. "),
        (
            f"a.jpg,5,6,7,8,{P},1,0.5,0.5",
            "the field `subDirectory_filePath` is wrong. Found: `a.jpg`. Expected: a folder and a file name, such as "
            "689/0a1b2c.jpg. What to do: correct the line.",
        ),
        (f"../a.jpg,5,6,7,8,{P},1,0.5,0.5", "the field `subDirectory_filePath` is wrong. Found: `../a.jpg`. "),
        (f"/1/a.jpg,5,6,7,8,{P},1,0.5,0.5", "the field `subDirectory_filePath` is wrong. Found: `/1/a.jpg`. "),
        (f"1/a,5,6,7,8,{P},1,0.5,0.5", "the field `subDirectory_filePath` is wrong. Found: `1/a`. "),
        (
            f"1/a.jpg,5.5,6,7,8,{P},1,0.5,0.5",
            "the field `face_x` is wrong. Found: `5.5`. Expected: a whole number of pixels. ",
        ),
        (f"1/a.jpg,5,,7,8,{P},1,0.5,0.5", "the field `face_y` is wrong. Found: ``. "),
        (
            f"1/a.jpg,5,6,0,8,{P},1,0.5,0.5",
            "the field `face_width` is wrong. Found: `0`. Expected: a whole number of pixels, more than 0. ",
        ),
        (f"1/a.jpg,5,6,7,-8,{P},1,0.5,0.5", "the field `face_height` is wrong. Found: `-8`. "),
        (
            f"1/a.jpg,5,6,7,8,{P},11,0.5,0.5",
            "the field `expression` is wrong. Found: `11`. Expected: an integer of the order "
            f"{_ORDER}, 8 none, 9 uncertain, 10 no face. What to do: correct the line.",
        ),
        (f"1/a.jpg,5,6,7,8,{P},happy,0.5,0.5", "the field `expression` is wrong. Found: `happy`. "),
        (f"1/a.jpg,5,6,7,8,{P},1.0,0.5,0.5", "the field `expression` is wrong. Found: `1.0`. "),
        (f"1/a.jpg,5,6,7,8,{P},0.5,0.5,1", "the field `expression` is wrong. Found: `0.5`. "),
        (f"1/a.jpg,5,6,7,8,1,{P},0.5,0.5", "the field `expression` is wrong. Found: `100.5;200;"),
        (
            f"1/a.jpg,5,6,7,8,{P},1,1.01,0.5",
            "the field `valence` is wrong. Found: `1.01`. Expected: a number from -1 to 1, or -2 for not available. ",
        ),
        (f"1/a.jpg,5,6,7,8,{P},1,0.5,-1.5", "the field `arousal` is wrong. Found: `-1.5`. "),
        (f"1/a.jpg,5,6,7,8,{P},1,nan,0.5", "the field `valence` is wrong. Found: `nan`. "),
        (f"1/a.jpg,5,6,7,8,{P},8,,0.5", "the field `valence` is wrong. Found: ``. "),
        (f"1/a.jpg,5,6,7,8,{P},1,0.5,ａ", "the field `arousal` is wrong. Found: `ａ`. "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    first, *rest = TRAINING.splitlines(keepends=True)
    _copy(tmp_path, HEADER + first + line + "\n" + "".join(rest))
    with pytest.raises(InputError) as caught:
        _scan(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/{LISTS}/training.csv:3: {message}")
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == TRUTH
    assert report.errors == [str(caught.value)]


@pytest.mark.parametrize("one", [0, 1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("other", [1, 2, 3, 4, 6, 7, 8])
def test_two_swapped_columns_give_another_row_or_an_error(one: int, other: int) -> None:
    fields = f"689/0a1b.jpg,10,20,200,150,{P},1,0.785714,-0.0555556".split(",")
    true = parse_line(",".join(fields).encode(), Path("x"), 1)
    fields[one], fields[other] = fields[other], fields[one]
    try:
        found = parse_line(",".join(fields).encode(), Path("x"), 1)
    except InputError:
        return
    assert (found == true) == (one == other)


def test_a_list_with_other_columns_is_refused(tmp_path: Path) -> None:
    names = HEADER.strip().split(",")
    names[6], names[7] = names[7], names[6]
    _copy(tmp_path, ",".join(names) + "\n" + TRAINING)
    with pytest.raises(InputError, match=r"training\.csv:1: this list has other columns\. Found: .*valence, expressi"):
        _scan(tmp_path)


@pytest.mark.parametrize("kept", [1, 10, 30, 400, -17, -6])
def test_a_file_cut_in_its_last_line_is_called_cut_off(tmp_path: Path, kept: int) -> None:
    *whole, last = TRAINING.splitlines(keepends=True)
    _copy(tmp_path, HEADER + "".join(whole) + last[:kept])
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == TRUTH
    (message,) = report.errors
    assert message.startswith(f"{tmp_path}/{LISTS}/training.csv:12: th")
    assert message.endswith("What to do: copy the file again, this copy seems to be cut off here.")


_WHOLE, _LENGTH = st.integers(-999_999, 999_999), st.integers(1, 999_999)
_FEELING = st.floats(-1, 1).map(lambda number: round(number, 6)) | st.just(-2.0)


@settings(deadline=None)
@given(_WHOLE, _WHOLE, _LENGTH, _LENGTH, st.integers(0, 10), _FEELING, _FEELING, st.sampled_from(["", "\n", "\r\n"]))
@example(0, 0, 1, 1, 10, -0.0, -2.0, "")
def test_every_regular_line_reads_back(
    x: int, y: int, width: int, height: int, expression: int, valence: float, arousal: float, end: str
) -> None:
    line = f"12/ab-_9.jpeg,{x},{y},{width},{height},{P},{expression},{valence!r},{arousal!r}{end}".encode()
    found = parse_line(line, Path("x"), 1)
    assert (found.folder, found.file, found.stem) == ("12", "ab-_9.jpeg", "ab-_9")
    assert (found.box, found.expression) == ([x, y, x + width, y + height], expression)
    assert (found.valence, found.arousal) == (None if valence == -2 else valence, None if arousal == -2 else arousal)


_PIECES = st.sampled_from(
    [b"1/a.jpg", b",", b",", b",", b"5", b"10", b"-2", b"0.5", P.encode(), b";", b"\xff", b"\n", b"\0", b" ", b"e9"]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_PIECES, max_size=24).map(b"".join) | st.binary(max_size=60))
@example(f"1/a.jpg,5,6,7,8,{P},1,0.5,0.5".encode())
@example(b"1/a.jpg,5,6,7,8,,1,0.5,0.5")
@example(b"1/a.jpg,5,6,7,8,1,0.5,0.5")
@example(b"1/a.jpg,5,6,7,8,\n,1,0.5,0.5")
@example("1/a.jpg,５,6,7,8,x,1,0.5,0.5".encode())
@example(b"1/a.jpg,5,6,7,8,x,1,1e999,0.5")
@example(b"")
def test_any_bytes_are_a_row_or_one_clear_error(line: bytes) -> None:
    try:
        found = parse_line(line, Path("training.csv"), 5)
    except InputError as error:
        message = str(error)
    else:
        assert re.match(rb"[\w-]+/[\w-]+\.\w{3,4}(,-?\d+){4},[^,]*,(\d|10),[^,]+,[^,]+$", line)
        assert 0 <= found.expression <= 10
        assert all(feeling is None or -1 <= feeling <= 1 for feeling in (found.valence, found.arousal))
        return
    assert message.startswith("training.csv:5: th")


# --------------------------------------------------------------------------- pictures, points, layouts and roots


def test_absent_pictures_are_a_gap_and_a_problem_of_their_rows_only(tmp_path: Path) -> None:
    _copy(tmp_path)
    (tmp_path / IMAGES / "689/0a1b.jpg").unlink()
    report = Report()
    samples = _scan(tmp_path, report)
    assert _facts(samples) == TRUTH
    assert report.missing == ["1 of the labelled pictures of training.csv: 689/0a1b.jpg"]
    raws = {raw.sample_id: raw for raw in CORPUS.raw(tmp_path, samples[::-1])}
    assert raws["affectnet-0a1b"].problem == ("missing", "there is no picture 689/0a1b.jpg")
    found = raws["affectnet-5e6f"]
    assert (found.path, found.problem, found.box) == (tmp_path / IMAGES / "11/5e6f.jpg", None, (1, 2, 31, 42))
    assert found.points.shape == (68, 2)
    assert found.points[[0, 1, 67]].tolist() == [[100.5, 200], [101.5, 201], [167.5, 267]]
    assert len(raws) == 9


@pytest.mark.parametrize("field", ["", "1;2", P + ";5", P.replace("101.5", "left")])
def test_points_that_are_none_cost_no_row(tmp_path: Path, field: str) -> None:
    line = f"689/0a1b.jpg,10,20,200,150,{field},1,0.785714,-0.0555556\n"
    assert points(line.encode()) is None
    samples = _scan(_copy(tmp_path, line))
    (raw,) = CORPUS.raw(tmp_path, samples[:1])
    assert (raw.path, raw.points, raw.box) == (tmp_path / IMAGES / "689/0a1b.jpg", None, (10, 20, 210, 170))


def test_a_list_that_changed_since_the_scan_gives_no_wrong_picture(tmp_path: Path) -> None:
    samples = _scan(_copy(tmp_path))
    _copy(tmp_path, HEADER + "".join(TRAINING.splitlines(keepends=True)[1:]))
    raws = {raw.sample_id: raw for raw in CORPUS.raw(tmp_path, samples)}
    problem = raws["affectnet-0a1b"].problem
    assert problem == ("changed", "training.csv:2 is another row now; scan this copy again")
    assert raws["affectnet-5e6f"].problem is None


def test_lists_without_pictures_can_be_scanned(tmp_path: Path) -> None:
    for name, text in (("training.csv", TRAINING), ("validation.csv", VALIDATION)):
        (tmp_path / name).write_text(text)
    report = Report()
    samples = _scan(tmp_path, report)
    assert _facts(samples) == TRUTH
    assert report.missing == [
        "the pictures of training.csv (Manually_Annotated_Images/1, 2, …)",
        "the pictures of validation.csv (Manually_Annotated_Images/1, 2, …)",
    ]
    assert {raw.problem and raw.problem[0] for raw in CORPUS.raw(tmp_path, samples)} == {"missing"}


def test_a_list_that_is_not_there_is_a_gap(tmp_path: Path) -> None:
    (_copy(tmp_path) / LISTS / "training.csv").unlink()
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH[-1:]
    assert report.missing == ["training.csv"]


@pytest.mark.parametrize(
    ("lists", "images"),
    [
        ("AffectNet/AffectNet/MANUALLY_Annotated_File_Lists", "AffectNet/manually_annotated/Manually_Annotated_Images"),
        (".", "Manually_Annotated"),
        ("lists", "pictures"),
    ],
)
def test_nested_differently_cased_linked_and_read_only_roots_read_the_same(
    tmp_path: Path, lists: str, images: str
) -> None:
    real, link = _copy(tmp_path / "real", lists=lists, images=images), tmp_path / "l"
    (real / images / "689/0a1b.jpg").rename(real / images / "689/0A1B.JPG")
    (real / lists / "training.csv").rename(real / lists / "Training.CSV")
    link.symlink_to(real)
    below = [real, *(path for path in real.rglob("*") if path.is_dir())]
    for folder in below:
        folder.chmod(0o555)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))]
    try:
        for root in (real, link):
            report = Report()
            samples = _scan(root, report)
            assert _facts(samples) == TRUTH
            assert report.missing == []
            raws = list(CORPUS.raw(root, samples))
            assert [raw.problem for raw in raws] == [None] * 9
            assert root / images / "689/0A1B.JPG" in [raw.path for raw in raws]
        assert [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))] == before
    finally:
        for folder in below:
            folder.chmod(0o755)


def test_the_order_of_the_rows_is_not_that_of_the_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _copy(tmp_path)
    listing = os.scandir

    class Backwards:
        def __init__(self, path: Path) -> None:
            self.path = path

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            with listing(self.path) as entries:
                return iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(os, "scandir", Backwards)
    assert _facts(_scan(tmp_path)) == TRUTH


def test_to_be_recognised_no_folder_of_pictures_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _copy(tmp_path)
    for name in ("train_set/images", "train_set/annotations"):
        (tmp_path / name).mkdir(parents=True)
    listing, listed = os.scandir, []
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(Path(path).name) or listing(path))
    assert CORPUS.recognises(tmp_path)
    assert "Manually_Annotated_Images" in listed
    assert not {name for name in listed if name.isdecimal() or name == "images"}


AUTOMATIC = f"300/ff01.jpg,1,2,30,40,{P},6,-0.5,0.5\n301/ff02.jpg,1,2,30,40,{P},10,-2,-2\n"


def test_machine_labels_are_read_only_when_asked_for(tmp_path: Path) -> None:
    _copy(tmp_path)
    for folder in ("Automatically_Annotated_file_lists", "Automatically_Annotated/Automatically_Annotated_Images/300"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "Automatically_Annotated_file_lists/automatically_annotated.csv").write_text(HEADER + AUTOMATIC)
    (tmp_path / "Automatically_Annotated/Automatically_Annotated_Images/300/ff01.jpg").touch()
    report = Report()
    assert _facts(_scan(tmp_path, report)) == TRUTH
    assert report.remarks == ["automatically_annotated.csv, labelled by a machine, is not read (option automatic)"]
    report = Report()
    samples = _scan(tmp_path, report, automatic=True)
    assert _facts(samples[:-1]) == TRUTH
    assert (samples[-1].id, samples[-1].labels, samples[-1].meta_info.split) == ("affectnet-ff01", ["anger"], None)
    assert [sample.meta_info.label_source for sample in samples] == ["human"] * 9 + ["machine"]
    assert (report.missing, report.remarks) == ([], [])
    (raw,) = CORPUS.raw(tmp_path, samples[-1:])
    assert raw.path == tmp_path / "Automatically_Annotated/Automatically_Annotated_Images/300/ff01.jpg"
    counts = CORPUS.count(iter(samples), report)
    assert (counts["automatic"], counts["automatic/anger"], counts["automatic/no_face"], counts["rows"]) == (
        2,
        1,
        1,
        13,
    )


def test_one_hash_in_two_folders_or_lists_is_one_picture(tmp_path: Path) -> None:
    again = TRAINING.splitlines(keepends=True)[0].replace("689/", "690/")
    other = TRAINING.splitlines(keepends=True)[1].replace(",0,0,0\n", ",5,0,0\n")
    twice = TRAINING.splitlines(keepends=True)[4]
    report = Report()
    samples = _scan(_copy(tmp_path, TRAINING + again + other, VALIDATION + twice), report)
    report.dropped.clear()
    kept = list(without_repeats(samples, report))
    assert len(kept) == 7
    assert [(row.id, row.reason, row.source.rpartition("/")[2]) for row in report.dropped] == [
        ("affectnet-0a1b", "repeat", "training.csv:12"),
        ("affectnet-2c3d", "conflicting_repeat", "training.csv:2"),
        ("affectnet-2c3d", "conflicting_repeat", "training.csv:13"),
        ("affectnet-6a7b", "conflicting_repeat", "training.csv:5"),  # on both sides of the split
        ("affectnet-6a7b", "conflicting_repeat", "validation.csv:3"),
    ]


# ----------------------------------------------------------------------------------- what it is not, and counts


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (["train/Anger/a.jpg", "train/contempt/b.jpg", "train/happy/c.jpg", "train/Sad/d.jpg"], "a copy sorted into f"),
        ([f"Kaggle/train/{n}/a.jpg" for n in range(8)], "a copy sorted into folders 0 to 7 (Kaggle/train), whose or"),
        (
            ["train/images/a.jpg", "train/labels/a.txt"],
            "a copy for training a detector (train/labels/….txt), as on Kag",
        ),
        (["a/train_set_annotation_without_lnd.csv"], "a list derived from the later distribution (…annotation_withou"),
        ([f"{IMAGES}/{n}/a.jpg" for n in range(30)], f"the pictures of 2017 ({IMAGES}) without their lists training.c"),
    ],
)
def test_relatives_are_refused_by_name(tmp_path: Path, made: list[str], found: str) -> None:
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(NotThisCorpus, match=rf"this folder is not AffectNet\. Found: {re.escape(found)}"):
        require("affectnet", tmp_path)
    with pytest.raises(NotThisCorpus, match=rf"this folder is not AffectNet\. Found: {re.escape(found)}"):
        list(CORPUS.scan(tmp_path, Report()))


def test_other_folders_are_not_this_corpus(tmp_path: Path) -> None:
    (tmp_path / "train/happy").mkdir(parents=True)
    (tmp_path / "train/sad").mkdir()
    (tmp_path / "training.csv").write_text("image,label\na.jpg,1\n")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/12.json").write_text('{"boxes": []}')
    with pytest.raises(NotThisCorpus, match=r"this folder is not AffectNet\. Found: annotations, train, training\.csv"):
        require("affectnet", tmp_path)


def test_no_other_corpus_takes_it_for_its_own(tmp_path: Path) -> None:
    _copy(tmp_path)
    others = [name for name in corpus_names() if name != "affectnet" and corpus(name).recognises(tmp_path)]
    assert others == []
    assert "affectnet" in check("expw", tmp_path).verdict


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"release": "csv"}, r"AffectNet: unknown option\. Found: release"),
        ({"layout": "folders"}, r"AffectNet: unknown layout\. Found: folders\. Expected: auto, csv, npy, plus"),
        ({"automatic": "yes"}, r"AffectNet: the option automatic\. Found: yes\. Expected: true or false"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    _copy(tmp_path)
    for call in (lambda: list(CORPUS.scan(tmp_path, Report(), **options)), lambda: CORPUS.published(**options)):
        with pytest.raises(UsageError, match=message):
            call()


def test_a_layout_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        NotThisCorpus, match=r"there is no layout npy here\. Found: csv\. Expected: the later distribut"
    ):
        list(CORPUS.scan(_copy(tmp_path), Report(), layout="npy"))


def test_published_counts_are_the_corpus(tmp_path: Path) -> None:
    classes = dict(neutral=74874, happiness=134416, sadness=25459, surprise=14090, fear=6378)  # noqa: C408
    classes |= dict(disgust=3803, anger=24882, contempt=3750)  # noqa: C408
    none = {"no_emotion": 33088, "uncertain": 11645, "no_face": 82414}
    expected = {"rows": 420_299, "train": 414_799, "val": 5_500}
    expected |= {f"train/{name}": number for name, number in (classes | none).items()}
    expected |= {f"val/{name}": 500 for name in classes | none}
    assert CORPUS.published() == CORPUS.published(layout="csv") == expected
    assert sum((classes | none).values()) == 414_799
    npy = {name: number for name, number in CORPUS.published(layout="npy").items() if name.startswith("train")}
    assert npy.pop("train") == 287_651 == sum(npy.values())
    assert npy == {f"train/{name}": number for name, number in (classes | {"happiness": 134415}).items()}
    assert CORPUS.published(layout="npy")["val"] == 3_999
    assert CORPUS.published(layout="plus") == {"rows": 420_299, "train": 414_799, "val": 5_500}
    assert CORPUS.variant(_copy(tmp_path), automatic=True) == {"automatic": True, "layout": "csv"}


def test_a_count_knows_what_was_left_out(tmp_path: Path) -> None:
    report = Report()
    counts = CORPUS.count(iter(_scan(_copy(tmp_path), report)), report)
    assert counts == Counter(
        {
            "rows": 13,
            "train": 11,
            "val": 2,
            "val/neutral": 1,
            "val/no_face": 1,
            **{f"train/{label}": 1 for label in (*LABELS, "no_emotion", "uncertain", "no_face")},
        }
    )


def test_sources_that_differ_by_one_are_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _copy(tmp_path)
    figures = {"rows": 13, "train/happiness": 2, "train/no_face": 0, "train/fear": 2}
    monkeypatch.setattr(type(CORPUS), "published", lambda *_, **__: figures)
    assert [difference.what for difference in check("affectnet", tmp_path).differences] == ["train/fear"]


# ------------------------------------------------------------------------------------------------- real pictures


def test_the_cut_face_is_the_one_in_the_box_whatever_the_type_of_the_file(tmp_path: Path) -> None:
    root = _copy(tmp_path / "corpus")
    pixels = np.zeros((160, 240, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(240)[None, :], np.arange(160)[:, None]  # red is the column
    for name in _names(TRAINING) + _names(VALIDATION):
        suffix = ".png" if name.lower().endswith("jpg") else Path(name).suffix  # many a .jpg is none
        data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
        (root / IMAGES / name).write_bytes(data)
    samples = _scan(root)
    made = {row.sample_id: row for row in materialize(CORPUS, root, samples, tmp_path / "images", crop="box")}
    assert {picture.reason for picture in made.values()} == {None}
    assert made["affectnet-0a1b"].box == (10, 20, 210, 160)  # reaches 10 pixels below the border
    assert made["affectnet-8c9d"].box == (0, 0, 47, 56)
    for picture in made.values():
        left, top, right, bottom = picture.box or (0, 0, 0, 0)
        cut = load_picture(tmp_path / "images" / str(picture.image)).astype(int)
        assert np.abs(cut - pixels[top:bottom, left:right]).max() <= 3  # some are encoded as JPEG
    around = next(iter(materialize(CORPUS, root, samples[:1], tmp_path / "l", crop="landmarks")))
    assert around.reason == "box_outside"  # the points of this list lie below a picture of 160 rows
