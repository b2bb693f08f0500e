"""RAF-DB's annotation files, typed by hand: landmarks, three codes, and the face box."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasets_builders.raf_db.annotations import AGES, GENDERS, RACES, read_attributes, read_box, read_landmarks
from facial_r1.errors import InputError

MANUAL = "102.0\t88.5\n151.25\t90.0\n128.0\t120.0\n105.5\t150.0\n150.0\t151.5\n1\n0\n2\n"
BOX = "60.25 41.75 190.5 199.0 \n"


def _put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_by_hand_is_five_points_then_gender_race_and_age(tmp_path: Path) -> None:
    path = _put(tmp_path / "train_00001_manu_attri.txt", MANUAL)
    assert read_attributes(path) == {"gender": "female", "race": "Caucasian", "age": "20-39"}
    points = read_landmarks(path)
    assert points.tolist() == [[102, 88.5], [151.25, 90], [128, 120], [105.5, 150], [150, 151.5]]
    assert points.dtype == "float64"


def test_the_detector_s_file_is_37_points(tmp_path: Path) -> None:
    text = "\n".join(f"{100 + n}.5 {60 + 3 * n}" for n in range(37))
    points = read_landmarks(_put(tmp_path / "train_00001_auto_attri.txt", text))
    assert (points.shape, points[0].tolist(), points[36].tolist()) == ((37, 2), [100.5, 60], [136.5, 168])


def test_the_codes_are_words_in_their_order(tmp_path: Path) -> None:
    for column, words in enumerate((GENDERS, RACES, AGES)):
        for code, word in enumerate(words):
            codes = ["0", "0", "0"]
            codes[column] = str(code)
            path = _put(tmp_path / "a.txt", "1.0 2.0\n" * 5 + "\n".join(codes))
            assert list(read_attributes(path).items())[column] == (("gender", "race", "age")[column], word)
    assert GENDERS == ("male", "female", "unsure")  # which is an answer of its own, and stays one
    assert RACES == ("Caucasian", "African-American", "Asian")
    assert AGES == ("0-3", "4-19", "20-39", "40-69", "70+")


@pytest.mark.parametrize(
    "codes", ["3\n0\n0", "0\n3\n0", "0\n0\n5", "0\n0", "0\n0\n0\n0", "1.0\n0\n0", "f\n0\n0", "-1\n0\n0"]
)
def test_other_codes_are_no_attributes(codes: str, tmp_path: Path) -> None:
    path = _put(tmp_path / "a_manu_attri.txt", "102.0 88.5\n" * 5 + codes.replace(" ", "\n"))
    with pytest.raises(InputError, match=r"a_manu_attri\.txt: this is no attribute file\. Found: 1\d fields: `102\.0"):
        read_attributes(path)


@pytest.mark.parametrize("points", ["1 2\n" * 4, "1 2\n" * 6, "1 x\n" * 5, "1 nan\n" * 5, "1 1e9\n" * 5, ""])
def test_other_landmarks_are_no_attributes(points: str, tmp_path: Path) -> None:
    path = _put(tmp_path / "a.txt", f"{points}1\n0\n2\n")
    with pytest.raises(InputError, match="this is no attribute file"):
        read_attributes(path)
    with pytest.raises(InputError, match="this file holds no landmarks"):
        read_landmarks(path)


_PIECES = st.sampled_from([b"1", b"2.5", b"\t", b"\n", b" ", b"-", b"nan", b"\xff", b"1_0", b"1e9"])


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=120)
    | st.lists(st.sampled_from([b"1", b"2.5", b"\t", b"\n", b" ", b"-", b"nan", b"\xff"])).map(b"".join)
)
@example(b"1 2\n" * 5 + b"1\n0\n2")
@example(b"0" * 5000)
def test_any_bytes_are_an_annotation_or_one_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = _put(tmp_path_factory.getbasetemp() / "fuzz" / "a.txt", data)
    for reader in (read_attributes, read_landmarks, read_box):
        try:
            reader(path)
        except InputError as error:
            assert str(error).startswith(f"{path}: this ")  # noqa: PT017 - the point is that nothing else is raised


def test_the_box_grows_to_whole_pixels_and_is_not_clipped(tmp_path: Path) -> None:
    assert read_box(_put(tmp_path / "a.txt", BOX)) == [60, 41, 191, 199]
    assert read_box(_put(tmp_path / "a.txt", "-3.2\t-0.5\t20\t30.01")) == [-4, -1, 20, 31]


@pytest.mark.parametrize(
    "text", ["60 41 60 199", "60 41 190 41", "190 41 60 199", "60 41 190", "60 41 190 199 1", "a b c d", ""]
)
def test_other_numbers_are_no_box(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this file holds no face box.*Expected: x_min y_min x_max y_max"):
        read_box(_put(tmp_path / "a.txt", text))


def test_a_file_that_is_too_long_or_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this file is too long\. Found: over 4096 bytes"):
        read_attributes(_put(tmp_path / "a.txt", MANUAL + " " * 5000))
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "absent"):
        with pytest.raises(InputError, match="this file cannot be read"):
            read_attributes(path)
