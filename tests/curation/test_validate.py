"""Validation of one's own JSONL: the published line passes, and each way to break it has its own message."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import curation
from curation import validate as validate_function
from curation.validate import LIMIT, Validation, validate
from facial_r1.errors import InputError
from facial_r1.progress import Progress

PUBLISHED = (
    '{"id": "unique_sample_id_string","dataset":"your_dataset_name","image":"path/to/image.jpg",'
    '"question":"A natural language question","AUs":["AU1","AU4"],"labels":["Sadness"],'
    '"description":"free text","meta_info":{"key":"value"}}'
)
"""The example line of the published schema, as it is printed there."""

LINE: dict[str, Any] = orjson.loads(PUBLISHED)
GOOD = "<think>The brows are drawn together.</think><answer>sadness</answer>"

Check = Callable[..., Validation]


def png(width: int, height: int, body: bytes = b"") -> bytes:
    """A PNG whose header promises a size; ``body`` is what it holds."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(body)
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder that holds the picture of the published line."""
    images = tmp_path / "pictures"
    path = images / str(LINE["image"])
    path.parent.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path.write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
    return images


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Validates lines: objects, or text and bytes as they stand; each gets its newline."""

    def run(*lines: dict[str, Any] | str | bytes, images: Path | None = None, **more: Any) -> Validation:
        path = tmp_path / "mine.jsonl"
        texts = (line.encode() if isinstance(line, str) else line for line in lines)
        path.write_bytes(b"".join((orjson.dumps(t) if isinstance(t, dict) else t) + b"\n" for t in texts))
        return validate(path, images, **more)

    return run


def changed(**values: Any) -> dict[str, Any]:
    """The published line with other values."""
    return {**LINE, **values}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in LINE.items() if name != key}


def test_it_is_the_function_of_the_package() -> None:
    assert validate_function is validate
    assert curation.validate is validate


def test_the_published_line_passes_with_its_picture(check: Check, folder: Path) -> None:
    result = check(PUBLISHED, images=folder)
    assert (result.errors, result.remarks, result.exit_code) == ([], [], 0)
    assert (result.rows, result.bad) == (1, 0)
    assert result.datasets == {"your_dataset_name": 1}
    assert result.labels == {"sadness": 1}
    assert result.aus == {"AU1": 1, "AU4": 1}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("id,dataset,image", "this line is not JSON (unexpected character"),
        ("[1, 2]", "this line is not a JSON object. Found: [1, 2]"),
        (b'{"id": "caf\xe9"}', "this line is not UTF-8. Found: b'\\xe9' as byte 12 of the line"),
        (PUBLISHED.encode("utf-16"), "this line is not UTF-8"),
        (without("id"), "the key `id` is missing or empty. Expected: a non-empty string"),
        (without("dataset"), "the key `dataset` is missing or empty"),
        (without("image"), "the key `image` is missing or empty"),
        (changed(image=""), "the key `image` is missing or empty"),
        (changed(emotion="Sadness"), "unknown key 'emotion'. Expected: only id, dataset, image"),
        (changed(AUs=["AU1", "AU99"]), "`AUs` holds an unknown Action Unit. Found: AU99"),
        (changed(AUs="AU1"), "`AUs` is no list of strings. Found: AU1"),
        (changed(labels=["Melancholy"]), "`labels` holds an unknown emotion. Found: Melancholy. Expected: one of"),
        (changed(labels=[3]), "`labels` is no list of strings. Found: [3]"),
        (changed(image="../secret.jpg"), "`image` leaves the image folder. Found: ../secret.jpg. Expected: a relative"),
        (changed(image="a/../../b.jpg"), "`image` leaves the image folder"),
        (changed(image="/etc/face.jpg"), "`image` leaves the image folder. Found: /etc/face.jpg"),
        (changed(image="a\\b.jpg"), "`image` leaves the image folder"),
        (changed(question=3), "`question` is no string. Found: 3"),
        (changed(meta_info=[]), "`meta_info` is no object. Found: []"),
        (changed(meta_info={"frame": "7"}), "`meta_info.frame` has the wrong type. Found: 7. Expected: int"),
    ],
)
def test_a_broken_line_is_named(check: Check, tmp_path: Path, line: Any, words: str) -> None:
    result = check(PUBLISHED, line, changed(id="third"))
    assert result.errors
    message = result.errors[0]
    assert message.startswith(f"{tmp_path / 'mine.jsonl'}:2: ")
    assert words in message
    assert "What to do: " in message
    assert (result.rows - result.bad, result.exit_code) == (2, 1)


def test_every_bad_line_is_named_and_not_only_the_first(check: Check) -> None:
    result = check("nonsense", PUBLISHED, "", without("id"), changed(id="b", AUs=["AU0"]))
    assert [error.split(":")[1] for error in result.errors] == ["1", "4", "5"]
    assert (result.rows, result.bad) == (4, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"", "the file has no bytes"),
        (
            b"<html>404 Not Found</html>",
            "this is no picture that can be read. Found: the file begins with b'<html>404 No'",
        ),
        (png(100_000, 100_000), "the picture is larger than allowed"),
        (png(9_000, 9_000), "the picture is larger than allowed. Found: 9000 × 9000 pixels, allowed are 50,000,000"),
    ],
    ids=["missing", "zero-byte", "wrong-format", "bomb", "large"],
)
def test_a_picture_that_cannot_be_used(check: Check, folder: Path, content: bytes | None, words: str) -> None:
    path = folder / str(LINE["image"])
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (message,) = check(PUBLISHED, images=folder).errors
    assert f"mine.jsonl:1: the picture 'path/to/image.jpg' cannot be used: {words}" in message
    assert f"What to do: put the picture below {folder}, or remove the line." in message
    assert message.count("there is no such file") == (content is None)


def test_a_cut_picture_is_found(check: Check, folder: Path) -> None:
    path = folder / str(LINE["image"])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (message,) = check(PUBLISHED, images=folder).errors
    assert "the picture is cut off. Found: JPEG of" in message


@pytest.mark.parametrize("image", ["a//b.jpg", "C:/faces/x.jpg", "x\0.jpg", "path/to", "x" * 5_000])
def test_no_path_is_a_traceback(check: Check, folder: Path, image: str) -> None:
    (message,) = check(changed(image=image), images=folder).errors
    assert "cannot be used: " in message
    assert len(message) < 1_000


def test_pictures_are_opened_only_when_their_folder_is_given(check: Check) -> None:
    assert check(changed(image="nowhere.jpg")).errors == []


def test_a_picture_is_judged_once_and_named_for_every_line(check: Check, folder: Path) -> None:
    (folder / str(LINE["image"])).unlink()
    result = check(PUBLISHED, changed(id="again"), images=folder)
    assert [error.split(":")[1] for error in result.errors] == ["1", "2"]


def test_an_identical_repeat_is_named(check: Check) -> None:
    other_order = dict(reversed(LINE.items()))
    result = check(PUBLISHED, other_order)
    (message,) = result.errors
    assert "mine.jsonl:2: the id of line 1 comes again, with the same content" in message
    assert (
        "Found: 'unique_sample_id_string'. Expected: every id once. What to do: remove one of the two lines" in message
    )
    assert (result.rows, result.bad) == (2, 1)


def test_a_conflicting_repeat_is_named(check: Check) -> None:
    (message,) = check(PUBLISHED, changed(labels=["fear"])).errors
    assert "mine.jsonl:2: the id of line 1 comes again, with other content" in message
    assert "What to do: find out which of the two lines is right" in message


def test_a_cut_last_line_is_told_from_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_text(f"{PUBLISHED}\n{PUBLISHED[:70]}")
    (message,) = validate(path).errors
    assert message.startswith(f"{path}:2: the file is cut in its last line. Found: `{PUBLISHED[:60]}`.")
    assert "copy or download the file again" in message


def test_a_last_line_without_newline_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "whole.jsonl"
    path.write_text(PUBLISHED)
    assert validate(path).errors == []


@pytest.mark.parametrize(
    "line",
    [
        changed(id="x", labels=["m" * 2_000_000]),
        changed(id="x", AUs=["AU" + "9" * 2_000_000]),
        changed(id="x", image="/" + "p" * 2_000_000),
        {**LINE, "k" * 2_000_000: 1},
        "z" * 2_000_000,
    ],
    ids=["label", "au", "image", "key", "line"],
)
def test_a_huge_field_cannot_flood_the_message(check: Check, line: Any) -> None:
    (message,) = check(line).errors
    assert len(message) < 1_000


def test_a_huge_good_field_is_fine(check: Check) -> None:
    assert check(changed(description="word " * 400_000, id="i" * 100_000)).errors == []


def test_a_repeated_huge_id_cannot_flood_the_message(check: Check) -> None:
    line = changed(id="i" * 100_000)
    (message,) = check(line, line).errors
    assert len(message) < 1_000


def test_a_line_nested_deeper_than_can_be_written_is_named(check: Check) -> None:
    deep = "[" * 400 + "]" * 400
    (message,) = check(PUBLISHED.replace('"value"', deep)).errors
    assert "mine.jsonl:1: this line cannot be written again" in message


@pytest.mark.parametrize(
    "line",
    [
        changed(AUs=["AU04", "au1"], labels=["sad"]),
        changed(labels=[], AUs=[]),
        {"id": "x", "dataset": "mine", "image": "x.jpg"},
        changed(meta_info=None, description=None),
    ],
    ids=["spelling", "nothing known", "only what is needed", "null"],
)
def test_reading_is_generous(check: Check, line: dict[str, Any]) -> None:
    assert check(line).errors == []


def test_a_byte_order_mark_is_no_error(check: Check) -> None:
    assert check(b"\xef\xbb\xbf" + PUBLISHED.encode()).errors == []


def test_further_labels_may_be_allowed(check: Check) -> None:
    line = changed(labels=["Confusion"])
    assert check(line).bad == 1
    result = check(line, label_set=["confusion"])
    assert (result.bad, result.labels) == (0, {"confusion": 1})


def test_a_description_with_tags_is_looked_at_and_spoils_nothing(check: Check) -> None:
    result = check(
        changed(id="a", description=GOOD),
        changed(id="b", description="<think>The brows are lowered."),
        changed(id="c", description=f"Sure! {GOOD}"),
    )
    assert (result.bad, result.exit_code) == (0, 0)
    assert [remark.split(": ")[0].rsplit(":", 1)[1] for remark in result.remarks] == ["2", "3"]
    assert result.remarks[1].endswith("not as a release needs them: text_outside")


def test_a_file_that_is_wrong_everywhere_is_counted_and_not_collected(check: Check) -> None:
    result = check(*["nonsense"] * (LIMIT + 50))
    assert (result.rows, result.bad, len(result.errors)) == (LIMIT + 50, LIMIT + 50, LIMIT)


def test_a_file_without_rows_is_an_error(check: Check) -> None:
    result = check("", "   ")
    assert (result.rows, result.exit_code) == (0, 1)
    assert "this file holds no row" in result.errors[0]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: there is no such file"):
        validate(tmp_path / "none.jsonl")
    path = tmp_path / "mine.jsonl"
    path.write_text(PUBLISHED)
    with pytest.raises(InputError, match=r"nowhere: there is no such image folder"):
        validate(path, tmp_path / "nowhere")


def test_progress_is_told(check: Check) -> None:
    class Listener(Progress):
        def __init__(self) -> None:
            self.done: list[int] = []

        def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
            assert (what, total, note) == ("lines checked", None, "")
            self.done.append(done)

    listener = Listener()
    check(*(changed(id=str(number)) for number in range(2_500)), progress=listener)
    assert listener.done == [1_000, 2_000]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(changes=st.dictionaries(st.sampled_from([*LINE, "other"]), JSON, max_size=3))
def test_no_object_is_a_traceback(check: Check, folder: Path, changes: dict[str, Any]) -> None:
    try:
        line = orjson.dumps({**LINE, **changes})
    except orjson.JSONEncodeError:  # lone surrogates and huge numbers cannot be written
        return
    result = check(line, images=folder)
    assert (result.rows, result.bad) == (1, len(result.errors))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(noise=st.binary(max_size=60), cut=st.integers(0, len(PUBLISHED)))
def test_no_bytes_are_a_traceback(check: Check, noise: bytes, cut: int) -> None:
    text = PUBLISHED.encode()
    result = check(text[:cut] + noise + text[cut:])
    assert all("mine.jsonl" in error for error in result.errors)
    assert result.exit_code == (1 if result.errors else 0)
