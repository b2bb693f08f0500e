"""`frame,intensity` files: the fast way and the careful way agree, and every irregular line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builders.common.intensity import parse_intensities, read_intensities
from facial_r1.errors import FacialR1Error, InputError

SAMPLE = b"1,0\n2,0\n3,2\n"


def _lines(values: list[int], end: str = "\n") -> bytes:
    return "".join(f"{frame},{value}{end}" for frame, value in enumerate(values, 1)).encode()


def test_the_sample_lines(tmp_path: Path) -> None:
    path = tmp_path / "SN001_au1.txt"
    path.write_bytes(SAMPLE)
    values = read_intensities(path)
    assert values.tolist() == [0, 0, 2]
    assert values.dtype == np.uint8


@pytest.mark.parametrize(
    "data",
    [
        b"1,0\r\n2,0\r\n3,2\r\n",
        b"1,0\n2,0\n3,2",
        b"\xef\xbb\xbf1,0\n2,0\n3,2\n",
        b"1, 0\n2 ,0 \n 3,2\n\n\n",
        b"1,0\r\n2,0\n3,2\n",
        b"01,0\n02,0\n03,02\n",
    ],
    ids=["crlf", "no last newline", "byte order mark", "blanks", "mixed ends", "zeros"],
)
def test_harmless_differences_read_the_same(data: bytes) -> None:
    assert parse_intensities(data, "a.txt").tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"0,1\n0,2\n2,3\n", 1, "here should be 1"),  # the two columns changed places
        (b"1,0\n2\n3,2\n", 2, "not a frame and its intensity. Found: `2`"),
        (b"1,0\n2,0,0\n3,2\n", 2, "not a frame and its intensity"),
        (b"1,0\n2,6\n3,2\n", 2, "the intensity 6 is outside 0-5"),
        (b"1,0\n2,9\n3,2\n", 2, "the intensity 9 is outside 0-5"),
        (b"1,0\n2,-1\n3,2\n", 2, "not a frame and its intensity"),
        (b"1,0\n3,0\n4,2\n", 2, "here should be 2"),
        (b"1,0\n1,0\n2,2\n", 2, "here should be 2"),
        (b"0,0\n1,0\n2,2\n", 1, "here should be 1"),
        (b"1,0\n2,0\n3,", 3, "the file seems to be cut here"),
        (b"1,0\n2,0\n3", 3, "the file seems to be cut here"),
        (b"1,0\n2,\xff\n3,2\n", 2, r"Found: `2,\\xff`"),
        (b"frame,intensity\n1,0\n", 1, "Found: `frame,intensity`"),
        (b"1 0\n2 0\n", 1, "not a frame and its intensity"),
        (b"1,0\n\n2,0\n", 2, "not a frame and its intensity"),
        (b"1,1.5\n", 1, "not a frame and its intensity"),
        ("1,0\n2,²\n".encode(), 2, "not a frame and its intensity"),
        ("1,0\n".encode("utf-16"), 1, "not a frame and its intensity"),
        (b"1," + b"9" * 5000 + b"\n", 1, "not a frame and its intensity"),
    ],
)
def test_an_irregular_line_is_named(data: bytes, line: int, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_intensities(data, "SN001_au1.txt")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"SN001_au1.txt:{line}: ")
    assert "frame,intensity" in str(caught.value.expected)


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_says_so(data: bytes) -> None:
    with pytest.raises(InputError, match=r"SN001_au1\.txt: this label file is empty"):
        parse_intensities(data, "SN001_au1.txt")


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        read_intensities(tmp_path / "SN001_au1.txt")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=1200), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_was_written_is_read(values: list[int], end: str, last: bool) -> None:
    data = _lines(values, end)
    data = data if last else data.removesuffix(end.encode())
    assert parse_intensities(data, "a.txt").tolist() == values
    careful = b" " + data  # a blank sends the file down the careful way
    assert parse_intensities(careful, "a.txt").tolist() == values


@given(st.binary(max_size=60) | st.text("0123456789,\r\n \t+-e._", max_size=60).map(str.encode))
def test_any_bytes_give_intensities_or_one_clear_error(data: bytes) -> None:
    try:
        values = parse_intensities(data, "a.txt")
    except FacialR1Error as error:
        message = str(error)
    else:
        assert len(values) > 0
        assert values.max() <= 5
        return
    assert message.startswith("a.txt:")


@given(st.lists(st.integers(0, 5), min_size=2, max_size=200), st.data())
def test_one_changed_byte_is_noticed_or_changes_one_intensity(values: list[int], data: st.DataObject) -> None:
    text = bytearray(_lines(values))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    try:
        found = parse_intensities(bytes(text), "a.txt").tolist()
    except InputError:
        return
    assert len(found) == len(values)
    assert sum(a != b for a, b in zip(found, values, strict=True)) <= 1
