"""BP4D's label files as text: the fast way and the careful way agree, and every irregular line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builders.bp4d.codes import Coded, parse_header, parse_intensity, parse_occurrence
from datasets_builders.common.corpus import Report
from facial_r1.errors import FacialR1Error, InputError

PATH = Path("F001_T1.csv")
HEADER = b"1,1,2,99\n"
SAMPLE = HEADER + b"9,0,1,0\n10,1,9,0\n11,0,0,1\n"


def read(data: bytes) -> tuple[list[int], list[int], list[list[int]]]:
    """Frames, lines and values of an occurrence file."""
    return told(parse_occurrence(data, PATH, Report()))


def told(coded: Coded) -> tuple[list[int], list[int], list[list[int]]]:
    assert coded.values.dtype == np.uint8
    return list(coded.frames), list(coded.lines), coded.values.tolist()


def test_the_sample_lines() -> None:
    assert read(SAMPLE) == ([9, 10, 11], [2, 3, 4], [[0, 1, 0], [1, 9, 0], [0, 0, 1]])
    assert told(parse_intensity(b"2440,2\n2441,3\n", 6, PATH, Report())) == ([2440, 2441], [1, 2], [[2], [3]])


@pytest.mark.parametrize(
    "data",
    [
        SAMPLE.replace(b"\n", b"\r\n"),
        SAMPLE.rstrip(),
        b"\xef\xbb\xbf" + SAMPLE,
        SAMPLE + b"\n \r\n",
        SAMPLE.replace(b",", b", "),
        SAMPLE.replace(b"9,0,1", b' 0009 ,"0",1'),
        SAMPLE.replace(b"1,1,2,99", b"frame,1,2,99"),
        SAMPLE.replace(b"1,1,2,99", b'"1","1","2","99"'),
    ],
    ids=["crlf", "no last newline", "byte order mark", "blank end", "blanks", "zeros, quotes", "a name", "quoted"],
)
def test_harmless_differences_read_the_same(data: bytes) -> None:
    assert read(data) == read(SAMPLE)


def test_a_blank_line_is_skipped_and_the_lines_keep_their_numbers() -> None:
    frames, lines, values = read(SAMPLE.replace(b"10,", b"\n10,"))
    assert (frames, lines) == ([9, 10, 11], [2, 4, 5])
    assert values == read(SAMPLE)[2]


def test_headers_are_read_by_position() -> None:
    assert parse_header(",".join(map(str, range(100))).encode(), PATH) == tuple(range(1, 100))
    assert parse_header(b"1,1,2,4,39,99", PATH) == (1, 2, 4, 39, 99)
    assert parse_header(b"99,4,2,99,1", PATH) == (4, 2, 99, 1)


@pytest.mark.parametrize(
    "header",
    [
        b"1,1,1,2",  # an AU twice
        b"1,1,2,98",  # no code of FACS
        b"1,AU1,AU2",
        b"1,1.1,2,4",
        b"2440,0,0,1,9",
        b"2440,1",
        b"",
        ",".join(map(str, range(50))).encode(),
        ",".join(map(str, range(101))).encode(),
        ",".join(map(str, range(1, 101))).encode(),
        "1,²,4".encode(),
        b"1,\xff\xfe,2",
    ],
)
def test_any_other_header_is_refused(header: bytes) -> None:
    with pytest.raises(
        InputError, match=r"F001_T1\.csv:1: this is no header of an AU_OCC file of BP4D\. Found: \d+ col"
    ):
        parse_header(header, PATH)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    width, rows = draw(st.integers(2, 40)), draw(st.integers(1, 30))
    row = st.lists(st.sampled_from((0, 1, 9)), min_size=width, max_size=width)
    return draw(st.integers(1, 3000)), draw(st.lists(row, min_size=rows, max_size=rows))


@given(tables(), st.sampled_from(["\n", "\r\n"]))
def test_what_was_written_is_read_fast_or_carefully(table: tuple[int, list[list[int]]], end: str) -> None:
    first, rows = table
    aus = [au for au in range(1, 67) if au not in (3, *range(47, 51), 40, 59, 60)][: len(rows[0])]
    lines = [f"1,{','.join(map(str, aus))}"]
    lines += [f"{first + place},{','.join(map(str, row))}" for place, row in enumerate(rows)]
    data = end.join(lines).encode()
    expected = (list(range(first, first + len(rows))), list(range(2, len(rows) + 2)), rows)
    assert read(data) == expected
    careful = data.replace(b",", b" ,", 1 + data[: len(data) // 2].count(b","))  # a blank sends it down the careful way
    assert read(careful) == expected


@given(st.binary(max_size=80) | st.text('0129,\r\n \t"x', max_size=80).map(str.encode), st.booleans())
def test_any_bytes_give_labels_or_one_clear_error(data: bytes, headed: bool) -> None:
    message = ""
    try:
        coded = parse_occurrence(HEADER + data if headed else data, PATH, Report())
    except FacialR1Error as error:
        message = str(error)
    else:
        assert set(coded.values.ravel().tolist()) <= {0, 1, 9}
        assert len(coded.frames) == len(coded.lines) == len(coded.values)
        assert min(coded.frames, default=1) > 0
    assert message.startswith("F001_T1.csv:" if message else "")


@given(st.binary(max_size=40) | st.text("0123459,\n \t", max_size=40).map(str.encode))
def test_any_bytes_give_intensities_or_one_clear_error(data: bytes) -> None:
    try:
        coded = parse_intensity(data, 6, PATH, Report())
    except InputError as error:
        message = str(error)
    else:
        assert set(coded.values.ravel().tolist()) <= {0, 1, 2, 3, 4, 5, 9}
        return
    assert message.startswith("F001_T1.csv:")


@given(st.integers(0, len(SAMPLE) - len(HEADER) - 1), st.integers(0, 255))
def test_one_changed_byte_is_noticed_or_changes_one_row(place: int, byte: int) -> None:
    text = bytearray(SAMPLE)
    text[len(HEADER) + place] = byte
    report = Report(keep_going=True)
    frames, _, values = told(parse_occurrence(bytes(text), PATH, report))
    rows = dict(zip(frames, values, strict=True))
    kept = [frame for frame, row in zip(*read(SAMPLE)[::2], strict=True) if rows.get(frame) == row]
    assert len(kept) >= 1  # at worst two lines became one
    assert all(error.startswith("F001_T1.csv:") for error in report.errors)


def test_with_keep_going_every_bad_line_is_one_error() -> None:
    report = Report(keep_going=True)
    coded = parse_occurrence(HEADER + b"1,0,0,0\n2,0,3,0\nx,0,0,0\n4,0,0,0\n5,0", PATH, report)
    assert told(coded) == ([1, 4], [2, 5], [[0, 0, 0], [0, 0, 0]])
    assert [error.split(" ", 1)[0] for error in report.errors] == ["F001_T1.csv:3:", "F001_T1.csv:4:", "F001_T1.csv:6:"]
    assert "AU2 has a value that it cannot have" in report.errors[0]
    assert "this line holds 2 fields (the file seems to be cut here). Found: `5,0`" in report.errors[2]


def test_a_file_of_nothing_but_bad_lines_has_no_rows() -> None:
    assert told(parse_occurrence(HEADER + b"x\ny\n", PATH, Report(keep_going=True))) == ([], [], [])
