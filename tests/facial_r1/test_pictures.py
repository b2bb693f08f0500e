"""Pictures as corpora really have them: turned, cut off, renamed, empty, far too large."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.pictures import (
    MAX_PIXELS,
    REASONS,
    Header,
    PictureError,
    Pixels,
    decode_picture,
    encode_picture,
    load_picture,
    prove_picture,
    read_header,
    read_picture,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow comments on broken TIFF files

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
LOSSLESS = ("PNG", "BMP", "TIFF")


def _gradient(height: int = 40, width: int = 60) -> Pixels:
    """Red grows to the right, green downwards, blue is constant: every corner and channel is told apart."""
    pixels = np.full((height, width, 3), 50, np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    return pixels


def _encoded(kind: str, mode: str = "RGB", pixels: Pixels | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_gradient() if pixels is None else pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def _turned(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _encoded(kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))


def _png_header(width: int, height: int) -> bytes:
    """A PNG that promises ``width`` × ``height`` pixels and holds none."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


# --------------------------------------------------------------------------------------------- what can be read


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_upright_rgb(kind: str) -> None:
    data = _encoded(kind)
    assert read_header(data) == Header(kind, 60, 40, upright=True)
    pixels = load_picture(data)
    assert (pixels.shape, pixels.dtype) == ((40, 60, 3), np.uint8)
    if kind in LOSSLESS:
        assert np.array_equal(pixels, _gradient())
    else:
        means = pixels.mean(axis=(0, 1)) - _gradient().mean(axis=(0, 1))
        assert np.abs(means).max() < 12  # red, green and blue have not changed places


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_grey_stays_grey(kind: str) -> None:
    pixels = load_picture(_encoded(kind, "L"))
    assert (pixels.shape, pixels.dtype) == ((40, 60), np.uint8)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "1", "I;16"])
def test_other_modes_become_grey_or_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    source = Image.fromarray(_gradient())
    buffer = io.BytesIO()
    (source.convert("I").convert(mode) if mode == "I;16" else source.convert(mode)).save(buffer, kind)
    pixels = load_picture(buffer.getvalue())
    assert pixels.dtype == np.uint8
    assert pixels.shape in ((40, 60), (40, 60, 3))


def test_transparency_is_dropped_and_colours_stay() -> None:
    alpha = np.zeros((40, 60, 1), np.uint8)
    data = _encoded("PNG", "RGBA", np.concatenate([_gradient(), alpha], axis=2))
    assert np.array_equal(load_picture(data), _gradient())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_shown_upright(kind: str, orientation: int) -> None:
    data, base = _turned(kind, orientation), _gradient()
    shown = {
        1: base,
        2: base[:, ::-1],
        3: base[::-1, ::-1],
        4: base[::-1],
        5: base.transpose(1, 0, 2),
        6: np.rot90(base, -1),
        7: base[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(base),
    }[orientation]  # EXIF 2.3, tag 0x0112
    header, pixels = read_header(data), load_picture(data)
    assert header.upright is (orientation == 1)
    assert (header.height, header.width) == pixels.shape[:2] == shown.shape[:2]
    assert np.abs(pixels.astype(int) - shown)[..., :2].mean() < 8


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_impossible_orientation_is_ignored(orientation: int) -> None:
    data = _turned("JPEG", orientation)
    assert read_header(data).upright
    assert load_picture(data).shape == (40, 60, 3)


# ---------------------------------------------------------------------------------------- what cannot be read


def _reason(data: bytes, **options: Any) -> str:
    with pytest.raises(PictureError) as caught:
        load_picture(data, **options)
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "not_a_picture"),
        (b"\0" * 4096, "not_a_picture"),
        (b"\xff\xd8\xff", "not_a_picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_a_picture"),  # never handed to an interpreter
        (_png_header(60, 40), "truncated"),
        (_png_header(200_000, 200_000), "too_large"),
        (_png_header(2**31 - 1, 2**31 - 1), "too_large"),
        (_png_header(7072, 7072), "too_large"),  # 50,013,184 pixels
        (_png_header(0, 40), "not_a_picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_usable_picture_has_a_reason(data: bytes, reason: str) -> None:
    assert _reason(data) == reason


def test_the_limit_is_the_callers_and_inclusive() -> None:
    data = _encoded("PNG")
    assert load_picture(data, max_pixels=2400).shape == (40, 60, 3)
    assert _reason(data, max_pixels=2399) == "too_large"
    assert MAX_PIXELS == 50_000_000


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_cut_anywhere_is_never_taken_for_whole(kind: str) -> None:
    data = _encoded(kind)
    for length in {*range(0, len(data), 97), *range(len(data) - 5, len(data))}:
        assert _reason(data[:length]) in ("empty", "not_a_picture", "truncated", "unreadable")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_download_cut_in_the_middle_is_called_cut_off(kind: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = _encoded(kind, pixels=noise)
    for length in (len(data) // 2, len(data) - 20):
        assert _reason(data[:length]) == "truncated"
        header = read_header(data[:length])  # the head is intact, so the header alone cannot tell
        with pytest.raises(PictureError, match="cut off"):
            prove_picture(data[:length], header)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_picture_is_proved(kind: str) -> None:
    data = _encoded(kind)
    prove_picture(data, read_header(data))


def test_a_flipped_bit_in_a_png_is_found() -> None:
    noise = np.random.default_rng(4).integers(0, 256, (32, 32), dtype=np.uint8)
    data = bytearray(_encoded("PNG", "L", noise))
    data[len(data) // 2] ^= 1
    assert _reason(bytes(data)) == "unreadable"


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
    st.floats(0, 1),
)
@example("PNG", [(0.0, 0)], 1.0)
def test_damage_is_a_picture_error_and_nothing_else(kind: str, damage: list[tuple[float, int]], keep: float) -> None:
    data = bytearray(_encoded(kind))
    for place, value in damage:
        data[int(place * len(data))] = value
    try:
        pixels = load_picture(bytes(data[: int(keep * len(data))]), max_pixels=100_000)
    except PictureError as error:
        reason = error.reason
    else:
        reason = None
        assert pixels.dtype == np.uint8
    assert reason is None or reason in REASONS


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF89a", b"II*\0"]),
)
def test_any_bytes_after_any_magic_are_a_picture_error(data: bytes, magic: bytes) -> None:
    with pytest.raises(PictureError):
        load_picture(magic + data)


# ---------------------------------------------------------------------------------------------------- files


def test_a_file_is_read_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "face.JPG"
    path.write_bytes(_encoded("PNG"))
    assert read_header(read_picture(path), path=path).format == "PNG"
    assert np.array_equal(load_picture(path), _gradient())
    assert np.array_equal(load_picture(str(path)), _gradient())


def test_every_file_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "page.jpg").write_bytes(b"<html>not found</html>")
    (tmp_path / "bomb.png").write_bytes(_png_header(60_000, 60_000))
    (tmp_path / "cut.jpg").write_bytes(_encoded("JPEG")[:-200])
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with open(tmp_path / "sparse.jpg", "wb") as handle:
        handle.truncate(5 << 30)  # 5 GiB that take no room; must not be read
    expected = {
        "absent.jpg": ("missing", "there is no such file."),
        "empty.jpg": ("empty", "the file has no bytes."),
        "folder.jpg": ("unreadable", "the picture cannot be decoded. Found: Is a directory."),
        "page.jpg": (
            "not_a_picture",
            "this is no picture that can be read. Found: the file begins with b'<html>not fo'.",
        ),
        "bomb.png": ("too_large", "the picture is larger than allowed. Found: Image size (3600000000 pixels)"),
        "cut.jpg": ("truncated", "the picture is cut off. Found: JPEG of "),
        "loop.jpg": ("unreadable", "the picture cannot be decoded. Found: Too many levels of symbolic links."),
        "sparse.jpg": ("too_large", "the picture is larger than allowed. Found: a file of 5,368,709,120 bytes."),
    }
    for name, (reason, words) in expected.items():
        with pytest.raises(PictureError) as caught:
            load_picture(tmp_path / name)
        assert caught.value.reason == reason
        assert str(caught.value).startswith(f"{tmp_path / name}: {words}")


def test_a_picture_error_is_an_input_error_and_travels_between_processes() -> None:
    error = PictureError("too_large", "9 × 9 pixels", Path("a.png"))
    assert isinstance(error, InputError)
    assert isinstance(error, FacialR1Error)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.reason, copy.detail, copy.path, str(copy)) == (error.reason, error.detail, error.path, str(error))
    assert PictureError("empty").detail == "the file has no bytes"  # never without a word
    assert str(PictureError("empty")) == "the file has no bytes."


# -------------------------------------------------------------------------------------------------- encoding


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 128), st.integers(1, 128), st.booleans(), st.integers(0, 2**32 - 1))
def test_small_and_grey_pictures_are_kept_exactly(height: int, width: int, grey: bool, seed: int) -> None:
    shape = (height, width) if grey else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    data, extension = encode_picture(pixels)
    assert extension == "png"
    assert np.array_equal(load_picture(data), pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    assert encode_picture(pixels)[0] == data


def test_large_colour_becomes_jpeg_and_large_grey_png() -> None:
    colour = _gradient(200, 129)
    data, extension = encode_picture(colour)
    assert (extension, read_header(data)) == ("jpg", Header("JPEG", 129, 200, upright=True))
    assert np.abs(load_picture(data).astype(int) - colour).mean() < 3
    data, extension = encode_picture(colour[..., 0].copy())
    assert (extension, read_header(data).format) == ("png", "PNG")
    assert encode_picture(_gradient(128, 128))[1] == "png"


def test_decoding_needs_the_header_only_for_words(tmp_path: Path) -> None:
    data = _encoded("PNG")
    with pytest.raises(PictureError, match=r"x\.png: the picture is cut off\. Found: PNG of 60 bytes"):
        decode_picture(data[:60], read_header(data), path=Path("x.png"))
