"""ExpW from lines typed by hand: eight fields, the box as top, left, right, bottom, faces that share a photograph."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders import require
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.common.repeats import without_repeats
from datasets_builders.expw import CORPUS, LABELS, Face, parse_line
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.pictures import Pixels, load_picture
from facial_r1.sample import Sample

LINES = """\
happy_child_12.jpg 0 56 203 301 154 47.2291 3
angry_boss_103.jpg 0 20 30 110 100 12.5 0
angry_boss_103.jpg 2 10 120 180 70 80 6
disgusted_man_7.jpg 0 0 5 65 60 139.99 1
scared_girl_1.jpg 1 4 4 44 44 0.5 2
sad_woman_9.jpg 0 1 2 33 32 60.01 4
surprised_boy_3.jpg 0 -3 -2 61 60 33.3 5
"""
TRUTH = [
    ("expw-happy_child_12-0", "happiness", [203, 56, 301, 154], "expw-happy_child_12"),
    ("expw-angry_boss_103-0", "anger", [30, 20, 110, 100], "expw-angry_boss_103"),
    ("expw-angry_boss_103-2", "neutral", [120, 10, 180, 70], "expw-angry_boss_103"),
    ("expw-disgusted_man_7-0", "disgust", [5, 0, 65, 60], "expw-disgusted_man_7"),
    ("expw-scared_girl_1-1", "fear", [4, 4, 44, 44], "expw-scared_girl_1"),
    ("expw-sad_woman_9-0", "sadness", [2, 1, 33, 32], "expw-sad_woman_9"),
    ("expw-surprised_boy_3-0", "surprise", [-2, -3, 61, 60], "expw-surprised_boy_3"),
]
NAMES = tuple(dict.fromkeys(line.split()[0] for line in LINES.splitlines()))


def _copy(
    root: Path,
    text: str | bytes = LINES,
    names: tuple[str, ...] = NAMES,
    labels: str = "label/label.lst",
    origin: str = "image/origin",
) -> Path:
    """A copy of the corpus whose photographs are empty files: a scan must not open one."""
    path = root / labels
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    (root / origin).mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / origin / name).touch()
    return root


def _scan(root: Path, report: Report | None = None) -> list[Sample]:
    return list(require("expw", root).scan(root, report or Report()))


def _facts(samples: list[Sample]) -> list[tuple[str, str, list[int] | None, str | None]]:
    return [(s.id, s.labels[0], s.meta_info.box, s.meta_info.group) for s in samples]


def test_the_lines_give_ids_labels_boxes_and_groups(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_copy(tmp_path), report)
    assert _facts(samples) == TRUTH
    assert (report.missing, report.errors, report.dropped) == ([], [], [])
    sample, meta = samples[2], samples[2].meta_info
    assert (sample.dataset, sample.AUs, meta.au_annotated, meta.task) == ("expw", [], [], "emotion")
    assert (meta.sample_id, meta.source, meta.split, meta.subject) == (sample.id, "label/label.lst:3", None, None)
    assert (meta.label_source, meta.extras()) == ("human", {"picture": "angry_boss_103.jpg", "confidence": 80.0})
    assert meta.label_set == ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def test_the_box_is_top_left_right_bottom() -> None:
    face = parse_line(b"happy_child_12.jpg 0 56 203 301 154 47.2291 3\n", Path("label.lst"), 1)
    assert face == Face("happy_child_12.jpg", 0, (203, 56, 301, 154), 47.2291, "happiness")
    left, top, right, bottom = face.box
    assert right - left == bottom - top == 98  # boxes are squares; in any other order this one is none


@pytest.mark.parametrize("order", ["203 56 301 154", "203 56 154 301", "56 203 154 301", "56 203 98 98"])
def test_another_order_of_the_box_gives_another_box_or_an_error(order: str) -> None:
    line = f"happy_child_12.jpg 0 {order} 47.2291 3".encode()
    try:
        box = parse_line(line, Path("label.lst"), 1).box
    except InputError as error:
        box, message = None, str(error)
        assert "this box has no area" in message
    assert box != (203, 56, 301, 154)


def test_the_integer_labels_have_the_official_order() -> None:
    labels = [parse_line(f"a.jpg 0 0 0 9 9 1.0 {n}".encode(), Path("x"), 1).label for n in range(7)]
    assert labels == ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    assert tuple(labels) == LABELS


# ---------------------------------------------------------------------------------------- what is wrong is said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg 0 56 203 301 154 47.2291", "this line does not hold eight fields. Found: 7. Expected: name, face id, "),
        ("a.jpg 0 56 203 301 154 47.2291 3 1", "this line does not hold eight fields. Found: 9. Expected: name, "),
        ("a b.jpg 0 56 203 301 154 47.2291 3", "this line does not hold eight fields. Found: 9. "),
        (
            "a.jpg 0 56 203 301 154 47.2291 7",
            "the field `label` is wrong. Found: `7`. Expected: an integer of the order 0 anger, 1 disgust, 2 fear, "
            "3 happiness, 4 sadness, 5 surprise, 6 neutral. What to do: correct the line.",
        ),
        ("a.jpg 0 56 203 301 154 47.2291 happy", "the field `label` is wrong. Found: `happy`. "),
        ("a 0 56 203 301 154 47.2291 3", "the field `name` is wrong. Found: `a`. Expected: a picture's file name w"),
        ("../a.jpg 0 56 203 301 154 47.2291 3", "the field `name` is wrong. Found: `../a.jpg`. "),
        ("a.jpg x 56 203 301 154 47.2291 3", "the field `face id` is wrong. Found: `x`. Expected: a whole number f"),
        ("a.jpg 0 5.6 203 301 154 47.2291 3", "the field `top` is wrong. Found: `5.6`. Expected: a whole number of "),
        ("a.jpg 0 56 left 301 154 47.2291 3", "the field `left` is wrong. Found: `left`. "),
        ("a.jpg 0 56 203 +301 154 47.2291 3", "the field `right` is wrong. Found: `+301`. "),
        ("a.jpg 0 56 203 301 1540000 47.2291 3", "the field `bottom` is wrong. Found: `1540000`. "),
        ("a.jpg 0 56 203 301 154 nan 3", "the field `confidence` is wrong. Found: `nan`. Expected: a number such as "),
        ("a.jpg 0 56 203 301 154 47,2291 3", "the field `confidence` is wrong. Found: `47,2291`. "),
        ("a.jpg\t0 56 203 301 154 47.2291 3", "the fields are not separated by single blanks. Found: `a.jpg\t0 56"),
        ("a.jpg  0 56 203 301 154 47.2291 3", "the fields are not separated by single blanks. Found: `a.jpg  0 56"),
        ("a.jpg,0,56,203,301,154,47.2291,3", "this line does not hold eight fields. Found: 1. "),
        (
            "a.jpg 0 56 203 154 301 47.2291 3",
            "this box has no area. Found: top 56, left 203, right 154, bottom 301. "
            "Expected: top < bottom and left < right (the fields come in the order top, left, right, bottom).",
        ),
        ("a.jpg 0 56 203 301 56 47.2291 3", "this box has no area. Found: top 56, left 203, right 301, bottom 56. "),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    head, *rest = LINES.splitlines(keepends=True)
    _copy(tmp_path, head + line + "\n" + "".join(rest))
    with pytest.raises(InputError) as caught:
        _scan(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/label/label.lst:2: {message}")
    report = Report(keep_going=True)
    assert [fact[:4] for fact in _facts(_scan(tmp_path, report))] == TRUTH
    assert report.errors == [str(caught.value)]


def test_a_line_that_is_no_text_is_named_with_its_byte(tmp_path: Path) -> None:
    _copy(tmp_path, LINES.encode() + b"M\xfcller.jpg 0 56 203 301 154 47.2291 3\n")
    with pytest.raises(
        InputError, match=r"label\.lst:8: this line is no text\. Found: 0xfc at byte 2\. Expected: UTF-8"
    ):
        _scan(tmp_path)


def test_other_alphabets_in_utf8_are_read(tmp_path: Path) -> None:
    name = "glücklich_児童.jpg"
    samples = _scan(_copy(tmp_path, f"{name} 0 56 203 301 154 47.2291 3\n", (name,)))
    assert samples[0].id == "expw-glücklich_児童-0"


@pytest.mark.parametrize("kept", range(1, len("surprised_boy_3.jpg 0 -3 -2 61 60 33.3 5")))
def test_a_file_cut_in_its_last_line_is_called_cut_off(tmp_path: Path, kept: int) -> None:
    lines = LINES.splitlines(keepends=True)
    _copy(tmp_path, "".join(lines[:-1]) + lines[-1][:kept])
    report = Report(keep_going=True)
    assert _facts(_scan(tmp_path, report)) == TRUTH[:-1]
    (message,) = report.errors
    assert "label.lst:7: this line does not hold eight fields. " in message
    assert message.endswith("What to do: copy the file again, this copy seems to be cut off here.")


def test_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    _copy(tmp_path, "\ufeff" + LINES.replace("\n", "\r\n\r\n").rstrip())
    samples = _scan(tmp_path)
    assert _facts(samples) == TRUTH
    assert samples[1].meta_info.source == "label/label.lst:3"


_NUMBERS = st.integers(-999_999, 999_999)


@settings(deadline=None)
@given(
    st.from_regex(r"[\w.\-()]{1,20}\.(jpg|JPG|jpeg|png)", fullmatch=True),
    st.integers(0, 999_999),
    st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS),
    st.floats(-140, 140).map(lambda value: round(value, 4)),
    st.integers(0, 6),
)
@example("a.jpg", 0, (-1, -1, 0, 0), -0.5, 0)
def test_every_regular_line_reads_back(
    name: str, number: int, box: tuple[int, int, int, int], confidence: float, label: int
) -> None:
    top, left, right, bottom = box
    line = f"{name} {number} {top} {left} {right} {bottom} {confidence:.4f} {label}".encode()
    if top < bottom and left < right:
        expected = Face(name, number, (left, top, right, bottom), confidence, LABELS[label])
        assert parse_line(line, Path("label.lst"), 5) == expected
    else:
        with pytest.raises(InputError, match=r"label\.lst:5: this box has no area"):
            parse_line(line, Path("label.lst"), 5)


_PIECES = st.sampled_from(
    [b"a.jpg", b"0", b"56", b"301", b"-1", b"47.2", b"3", b" ", b" ", b"\t", b"\xff", b"\xc2\xa0", b"/"]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES, max_size=18).map(b"".join) | st.binary(max_size=40))
@example("a.jpg 0 56 203 301 154 47.2291 ３".encode())
@example(b"a.jpg 0 56 203 301 154 47.2291 3\x00")
def test_any_bytes_are_a_face_or_one_clear_error(line: bytes) -> None:
    try:
        face = parse_line(line, Path("label.lst"), 5)
    except InputError as error:
        message = str(error)
    else:
        assert re.fullmatch(rb"[^\s/\\]+ \d+( -?\d+){4} [-\d.]+ [0-6]\s*", line)
        assert face.label in LABELS
        return
    assert message.startswith("label.lst:5: th")


# ----------------------------------------------------------------------------- repeats, gaps, layouts and roots


def test_repeated_lines_are_kept_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    first, second, third, *_ = LINES.splitlines()
    text = "\n".join([first, second, third, first, second[:-1] + "6", first])
    report = Report()
    lines = list(without_repeats(_scan(_copy(tmp_path, text), report), report))
    assert [b"happy_child_12-0" in lines[0], b"angry_boss_103-2" in lines[1], len(lines)] == [True, True, 2]
    assert [(dropped.reason, dropped.source) for dropped in report.dropped] == [
        ("repeat", "label/label.lst:4"),
        ("conflicting_repeat", "label/label.lst:2"),
        ("conflicting_repeat", "label/label.lst:5"),
        ("repeat", "label/label.lst:6"),
    ]


def test_absent_photographs_are_a_gap_and_a_problem_of_their_rows_only(tmp_path: Path) -> None:
    report = Report()
    samples = _scan(_copy(tmp_path, names=NAMES[1:-1]), report)
    assert _facts(samples) == TRUTH
    assert report.missing == ["2 labelled photographs in image/origin: happy_child_12.jpg, surprised_boy_3.jpg"]
    raws = list(CORPUS.raw(tmp_path, samples))
    assert raws[0].problem == ("missing", "there is no photograph happy_child_12.jpg")
    assert raws[1].path == tmp_path / "image/origin/angry_boss_103.jpg"
    assert (raws[1].box, raws[1].problem) == ((30, 20, 110, 100), None)
    assert [raw.sample_id for raw in raws] == [sample.id for sample in samples]


def test_a_copy_without_photographs_can_be_scanned(tmp_path: Path) -> None:
    (tmp_path / "label.lst").write_text(LINES)
    report = Report()
    samples = _scan(tmp_path, report)
    assert _facts(samples) == TRUTH
    assert report.missing == ["image/origin, the folder of the photographs"]
    assert {raw.problem and raw.problem[0] for raw in CORPUS.raw(tmp_path, samples)} == {"missing"}


@pytest.mark.parametrize(
    ("labels", "origin"),
    [
        ("data/label/label.lst", "data/image/origin"),
        ("label/label.lst", "data/image/origin"),
        ("ExpW/ExpW/Label/LABEL.LST", "ExpW/ExpW/Image/ORIGIN"),
        ("label.lst", "origin"),
    ],
)
def test_nested_differently_cased_linked_and_read_only_roots_read_the_same(
    tmp_path: Path, labels: str, origin: str
) -> None:
    real, link = (
        _copy(tmp_path / "real", labels=labels, origin=origin, names=tuple(map(str.upper, NAMES))),
        tmp_path / "l",
    )
    link.symlink_to(real)
    folders = [real, *(path for path in real.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    before = [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))]
    try:
        for root in (real, link):
            report = Report()
            samples = _scan(root, report)
            assert _facts(samples) == TRUTH
            assert report.missing == []
            assert samples[0].meta_info.source == f"{labels}:1"
            assert [raw.problem for raw in CORPUS.raw(root, samples)] == [None] * 7
        assert [(path, path.stat().st_mtime_ns) for path in sorted(real.rglob("*"))] == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_a_folder_without_labels_is_not_this_corpus(tmp_path: Path) -> None:
    (tmp_path / "image/origin").mkdir(parents=True)
    with pytest.raises(NotThisCorpus, match=r"this folder is not ExpW\. Found: image\. Expected: label/label\.lst"):
        _scan(tmp_path)
    with pytest.raises(NotThisCorpus, match="this folder is not ExpW"):
        list(CORPUS.scan(tmp_path, Report()))


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ExpW: unknown option\. Found: only_face_0"):
        list(CORPUS.scan(_copy(tmp_path), Report(), only_face_0=True))


def test_published_counts_are_the_corpus(tmp_path: Path) -> None:
    classes = {"anger": 3671, "disgust": 3995, "fear": 1088, "happiness": 30537, "sadness": 10559, "surprise": 7060}
    assert CORPUS.published() == {"rows": 91_793, **classes, "neutral": 34_883}
    counts = CORPUS.count(iter(_scan(_copy(tmp_path))), Report())
    assert counts == Counter({"rows": 7, **dict.fromkeys(LABELS, 1)})


# ------------------------------------------------------------------------------------- pictures and real data


def _photograph() -> Pixels:
    """A picture whose red is its column and whose green is its row."""
    pixels = np.zeros((160, 240, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(240)[None, :], np.arange(160)[:, None]
    return pixels


def test_the_cut_face_is_the_one_in_the_box_and_the_box_is_clipped(tmp_path: Path) -> None:
    _copy(tmp_path / "corpus")
    data = cv2.imencode(".png", cv2.cvtColor(_photograph(), cv2.COLOR_RGB2BGR))[1].tobytes()
    for name in NAMES:  # the content counts, not the name
        (tmp_path / "corpus/image/origin" / name).write_bytes(data)
    samples = _scan(tmp_path / "corpus")
    made = list(materialize(CORPUS, tmp_path / "corpus", samples, tmp_path / "images", crop="box"))
    assert [picture.reason for picture in made] == [None] * 7
    boxes = [picture.box for picture in made]
    assert boxes[1] == (30, 20, 110, 100)
    assert boxes[0] == (203, 56, 240, 154)  # reaches 61 pixels beyond the right border
    assert boxes[6] == (0, 0, 61, 60)
    for picture in made:
        assert picture.box is not None
        left, top, right, bottom = picture.box
        cut = load_picture(tmp_path / "images" / str(picture.image))
        assert np.array_equal(cut, _photograph()[top:bottom, left:right])


def test_real_faces_are_read_with_their_classes_and_can_be_cut(real_data: Path, tmp_path: Path) -> None:
    root, report = real_data / "expw", Report()
    samples = _scan(root, report)
    assert (len(samples), len({sample.id for sample in samples})) == (205, 205)
    assert len({sample.meta_info.group for sample in samples}) == 180
    assert report.missing == []
    counts = dict(anger=31, disgust=27, fear=23, happiness=27, sadness=24, surprise=26, neutral=47)  # noqa: C408
    assert CORPUS.count(iter(samples), report) == Counter(rows=205, **counts)
    boxes = [sample.meta_info.box or [] for sample in samples]
    assert all(right - left == bottom - top > 0 for left, top, right, bottom in boxes)
    made = list(materialize(CORPUS, root, samples, tmp_path, crop="box", workers=2))
    assert [picture.reason for picture in made] == [None] * 205
    for picture in made:
        cut = load_picture(tmp_path / str(picture.image))
        assert cut.shape[:2] == (picture.height, picture.width)
        assert cut.std() > 5  # a face, and no blank corner
