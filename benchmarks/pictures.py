"""How fast pictures are materialized, beside the plain loop and the physical limit, and how it grows.

    .venv/bin/python benchmarks/pictures.py

FER2013: every row of a CSV to a PNG, against ``pandas.read_csv``, ``numpy`` and Pillow's ``save``. JPEG files of
224×224: passed through byte for byte, against the bare work of it: read, decode, write. Each measurement is the best
of two fresh processes; *peak* is the highest memory of a process. ``TMPDIR`` chooses the disk; every batch ends with a
barrier that waits for all that anybody wrote to it, so a busy disk is measured and not this package.

Nothing is deleted before the end: for minutes after thousands of files were deleted, ext4 looks at each freed inode
before it gives one out again, and making a file takes ten times as long. For the same reason let a few minutes pass
between two runs, or after deleting a large folder on the same disk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Job, Timed, main, measure, table, timed

if TYPE_CHECKING:
    from datasets_builders.common.materialize import Mode

FER_ROWS = 35_887
JPEGS = 10_000
SHARES = (0.01, 0.1, 1.0)
FASTER, PER_SECOND = 5, 3_000
REPEATS = 2


def _pictures(count: int, size: tuple[int, ...]) -> Iterator[object]:
    """Blurred noise with grain: about as hard to compress as a photograph of a face."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(0)
    for _ in range(count):
        coarse = rng.integers(30, 220, (size[0] // 8, size[1] // 8, *size[2:]), dtype=np.uint8)
        smooth = cv2.resize(coarse, size[:2], interpolation=cv2.INTER_CUBIC)
        yield cv2.add(smooth, rng.integers(0, 12, size, dtype=np.uint8))


def make_fer(data: Path, argument: str) -> Timed:
    """Write ``fer2013.csv`` with so many rows."""
    import numpy as np

    data.mkdir(parents=True)
    texts = [" ".join(map(str, np.ravel(picture))) for picture in _pictures(200, (48, 48))]  # type: ignore[call-overload]
    usages = ("Training",) * 8 + ("PublicTest", "PrivateTest")
    with open(data / "fer2013.csv", "w") as handle:
        handle.write("emotion,pixels,Usage\n")
        handle.writelines(f"{row % 7},{texts[row % 200]},{usages[row % 10]}\n" for row in range(int(argument)))
    return int(argument), 0.0, 0.0


def make_jpeg(data: Path, argument: str) -> Timed:
    """Write an ExpW copy of so many photographs of 224×224 with a face each."""
    import cv2

    (data / "image" / "origin").mkdir(parents=True)
    (data / "label").mkdir()
    files = [
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for picture in _pictures(64, (224, 224, 3))
    ]
    with open(data / "label" / "label.lst", "w") as labels:
        for row in range(int(argument)):
            (data / "image" / "origin" / f"face_{row}.jpg").write_bytes(files[row % 64].tobytes())
            labels.write(f"face_{row}.jpg 0 20 20 200 200 50.5 {row % 7}\n")
    os.sync()
    return int(argument), 0.0, 0.0


def _materialize(data: Path, name: str, argument: str) -> Timed:
    from datasets_builders import corpus
    from datasets_builders.common.corpus import Report
    from datasets_builders.common.materialize import materialize

    mode: Mode
    workers, _, mode = argument.partition(":")  # type: ignore[assignment]
    wanted = corpus(name)

    def work() -> int:
        samples = list(wanted.scan(data, Report()))
        out = Path(tempfile.mkdtemp(dir=data.parent))
        made = materialize(wanted, data, samples, out, workers=int(workers), mode=mode or "copy")
        return sum(picture.reason is None for picture in made)

    return timed(work)


def fer(data: Path, argument: str) -> Timed:
    """FER2013 through scan and materialize; the argument is the number of workers."""
    return _materialize(data, "fer2013", argument)


def jpeg(data: Path, argument: str) -> Timed:
    """ExpW through scan and materialize; the argument is ``workers`` or ``workers:mode``."""
    return _materialize(data, "expw", argument)


def fer_plain(data: Path, _: str) -> Timed:
    """The loop that everybody writes."""
    import numpy as np
    import pandas as pd
    from PIL import Image

    def work() -> int:
        out = tempfile.mkdtemp(dir=data.parent)
        frame = pd.read_csv(data / "fer2013.csv")
        for row, text in enumerate(frame["pixels"]):
            pixels = np.array(text.split(), dtype=np.uint8).reshape(48, 48)
            Image.fromarray(pixels).save(f"{out}/{row}.png")
        return len(frame)

    return timed(work)


def jpeg_bare(data: Path, argument: str) -> Timed:
    """The physical limit: each file read, decoded and written, on so many threads; nothing named, hashed or synced."""
    from concurrent.futures import ThreadPoolExecutor

    import cv2
    import numpy as np

    sources = sorted((data / "image" / "origin").iterdir())

    def copy(source: Path, out: str) -> bool:
        content = source.read_bytes()
        whole = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
        Path(f"{out}/{source.name}").write_bytes(content)
        return whole

    def work() -> int:
        out = tempfile.mkdtemp(dir=data.parent)
        with ThreadPoolExecutor(int(argument)) as pool:
            return sum(pool.map(lambda source: copy(source, out), sources))

    return timed(work)


JOBS: dict[str, Job] = {
    "make_fer": make_fer,
    "make_jpeg": make_jpeg,
    "fer": fer,
    "fer_plain": fer_plain,
    "jpeg": jpeg,
    "jpeg_bare": jpeg_bare,
}


def report_fer(top: Path) -> None:
    """CSV to PNG, by size."""
    rows = []
    for share in SHARES:
        data = top / f"{share}" / "fer2013"
        measure(__file__, "make_fer", data, round(FER_ROWS * share))
        plain = measure(__file__, "fer_plain", data, repeats=REPEATS)
        one, two = (measure(__file__, "fer", data, workers, REPEATS) for workers in (1, 2))
        ratio = plain.seconds / two.seconds
        goal = "–" if share < 1 else "met" if ratio >= FASTER else "missed"
        rates = [f"{result.rate:,.0f}" for result in (plain, one, two)]
        ratios = (f"{plain.seconds / one.seconds:.1f} ×", f"{ratio:.1f} ×")
        rows.append((f"{two.rows:,}", *rates, *ratios, f"{plain.peak:.0f}", f"{two.peak:.0f}", goal))
    head = (
        "rows",
        "plain loop /s",
        "1 worker /s",
        "2 workers /s",
        "1 worker, of plain",
        "2 workers, of plain",
        "plain peak MB",
        "peak MB (main process)",
        "goal",
    )
    table(f"FER2013: CSV to PNG files (goal: {FASTER} × the plain loop, with 2 workers)", head, rows)


def report_jpeg(top: Path) -> None:
    """JPEG files passed through, by size and mode."""
    rows = []
    for share in SHARES:
        data = top / f"{share}" / "expw"
        measure(__file__, "make_jpeg", data, round(JPEGS * share))
        bare = measure(__file__, "jpeg_bare", data, 2, REPEATS)
        for mode in ("copy", "hardlink", "reference"):
            ours = measure(__file__, "jpeg", data, f"2:{mode}", REPEATS)
            goal = "–" if share < 1 or mode != "copy" else "met" if ours.rate >= PER_SECOND else "missed"
            rates = (f"{ours.rate:,.0f}", f"{bare.rate:,.0f}", f"{ours.rate / bare.rate:.0%}")
            rows.append((f"{ours.rows:,}", mode, *rates, f"{ours.peak:.0f}", goal))
    head = ("pictures", "mode", "2 workers /s", "bare decode and copy /s", "of bare", "peak MB (main process)", "goal")
    table(f"224×224 JPEG passed through (goal: {PER_SECOND:,} pictures/s with 2 workers, copied)", head, rows)


def report() -> None:
    """Both tables."""
    with tempfile.TemporaryDirectory() as folder:
        report_fer(Path(folder))
        report_jpeg(Path(folder))


if __name__ == "__main__":
    main(JOBS, report)
