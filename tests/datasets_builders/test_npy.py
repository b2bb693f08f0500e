"""Small .npy files: bytes typed from the format's description, and numpy itself as the judge of what it writes."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders.common.npy import numbers, value


def typed(descr: str, shape: str, content: bytes) -> bytes:
    """A file of version 1.0: magic, version, length of the header (118 = ``v``), header, content."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00v\x00" + header.ljust(117).encode() + b"\n" + content


def saved(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


THREE = typed("'<U1'", "()", b"3\0\0\0")


def test_a_text_of_one_character_is_read() -> None:
    assert value(THREE) == "3"
    assert saved("3") == THREE  # numpy writes exactly these bytes


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (typed("'<U9'", "()", b"-\0\0\x000\0\0\0.\0\0\x005\0\0\0" + bytes(20)), "-0.5"),
        (typed("'>U1'", "()", b"\0\0\x003"), "3"),
        (typed("'|S4'", "(1,)", b"0.25"), "0.25"),
        (typed("'<i8'", "()", b"\x07" + bytes(7)), 7),
        (typed("'|u1'", "(1,)", b"\x07"), 7),
        (typed("'>i2'", "()", b"\xff\xfe"), -2),
        (typed("'<f4'", "()", b"\0\0\0?"), 0.5),
        (typed("'<f8'", "(1,)", bytes(7) + b"\xc0"), -2.0),
    ],
)
def test_text_and_real_numbers_of_either_byte_order_are_read(data: bytes, found: object) -> None:
    assert value(data) == found
    assert type(value(data)) is type(found)


@pytest.mark.parametrize("array", ["0.785714", "", np.array(["8"]), 3, np.array([3.0]), np.int8(4), np.float16(0.5)])
def test_what_numpy_saves_is_read_back(array: Any) -> None:
    assert value(saved(array)) == np.asarray(array).ravel()[0]


def test_files_of_version_2_are_read() -> None:
    header = b"{'descr': '<U1', 'fortran_order': False, 'shape': (), }".ljust(115) + b"\n"
    assert value(b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + b"3\0\0\0") == "3"


def test_a_row_of_numbers_is_read_whatever_its_shape_and_type() -> None:
    row = np.arange(136) / 4
    for array in (row, row.reshape(68, 2), row.astype("f4"), row.astype("U8"), row.astype(">f8")):
        assert numbers(saved(array)).tolist() == row.tolist()
    assert numbers(saved(np.zeros(0))).tolist() == []


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the pickle was opened",))


@pytest.mark.parametrize("function", [value, numbers])
def test_python_objects_are_refused_unopened(function: Any) -> None:
    with pytest.raises(ValueError, match=r"Python objects \(a pickle, which could run any program and is never op"):
        function(saved(np.array(Bomb(), dtype=object), allow_pickle=True))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"\xff\xd8\xff\xe0 a JPEG", "no .npy file"),
        (b"\x80\x04K\x03.", "no .npy file"),
        (THREE[:9], "cut off, or of an unknown version"),
        (THREE[:6] + b"\x09" + THREE[7:], "cut off, or of an unknown version"),
        (THREE[:60], "whose header is none of a plain array"),
        (THREE[:-1], "3 bytes of content instead of 4"),
        (THREE + b"\0", "5 bytes of content instead of 4"),
        (typed("'<U1'", "(2,)", b"3\0\0\x004\0\0\0"), r"an array of shape \(2,\) instead of one value"),
        (typed("'<U1'", "(1, 1)", b"3\0\0\0"), r"an array of shape \(1, 1\) instead of one value"),
        (typed("'<U0'", "(0,)", b""), "values of the type <U0, neither"),
        (typed("'<U1'", "()", b"\xff\xff\xff\xff"), "codec can't decode"),
        (typed("'|S1'", "()", b"\xff"), "codec can't decode"),
        (typed("'<c16'", "()", bytes(16)), "values of the type <c16, neither text nor real numbers"),
        (typed("'|b1'", "()", b"\1"), "values of the type |b1, neither"),
        (typed("'<M8[s]'", "()", bytes(8)), r"values of the type <M8\[s\], neither"),
        (typed("'<f3'", "()", bytes(3)), "values of the type <f3, neither"),
        (typed("[('a', '<f8')]", "()", bytes(8)), "whose header is none of a plain array"),
        (typed("'<U1'", "__import__('os')", b"3\0\0\0"), "whose header is none of a plain array"),
    ],
)
def test_everything_else_is_refused_in_words(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        value(data)


def test_a_row_that_does_not_fill_its_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"16 bytes of content do not fill an array of shape \(136,\)"):
        numbers(typed("'<f8'", "(136,)", bytes(16)))
    with pytest.raises(ValueError, match="could not convert"):
        numbers(saved(np.array(["1.0", "left"])))


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200) | st.builds(typed, st.text(max_size=12), st.text(max_size=12), st.binary(max_size=40)))
@example(typed("'<U1'", "(99999999999,)", b""))
@example(typed("'<U1'", "(999999999, 999999999, 999999999)", b""))
def test_any_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    for function in (value, numbers):
        with contextlib.suppress(ValueError):
            function(data)
