"""BP4D: finding the picture of a coded frame whatever its name, its landmarks, and the frames that a paper lists."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from datasets_builders import corpus
from datasets_builders.common.corpus import Raw, Report
from facial_r1.errors import InputError, UsageError
from facial_r1.sample import Sample

BP4D = corpus("bp4d")
HEADER = "1,1,2,4,5,6,7,9,10,11,12,13,14,15,16,17,18,19,20,22,23,24,27,28,29,30,31,32,33,34,35,36,37,38,39,99"
NOTHING = ",".join("0" * 35)
SEQUENCE = "Sequences(2D+3D)/F001/T1"


def label(root: Path, frames: range, name: str = "F001_T1", occluded: tuple[int, ...] = ()) -> Path:
    folder = root / "AUCoding" / "AU_OCC"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{frame},{NOTHING[:-1]}{int(frame in occluded)}" for frame in frames]
    (folder / f"{name}.csv").write_text("\n".join([HEADER, *lines, ""]))
    return root


def draw(root: Path, names: list[str], folder: str = SEQUENCE) -> Path:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / folder / name).touch()
    return root


def scan(root: Path, **options: object) -> tuple[list[Sample], Report]:
    report = Report(keep_going=True)
    return list(BP4D.scan(root, report, **options)), report


def found(root: Path, rows: list[Sample], **options: object) -> list[str]:
    """The names of the pictures of ``rows``, or the reasons."""
    return [told(raw) for raw in BP4D.raw(root, rows, **options)]


def told(raw: Raw) -> str:
    if raw.path is not None:
        return raw.path.name
    assert raw.problem is not None
    return raw.problem[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Frames 3, 4 and 5 of one sequence are coded."""
    return label(tmp_path / "BP4D", range(3, 6))


# --- which picture belongs to a frame --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "numbers", "offset"),
    [
        ("{:04d}.jpg", range(6), -1),  # counted from 0, as distributed
        ("{:03d}.jpg", range(6), -1),  # M009-M018
        ("{:02d}.jpg", range(6), -1),
        ("{}.jpg", range(1, 7), 0),  # numbered like the labels
        ("{:04d}.JPG", range(1, 7), 0),
        ("frame_{:05d}.png", range(1, 7), 0),
        ("{:04d}.jpg", range(2, 5), -1),  # the coded pictures alone
        ("{:04d}.jpg", range(3, 6), 0),
        ("{:04d}.jpg", range(1, 5), -1),  # the first picture was lost; frame 5 of pictures 0-4 proves it
        ("{:04d}.jpg", [2, 4], -1),
    ],
)
def test_pictures_are_found_by_number_and_their_counting_by_inspection(
    root: Path, name: str, numbers: range | list[int], offset: int
) -> None:
    draw(root, [name.format(number) for number in numbers])
    rows, _ = scan(root)
    assert {row.meta_info.frame_offset for row in rows} == {offset}
    assert [row.meta_info.frame for row in rows] == [3, 4, 5]
    expected = [name.format(n + offset) if n + offset in numbers else "missing" for n in (3, 4, 5)]
    assert found(root, rows) == expected


@pytest.mark.parametrize(
    ("offset", "names"),
    [(0, ["0003.jpg", "0004.jpg", "missing"]), (-1, ["0002.jpg", "0003.jpg", "0004.jpg"])],
)
def test_the_counting_can_be_given(root: Path, offset: int, names: list[str]) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(5)])
    rows, _ = scan(root, frame_offset=offset)
    assert {row.meta_info.frame_offset for row in rows} == {offset}
    assert found(root, rows, frame_offset=offset) == names


def test_sequences_that_count_differently_are_said(root: Path) -> None:
    label(root, range(3, 6), "M010_T2")
    draw(root, ["000.jpg", "002.jpg", "003.jpg", "004.jpg"], "Sequences(2D+3D)/M010/T2")
    draw(root, ["3.jpg", "4.jpg", "5.jpg"])
    rows, report = scan(root)
    assert [row.meta_info.frame_offset for row in rows] == [0, 0, 0, -1, -1, -1]
    numbered, counted = "numbered as in AU_OCC in 1, such as F001/T1", "counted from 0 in 1, such as M010/T2"
    assert report.remarks == [f"pictures are not counted alike in all sequences: {numbered}; {counted}"]


def test_without_pictures_the_offset_is_unknown_and_every_row_has_its_reason(root: Path) -> None:
    rows, _ = scan(root)
    assert {row.meta_info.frame_offset for row in rows} == {None}
    problems = [raw.problem for raw in BP4D.raw(root, rows)]
    assert problems[0] == ("missing", "there is no picture for frame 3 of F001/T1")
    assert len(problems) == 3


def test_a_lost_picture_is_a_gap_and_the_reason_of_its_row(root: Path) -> None:
    draw(root, ["0000.jpg", "0002.jpg", "0004.jpg"])
    rows, report = scan(root)
    assert report.missing[-1] == "pictures of 1 of 3 coded frames, in sequences that have others: F001/T1/4"
    raws = {raw.sample_id: raw for raw in BP4D.raw(root, rows)}
    assert raws["bp4d-F001-T1-0004"].problem == ("missing", "there is no picture 3 for frame 4 of F001/T1")
    assert raws["bp4d-F001-T1-0005"].path == root / SEQUENCE / "0004.jpg"


@pytest.mark.parametrize("folder", ["f001/t1", "BP4D-training/F001/T1", "data/BP4D/img/F001/T1", "F001/T1"])
def test_the_folder_of_pictures_may_be_called_and_lie_anywhere(root: Path, folder: str) -> None:
    draw(root, ["0000.jpg", "0002.jpg", "0003.jpg", "0004.jpg"], folder)
    assert found(root, scan(root)[0]) == ["0002.jpg", "0003.jpg", "0004.jpg"]


def test_files_beside_the_pictures_do_not_matter(root: Path) -> None:
    draw(root, ["0000.jpg", "0002.jpg", "0002.obj", "0002.wrl", "0003.jpg", "0004.jpg", "Thumbs.db"])
    draw(root, ["0002.bnd"], "3DFeatures/F001/T1")  # sorts before the pictures, holds none
    rows, report = scan(root)
    assert found(root, rows) == ["0002.jpg", "0003.jpg", "0004.jpg"]
    [remark] = report.remarks
    assert remark.startswith("task folders are there more than once (3DFeatures, Sequences(2D+3D)); the first one that")


def test_of_several_trees_of_pictures_one_can_be_chosen(root: Path, tmp_path: Path) -> None:
    draw(root, ["0000.jpg", "0002.jpg"])
    draw(root, ["2.png", "3.png", "4.png"], "aligned/F001/T1")
    draw(tmp_path, ["3.bmp", "4.bmp", "5.bmp"], "elsewhere/F001/T1")
    for pictures, names in (
        ("aligned", ["2.png", "3.png", "4.png"]),
        (tmp_path / "elsewhere", ["3.bmp", "4.bmp", "5.bmp"]),
    ):
        rows, report = scan(root, pictures=str(pictures))
        assert report.remarks == []
        assert found(root, rows, pictures=str(pictures)) == names
    with pytest.raises(UsageError, match="nowhere: BP4D: the option pictures names no folder"):
        scan(root, pictures="nowhere")


def test_two_pictures_of_one_number_are_a_fault_and_no_guess(root: Path) -> None:
    label(root, range(1, 2), "F001_T2")
    draw(root, ["0000.jpg"], "Sequences(2D+3D)/F001/T2")
    draw(root, ["0002.jpg", "2.png", "3.jpg"])
    with pytest.raises(InputError, match="two pictures carry the number 2"):
        list(BP4D.scan(root, Report()))
    rows, report = scan(root)
    assert len(rows) == 4
    assert len(report.errors) == 1
    assert found(root, rows) == ["pictures_unclear"] * 3 + ["0000.jpg"]


@pytest.mark.parametrize("name", ["fer2013-1", "bp4d-F001-T1", "disfa-SN001-0001"])
def test_rows_of_another_corpus_are_refused(root: Path, name: str) -> None:
    with pytest.raises(InputError, match="this row is no row of BP4D"):
        list(BP4D.raw(root, [Sample(name, "bp4d")]))


# --- landmarks -------------------------------------------------------------------------------------------------------


def track(path: Path, pictures: list[NDArray[np.float64] | None]) -> None:
    """A MATLAB 7.3 file as a reader of real ones describes it: a column of references to matrices, columns first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        column = []
        for place, points in enumerate(pictures):
            stored = np.array([0, 0], np.uint64) if points is None else points.T
            column.append([file.create_dataset(f"#refs#/{place}", data=stored).ref])
        file.create_dataset("fit/pred", data=np.array(column, h5py.ref_dtype), dtype=h5py.ref_dtype)


def face(number: int) -> NDArray[np.float64]:
    """49 points: x is the number of the picture, y that of the point."""
    return np.stack([np.full(49, float(number)), np.arange(49.0)], axis=1)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [(range(6), [2.0, 3.0, 4.0]), (range(1, 7), [2.0, 3.0, 4.0])],
    ids=["pictures from 0", "pictures from 1"],
)
def test_every_picture_has_the_points_of_its_place(root: Path, numbers: range, expected: list[float]) -> None:
    draw(root, [f"{number:04d}.jpg" for number in numbers])
    track(root / "2DFeatures" / "F001_T1.mat", [face(place) for place in range(6)])
    raws = list(BP4D.raw(root, scan(root)[0]))
    assert [raw.points.shape for raw in raws] == [(49, 2)] * 3
    assert [raw.points[0, 0] for raw in raws] == expected
    assert raws[0].points[7].tolist() == [2.0, 7.0]


def test_with_a_given_offset_the_points_stay_with_the_picture(root: Path) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(6)])
    track(root / "2DFeatures" / "F001_T1.mat", [face(place) for place in range(6)])
    rows, _ = scan(root, frame_offset=0)
    assert [(raw.path.name, raw.points[0, 0]) for raw in BP4D.raw(root, rows, frame_offset=0)] == [
        ("0003.jpg", 3.0), ("0004.jpg", 4.0), ("0005.jpg", 5.0),
    ]  # fmt: skip


def test_lost_points_and_a_short_file_cost_only_the_points(root: Path) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(6)])
    track(root / "2DFeatures" / "F001_T1.mat", [face(0), face(1), None, face(3)])
    raws = list(BP4D.raw(root, scan(root)[0]))
    assert [raw.points is None for raw in raws] == [True, False, True]
    assert all(raw.path is not None for raw in raws)


@pytest.mark.parametrize(
    "content", [b"", b"no mat", b"MATLAB 5.0 MAT-file".ljust(200), b"\x89HDF\r\n\x1a\n" + b"\0" * 40]
)
def test_a_damaged_landmark_file_costs_only_the_points(
    root: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(6)])
    (root / "2DFeatures").mkdir()
    (root / "2DFeatures" / "F001_T1.mat").write_bytes(content)
    raws = list(BP4D.raw(root, scan(root)[0]))
    assert [(told(raw), raw.points) for raw in raws] == [("0002.jpg", None), ("0003.jpg", None), ("0004.jpg", None)]
    assert "F001_T1.mat: this landmark file cannot be read" in caplog.text


def test_3d_landmarks_are_left_alone(root: Path) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(6)])
    track(root / "3DFeatures" / "F001_T1.mat", [face(place) for place in range(6)])
    assert [raw.points for raw in BP4D.raw(root, scan(root)[0])] == [None] * 3


# --- frames that a paper lists ---------------------------------------------------------------------------------------


def test_only_the_listed_frames_are_read_and_absent_ones_are_said(root: Path, tmp_path: Path) -> None:
    label(root, range(3, 6), "M010_T2")
    listed = tmp_path / "list.txt"
    listed.write_text("F001/T1/4\nBP4D/M010/T2/0003.jpg\nM010_T2 5\n\nM010/T2/0006\nF002/T8/1\n")
    rows, report = scan(root, paper_frames=str(listed))
    assert [row.id for row in rows] == ["bp4d-F001-T1-0004", "bp4d-M010-T2-0003", "bp4d-M010-T2-0005"]
    assert rows[0].meta_info.source == "AUCoding/AU_OCC/F001_T1.csv:3"
    absent = "2 of the 5 frames that list.txt lists have no label in this copy: F002/T8/1, M010/T2/6"
    assert report.missing[-1] == absent
    assert BP4D.published(paper_frames=listed) == {}


def test_listed_numbers_are_those_of_the_labels_whatever_the_pictures_count(root: Path, tmp_path: Path) -> None:
    draw(root, [f"{number:04d}.jpg" for number in range(6)])
    (tmp_path / "list.txt").write_text("F001/T1/0004.jpg\n")
    rows, report = scan(root, paper_frames=tmp_path / "list.txt")
    assert [(row.meta_info.frame, row.meta_info.frame_offset) for row in rows] == [(4, -1)]
    assert found(root, rows) == ["0003.jpg"]
    assert not any("pictures" in part for part in report.missing)


def test_an_occluded_frame_counts_as_there_but_is_dropped_only_when_listed(root: Path, tmp_path: Path) -> None:
    label(root, range(3, 6), occluded=(3, 4))
    (tmp_path / "list.txt").write_text("F001/T1/4\nF001/T1/5\n")
    rows, report = scan(root, paper_frames=tmp_path / "list.txt")
    assert [row.meta_info.frame for row in rows] == [5]
    assert [row.id for row in report.dropped] == ["bp4d-F001-T1-0004"]
    assert not any("list.txt" in part for part in report.missing)


def test_a_list_that_is_not_there_is_a_usage_error(root: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.txt: this list of frames cannot be read \(No such file"):
        scan(root, paper_frames="nowhere.txt")
