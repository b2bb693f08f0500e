"""How fast DISFA's frames are read, against bare PyAV on the same file in the same run.

    .venv/bin/python benchmarks/video.py [--frames 1200] [--repeats 3]

Bare PyAV is the plain loop over ``container.decode`` with the same threads: once decoding only, and once turning the
same share of frames into RGB arrays as the builder is asked for. Times are the best of ``--repeats``, alternating.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from datasets_builders import corpus
from datasets_builders.common.corpus import Report
from datasets_builders.disfa.tables import AUS
from facial_r1.sample import Sample

SIZE = (1024, 768)
SHARES = (0.01, 0.1, 1.0)


def write_copy(root: Path, frames: int) -> Path:
    """One subject of DISFA at its published size: a moving picture with grain, MPEG-4 in AVI, 20 frames a second."""
    for au in AUS:
        path = root / "ActionUnit_Labels" / "SN001" / f"SN001_au{au}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{frame},0\n" for frame in range(1, frames + 1)))
    video = root / "Videos_LeftCamera" / "LeftVideoSN001_comp.avi"
    video.parent.mkdir()
    width, height = SIZE
    coarse = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    picture = coarse.repeat(8, 0).repeat(8, 1)
    with av.open(str(video), "w") as container:
        stream = container.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", 3_000_000
        for number in range(frames):
            shifted = np.ascontiguousarray(np.roll(picture, number * 3, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shifted, format="rgb24")))
        container.mux(stream.encode())
    return video


def bare(video: Path, every: int | None) -> int:
    """The plain loop: decode all, and make an RGB array of each ``every``-th frame (None: of none)."""
    count = 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for count, frame in enumerate(container.decode(stream), 1):
            if every and (count - 1) % every == 0:
                frame.to_ndarray(format="rgb24")
    return count


def builder(root: Path, rows: list[Sample]) -> int:
    """The same through the corpus."""
    return sum(raw.pixels is not None for raw in corpus("disfa").raw(root, rows))


def seconds(*jobs: Callable[[], object], repeats: int) -> list[float]:
    """The best time of each job; the jobs take turns, so that a busy machine is busy for all of them."""
    best = [float("inf")] * len(jobs)
    for _ in range(repeats):
        for place, job in enumerate(jobs):
            start = time.perf_counter()
            job()
            best[place] = min(best[place], time.perf_counter() - start)
    return best


def main() -> None:
    """Print one row per share of wanted frames."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        video = write_copy(root, options.frames)
        samples = list(corpus("disfa").scan(root, Report()))
        print(f"{options.frames} frames of {SIZE[0]}×{SIZE[1]}, {video.stat().st_size / 1e6:.1f} MB, decoded frames/s")
        print(
            f"{'wanted':>7} {'decode':>8} {'+ RGB':>8} {'builder':>8} {'of decode':>10} {'of + RGB':>9} {'peak MB':>8}"
        )
        for share in SHARES:
            every = round(1 / share)
            rows = samples[::every]
            jobs = (lambda: bare(video, None), lambda: bare(video, every), lambda: builder(root, [*rows, samples[-1]]))  # noqa: B023
            decode, rgb, ours = seconds(*jobs, repeats=options.repeats)
            rates = [f"{options.frames / part:8.0f}" for part in (decode, rgb, ours)]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{share:7.0%} {' '.join(rates)} {decode / ours:10.0%} {rgb / ours:9.0%} {peak:8.0f}")


if __name__ == "__main__":
    main()
