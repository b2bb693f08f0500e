"""BP4D: hand-typed label files of both header families, copies that are odd, broken, partial or another corpus."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datasets_builders import corpus, require
from datasets_builders.bp4d.tables import (
    AUS,
    FOLDS,
    OFF_BY_ONE,
    PARTITIONS,
    POSITIVES,
    ROWS,
    SUBJECTS,
    TASK_ROWS,
)
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample, strict_faults

BP4D = corpus("bp4d")

LEGACY_HEADER = (
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,"
    "40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,66,67,68,69,70,71,72,73,74,75,76,"
    "77,78,79,80,81,82,83,84,85,86,87,88,89,90,91,92,93,94,95,96,97,98,99"
)
SCORED_HEADER = "1,1,2,4,5,6,7,9,10,11,12,13,14,15,16,17,18,19,20,22,23,24,27,28,29,30,31,32,33,34,35,36,37,38,39,99"
SCORED = [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27, 28, 29, 30, 31, 32, 33, 34,
          35, 36, 37, 38, 39]  # fmt: skip

# The same four frames in both families, typed by hand. 2440: AU6, AU12. 2441: AU6 unknown, AU1. 2442: nothing.
# 2443: AU39, and column 99 marks it.
LEGACY = f"""{LEGACY_HEADER}
2440,0,0,9,0,0,1,0,9,0,0,0,1,0,0,0,0,0,0,0,0,9,0,0,0,9,9,0,0,0,0,0,0,0,0,0,0,0,0,0,\
9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,0
2441,1,0,9,0,0,9,0,9,0,0,0,0,0,0,0,0,0,0,0,0,9,0,0,0,9,9,0,0,0,0,0,0,0,0,0,0,0,0,0,\
9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,0
2442,0,0,9,0,0,0,0,9,0,0,0,0,0,0,0,0,0,0,0,0,9,0,0,0,9,9,0,0,0,0,0,0,0,0,0,0,0,0,0,\
9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,0
2443,0,0,9,0,0,0,0,9,0,0,0,0,0,0,0,0,0,0,0,0,9,0,0,0,9,9,0,0,0,0,0,0,0,0,0,0,0,0,1,\
9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,9,1
"""
RERELEASE = f"""{SCORED_HEADER}
2440,0,0,0,0,1,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
2441,1,0,0,0,9,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
2442,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
2443,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,1
"""
CODED = [["AU6", "AU12"], ["AU1"], []]
"""What the first three frames show; the fourth is occluded."""


def write(root: Path, path: str, text: str | bytes) -> Path:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def scan(root: Path, *, keep_going: bool = False, **options: object) -> tuple[list[Sample], Report]:
    report = Report(keep_going=keep_going)
    return list(BP4D.scan(root, report, **options)), report


def scored(frames: dict[int, str]) -> str:
    """A re-release file in which each frame shows the AU that its digits begin with: typed for counting only."""
    return SCORED_HEADER + "\n" + "".join(f"{frame},{values}\n" for frame, values in frames.items())


NOTHING = ",".join("0" * 35)


@pytest.fixture(params=["legacy", "rerelease"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    text = LEGACY if request.param == "legacy" else RERELEASE
    write(tmp_path / "BP4D", "AUCoding/AU_OCC/F001_T1.csv", text)
    write(tmp_path / "BP4D", "AUCoding/AU_INT/AU06/F001_T1_AU06.csv", "2440,2\n2441,9\n2442,0\n2443,0\n")
    return write(tmp_path / "BP4D", "AUCoding/AU_INT/AU12/F001_T1_AU12.csv", "2440,5\n2441,0\n2442,0\n2443,1\n")


def pictures(root: Path, numbers: range | list[int], folder: str = "Sequences(2D+3D)/F001/T1", digits: int = 4) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (root / folder / f"{number:0{digits}d}.jpg").touch()


# --- rows ------------------------------------------------------------------------------------------------------------


def test_both_header_families_say_the_same(root: Path) -> None:
    rows, report = scan(root)
    assert [row.id for row in rows] == ["bp4d-F001-T1-2440", "bp4d-F001-T1-2441", "bp4d-F001-T1-2442"]
    assert [row.AUs for row in rows] == CODED
    meta = rows[0].meta_info
    assert (meta.task, meta.subject, meta.group, meta.fold, meta.split) == ("au", "F001", "F001", 1, None)
    assert (meta.frame, meta.frame_offset, meta.au_source, meta.au_threshold) == (2440, None, "human", None)
    assert meta.source == "AUCoding/AU_OCC/F001_T1.csv:2"
    assert [int(code[2:]) for code in meta.au_annotated] == SCORED
    assert {code for code in meta.au_annotated if code.startswith("AD")} == {
        "AD19", "AD29", "AD30", "AD31", "AD32", "AD33", "AD34", "AD35", "AD36", "AD37",
    }  # fmt: skip
    assert (rows[0].labels, meta.label_source, meta.label_set) == ([], None, [])
    assert meta.extras() == {"sequence": "T1", "elicitation": "happiness"}
    assert report.remarks == []


def test_nine_is_unknown_and_not_absent(root: Path) -> None:
    rows, _ = scan(root)
    assert "AU6" not in rows[1].meta_info.au_annotated
    assert len(rows[1].meta_info.au_annotated) == 33
    assert rows[1].meta_info.au_intensity == [{"au": "AU12", "value": 0}]


def test_intensities_stand_beside_the_occurrence(root: Path) -> None:
    rows, _ = scan(root)
    assert rows[0].meta_info.au_intensity == [{"au": "AU6", "value": 2}, {"au": "AU12", "value": 5}]
    assert rows[2].meta_info.au_intensity == [{"au": "AU6", "value": 0}, {"au": "AU12", "value": 0}]


def test_an_occluded_row_is_dropped_with_its_labels_or_kept_and_marked(root: Path) -> None:
    rows, report = scan(root)
    [dropped] = report.dropped
    assert (dropped.dataset, dropped.id, dropped.reason) == ("bp4d", "bp4d-F001-T1-2443", "occluded")
    assert (dropped.source, dropped.AUs) == ("AUCoding/AU_OCC/F001_T1.csv:5", ("AU39",))
    assert "column 99" in dropped.detail
    kept, report = scan(root, occluded="keep")
    assert [row.id for row in kept[:3]] == [row.id for row in rows]
    assert (kept[3].AUs, report.dropped) == (["AU39"], [])
    assert kept[3].meta_info.extras() == {"sequence": "T1", "elicitation": "happiness", "occluded": True}


def test_rows_are_as_a_release_wants_them_but_for_the_picture(root: Path) -> None:
    for row in scan(root, occluded="keep")[0]:
        row.image = "bp4d/x.jpg"
        assert strict_faults(row) == []


def test_a_row_of_which_nothing_was_coded_has_no_task(tmp_path: Path) -> None:
    nines = ",".join("9" * 34)
    write(tmp_path, "F001_T1.csv", scored({7: f"{nines},0", 8: f"{nines},9"}))
    rows, _ = scan(tmp_path)
    assert [(row.AUs, row.meta_info.au_annotated, row.meta_info.task) for row in rows] == [([], [], None)] * 2
    assert rows[0].meta_info.au_source is None


def test_the_elicitation_of_every_task_is_told_and_never_a_label(tmp_path: Path) -> None:
    for task in range(1, 9):
        write(tmp_path, f"AUCoding/M018_T{task}.csv", scored({1: NOTHING}))
    rows, _ = scan(tmp_path)
    assert [row.meta_info.extras()["elicitation"] for row in rows] == [
        "happiness", "sadness", "surprise", "embarrassment", "fear", "physical pain", "anger", "disgust",
    ]  # fmt: skip
    assert not any(row.labels for row in rows)


def test_equal_codings_share_their_lists(tmp_path: Path) -> None:
    write(tmp_path, "F001_T1.csv", scored({1: NOTHING, 2: NOTHING}))
    first, second = scan(tmp_path)[0]
    assert first.AUs is second.AUs
    assert first.meta_info.au_annotated is second.meta_info.au_annotated


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("occurrence", "intensity"),
    [
        ("AUCoding/F001_T1.csv", "AU-Intensity-Codes3.0/AU06/F001_T1_AU06.csv"),
        ("BP4D/bp4d/aucoding/AUCoding/f001_t1.CSV", "x/au_int/au6/f001_t1_au6.csv"),
        ("AUCoding/AU_OCC/F001_T1.csv", "AU-Intensity-Codes3.0/AU06/F001_T1.csv"),
    ],
    ids=["flat", "nested and lower case", "the AU in the folder's name only"],
)
def test_every_spelling_of_a_copy_reads_the_same(tmp_path: Path, occurrence: str, intensity: str) -> None:
    write(tmp_path, occurrence, LEGACY)
    write(tmp_path, intensity, "2440,2\n2441,9\n2442,0\n2443,0\n")
    assert BP4D.recognises(tmp_path)
    rows, report = scan(tmp_path)
    assert [row.AUs for row in rows] == CODED
    assert [row.meta_info.au_intensity for row in rows] == [
        [{"au": "AU6", "value": 2}],
        [],
        [{"au": "AU6", "value": 0}],
    ]
    assert rows[0].meta_info.source == f"{occurrence}:2"
    assert report.remarks == []


def test_linked_and_read_only_copies_read_the_same(root: Path, tmp_path: Path) -> None:
    pictures(root, range(2439, 2443))
    rows = [row.to_line() for row in scan(root)[0]]
    (tmp_path / "link").symlink_to(root)
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o555)
    try:
        found, _ = scan(tmp_path / "link")
        assert [row.to_line() for row in found] == rows
        assert [raw.problem for raw in BP4D.raw(root, found)] == [None] * 3
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(stat.S_IRWXU)


def test_a_copy_unpacked_twice_is_read_once(root: Path) -> None:
    text = (root / "AUCoding" / "AU_OCC" / "F001_T1.csv").read_text()
    write(root, "BP4D/AUCoding/AU_OCC/F001_T1.csv", text)
    rows, report = scan(root)
    assert len(rows) == 3
    assert report.remarks == ["1 label files are there more than once; the one nearer to the root is read"]
    write(root, "BP4D/AUCoding/AU_OCC/F001_T1.csv", text.replace("2443", "2444"))
    with pytest.raises(InputError, match=r"two different label files for one sequence\. Found: .*AU_OCC/F001_T1\.csv"):
        scan(root)


def test_missing_parts_are_said_and_the_rest_works(tmp_path: Path) -> None:
    write(tmp_path, "AUCoding/AU_OCC/F001_T1.csv", LEGACY)
    write(tmp_path, "AUCoding/AU_OCC/M018_T8.csv", LEGACY)
    rows, report = scan(tmp_path)
    assert len(rows) == 6
    assert report.missing == [
        "label files (AU_OCC) of 326 of 328 sequences: F001/T2, F001/T3, F001/T4, F001/T5, F001/T6 and 48 more",
        "intensities (AU_INT): no file is there",
        "pictures of 2 of 2 sequences: F001/T1, M018/T8",
    ]
    write(tmp_path, "AUCoding/AU_INT/AU06/F001_T1_AU06.csv", "2440,2\n2441,9\n2442,0\n2443,0\n")
    write(tmp_path, "2DFeatures/M018_T8.mat", b"")
    pictures(tmp_path, range(2439, 2442))
    assert scan(tmp_path)[1].missing[1:] == [
        "intensities (AU_INT) of 1 of 2 sequences: M018/T8",
        "landmarks (2DFeatures) of 1 of 2 sequences: F001/T1",
        "pictures of 1 of 2 sequences: M018/T8",
        "pictures of 1 of 8 coded frames, in sequences that have others: F001/T1/2443",
    ]


def test_pictures_alone_are_recognised_and_give_no_rows(tmp_path: Path) -> None:
    for task in range(1, 9):
        pictures(tmp_path, [0, 1], f"Sequences/F001/T{task}")
    pictures(tmp_path, [0, 1], "Sequences/F002/T3")
    assert BP4D.recognises(tmp_path)
    rows, report = scan(tmp_path)
    assert rows == []
    assert report.missing == [
        "label files (AU_OCC) of 328 of 328 sequences, 9 of which have a folder of pictures: "
        "F001, F002, F003, F004, F005 and 36 more"
    ]


def test_intensities_alone_give_no_rows(tmp_path: Path) -> None:
    write(tmp_path, "AU_INT/AU06/F001_T1_AU06.csv", "2440,2\n")
    assert BP4D.recognises(tmp_path)
    rows, report = scan(tmp_path)
    assert rows == []
    assert report.missing[0].startswith("label files (AU_OCC) of 328 of 328 sequences: F001, F002")


@pytest.mark.parametrize("sign", ["AUCoding/AU_OCC/F024_T1.csv", "AUCoding/AU_OCC/F001_T10.csv", "2D/M019/T1/0.jpg"])
def test_bp4d_plus_is_refused_by_name(tmp_path: Path, sign: str) -> None:
    write(tmp_path, "AUCoding/AU_OCC/F001_T1.csv", RERELEASE)
    write(tmp_path, sign, "")
    assert not BP4D.recognises(tmp_path)
    for attempt in (lambda: require("bp4d", tmp_path), lambda: scan(tmp_path)):
        with pytest.raises(NotThisCorpus, match=r"not BP4D\. Found: BP4D\+, which is another corpus"):
            attempt()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(NotThisCorpus, match=r"AUCoding/AU_OCC/F001_T1\.csv"):
        require("bp4d", tmp_path)
    with pytest.raises(NotThisCorpus, match="this folder is not BP4D"):
        scan(tmp_path)


# --- odd and broken label files --------------------------------------------------------------------------------------


def test_a_gap_in_the_numbers_is_a_remark_and_the_numbers_stay(tmp_path: Path) -> None:
    write(tmp_path, "F001_T1.csv", scored({1: NOTHING, 2: NOTHING, 5: NOTHING}))
    rows, report = scan(tmp_path)
    assert [row.meta_info.frame for row in rows] == [1, 2, 5]
    what = "1 of 1 sequences have frame numbers that do not follow each other (rows keep the number they have)"
    assert report.remarks == [f"{what}: F001/T1, 2 then 5"]


def test_intensities_are_joined_by_frame_number_and_a_shorter_file_is_a_remark(tmp_path: Path) -> None:
    write(tmp_path, "F001_T1.csv", scored({1: NOTHING, 2: NOTHING, 3: NOTHING}))
    write(tmp_path, "AU_INT/AU17/F001_T1_AU17.csv", "2,4\n3,1\n")
    rows, report = scan(tmp_path)
    rated = [row.meta_info.au_intensity for row in rows]
    assert rated == [[], [{"au": "AU17", "value": 4}], [{"au": "AU17", "value": 1}]]
    what = "1 of 1 sequences have an AU_INT file of another length than AU_OCC"
    assert report.remarks == [f"{what}: F001/T1 AU17 2 of 3"]


def test_columns_that_are_missing_or_surplus_are_said(tmp_path: Path) -> None:
    write(tmp_path, "F001_T1.csv", "frame,12,25,6\n1,1,1,0\n2,0,9,1\n")
    write(tmp_path, "AU_INT/AU25/F001_T1_AU25.csv", "1,3\n")
    rows, report = scan(tmp_path)
    assert [(row.AUs, row.meta_info.au_annotated) for row in rows] == [
        (["AU12"], ["AU6", "AU12"]),
        (["AU6"], ["AU6", "AU12"]),
    ]
    lacking, no_flag, surplus, unrated = report.remarks
    assert lacking.startswith("1 of 1 sequences have no column for AU1, AU2, AU4, AU5, AU7, ")
    assert no_flag == "1 of 1 sequences have no column 99 (nothing is known to be occluded): F001/T1"
    assert "have values for AU25, which BP4D does not score; they are ignored: F001/T1" in surplus
    assert "have an AU_INT file of AU25, which BP4D does not rate; it is ignored: F001/T1" in unrated


BROKEN: dict[str, tuple[str, str]] = {
    "another header": (
        "frame,AU1,AU2\n1,0,0\n",
        r"F001_T1\.csv:1: this is no header of an AU_OCC file of BP4D\. Found: 3",
    ),
    "no header": (f"2440,{NOTHING}\n", r"Found: 36 columns, `2440,0,0,0.*Expected: 100 columns `0,1,2,…,99`, or fewer"),
    "the header of 100 columns shuffled": (LEGACY.replace("0,1,2,3", "0,2,1,3", 1), r"Found: 100 columns, `0,2,1,3"),
    "more than 50 columns": (",".join(map(str, range(60))) + "\n", "Found: 60 columns"),
    "an AU_INT file": ("2440,1\n2441,0\n", "Found: 2 columns, `2440,1`"),
    "empty": ("", r"F001_T1\.csv: this label file is empty"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_label_file_is_one_clear_error(tmp_path: Path, kind: str) -> None:
    text, words = BROKEN[kind]
    write(tmp_path, "F001_T1.csv", text)
    write(tmp_path, "F001_T2.csv", LEGACY)
    with pytest.raises(InputError, match=words):
        scan(tmp_path)
    rows, report = scan(tmp_path, keep_going=True)
    assert [row.AUs for row in rows] == CODED
    assert len(report.errors) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2441,1,0", r"F001_T1\.csv:3: this line holds 3 fields\. Found: `2441,1,0`\. Expected: 36 fields"),
        (f"2441,7{NOTHING[1:]}", r"F001_T1\.csv:3: AU1 has a value that it cannot have\. .* 9 \(unknown\)"),
        (f"2441,{NOTHING[:-1]}2", r"F001_T1\.csv:3: the column 99 has a value that it cannot have"),
        (f"2441,0,0,,0{NOTHING[7:]}", "AU4 has a value that it cannot have"),
        (f"x,{NOTHING}", "the first field is no frame number"),
        (f"0,{NOTHING}", "the first field is no frame number. .* Expected: a whole number from 1"),
        (f"24.5,{NOTHING}", "the first field is no frame number"),
    ],
)
def test_a_broken_line_is_named_and_costs_only_its_row(tmp_path: Path, line: str, words: str) -> None:
    write(tmp_path, "F001_T1.csv", f"{SCORED_HEADER}\n2440,{NOTHING}\n{line}\n2442,{NOTHING}\n")
    with pytest.raises(InputError, match=words):
        scan(tmp_path)
    rows, report = scan(tmp_path, keep_going=True)
    assert [(row.meta_info.frame, row.meta_info.source) for row in rows] == [
        (2440, "F001_T1.csv:2"),
        (2442, "F001_T1.csv:4"),
    ]
    assert len(report.errors) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2440,2\n2441,6\n", r"AU06\.csv:2: AU6 has a value that it cannot have\. .* Expected: 0 \(absent\) to 5"),
        ("frame,intensity\n2440,2\n", r"AU06\.csv:1: the first field is no frame number"),
        ("2440,2\n2441", r"AU06\.csv:2: this line holds 1 fields \(the file seems to be cut here\)"),
        ("", r"AU06\.csv: this label file is empty"),
    ],
)
def test_a_broken_intensity_file_costs_only_its_intensities(root: Path, text: str, words: str) -> None:
    write(root, "AUCoding/AU_INT/AU06/F001_T1_AU06.csv", text)
    with pytest.raises(InputError, match=words):
        scan(root)
    rows, report = scan(root, keep_going=True)
    assert [row.AUs for row in rows] == CODED
    assert {"au": "AU12", "value": 5} in rows[0].meta_info.au_intensity
    assert len(report.errors) == 1


def test_columns_that_changed_places_change_the_rows(root: Path) -> None:
    path = root / "AUCoding" / "AU_OCC" / "F001_T1.csv"
    lines = [line.split(",") for line in path.read_text().splitlines()]
    for line in lines[1:]:
        line[1], line[2] = line[2], line[1]
    path.write_text("\n".join(map(",".join, lines)))
    assert [row.AUs for row in scan(root)[0]] == [["AU6", "AU12"], ["AU2"], []]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frame_offset": 1}, "unknown frame_offset. Found: 1. Expected: auto, 0 or -1"),
        ({"frame_offset": False}, "unknown frame_offset"),
        ({"occluded": "flag"}, "unknown value of the option occluded. Found: flag. Expected: drop or keep"),
        ({"camera": "left"}, "unknown option. Found: camera. Expected: only frame_offset, occluded, pictures, paper_"),
    ],
)
def test_wrong_options_are_usage_errors(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scan(root, **options)
    with pytest.raises(UsageError, match=words):
        BP4D.published(**options)


# --- published numbers, typed here a second time ----------------------------------------------------------------------


def test_the_tables_agree_with_independent_totals() -> None:
    assert list(AUS) == SCORED
    women, men = ([f"{sex}{n:03d}" for n in range(1, last + 1)] for sex, last in (("F", 23), ("M", 18)))
    assert list(SUBJECTS) == women + men
    assert [len(part) for part in FOLDS.values()] == [14, 14, 13]
    assert FOLDS[3] == (
        "F004", "F006", "F007", "F012", "F014", "F015", "F017", "F019", "F021", "M003", "M006", "M009", "M015",
    )  # fmt: skip
    assert sum(ROWS.values()) == sum(TASK_ROWS.values()) == 146_847
    printed = {1: 31043, 2: 25110, 4: 29755, 6: 67677, 7: 80617, 10: 87271, 12: 82531, 14: 68376, 15: 24869,
               17: 50407, 23: 24288, 24: 22229}  # fmt: skip
    assert {au: sum(parts) + (au in OFF_BY_ONE) for au, parts in POSITIVES.items()} == printed
    assert not any((BP4D.licence.pictures, BP4D.licence.labels, BP4D.licence.texts, BP4D.licence.send))


def test_the_partitions_are_those_of_the_literature() -> None:
    rows = {name: sum(ROWS[fold] for fold in FOLDS if FOLDS[fold] != own["test"])
            for name, own in PARTITIONS.items() if "test" in own}  # fmt: skip
    assert rows == {"fold1": 100_813, "fold2": 96_665, "fold3": 96_216}
    for name, own in PARTITIONS.items():
        assert sorted(subject for part in own.values() for subject in part) == list(SUBJECTS), name
    fera = PARTITIONS["fera2015"]
    assert (len(fera["train"]), len(fera["val"])) == (21, 20)
    assert (fera["train"][:2], fera["val"][-1]) == (("F001", "F003"), "M018")


def test_a_small_copy_counts_occluded_rows_as_the_published_figures_do(root: Path) -> None:
    report = Report()
    counts = BP4D.count(BP4D.scan(root, report), report)
    assert (counts["rows"], counts["sequences"], counts["subjects"]) == (4, 1, 1)
    assert (counts["T1"], counts["F001"], counts["fold1/rows"], counts["fold1/subjects"]) == (4, 4, 4, 1)
    assert (counts["AU12"], counts["fold1/AU12"], counts["AU39"], counts["AU2"]) == (1, 1, 1, 0)
    kept = Report()
    assert BP4D.count(BP4D.scan(root, kept, occluded="keep"), kept) == counts


def test_a_figure_whose_sources_disagree_by_one_may_differ_by_one(root: Path) -> None:
    differing = {difference.what for difference in check("bp4d", root).differences}
    assert differing == set(BP4D.published())
    assert {name for name in BP4D.tolerances if "/" not in name} == {f"AU{au}" for au in (1, 6, 7, 10, 12, 14, 17)}
    assert set(BP4D.tolerances.values()) == {1}
    assert set(BP4D.tolerances) < set(BP4D.published())
    assert (BP4D.published()["AU1"], BP4D.published()["fold3/AU24"]) == (31_042, 7286)


def test_heavy_libraries_are_loaded_only_for_pictures() -> None:
    code = "import sys; from datasets_builders import corpus; corpus('bp4d'); print({'h5py', 'cv2'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
