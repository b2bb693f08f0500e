"""The DISFA stand-in, read back with plain code that shares nothing with the writer or the builder."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import loadmat

import datasets_builders
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make
from datasets_builders.synthetic.disfa import plan
from datasets_builders.synthetic.order import Order
from facial_r1.errors import UsageError

AUS = [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26]
PARTS = {  # typed from the published lists
    1: ["SN001", "SN002", "SN009", "SN010", "SN016", "SN026", "SN027", "SN030", "SN032"],
    2: ["SN006", "SN011", "SN012", "SN013", "SN018", "SN021", "SN024", "SN028", "SN031"],
    3: ["SN003", "SN004", "SN005", "SN007", "SN008", "SN017", "SN023", "SN025", "SN029"],
}
POSITIVES = {  # AU: part 1, part 2, part 3, all
    1: (1839, 1469, 3198, 6506),
    2: (1125, 879, 3640, 5644),
    4: (5119, 6653, 8161, 19933),
    6: (2360, 3558, 4409, 10327),
    9: (1218, 1287, 2968, 5473),
    12: (4503, 6187, 6161, 16851),
    25: (10850, 13206, 12191, 36247),
    26: (4902, 4123, 2508, 11533),
}

Table = dict[str, dict[int, list[int]]]


def read(root: Path) -> Table:
    """Subject → AU → intensities, every line checked to be ``number,intensity`` with numbers from 1."""
    table: Table = {}
    for folder in (root / "ActionUnit_Labels").iterdir():
        table[folder.name] = {}
        for au in AUS:
            rows = [line.split(",") for line in (folder / f"{folder.name}_au{au}.txt").read_text().splitlines()]
            assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
            table[folder.name][au] = [int(value) for _, value in rows]
        assert len(list(folder.iterdir())) == 12
    return table


def frames(video: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(video)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Table:
    made = make("disfa", tmp_path_factory.mktemp("disfa"), labels_only=True)
    assert made.rows == 130814
    assert [path.name for path in sorted(made.root.iterdir())] == ["ActionUnit_Labels", "SYNTHETIC.json"]
    return read(made.root)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people with 80 frames each, from both cameras."""
    return make("disfa", tmp_path_factory.mktemp("disfa"), rows=480, cameras="both", width=96, workers=2).root


def test_the_full_size_has_27_people_with_the_published_lines(full: Table) -> None:
    assert sorted(full) == sorted(subject for part in PARTS.values() for subject in part)
    for subject, columns in full.items():
        assert {len(column) for column in columns.values()} == {4844 if subject == "SN010" else 4845}


def test_the_full_size_has_the_published_positives_in_every_part(full: Table) -> None:
    for au, published in POSITIVES.items():
        parts = [sum(value >= 2 for subject in part for value in full[subject][au]) for part in PARTS.values()]
        assert (*parts, sum(parts)) == published


def test_intensities_go_from_0_to_5_and_higher_ones_are_rarer(full: Table) -> None:
    for au in AUS:
        values = np.concatenate([columns[au] for columns in full.values()])
        counts = np.bincount(values, minlength=6)
        assert len(counts) == 6
        assert (counts > 0).all()
        assert counts[0] > counts[1:].sum()
        assert counts[5] < counts[4] < counts[3]


def test_intensities_move_smoothly_in_episodes(full: Table) -> None:
    for au in (4, 12, 25):
        column = np.array(full["SN001"][au])
        steps = np.abs(np.diff(column))
        assert (steps <= 1).mean() > 0.99
        starts = np.flatnonzero(np.diff((column >= 2).astype(int)) == 1)
        positives = int((column >= 2).sum())
        assert positives / max(1, len(starts)) > 8, "mean length of a run, in frames"


def test_action_units_come_together_as_in_expressions_but_12_never_with_15(full: Table) -> None:
    table = {au: np.concatenate([columns[au] for columns in full.values()]) for au in AUS}
    smile = table[12] >= 2
    assert (table[6][smile] >= 2).mean() > 2 * (table[6] >= 2).mean()
    assert not ((table[12] > 0) & (table[15] > 0)).any()


def test_a_small_one_has_people_of_every_part_and_scaled_positives(tmp_path: Path) -> None:
    make("disfa", tmp_path, rows=1000, labels_only=True)
    table = read(tmp_path)
    assert sum(len(columns[1]) for columns in table.values()) == 1000
    for place, part in enumerate(PARTS.values()):
        there = [subject for subject in part if subject in table]
        assert len(there) == 4
        lines = sum(len(table[subject][1]) for subject in there)
        for au, published in POSITIVES.items():
            found = sum(value >= 2 for subject in there for value in table[subject][au])
            assert abs(found - published[place] * lines / (4845 * 9)) < 1


def test_the_smallest_one_is_one_frame(tmp_path: Path) -> None:
    assert make("disfa", tmp_path, rows=1, labels_only=True).rows == 1
    assert list(read(tmp_path)) == ["SN001"]


def test_videos_have_the_two_spellings_and_some_a_frame_too_many(small: Path) -> None:
    surplus = []
    for subject, columns in sorted(read(small).items()):
        left = frames(small / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi")
        right = frames(small / "Video_RightCamera" / f"RightVideo{subject}_Comp.avi")
        assert left[0].shape == right[0].shape == (72, 96, 3)
        surplus.append(len(left) - len(columns[1]))
        assert len(right) == len(left)
        assert np.abs(left[0].astype(int) - right[0]).mean() > 2, "another view"
    assert surplus == [1, 0, 1, 0, 1, 0]


def test_at_full_size_14_videos_have_a_frame_too_many() -> None:
    assert sum(footage.longer for footage in plan(Order("disfa")).footage) == 14


def test_the_face_does_what_the_labels_say(tmp_path: Path) -> None:
    """Open mouths are dark between the lips: AU25 with 26 must show where the label says so, and only there."""
    make("disfa", tmp_path, rows=240, width=160)
    dark: dict[bool, list[float]] = {True: [], False: []}
    for subject, columns in read(tmp_path).items():
        pictures = frames(tmp_path / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi")
        closed = [n for n, (a, b) in enumerate(zip(columns[25], columns[26], strict=True)) if a == b == 0]
        if not closed:
            continue
        mouth = [picture[75:110, 60:100].astype(float) for picture in pictures]
        still = np.mean([mouth[n] for n in closed], axis=0)
        for n, (a, b) in enumerate(zip(columns[25], columns[26], strict=True)):
            if a + b == 0 or a + b >= 4:
                dark[a + b >= 4].append(float(np.abs(mouth[n] - still).mean()))
    assert min(len(found) for found in dark.values()) > 10
    assert np.mean(dark[True]) > 1.5 * np.mean(dark[False])


def test_landmarks_are_66_points_on_the_face(small: Path) -> None:
    table = read(small)
    subject = sorted(table)[0]
    folder = small / "Landmark_Points" / subject / "tmp_frame_lm"
    assert sorted(path.name for path in folder.iterdir()) == [f"{subject}_{n:04d}_lm.mat" for n in range(80)]
    points = loadmat(folder / f"{subject}_0000_lm.mat")["pts"]
    assert points.shape == (66, 2)
    assert (points > 0).all()
    assert (points < (96, 72)).all()
    assert np.ptp(points[:, 1]) > 36, "from brow to chin at least half of the picture"


def test_one_person_has_odd_landmark_names_and_one_a_file_too_many(small: Path) -> None:
    folders = [small / "Landmark_Points" / subject / "tmp_frame_lm" for subject in sorted(read(small))]
    names = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert names[1][:2] == ["l00000_lm.mat", "l00001_lm.mat"]
    assert [len(found) for found in names] == [80, 80, 80, 81, 80, 80]
    first, second = (loadmat(folders[3] / name)["pts"] for name in names[3][:2])
    assert np.array_equal(first, second)


def test_extracted_frames_are_numbered_from_1(tmp_path: Path) -> None:
    make("disfa", tmp_path, rows=6, frames="extracted", width=96)
    names = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.jpg"))]
    subjects = ("SN001", "SN003", "SN006")
    assert names == [f"Frames_LeftCamera/{subject}/{n:04d}.jpg" for subject in subjects for n in (1, 2)]
    assert cv2.imread(str(tmp_path / names[0])).shape == (72, 96, 3)
    assert not list(tmp_path.rglob("*.avi"))


def test_only_films_the_wanted_people_and_repeats_pictures_elsewhere(tmp_path: Path) -> None:
    only = ["disfa-SN001-0003", "disfa-SN001-0007"]
    make("disfa", tmp_path / "some", rows=60, only=only, width=96)
    make("disfa", tmp_path / "whole", rows=60, width=96)
    assert read(tmp_path / "some") == read(tmp_path / "whole")
    name = "Videos_LeftCamera/LeftVideoSN001_comp.avi"
    assert [path.name for path in (tmp_path / "some").rglob("*.avi")] == ["LeftVideoSN001_comp.avi"]
    some, whole = frames(tmp_path / "some" / name), frames(tmp_path / "whole" / name)
    assert len(some) == len(whole) == 21
    for wanted in (2, 6):
        assert np.abs(some[wanted].astype(int) - whole[wanted]).mean() < 3
    assert some[0].max() < 30
    assert np.abs(some[20].astype(int) - some[6]).mean() < 3  # both went through the codec
    assert len(list((tmp_path / "some").rglob("*_lm.mat"))) == 2


@pytest.mark.parametrize(("option", "value"), [("cameras", "front"), ("frames", "gif"), ("width", 20)])
def test_an_impossible_option_is_refused(option: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"`{option}`.*{value}"):
        make("disfa", tmp_path / "new", rows=9, **{option: value})


@pytest.mark.parametrize("camera", ["left", "both"])
def test_the_builder_reads_what_was_planned(camera: str, small: Path) -> None:
    corpus = datasets_builders.require("disfa", small)
    samples = list(corpus.scan(small, Report(), camera=camera))
    sides = ["left", "right"] if camera == "both" else [camera]
    planned = {
        name: {f"AU{au}" for au, value in zip(AUS, row, strict=True) if value >= 2}
        for side in sides
        for subject in plan(Order("disfa", rows=480)).subjects
        for name, row in zip(subject.ids(side), subject.levels.tolist(), strict=True)
    }
    assert {sample.id: set(sample.AUs) for sample in samples} == planned


def test_the_builder_finds_every_frame_with_its_landmarks(small: Path) -> None:
    corpus = datasets_builders.require("disfa", small)
    samples = [sample for sample in corpus.scan(small, Report()) if sample.meta_info.frame in (1, 2, 40, 80)]
    raws = {raw.sample_id: raw for raw in corpus.raw(small, samples)}
    assert len(raws) == 24
    for sample in samples:
        raw, subject = raws[sample.id], sample.meta_info.subject
        assert raw.problem is None
        assert raw.points.shape == (66, 2)
        video = frames(small / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi")
        assert np.abs(raw.pixels.astype(int) - video[sample.meta_info.frame - 1]).max() <= 2
    names = (f"disfa-{sorted(read(small))[3]}-{frame:04d}" for frame in (1, 40, 80))
    nose = [raws[name].points[30] for name in names]
    assert max(np.linalg.norm(point - nose[0]) for point in nose) > 1, "the head sways, the points with it"
