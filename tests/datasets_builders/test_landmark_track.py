"""MATLAB 7.3 files of landmarks: what is there is read, what is damaged is one clear error and never a crash."""

from __future__ import annotations

import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from datasets_builders.common.landmark_track import read_track
from facial_r1.errors import InputError


def write(path: Path, *matrices: object) -> Path:
    """``fit(n).pred`` for each matrix, as stored (columns first)."""
    with h5py.File(path, "w", userblock_size=512) as file:
        column = [[file.create_dataset(f"#refs#/{n}", data=matrix).ref] for n, matrix in enumerate(matrices)]
        file.create_dataset("fit/pred", data=np.array(column, h5py.ref_dtype), dtype=h5py.ref_dtype)
    return path


def test_matrices_are_turned_and_others_left_out(tmp_path: Path) -> None:
    points = np.arange(98.0).reshape(2, 49)
    strange = (np.array([0, 0], np.uint64), np.zeros((3, 49)), np.zeros((2, 600)), np.float64(3), np.zeros((2, 0)))
    path = write(tmp_path / "a.mat", points, *strange, points.astype(np.float32) + 0.5)
    found = read_track(path, range(-1, 9))
    assert sorted(found) == [0, 6]
    assert found[0].shape == (49, 2)
    assert found[0][3].tolist() == [3.0, 52.0]
    assert found[6].dtype == np.float64
    assert found[6][3].tolist() == [3.5, 52.5]
    assert list(read_track(path, {6})) == [6]


def test_lost_points_may_be_no_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mat", np.full((2, 49), np.nan))
    assert np.isnan(read_track(path, [0])[0]).all()


def test_a_file_without_the_variable_says_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file.create_dataset("pts", data=np.zeros((2, 49)))
    with pytest.raises(InputError, match=r"a\.mat: this landmark file cannot be read .*Expected: a MATLAB 7\.3 file"):
        read_track(tmp_path / "a.mat", [0])


@pytest.mark.parametrize("stored", [np.zeros((2, 49)), np.array([b"text"])])
def test_another_shape_of_file_is_refused(stored: object, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file.create_dataset("fit/pred", data=stored)
    with pytest.raises(InputError, match="this landmark file cannot be read"):
        read_track(tmp_path / "a.mat", [0])


def test_a_size_that_cannot_be_is_not_believed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file.create_dataset("fit/pred", shape=(1 << 40, 1), dtype=h5py.ref_dtype, chunks=(1 << 10, 1))
    with pytest.raises(InputError, match="it speaks of 1,099,511,627,776 pictures"):
        read_track(tmp_path / "a.mat", [0])


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mat: this landmark file cannot be read"):
        read_track(tmp_path / "nowhere.mat", [0])


def test_damage_is_points_or_one_clear_error(tmp_path: Path) -> None:
    rng = random.Random(4)
    whole = write(tmp_path / "a.mat", *np.ones((9, 2, 49))).read_bytes()
    refused = 0
    for round_ in range(300):
        data = bytearray(whole)
        if round_ % 3 == 0:
            del data[rng.randrange(len(data)) :]
        for _ in range(rng.choice((1, 5, 50))):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "b.mat").write_bytes(data)
        try:
            found = read_track(tmp_path / "b.mat", range(9))
        except InputError:
            refused += 1
        else:
            assert all(points.shape[1] == 2 for points in found.values())
    assert 100 < refused < 300
