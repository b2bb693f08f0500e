"""The BP4D stand-in, read back with plain code that shares nothing with the writer, and with the builder."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import datasets_builders
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Report
from datasets_builders.common.materialize import materialize
from datasets_builders.synthetic import make
from datasets_builders.synthetic.bp4d import plan
from datasets_builders.synthetic.order import Order
from facial_r1.errors import UsageError
from facial_r1.facs import EXCLUSIVE

LISTS = {  # typed from the published lists
    1: "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
    2: "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
    3: "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
}
PARTS = {part: names.split() for part, names in LISTS.items()}
POSITIVES = {  # AU: part 1, part 2, part 3, all
    1: (8322, 10223, 12497, 31042),
    2: (8172, 6568, 10370, 25110),
    4: (10085, 9870, 9800, 29755),
    6: (21055, 23312, 23309, 67676),
    7: (29862, 27651, 23103, 80616),
    10: (29183, 27954, 30133, 87270),
    12: (28277, 26187, 28066, 82530),
    14: (20274, 25762, 22339, 68375),
    15: (7664, 10024, 7181, 24869),
    17: (16080, 18379, 15947, 50406),
    23: (8023, 8657, 7608, 24288),
    24: (7076, 7867, 7286, 22229),
}
TASK_ROWS = [20074, 20837, 12821, 20208, 20795, 19553, 20339, 12220]
UNSCORED = [3, 8, 21, 25, 26, *range(40, 99)]


class Table(NamedTuple):
    """One label file: frame numbers, and rows × 100 in which column k is AU k."""

    frames: list[int]
    values: NDArray[np.uint8]


def read(root: Path) -> dict[str, Table]:
    """Every legacy label file by name."""
    found = {}
    for path in sorted(root.rglob("AU_OCC/*.csv")):
        with open(path, newline="") as handle:
            header, *rows = csv.reader(handle)
        assert header == [str(number) for number in range(100)]
        numbers = np.array(rows, dtype=int)
        found[path.stem] = Table(numbers[:, 0].tolist(), numbers.astype(np.uint8))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels of the published size."""
    done = make("bp4d", tmp_path_factory.mktemp("bp4d"), labels_only=True)
    assert done.rows == 146_847
    assert sorted(path.name for path in done.root.iterdir()) == ["AUCoding", "SYNTHETIC.json"]
    return done.root


@pytest.fixture(scope="module")
def full(made: Path) -> dict[str, Table]:
    return read(made)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people at eight tasks, 480 frames, with small pictures."""
    return make("bp4d", tmp_path_factory.mktemp("bp4d"), rows=480, width=96, workers=2).root


def test_the_full_size_has_no_difference_from_the_published_counts(made: Path) -> None:
    result = check("bp4d", made)
    assert result.differences == []
    assert result.counts["rows"] == 146_847
    assert result.gaps == ["pictures of 328 of 328 sequences: F001, F002, F003, F004, F005 and 36 more"]


def test_the_full_size_has_the_published_rows(full: dict[str, Table]) -> None:
    assert len(full) == 328
    for task, rows in enumerate(TASK_ROWS, 1):
        assert sum(len(table.frames) for name, table in full.items() if name.endswith(f"_T{task}")) == rows
    subjects = {subject: 0 for part in PARTS.values() for subject in part}
    for name, table in full.items():
        subjects[name[:4]] += len(table.frames)
    assert [sum(subjects[subject] for subject in part) for part in PARTS.values()] == [50_631, 50_182, 46_034]
    assert (min(subjects, key=subjects.__getitem__), max(subjects, key=subjects.__getitem__)) == ("F010", "M001")
    assert [subjects[name] for name in ("F001", "F010", "M001", "M018")] == [3934, 3266, 4153, 3488]


def test_sequences_are_as_long_and_numbered_as_the_real_ones(full: dict[str, Table]) -> None:
    lengths = [len(table.frames) for table in full.values()]
    assert (min(lengths), max(lengths)) == (90, 768)
    assert 470 <= median(lengths) <= 500
    for table in full.values():
        assert table.frames == list(range(table.frames[0], table.frames[0] + len(table.frames)))
    firsts = [table.frames[0] for table in full.values()]
    assert (min(firsts), max(table.frames[-1] for table in full.values())) == (1, 2992)
    assert max(firsts) > 2000


def test_the_full_size_has_the_published_positives_in_every_part(full: dict[str, Table]) -> None:
    for au, published in POSITIVES.items():
        parts = [
            sum(int((table.values[:, au] == 1).sum()) for name, table in full.items() if name[:4] in part)
            for part in PARTS.values()
        ]
        assert (*parts, sum(parts)) == published


def test_values_are_those_of_the_format(full: dict[str, Table]) -> None:
    values = np.concatenate([table.values for table in full.values()])
    coded = values[:, 1:]
    assert set(np.unique(coded)) == {0, 1, 9}
    assert (values[:, UNSCORED] == 9).all()
    assert not (values[:, list(POSITIVES)] == 9).any()
    occluded = values[:, 99] == 1
    assert occluded.sum() == 146_847 // 400
    assert (values[occluded][:, 5] == 9).all()
    others = [5, 9, 11, 13, 16, 18, 19, 20, 22, 27, 28, 30, 31, 32, 33, 34, 37, 38, 39]
    assert all((values[:, au] == 1).any() for au in others)
    assert not (values[:, [29, 35, 36]] == 1).any()
    assert 0 < (values[~occluded][:, others] == 9).mean() < 0.01


def test_action_units_come_in_runs_and_never_exclude_each_other(full: dict[str, Table]) -> None:
    table = full["F001_T1"].values
    for au in (6, 10, 12):
        starts = int((np.diff(table[:, au].astype(int)) == 1).sum())
        assert (table[:, au] == 1).sum() / max(1, starts) > 8, "mean length of a run, in frames"
    values = np.concatenate([table.values for table in full.values()])
    for pair in EXCLUSIVE | {frozenset((12, 15))}:
        one, other = sorted(pair)
        assert not ((values[:, one] == 1) & (values[:, other] == 1)).any(), (one, other)
    smile = values[:, 12] == 1
    assert (values[smile, 6] == 1).mean() > 1.2 * (values[~smile, 6] == 1).mean()


def test_intensities_agree_with_the_occurrence(made: Path, full: dict[str, Table]) -> None:
    assert sorted(path.name for path in (made / "AUCoding" / "AU_INT").iterdir()) == [
        "AU06", "AU10", "AU12", "AU14", "AU17",
    ]  # fmt: skip
    seen = set()
    for name in ("F001_T1", "M018_T8", "F010_T4"):
        for au in (6, 10, 12, 14, 17):
            lines = (made / "AUCoding" / "AU_INT" / f"AU{au:02d}" / f"{name}_AU{au:02d}.csv").read_text().splitlines()
            rows = [tuple(map(int, line.split(","))) for line in lines]
            assert [frame for frame, _ in rows] == full[name].frames
            for (_, level), values in zip(rows, full[name].values, strict=True):
                assert level == 9 if values[99] == 1 else (level > 0) == (values[au] == 1)
                seen.add(level)
    assert seen >= {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("rows", [1, 2, 40, 333, 1000])
def test_a_small_one_has_about_the_rows_and_people_of_every_part(rows: int, tmp_path: Path) -> None:
    assert make("bp4d", tmp_path, rows=rows, labels_only=True).rows == rows
    tables = read(tmp_path)
    assert sum(len(table.frames) for table in tables.values()) == rows
    parts = {fold for fold, part in PARTS.items() if {name[:4] for name in tables} & set(part)}
    assert len(parts) == min(3, rows)
    assert len({name[-1] for name in tables}) == min(8, len(tables))


def test_pictures_begin_with_0000_and_have_four_or_three_digits(tmp_path: Path) -> None:
    stand = plan(Order("bp4d", rows=12_000))
    ids = [name for sequence in stand.sequences for name in sequence.ids()]
    only = [next(name for name in ids if name.startswith(f"bp4d-{subject}-")) for subject in ("F023", "M008", "M009")]
    make("bp4d", tmp_path, rows=12_000, only=only, width=64)
    for name in only:
        _, subject, task, frame = name.split("-")
        folder = tmp_path / "Sequences(2D+3D)" / subject / task
        digits = 3 if subject == "M009" else 4
        expected = {f"{0:0{digits}d}.jpg", f"{int(frame) - 1:0{digits}d}.jpg"}
        assert {path.name for path in folder.iterdir()} == expected
    assert len(list(tmp_path.rglob("*.jpg"))) == len({path.parent for path in tmp_path.rglob("*.jpg")}) * 2


def test_every_coded_frame_has_its_picture_counted_from_zero(small: Path) -> None:
    tables = read(small)
    for name, table in tables.items():
        folder = small / "Sequences(2D+3D)" / name.replace("_", "/")
        assert sorted(int(path.stem) for path in folder.iterdir()) == sorted(
            {0, *(frame - 1 for frame in table.frames)}
        )
    first = next(iter(tables))
    picture = cv2.imread(str(small / "Sequences(2D+3D)" / first.replace("_", "/") / "0000.jpg"))
    assert picture.shape == (128, 96, 3)


def test_landmarks_are_49_points_on_the_face_and_some_are_lost(small: Path) -> None:
    lost = []
    for path in sorted((small / "2DFeatures").iterdir())[:4]:
        folder = small / "Sequences(2D+3D)" / path.stem.replace("_", "/")
        numbers = sorted(int(picture.stem) for picture in folder.iterdir())
        with h5py.File(path, "r") as file:
            column = file["fit/pred"]
            assert column.shape == (numbers[-1] + 1, 1)
            stored = {number: file[column[number, 0]][()] for number in range(len(column))}
        drawn = [number for number, matrix in stored.items() if matrix.shape == (2, 49)]
        assert all(matrix.tolist() == [0, 0] for number, matrix in stored.items() if number not in drawn)
        assert set(drawn) <= set(numbers)
        lost.append(len(numbers) - len(drawn))
        points = stored[drawn[0]]
        assert (points > 0).all()
        assert (points < np.array([[96], [128]])).all()
        assert np.ptp(points[1]) > 20, "from brow to lip"
    assert sorted(set(lost)) == [0, 1]
    assert path.read_bytes().startswith(b"MATLAB 7.3 MAT-file")


@pytest.mark.parametrize(
    ("options", "occurrence", "intensity", "picture"),
    [
        ({"header": "scored"}, "AUCoding/AU_OCC", "AUCoding/AU_INT", "Sequences(2D+3D)"),
        ({"layout": "flat"}, "AUCoding", "AU-Intensity-Codes3.0", "BP4D-training"),
        ({"layout": "nested"}, "BP4D/AUCoding/AUCoding", "BP4D/AUCoding/AU_INT", "BP4D/Sequences_2D+3D"),
        ({"count_from": 1, "landmarks": False}, "AUCoding/AU_OCC", "AUCoding/AU_INT", "Sequences(2D+3D)"),
    ],
)
def test_every_variant_is_read_alike(
    options: dict[str, object], occurrence: str, intensity: str, picture: str, tmp_path: Path
) -> None:
    make("bp4d", tmp_path / "new", rows=40, width=64, **options)
    root = tmp_path / "new"
    assert (root / occurrence / "F001_T1.csv").is_file()
    assert (root / intensity / "AU06" / "F001_T1_AU06.csv").is_file()
    assert (root / picture / "F001" / "T1").is_dir()
    make("bp4d", tmp_path / "plain", rows=40, width=64)
    corpus = datasets_builders.require("bp4d", root)
    rows, usual = (list(corpus.scan(own, Report())) for own in (root, tmp_path / "plain"))
    said = [[(row.id, row.AUs, row.meta_info.au_annotated, row.meta_info.au_intensity) for row in own]
            for own in (rows, usual)]  # fmt: skip
    assert said[0] == said[1]
    assert {row.meta_info.frame_offset for row in rows} == ({0} if "count_from" in options else {-1})
    raws, plain = (list(corpus.raw(own, given)) for own, given in ((root, rows), (tmp_path / "plain", usual)))
    assert [raw.problem for raw in raws] == [None] * 40
    if "count_from" in options:
        assert [int(one.path.stem) for one in raws] == [int(other.path.stem) + 1 for other in plain]
        return
    for one, other in zip(raws, plain, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
        assert one.points is other.points is None or np.array_equal(one.points, other.points)


@pytest.mark.parametrize("count_from", [0, 1])
def test_landmarks_belong_to_their_picture_whatever_it_is_called(count_from: int, tmp_path: Path) -> None:
    make("bp4d", tmp_path, rows=30, width=64, count_from=count_from)
    corpus = datasets_builders.require("bp4d", tmp_path)
    raws = list(corpus.raw(tmp_path, list(corpus.scan(tmp_path, Report()))))
    tips = {raw.sample_id: raw.points[13].tolist() for raw in raws if raw.points is not None}
    assert len(tips) >= 29
    assert len(set(map(tuple, tips.values()))) > 5, "the head sways, the points with it"


def test_pictures_can_be_cut_by_their_landmarks(tmp_path: Path) -> None:
    root = make("bp4d", tmp_path / "bp4d", rows=12, width=96).root
    corpus = datasets_builders.require("bp4d", root)
    rows = list(corpus.scan(root, Report()))
    made = list(materialize(corpus, root, rows, tmp_path / "images", crop="landmarks"))
    assert [picture.sample_id for picture in made] == [row.id for row in rows]
    assert [picture.reason for picture in made if picture.image is None] == ["no_landmarks"]
    cut = [picture for picture in made if picture.image is not None]
    assert all(0 < picture.width < 96 and (tmp_path / "images" / str(picture.image)).is_file() for picture in cut)


def test_the_builder_reads_what_was_planned(small: Path) -> None:
    report = Report()
    rows = {row.id: row for row in datasets_builders.corpus("bp4d").scan(small, report, occluded="keep")}
    numbers = [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27, 28, 29, 30, 31, 32, 33,
               34, 35, 36, 37, 38, 39]  # fmt: skip
    planned = 0
    for sequence in plan(Order("bp4d", rows=480)).sequences:
        for place, name in enumerate(sequence.ids()):
            known = {au for au, gone in zip(numbers, sequence.unknown[place], strict=True) if not gone}
            shown = {au for au, level in zip(numbers, sequence.levels[place], strict=True) if level} & known
            assert {int(code[2:]) for code in rows[name].AUs} == shown
            assert {int(code[2:]) for code in rows[name].meta_info.au_annotated} == known
            assert ("occluded" in rows[name].meta_info.extras()) == bool(sequence.occluded[place])
            planned += 1
    assert planned == len(rows) == 480
    assert sum("occluded" in row.meta_info.extras() for row in rows.values()) == 1
    assert any(len(row.meta_info.au_annotated) < 34 for row in rows.values())
    assert not [part for part in report.missing if "pictures" in part or "AU_INT" in part]


def test_the_same_order_gives_the_same_bytes_whatever_the_workers(tmp_path: Path) -> None:
    def tree(root: Path) -> dict[str, str]:
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    for name, workers in (("one", 1), ("two", 2)):
        make("bp4d", tmp_path / name, rows=20, width=64, workers=workers)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    make("bp4d", tmp_path / "other", rows=20, width=64, seed=1, labels_only=True)
    label = "AUCoding/AU_OCC/F001_T1.csv"
    assert (tmp_path / "one" / label).read_bytes() != (tmp_path / "other" / label).read_bytes()


@pytest.mark.parametrize(
    ("option", "value"), [("header", "modern"), ("layout", "zip"), ("count_from", 2), ("width", 20)]
)
def test_an_impossible_option_is_refused(option: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"`{option}`.*{value}"):
        make("bp4d", tmp_path / "new", rows=9, **{option: value})


@pytest.mark.parametrize("seed", range(1, 4))
def test_another_seed_has_the_published_rows_as_well(seed: int) -> None:
    sequences = plan(Order("bp4d", seed, labels_only=True)).sequences
    lengths = [len(sequence.levels) for sequence in sequences]
    assert (sum(lengths), min(lengths), max(lengths)) == (146_847, 90, 768)
    for task, rows in enumerate(TASK_ROWS, 1):
        assert sum(len(sequence.levels) for sequence in sequences if sequence.key.task == f"T{task}") == rows
