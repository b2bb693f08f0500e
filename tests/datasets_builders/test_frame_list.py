"""Lists of frames as papers publish them: many ways to write one frame, and every line that is none is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builders.common.corpus import Report
from datasets_builders.common.frame_list import parse_line, read_frame_list
from facial_r1.errors import FacialR1Error, InputError


@pytest.mark.parametrize(
    "text",
    [
        "F001/T1/2440",
        "F001_T1 2440",
        "F001_T1,2440",
        "f001\tt1\t02440",
        "/data/BP4D/img/F001/T1/2440.jpg",
        "..\\BP4D\\F001\\T1\\002440.PNG",
        "M002/old/F001/T1/2440.jpg",
        "F001_T1_2440",
        "F001T1_2440.jpeg",
        "  F001/T1/frame_2440.jpg\r",
        "F001 T1 Frame 2440",
    ],
)
def test_one_frame_of_a_task_in_many_spellings(text: str) -> None:
    assert parse_line(text, "list.txt", 1) == ("F001/T1", 2440)


@pytest.mark.parametrize(
    "text",
    [
        "SN001/12.png",
        "SN001/0012.jpg",
        "SN001 12",
        "sn001,12",
        "data/DISFA/img/LeftVideoSN001_comp/0012.png",
        "DISFA/Videos_LeftCamera/LeftVideoSN001_comp/_0012.png",
        "SN001_0012",
    ],
)
def test_one_frame_of_a_video_in_many_spellings(text: str) -> None:
    assert parse_line(text, "list.txt", 1) == ("SN001", 12)


@pytest.mark.parametrize(
    "text",
    ["F001/T1/", "2440", "F001", "T1/2440", "F01/T1/2440", "F001/T1/2440 0 1 0", "F001/T1/24x40", "F001/T1/-", "é"],
)
def test_a_line_that_names_no_frame_is_named(text: str) -> None:
    with pytest.raises(
        InputError, match=r"list\.txt:7: this line names no frame\. Found: .* Expected: a subject, a "
    ) as e:
        parse_line(text, "list.txt", 7)
    assert e.value.line == 7


@given(st.text(max_size=60) | st.text("FMSNT0123456789/_ .jpg\\,-\r", max_size=1200))
def test_any_text_gives_a_frame_or_one_clear_error(text: str) -> None:
    try:
        sequence, number = parse_line(text, "list.txt", 1)
    except FacialR1Error as error:
        message = str(error)
    else:
        message, text = "list.txt:1: ", f"{sequence}/{number}"
        assert parse_line(text, "list.txt", 1) == (sequence, number)
    assert message.startswith("list.txt:1: ")


def test_blank_lines_comments_and_repeats_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\ufeff# fold 1\r\nF001/T1/7\r\n\r\nF001/T1/0007\r\nM018/T8/1")
    assert read_frame_list(path).frames == {"F001/T1": {7}, "M018/T8": {1}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "this list of frames is empty"),
        (b"# nothing\n\n", "this list of frames is empty"),
        (b"F001/T1/7\nlabel\n", r"list\.txt:2: this line names no frame"),
        (b"F001/T1/7\n\xff\xfe\n", r"list\.txt: this list of frames is no text"),
    ],
)
def test_a_list_that_is_none_says_so(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_frame_list(tmp_path / "list.txt")


def test_what_no_copy_shows_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("SN002/1\nSN001/3\nSN001/1\nSN001/9\n")
    listed = read_frame_list(tmp_path / "list.txt")
    assert 3 in listed.choose("SN001", range(1, 6))
    assert 4 not in listed.choose("SN001", range(1, 6))
    assert 1 not in listed.choose("SN003", range(1, 6))
    report = Report()
    listed.tell(report)
    assert report.missing == ["2 of the 4 frames that list.txt lists have no label in this copy: SN001/9, SN002/1"]
    listed.choose("SN001", [9])
    listed.choose("SN002", [1])
    listed.tell(report)
    assert len(report.missing) == 1


def test_a_list_that_holds_a_zero_is_moved_to_count_from_one(tmp_path: Path) -> None:
    path, report = tmp_path / "list.txt", Report()
    path.write_text("SN001/0.png\nSN001/4.png\nSN002/7.png\n")
    assert read_frame_list(path).counted_from_one(report).frames == {"SN001": {1, 5}, "SN002": {8}}
    assert report.remarks == []
    path.write_text("SN001/4.png\n")
    assert read_frame_list(path).counted_from_one(report).frames == {"SN001": {4}}
    assert report.remarks == [
        "list.txt lists no frame 0: its numbers are taken to count from 1, as the label files do",
    ]
