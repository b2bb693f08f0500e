"""Frames of a video: the n-th decoded picture is the n-th, whatever is asked for and whatever is broken."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets_builders.common.corpus import Report
from datasets_builders.common.frames import compare_length, folder_offset, from_folder, from_video
from datasets_builders.common.video import stated_frames, wanted_frames
from facial_r1.errors import InputError

Write = Callable[..., Path]
Number = Callable[..., int]


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "ffv1"])
def test_every_frame_is_the_one_that_was_asked_for(
    tmp_path: Path, write_video: Write, number_in: Number, codec: str
) -> None:
    video = write_video(tmp_path / "a.avi", 60, codec)
    found = [(index, number_in(pixels)) for index, pixels in wanted_frames(video, range(60))]
    assert found == [(n, n) for n in range(60)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(indices=st.lists(st.integers(0, 45), max_size=12))
def test_any_choice_comes_once_ascending_and_without_what_lies_beyond_the_end(
    tmp_path: Path, write_video: Write, number_in: Number, indices: list[int]
) -> None:
    video = tmp_path / "a.avi"
    if not video.exists():
        write_video(video, 40)
    found = [(index, number_in(pixels)) for index, pixels in wanted_frames(video, indices)]
    assert found == [(n, n) for n in sorted(set(indices)) if n < 40]


def test_pictures_are_rgb_of_the_video_s_size(tmp_path: Path, write_video: Write) -> None:
    video = write_video(tmp_path / "red.avi", 2, fill=(220, 30, 10))
    [(_, pixels)] = wanted_frames(video, [1])
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == "uint8"
    assert abs(pixels.reshape(-1, 3).mean(0) - (220, 30, 10)).max() < 8


def test_nothing_wanted_opens_nothing(tmp_path: Path) -> None:
    assert list(wanted_frames(tmp_path / "absent.avi", [])) == []


def _wav(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))


BROKEN: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("1,0\n2,0\n"),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "missing": lambda path: path.unlink(missing_ok=True),
    "folder": lambda path: path.mkdir(),
    "sound": _wav,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_video_is_one_error_that_names_the_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "LeftVideoSN001_comp.avi"
    BROKEN[kind](path)
    with pytest.raises(InputError, match=r"LeftVideoSN001_comp\.avi: this (video|file)"):
        list(wanted_frames(path, [0]))
    with pytest.raises(InputError, match=r"LeftVideoSN001_comp\.avi"):
        stated_frames(path)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
@pytest.mark.parametrize("share", [0.31, 0.6, 0.9])
def test_a_cut_video_gives_right_pictures_or_none(
    tmp_path: Path, write_video: Write, number_in: Number, share: float, codec: str
) -> None:
    video = write_video(tmp_path / "a.avi", 80, codec)
    data = video.read_bytes()
    first, end = data.index(b"movi"), data.index(b"idx1")
    video.write_bytes(data[: first + int((end - first) * share)])
    found: list[int] = []
    with contextlib.suppress(InputError):
        for index, pixels in wanted_frames(video, range(80)):
            assert index == len(found)
            found.append(-1 if pixels is None else number_in(pixels))
    assert 10 < len(found) < 80
    assert [n for n in found if n >= 0] == list(range(len(found) - found.count(-1)))
    assert found.count(-1) <= 1


def test_damage_in_the_middle_spoils_frames_up_to_the_next_whole_picture(
    tmp_path: Path, write_video: Write, number_in: Number
) -> None:
    video = write_video(tmp_path / "a.avi", 60, "mpeg4")
    data = bytearray(video.read_bytes())
    picture = data.index(b"00dc", data.index(b"movi"))
    for _ in range(26):
        picture = data.index(b"00dc", picture + 4)
    size = int.from_bytes(data[picture + 4 : picture + 8], "little")
    data[picture + 18 : picture + 8 + size] = b"\xa5" * (size - 10)  # its head stays, its body is gone
    video.write_bytes(data)
    raws = list(from_video(video, {n: str(n) for n in range(1, 61)}))
    spoilt = [n for n, raw in enumerate(raws) if raw.problem]
    assert spoilt == list(range(spoilt[0], spoilt[-1] + 1))
    assert spoilt[0] == 26
    assert len(spoilt) < 20
    assert raws[spoilt[0]].problem == ("frame_damaged", f"frame {spoilt[0] + 1} of a.avi is damaged")
    assert all(number_in(raw.pixels) == n for n, raw in enumerate(raws) if n not in spoilt)


def test_frames_after_the_last_wanted_are_not_decoded(tmp_path: Path, write_video: Write) -> None:
    video = write_video(tmp_path / "a.avi", 200, "mjpeg")
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2] + b"\xff" * (len(data) // 2))
    assert [index for index, _ in wanted_frames(video, [3, 9])] == [3, 9]


def test_rows_of_a_video_count_from_one(tmp_path: Path, write_video: Write, number_in: Number) -> None:
    video = write_video(tmp_path / "a.avi", 5)
    raws = list(from_video(video, {5: "e", 1: "a"}))
    assert [(raw.sample_id, number_in(raw.pixels)) for raw in raws] == [("a", 0), ("e", 4)]
    assert all(raw.problem is None and raw.points is None for raw in raws)


def test_rows_beyond_a_short_video_have_a_reason_and_shift_nothing(
    tmp_path: Path, write_video: Write, number_in: Number
) -> None:
    video = write_video(tmp_path / "short.avi", 3)
    raws = list(from_video(video, {n: f"r{n}" for n in range(1, 6)}))
    assert [number_in(raw.pixels) for raw in raws[:3]] == [0, 1, 2]
    assert [raw.sample_id for raw in raws] == ["r1", "r2", "r3", "r4", "r5"]
    assert [raw.problem for raw in raws[3:]] == [
        ("frame_missing", "frame 4: short.avi ends before it"),
        ("frame_missing", "frame 5: short.avi ends before it"),
    ]


@pytest.mark.parametrize("kind", ["empty", "text", "missing", "sound"])
def test_every_row_of_a_broken_video_has_the_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "broken.avi"
    BROKEN[kind](path)
    raws = list(from_video(path, {2: "b", 1: "a"}, landmarks=lambda _: {}))
    assert [(raw.sample_id, raw.problem and raw.problem[0]) for raw in raws] == [
        ("a", "video_unreadable"),
        ("b", "video_unreadable"),
    ]
    assert all(raw.problem and "broken.avi" in raw.problem[1] and raw.pixels is None for raw in raws)


def test_lengths_that_differ_are_remarked(tmp_path: Path, write_video: Write) -> None:
    report = Report()
    video = write_video(tmp_path / "a.avi", 6)
    for labels in (5, 6, 8):
        compare_length(video, labels, report)
    assert report.remarks == [
        "a.avi states 6 frames for 5 label lines: label n stays with the n-th picture, the last 1 are not used",
        "a.avi states 6 frames for 8 label lines: the last 2 rows have no picture",
    ]
    assert report.missing == []
    compare_length(tmp_path / "absent.avi", 5, report)
    assert "absent.avi: this video cannot be decoded" in report.missing[0]


def test_extracted_frames_count_from_zero_only_when_there_is_a_zero(tmp_path: Path) -> None:
    zero = {n: tmp_path / f"{n}.png" for n in range(3)}
    one = {n: tmp_path / f"{n:04d}.png" for n in range(1, 4)}
    assert (folder_offset(zero), folder_offset(one)) == (-1, 0)
    rows = {3: "c", 1: "a", 4: "d"}
    assert [(raw.sample_id, raw.path) for raw in from_folder(zero, rows)][:2] == [("a", zero[0]), ("c", zero[2])]
    found = list(from_folder(one, rows))
    assert [raw.path for raw in found] == [one[1], one[3], None]
    assert found[2].problem == ("frame_missing", "there is no picture 4 for frame 4")
