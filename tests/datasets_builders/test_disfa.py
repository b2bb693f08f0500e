"""DISFA: hand-typed label files and tiny real videos, copies that are odd, broken, partial or another corpus."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from datasets_builders import corpus, require
from datasets_builders.common.corpus import Raw, Report
from datasets_builders.disfa.tables import AUS, FOLDS, LANDMARKS_BAD, LINES, POSITIVES, SUBJECTS
from facial_r1.errors import FacialR1Error, InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample, strict_faults

DISFA = corpus("disfa")
Write = Callable[..., Path]
Number = Callable[..., int]

# Five frames of one subject, AU → intensities. Typed by hand; AU1 begins with the sample lines of the format.
CODED: dict[int, list[int]] = {
    1: [0, 0, 2, 0, 0],
    2: [0, 1, 0, 0, 0],
    4: [0, 0, 0, 5, 0],
    5: [0, 0, 0, 0, 0],
    6: [3, 0, 0, 0, 0],
    9: [0, 0, 0, 0, 0],
    12: [4, 0, 0, 2, 0],
    15: [0, 0, 0, 0, 0],
    17: [0, 0, 0, 0, 1],
    20: [0, 0, 0, 0, 0],
    25: [2, 2, 2, 2, 1],
    26: [0, 0, 3, 0, 0],
}


def _label(root: Path, subject: str = "SN001", coded: dict[int, list[int]] | None = None) -> Path:
    folder = root / "ActionUnit_Labels" / subject
    folder.mkdir(parents=True, exist_ok=True)
    for au, values in (CODED if coded is None else coded).items():
        text = "".join(f"{frame},{value}\n" for frame, value in enumerate(values, 1))
        (folder / f"{subject}_au{au}.txt").write_text(text)
    return root


def _scan(root: Path, *, keep_going: bool = False, **options: object) -> tuple[list[Sample], Report]:
    report = Report(keep_going=keep_going)
    return list(DISFA.scan(root, report, **options)), report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return _label(tmp_path / "DISFA")


# --- rows ------------------------------------------------------------------------------------------------------------


def test_a_row_says_what_was_coded(root: Path) -> None:
    rows, _ = _scan(root)
    assert [row.id for row in rows] == [f"disfa-SN001-000{n}" for n in range(1, 6)]
    assert [row.AUs for row in rows] == [["AU6", "AU12", "AU25"], ["AU25"], ["AU1", "AU25", "AU26"],
                                         ["AU4", "AU12", "AU25"], []]  # fmt: skip
    meta = rows[2].meta_info
    assert (meta.task, meta.subject, meta.group, meta.fold) == ("au", "SN001", "SN001", 1)
    assert (meta.frame, meta.frame_offset, meta.au_threshold, meta.au_source) == (3, -1, 2, "human")
    assert meta.source == "ActionUnit_Labels/SN001:3"
    annotated = ["AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"]
    assert meta.au_annotated == annotated
    assert [pair["au"] for pair in meta.au_intensity] == annotated
    assert {p["au"]: p["value"] for p in meta.au_intensity if p["value"]} == {"AU1": 2, "AU25": 2, "AU26": 3}
    assert (rows[2].labels, meta.label_source, meta.label_set, meta.extra) == ([], None, [], None)


def test_rows_are_as_a_release_wants_them_but_for_the_picture(root: Path) -> None:
    for row in _scan(root)[0]:
        row.image = "disfa/x.png"
        assert strict_faults(row) == []


def test_the_threshold_is_an_option(root: Path) -> None:
    assert [row.AUs for row in _scan(root, threshold=1)[0]][1:] == [
        ["AU2", "AU25"], ["AU1", "AU25", "AU26"], ["AU4", "AU12", "AU25"], ["AU17", "AU25"],
    ]  # fmt: skip
    assert [row.AUs for row in _scan(root, threshold=5)[0]] == [[], [], [], ["AU4"], []]
    assert _scan(root, threshold=5)[0][0].meta_info.au_threshold == 5


def test_both_cameras_give_two_rows_per_label_in_one_group(root: Path) -> None:
    rows, _ = _scan(root, camera="both")
    assert [row.id for row in rows] == [
        *(f"disfa-SN001-000{n}" for n in range(1, 6)),
        *(f"disfa-SN001-000{n}-right" for n in range(1, 6)),
    ]
    assert {row.meta_info.group for row in rows} == {"SN001"}
    assert [row.AUs for row in rows[:5]] == [row.AUs for row in rows[5:]]
    assert [row.id for row in _scan(root, camera="right")[0]] == [row.id for row in rows[5:]]


def test_an_au_is_known_by_its_file_name_and_never_by_its_place(root: Path) -> None:
    folder = root / "ActionUnit_Labels" / "SN001"
    first, rest = (folder / "SN001_au1.txt").read_text(), (folder / "SN001_au12.txt").read_text()
    (folder / "SN001_au1.txt").write_text(rest)
    (folder / "SN001_au12.txt").write_text(first)
    assert [row.AUs for row in _scan(root)[0]] == [["AU1", "AU6", "AU25"], ["AU25"], ["AU12", "AU25", "AU26"],
                                                   ["AU1", "AU4", "AU25"], []]  # fmt: skip


def test_subjects_come_by_number_with_their_published_part(tmp_path: Path) -> None:
    for subject in ("SN032", "SN006", "SN003", "SN014"):
        _label(tmp_path, subject)
    rows, report = _scan(tmp_path)
    found = {row.meta_info.subject: row.meta_info.fold for row in rows}
    assert list(found.items()) == [("SN003", 3), ("SN006", 2), ("SN014", None), ("SN032", 1)]
    assert report.remarks == ["SN014 is no published subject of DISFA; it is kept, without a fold"]


def test_frames_with_lost_landmarks_are_marked(tmp_path: Path) -> None:
    _label(tmp_path, "SN002", {au: [0] * 830 for au in AUS})
    marked = [row.meta_info.frame for row in _scan(tmp_path)[0] if row.meta_info.extras() == {"landmarks_bad": True}]
    assert marked == list(range(800, 827))  # pictures 799-825, counted from 0


# --- copies ----------------------------------------------------------------------------------------------------------


def _same_rows(root: Path, other: Path) -> bool:
    def strip(rows: list[Sample]) -> list[object]:
        return [(row.id, row.AUs, row.meta_info.au_intensity) for row in rows]

    return strip(_scan(root)[0]) == strip(_scan(other)[0])


def test_a_nested_and_differently_cased_copy_reads_the_same(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy" / "DISFA" / "disfa" / "actionunit_labels" / "sn001"
    folder.mkdir(parents=True)
    for path in (root / "ActionUnit_Labels" / "SN001").iterdir():
        (folder / path.name.replace("SN001_au", "sn001_AU0").replace(".txt", ".TXT")).write_bytes(path.read_bytes())
    assert DISFA.recognises(tmp_path / "copy")
    assert _same_rows(root, tmp_path / "copy")


def test_linked_and_read_only_copies_read_the_same(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert _same_rows(root, tmp_path / "link")
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o555)
    try:
        assert _same_rows(root, tmp_path / "link")
        assert list(DISFA.raw(root, _scan(root)[0]))
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(stat.S_IRWXU)


def test_a_copy_unpacked_twice_is_read_once(root: Path) -> None:
    _label(root / "DISFA")
    rows, report = _scan(root)
    assert len(rows) == 5
    assert report.remarks == [
        "12 label files are there more than once, with the same content; the one nearer to the root is read"
    ]
    assert rows[0].meta_info.source == "ActionUnit_Labels/SN001:1"
    _label(root / "DISFA", coded={1: [5, 5, 5, 5, 5]})
    with pytest.raises(InputError, match="two different label files for one subject and AU"):
        _scan(root)


def test_missing_parts_are_said_and_the_rest_works(root: Path) -> None:
    (root / "ActionUnit_Labels" / "SN001" / "SN001_au4.txt").unlink()
    rows, report = _scan(root)
    assert [row.AUs for row in rows][3] == ["AU12", "AU25"]
    assert "AU4" not in rows[0].meta_info.au_annotated  # unknown, not absent
    assert report.missing == [
        "label files of 26 of 27 subjects: SN002, SN003, SN004, SN005, SN006 and 21 more",
        "left videos of 1 of 1 subjects: SN001",
        "SN001: no usable label file for AU4 (unknown there, not absent)",
    ]


def test_videos_alone_are_recognised_and_give_no_rows(tmp_path: Path) -> None:
    (tmp_path / "Video_RightCamera").mkdir()
    (tmp_path / "Video_RightCamera" / "RightVideoSN001_Comp.avi").touch()
    assert DISFA.recognises(tmp_path)
    rows, report = _scan(tmp_path)
    assert rows == []
    assert report.missing[0].startswith("label files of 27 of 27 subjects")


def test_a_file_of_an_au_that_disfa_does_not_code_is_ignored_aloud(root: Path) -> None:
    _label(root, coded={7: [5, 5, 5, 5, 5]})
    rows, report = _scan(root)
    assert "AU7" not in rows[0].meta_info.au_annotated
    assert report.remarks == ["SN001_au7.txt: DISFA does not code AU7; the file is ignored"]


def test_disfa_plus_is_refused_by_name(tmp_path: Path) -> None:
    trial = tmp_path / "DISFAPlusDataset" / "Labels" / "SN001" / "A1_AU1_TrailNo_1"
    trial.mkdir(parents=True)
    (trial / "AU1.txt").write_text("# header\n000.jpg   0\n001.jpg   2\n")
    assert not DISFA.recognises(tmp_path)
    for attempt in (lambda: require("disfa", tmp_path), lambda: _scan(tmp_path)):
        with pytest.raises(NotThisCorpus, match=r"not DISFA\. Found: DISFA\+, the posed extension"):
            attempt()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(NotThisCorpus, match=r"ActionUnit_Labels/SN001/SN001_au1\.txt"):
        require("disfa", tmp_path)
    with pytest.raises(NotThisCorpus, match="this folder is not DISFA"):
        _scan(tmp_path)


# --- broken label files ----------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[bytes, str]] = {
    "columns changed places": (b"0,1\n0,2\n2,3\n0,4\n0,5\n", r"SN001_au1\.txt:1: .*here should be 1"),
    "three columns": (b"1,0\n2,0,0\n", r"SN001_au1\.txt:2: "),
    "value": (b"1,0\n2,6\n", r"SN001_au1\.txt:2: the intensity 6 is outside 0-5"),
    "cut": (b"1,0\n2,0\n3,2\n4,0\n5", r"SN001_au1\.txt:5: .*seems to be cut here"),
    "not text": (b"1,0\n\xff\xfe\n", r"SN001_au1\.txt:2: "),
    "empty": (b"", r"SN001_au1\.txt: this label file is empty"),
    "shorter": (b"1,0\n2,0\n3,2\n", r"SN001_au1\.txt: .*not as long as the others.* Found: 3 lines. Expected: 5 lines"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_label_file_is_one_clear_error(root: Path, kind: str) -> None:
    data, words = BROKEN[kind]
    (root / "ActionUnit_Labels" / "SN001" / "SN001_au1.txt").write_bytes(data)
    with pytest.raises(InputError, match=words):
        _scan(root)
    rows, report = _scan(root, keep_going=True)
    assert len(report.errors) == 1
    assert len(rows) == 5
    assert "AU1" not in rows[2].meta_info.au_annotated
    assert rows[2].AUs == ["AU25", "AU26"]


def test_a_folder_in_the_place_of_a_label_file_is_no_label_file(root: Path) -> None:
    path = root / "ActionUnit_Labels" / "SN001" / "SN001_au1.txt"
    path.unlink()
    path.mkdir()
    assert "AU1 (unknown there" in " ".join(_scan(root)[1].missing)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0}, "threshold is no intensity"),
        ({"threshold": "2"}, "threshold is no intensity"),
        ({"threshold": True}, "threshold is no intensity"),
        ({"camera": "front"}, "unknown camera. Found: front. Expected: one of left, right, both"),
        ({"colour": 1}, "unknown option. Found: colour. Expected: only threshold, camera, frames"),
    ],
)
def test_wrong_options_are_usage_errors(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _scan(root, **options)
    with pytest.raises(UsageError, match=words):
        DISFA.published(**options)


# --- pictures --------------------------------------------------------------------------------------------------------


def _numbers(raws: Iterator[Raw], number_in: Number) -> dict[str, int | str]:
    return {raw.sample_id[-10:]: raw.problem[0] if raw.problem else number_in(raw.pixels) for raw in raws}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Videos_LeftCamera", "LeftVideoSN001_comp.avi"),
        ("video_leftcamera/Video_LeftCamera", "leftvideosn001_Comp.AVI"),
    ],
)
def test_label_n_is_the_nth_picture(root: Path, write_video: Write, number_in: Number, folder: str, name: str) -> None:
    write_video(root / folder / "x.avi", 5).rename(root / folder / name)
    rows, report = _scan(root)
    assert report.remarks == []
    assert _numbers(DISFA.raw(root, [rows[4], rows[0], rows[2]]), number_in) == {
        "SN001-0001": 0, "SN001-0003": 2, "SN001-0005": 4,
    }  # fmt: skip


def test_each_camera_has_its_own_video(root: Path, write_video: Write, number_in: Number) -> None:
    write_video(root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", 5, fill=(255, 255, 255))
    write_video(root / "Video_RightCamera" / "RightVideoSN001_Comp.avi", 5)
    rows, report = _scan(root, camera="both")
    assert not any("video" in part for part in report.missing)
    found = {raw.sample_id: number_in(raw.pixels) for raw in DISFA.raw(root, rows, camera="both")}
    assert found["disfa-SN001-0002"] == 4095  # all blocks white
    assert [found[f"disfa-SN001-000{n}-right"] for n in range(1, 6)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("frames", [4, 5, 6, 12])
def test_another_length_is_remarked_and_shifts_nothing(
    root: Path, write_video: Write, number_in: Number, frames: int
) -> None:
    write_video(root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", frames)
    rows, report = _scan(root)
    assert len(rows) == 5
    assert [f"states {frames} frames for 5 label lines" in remark for remark in report.remarks] == [True] * (
        frames != 5
    )
    found = list(_numbers(DISFA.raw(root, rows), number_in).values())
    assert found == [0, 1, 2, 3, 4 if frames > 4 else "frame_missing"]


@pytest.mark.parametrize("content", [b"", b"no video", b"RIFF\0\0\0\0AVI LIST"])
def test_a_broken_video_is_a_reason_for_its_rows_only(
    root: Path, write_video: Write, number_in: Number, content: bytes
) -> None:
    _label(root, "SN002")
    write_video(root / "Videos_LeftCamera" / "LeftVideoSN002_comp.avi", 5)
    savemat(_landmarks(root) / "SN001_0000_lm.mat", {"pts": np.ones((66, 2))})
    (root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi").write_bytes(content)
    rows, report = _scan(root)
    assert any("LeftVideoSN001_comp.avi: this" in part for part in report.missing)
    found = _numbers(DISFA.raw(root, rows), number_in)
    assert list(found.values()) == ["video_unreadable"] * 5 + [0, 1, 2, 3, 4]


def test_a_missing_video_is_a_reason(root: Path) -> None:
    rows, _ = _scan(root)
    assert [raw.problem for raw in DISFA.raw(root, rows)] == [("video_missing", "there is no left video of SN001")] * 5


def test_rows_of_another_corpus_are_refused(root: Path) -> None:
    with pytest.raises(InputError, match="this row is no row of DISFA"):
        list(DISFA.raw(root, [Sample("fer2013-1", "fer2013")]))


# --- landmarks -------------------------------------------------------------------------------------------------------


def _landmarks(root: Path, subject: str = "SN001") -> Path:
    folder = root / "Landmark_Points" / subject / "tmp_frame_lm"
    folder.mkdir(parents=True)
    return folder


def _first_x(root: Path) -> list[float | None]:
    raws = DISFA.raw(root, _scan(root)[0])
    return [None if raw.points is None else float(raw.points[0, 0]) for raw in raws]


@pytest.mark.parametrize("pattern", ["SN001_{:04d}_lm.mat", "l0{:04d}_lm.mat", "sn001_{:04d}_LM.mat"])
@pytest.mark.parametrize("files", [4, 5])
def test_landmarks_count_from_zero_under_each_name(root: Path, write_video: Write, pattern: str, files: int) -> None:
    write_video(root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", 5)
    folder = _landmarks(root)
    for number in range(files):
        savemat(folder / pattern.format(number), {"pts": np.full((66, 2), float(number))})
    assert _first_x(root) == [0, 1, 2, 3, 4 if files == 5 else None]


@pytest.mark.parametrize(("frames", "first"), [(5, 1.0), (6, 0.0), (7, 0.0)])
def test_one_landmark_file_more_than_pictures_means_the_first_is_surplus(
    root: Path, write_video: Write, frames: int, first: float
) -> None:
    write_video(root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi", frames)
    folder = _landmarks(root)
    for number in range(6):
        savemat(folder / f"SN001_{number:04d}_lm.mat", {"pts": np.full((66, 2), float(number))})
    assert _first_x(root) == [first + n for n in range(5)]


def test_lost_and_broken_landmarks_are_not_given(tmp_path: Path, write_video: Write) -> None:
    _label(tmp_path, "SN002", {au: [0] * 830 for au in AUS})
    write_video(tmp_path / "LeftVideoSN002_comp.avi", 830)
    folder = _landmarks(tmp_path, "SN002")
    for number in (797, 798, 799, 825, 826):
        savemat(folder / f"SN002_{number:04d}_lm.mat", {"pts": np.ones((66, 2))})
    (folder / "SN002_0797_lm.mat").write_bytes(b"broken")
    rows = [row for row in _scan(tmp_path)[0] if row.meta_info.frame in (798, 799, 800, 826, 827)]
    raws = list(DISFA.raw(tmp_path, rows))
    assert all(raw.pixels is not None for raw in raws)
    assert [raw.points is None for raw in raws] == [True, False, True, True, False]


def test_the_right_camera_has_no_landmarks(root: Path, write_video: Write) -> None:
    write_video(root / "Video_RightCamera" / "RightVideoSN001_Comp.avi", 5)
    savemat(_landmarks(root) / "SN001_0000_lm.mat", {"pts": np.ones((66, 2))})
    rows, _ = _scan(root, camera="right")
    assert [raw.points for raw in DISFA.raw(root, rows, camera="right")] == [None] * 5


# --- frames that the user extracted ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "name", "first"),
    [
        ("SN001", "{}.png", 0),
        ("sn001", "{:04d}.png", 1),
        ("SN001", "_{:04d}.png", 1),
        ("LeftVideoSN001_comp", "frame_{:05d}.jpg", 0),
    ],
)
def test_extracted_frames_count_from_zero_or_one(
    root: Path, tmp_path: Path, folder: str, name: str, first: int
) -> None:
    frames = tmp_path / "frames" / folder
    frames.mkdir(parents=True)
    for number in range(first, first + 4):
        cv2.imwrite(str(frames / name.format(number)), np.zeros((8, 8), np.uint8))
    rows, report = _scan(root, frames=tmp_path / "frames")
    assert {row.meta_info.frame_offset for row in rows} == {first - 1}
    assert not any("frames" in part or "videos" in part for part in report.missing)
    raws = list(DISFA.raw(root, rows, frames=str(tmp_path / "frames")))
    assert [raw.path for raw in raws] == [frames / name.format(n) for n in range(first, first + 4)] + [None]
    assert raws[4].problem is not None
    assert raws[4].problem[0] == "frame_missing"


def test_a_relative_folder_of_frames_lies_below_the_root(root: Path) -> None:
    (root / "Frames" / "SN001").mkdir(parents=True)
    (root / "Frames" / "SN001" / "0.png").touch()
    rows, _ = _scan(root, frames="Frames")
    assert next(DISFA.raw(root, rows, frames="Frames")).path == root / "Frames" / "SN001" / "0.png"
    with pytest.raises(UsageError, match="no/such/folder: DISFA: the option frames names no folder"):
        _scan(root, frames="/no/such/folder")


def test_a_subject_without_extracted_frames_is_said(root: Path, tmp_path: Path) -> None:
    (tmp_path / "frames" / "RightVideoSN001_comp").mkdir(parents=True)
    (tmp_path / "frames" / "RightVideoSN001_comp" / "1.png").touch()
    rows, report = _scan(root, frames=tmp_path / "frames")
    assert rows[0].meta_info.frame_offset is None
    assert "extracted frames of 1 of 1 subjects: SN001" in report.missing
    assert _scan(root, frames=tmp_path / "frames", camera="right")[0][0].meta_info.frame_offset == 0
    with pytest.raises(UsageError, match="extracted frames belong to one camera"):
        _scan(root, frames=tmp_path / "frames", camera="both")


# --- frames that a paper lists ---------------------------------------------------------------------------------------


def test_a_published_list_counts_pictures_from_zero(root: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("SN001/0.png\nSN001/3.png\nSN001/5.png\nSN007/2.png\n")
    rows, report = _scan(root, paper_frames=str(tmp_path / "list.txt"))
    assert [row.meta_info.frame for row in rows] == [1, 4]
    assert rows[1].AUs == ["AU4", "AU12", "AU25"]
    absent = "2 of the 4 frames that list.txt lists have no label in this copy: SN001/6, SN007/3"
    assert report.missing[-1] == absent
    assert DISFA.published(paper_frames=tmp_path / "list.txt") == {}


def test_a_list_without_a_zero_counts_as_the_labels_do_and_serves_both_cameras(root: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("SN001 4\n")
    rows, report = _scan(root, paper_frames=tmp_path / "list.txt", camera="both")
    assert [row.id for row in rows] == ["disfa-SN001-0004", "disfa-SN001-0004-right"]
    assert "list.txt lists no frame 0: its numbers are taken to count from 1" in report.remarks[0]
    assert not any("list.txt" in part for part in report.missing)


# --- published numbers, typed here a second time ----------------------------------------------------------------------


def test_the_tables_agree_with_independent_totals() -> None:
    assert AUS == (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    assert [int(name[2:]) for name in SUBJECTS] == [*range(1, 14), 16, 17, 18, 21, *range(23, 33)]
    assert sum(LINES.values()) == 130_814
    assert [sum(LINES[subject] for subject in FOLDS[part]) for part in (1, 2, 3)] == [43_604, 43_605, 43_605]
    assert {au: sum(parts) for au, parts in POSITIVES.items()} == {
        1: 6506, 2: 5644, 4: 19933, 6: 10327, 9: 5473, 12: 16851, 25: 36247, 26: 11533,
    }  # fmt: skip
    assert DISFA.au_set == tuple(f"AU{au}" for au in AUS)
    assert not any((DISFA.licence.pictures, DISFA.licence.labels, DISFA.licence.texts, DISFA.licence.send))


def test_the_lost_landmarks_are_the_frames_that_jaa_net_left_out() -> None:
    lost = {subject: sum(map(len, ranges)) for subject, ranges in LANDMARKS_BAD.items()}
    kept = {part: sum(LINES[s] - lost.get(s, 0) for s in subjects) for part, subjects in FOLDS.items()}
    assert kept == {1: 43_173, 2: 40_344, 3: 42_627}
    assert sum(kept.values()) == 126_144


def _full_copy(root: Path) -> Path:
    """All label files of the corpus with exactly the published positives, the first frames of each part."""
    for part, subjects in FOLDS.items():
        left = {au: POSITIVES[au][part - 1] if au in POSITIVES else 100 for au in AUS}
        for subject in subjects:
            lines = 4844 if subject == "SN010" else 4845
            coded = {}
            for au in AUS:
                here = min(left[au], lines)
                left[au] -= here
                coded[au] = [2] * here + [1] * (lines - here)
            _label(root, subject, coded)
    return root


def test_a_full_copy_counts_as_published_and_a_partial_one_does_not(tmp_path: Path) -> None:
    root = _full_copy(tmp_path)
    published = DISFA.published()
    assert (published["rows"], published["subjects"], published["files"]) == (130_814, 27, 324)
    assert (published["fold2/subjects"], published["fold3/AU26"], published["SN010"]) == (9, 2508, 4844)
    report = Report()
    counts = DISFA.count(DISFA.scan(root, report), report)
    assert {name: counts[name] for name in published} == published

    (root / "ActionUnit_Labels" / "SN031" / "SN031_au26.txt").unlink()
    for path in (root / "ActionUnit_Labels" / "SN030").iterdir():
        path.unlink()
    counts = DISFA.count(DISFA.scan(root, report), report)
    differing = {name for name in published if counts[name] != published[name]}
    assert {"rows", "subjects", "files", "fold1/subjects", "SN030"} <= differing
    assert not {"SN031", "SN001", "fold2/subjects", "fold3/subjects", "fold2/AU1"} & differing
    assert published["files"] - counts["files"] == 13


def test_published_positives_hold_for_threshold_two_only() -> None:
    assert "AU12" not in DISFA.published(threshold=1)
    assert DISFA.published(threshold=1)["rows"] == 130_814
    assert DISFA.published(camera="both")["rows"] == 261_628
    assert DISFA.published(camera="both")["AU12"] == 33_702


def test_the_video_library_is_loaded_only_for_videos() -> None:
    code = "import sys; from datasets_builders import corpus; corpus('disfa'); print({'av', 'cv2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_only_errors_of_the_tree_leave_a_scan_of_garbage(root: Path) -> None:
    rng = np.random.default_rng(7)
    for round_ in range(60):
        path = root / "ActionUnit_Labels" / "SN001" / f"SN001_au{AUS[round_ % 12]}.txt"
        path.write_bytes(rng.integers(0, 256, size=int(rng.integers(0, 40)), dtype=np.uint8).tobytes())
        with pytest.raises(FacialR1Error):
            _scan(root)
        assert _scan(root, keep_going=True)[1].errors
