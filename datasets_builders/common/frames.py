"""The pictures of labelled frames: out of a video, or out of a folder of frames that the user extracted.

Labels count frames from 1. ``frame_offset`` is what must be added to a label's frame number to get the number that
reaches the picture: −1 in a video, whose pictures are counted from 0 here, and in a folder that holds a picture 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from datasets_builders.common.corpus import Raw, Report
from facial_r1.errors import InputError

__all__ = ["VIDEO_OFFSET", "compare_length", "folder_offset", "from_folder", "from_video"]

VIDEO_OFFSET = -1

log = logging.getLogger(__name__)


def folder_offset(pictures: Mapping[int, Path]) -> int:
    """The ``frame_offset`` of numbered pictures: they count from 0 when there is a picture 0, else from 1."""
    return -1 if 0 in pictures else 0


def from_folder(pictures: Mapping[int, Path], rows: Mapping[int, str]) -> Iterator[Raw]:
    """The source pictures of ``rows`` (frame → sample id) out of numbered picture files."""
    offset = folder_offset(pictures)
    for frame, sample_id in sorted(rows.items()):
        if path := pictures.get(frame + offset):
            yield Raw(sample_id, path=path)
        else:
            yield Raw(sample_id, problem=("frame_missing", f"there is no picture {frame + offset} for frame {frame}"))


def from_video(
    video: Path, rows: Mapping[int, str], landmarks: Callable[[int], Mapping[int, Path]] | None = None
) -> Iterator[Raw]:
    """The source pictures of ``rows`` (frame → sample id) out of one sequential decode of ``video``.

    Args:
        video: the file.
        rows: frame numbers as the labels count them, from 1.
        landmarks: given the number of frames that the video states, frame → file of its landmarks. A file that
            cannot be read is logged and left out.
    """
    from datasets_builders.common.video import stated_frames, wanted_frames

    left = dict(sorted(rows.items()))
    try:
        files = landmarks(stated_frames(video)) if landmarks else {}
        for index, pixels in wanted_frames(video, {frame + VIDEO_OFFSET for frame in rows}):
            frame = index - VIDEO_OFFSET
            if pixels is None:
                yield Raw(left.pop(frame), problem=("frame_damaged", f"frame {frame} of {video.name} is damaged"))
            else:
                yield Raw(left.pop(frame), pixels=pixels, points=_points(files.get(frame)))
        reason, detail = "frame_missing", f"{video.name} ends before it"
    except InputError as error:
        reason, detail = "video_unreadable", str(error)
    for frame, sample_id in left.items():
        yield Raw(sample_id, problem=(reason, f"frame {frame}: {detail}"))


def _points(path: Path | None) -> object:
    from datasets_builders.common.landmarks import read_points

    if path is None:
        return None
    try:
        return read_points(path)
    except InputError as error:
        log.warning("%s", error)
        return None


def compare_length(video: Path, labels: int, report: Report) -> None:
    """Say when a video cannot be opened, or when its header states another length than ``labels`` lines."""
    from datasets_builders.common.video import stated_frames

    try:
        frames = stated_frames(video)
    except InputError as error:
        report.missing.append(str(error))
        return
    states = f"{video.name} states {frames} frames for {labels} label lines"
    if frames > labels:
        report.remarks.append(f"{states}: label n stays with the n-th picture, the last {frames - labels} are not used")
    elif 0 < frames < labels:
        report.remarks.append(f"{states}: the last {labels - frames} rows have no picture")
