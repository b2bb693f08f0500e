"""Finding files in copies that nest, link and misspell; landmarks in MATLAB files."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from datasets_builders.common.landmarks import read_points
from datasets_builders.common.layout import DEPTH, Folder, folders, numbered, some
from facial_r1.errors import InputError


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_folders_come_shallowest_first_with_sorted_names(tmp_path: Path) -> None:
    _touch(tmp_path, "b/z.txt", "b/a.txt", "a/deep/x.txt", "top.txt")
    found = list(folders(tmp_path))
    assert [folder.path.relative_to(tmp_path).as_posix() for folder in found] == [".", "a", "b", "a/deep"]
    assert found[0] == Folder(tmp_path, ["a", "b"], ["top.txt"])
    assert found[2].files == ["a.txt", "z.txt"]


def test_hidden_names_and_archive_leftovers_are_left_out(tmp_path: Path) -> None:
    _touch(tmp_path, "._SN001_au1.txt", ".DS_Store", "__MACOSX/SN001_au1.txt", "SN001_au1.txt")
    assert list(folders(tmp_path)) == [Folder(tmp_path, [], ["SN001_au1.txt"])]


def test_closed_folders_are_listed_and_not_entered(tmp_path: Path) -> None:
    _touch(tmp_path, "Landmark_Points/SN001/a.mat", "Labels/a.txt")
    found = list(folders(tmp_path, closed=re.compile("landmark_points", re.IGNORECASE)))
    assert found[0].folders == ["Labels", "Landmark_Points"]
    assert [folder.path.name for folder in found[1:]] == ["Labels"]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    real = _touch(tmp_path / "real", "inner/a.txt")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(real)
    (real / "inner" / "loop").symlink_to(root)
    found = [folder.path.relative_to(root).as_posix() for folder in folders(root)]
    assert found == [".", "link", "link/inner"]


def test_the_search_stops_at_its_depth(tmp_path: Path) -> None:
    _touch(tmp_path, "/".join("abcdefgh") + "/x.txt")
    assert len(list(folders(tmp_path))) == DEPTH + 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    with pytest.raises(InputError, match=r"locked: this folder cannot be listed \(Permission denied\)"):
        list(folders(tmp_path))


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this folder cannot be listed \(Not a directory\)"):
        list(folders(_touch(tmp_path, "file") / "file"))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("7.jpg", 7),
        ("0007.JPG", 7),
        ("0007_aligned.jpg", 7),
        ("_0001.png", 1),
        ("SN001_0042.png", 42),
        ("0.png", 0),
        ("frame-12.jpeg", 12),
        ("0007.txt", None),
        ("cover.jpg", None),
        ("0007", None),
        ("0007_lm.mat", None),
    ],
)
def test_pictures_are_known_by_the_number_that_ends_their_stem(tmp_path: Path, name: str, number: int | None) -> None:
    assert numbered(Folder(tmp_path, [], [name])) == ({} if number is None else {number: tmp_path / name})


def test_two_pictures_of_one_number_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"7\.jpg: two pictures carry the number 7. Found: also 0007\.jpg"):
        numbered(Folder(tmp_path, [], ["0007.jpg", "7.jpg"]))


def test_some_names_and_how_many_more() -> None:
    assert some("abc") == "a, b, c"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize("kind", ["f8", "f4", "i4", "u2", "u1", "i8"])
@pytest.mark.parametrize("packed", [False, True])
def test_landmarks_are_points_as_written(tmp_path: Path, kind: str, packed: bool) -> None:
    points = np.arange(132).reshape(66, 2)
    path = tmp_path / "SN001_0000_lm.mat"
    savemat(path, {"first": "text", "pts": points.astype(kind), "other": 1}, do_compression=packed)
    assert np.array_equal(read_points(path), points)
    assert read_points(path).dtype == np.float64


def test_landmarks_of_a_big_endian_machine_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    tag = struct.Struct(">II").pack
    values = np.array([[1.0, 2.0], [3.0, 4.0]]).T.astype(">f8").tobytes()
    flags, shape = tag(6, 8) + tag(6, 0), tag(5, 8) + tag(2, 2)
    matrix = flags + shape + struct.pack(">HH", 3, 1) + b"pts\0" + tag(9, len(values)) + values
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI" + tag(14, len(matrix)) + matrix)
    assert read_points(path).tolist() == [[1, 2], [3, 4]]


def test_a_missing_landmark_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mat: this landmark file cannot be read"):
        read_points(tmp_path / "a.mat")


@pytest.mark.parametrize(
    "content",
    [
        {"other": 1},
        {"pts": np.zeros((66, 3))},
        {"pts": np.zeros((0, 2))},
        {"pts": "words"},
        {"pts": {"a": 1}},
        {"pts": np.ones((2, 2)) * 1j},
    ],
    ids=["no key", "three columns", "no point", "text", "struct", "complex"],
)
def test_a_landmark_file_without_points_is_an_error(tmp_path: Path, content: dict[str, object]) -> None:
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(InputError, match=r"a\.mat: this (landmark )?file"):
        read_points(tmp_path / "a.mat")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_damaged_landmark_file_is_an_error_or_points(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"pts": np.ones((66, 2))}, do_compression=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    del content[data.draw(st.integers(0, len(content))) :]
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=4)) if content else []:
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert read_points(path).shape[1] == 2
    except InputError as error:
        message = str(error)
    else:
        return
    assert "a.mat: this" in message
