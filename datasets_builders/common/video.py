"""Chosen frames of a video, by their place in decoding order.

Labels count pictures, and time stamps of old recordings cannot be trusted, so the n-th *decoded* picture is the only
firm meaning of "frame n". It rules out seeking: a video is decoded once, from its start to the last wanted frame,
and only wanted frames are converted to RGB (which costs more than decoding them).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from facial_r1.errors import InputError

__all__ = ["stated_frames", "wanted_frames"]


def wanted_frames(path: Path, indices: Collection[int]) -> Iterator[tuple[int, NDArray[np.uint8] | None]]:
    """Decode ``path`` once and yield ``(index, picture)`` for each wanted index, ascending.

    Args:
        path: the video file.
        indices: 0-based places in decoding order; those beyond the end of the video are simply not yielded.

    Yields:
        The index and the picture, H×W×3 RGB uint8; None for a picture that the decoder says is damaged, and for
        those that build on it.

    Raises:
        InputError: when the file is no video, or breaks off in the middle (frames before that were yielded).
    """
    wanted = frozenset(indices)
    if not wanted:
        return
    last = max(wanted)
    try:
        with av.open(str(path)) as container:
            stream = _picture_stream(container, path)
            stream.thread_type = "AUTO"
            damaged = False
            for index, frame in enumerate(container.decode(stream)):
                damaged = frame.is_corrupt or (damaged and not frame.key_frame)
                if index in wanted:
                    yield index, None if damaged else frame.to_ndarray(format="rgb24")
                if index == last:
                    return
    except av.error.FFmpegError as error:
        raise _unreadable(path, error) from None


def stated_frames(path: Path) -> int:
    """How many frames the header of a video states; 0 when it does not say. Nothing is decoded.

    Raises:
        InputError: when the file is no video.
    """
    try:
        with av.open(str(path)) as container:
            return int(_picture_stream(container, path).frames)
    except av.error.FFmpegError as error:
        raise _unreadable(path, error) from None


def _picture_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if not container.streams.video:
        raise InputError("this file holds no video stream", path=path, do="take it from the official archive again")
    return container.streams.video[0]


def _unreadable(path: Path, error: av.error.FFmpegError) -> InputError:
    what = f"this video cannot be decoded ({error.strerror})"
    return InputError(what, path=path, do="take it from the official archive again")
