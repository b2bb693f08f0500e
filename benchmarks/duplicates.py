"""How fast copies are looked for, beside ``imagehash``, and how many are found and how many are none.

    FACIAL_R1_REAL_DATA=DIR .venv/bin/python benchmarks/duplicates.py

Speed needs no corpus. The table of precision and recall takes the real FER2013 rows
(``fer2013/fer2013.csv`` below that folder; all pairs of them), rendered faces
beside them, and an attacked copy of every real picture. The pairs that FER2013 holds
itself are listed by row, to be looked at.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from measure import Job, Timed, main, measure, table, timed

HASHES = 100_000
GROWTH = (10_000, 30_000, 100_000)
PICTURES = 2_000
RENDERED = 2_000
RADIUS = 10


def search(_: Path, argument: str) -> Timed:
    """All pairs of random hashes within the radius: ``rows:views:threads``."""
    from curation.duplicates.search import close_pairs

    rows, views, workers = map(int, argument.split(":"))
    random = np.random.default_rng(0)
    index = random.integers(0, 2**64, (rows, views), dtype=np.uint64)
    asked = index[:, :1] if views == 1 else np.stack([index[:, 0], random.permutation(index[:, 0])], 1)

    def work() -> int:
        close_pairs(index, asked, RADIUS, workers=workers)
        return rows

    return timed(work)


def bare(_: Path, argument: str) -> Timed:
    """The physical limit: XOR and popcount of a block that stays in the cache, as often as there are pairs."""
    rows = int(argument)
    one, two = (np.random.default_rng(n).integers(0, 2**64, 256, dtype=np.uint64) for n in range(2))
    xor, bits = np.empty((256, 256), np.uint64), np.empty((256, 256), np.uint8)

    def work() -> int:
        for _ in range(rows * rows // 2 // (256 * 256)):
            np.bitwise_xor(one[:, None], two[None], out=xor)
            np.bitwise_count(xor, out=bits)
        return rows

    return timed(work)


def pictures(data: Path, argument: str) -> Timed:
    """Write textured JPEGs of 224 × 224."""
    random = np.random.default_rng(0)

    def work() -> int:
        for number in range(int(argument)):
            small = random.integers(0, 256, (28, 28, 3), dtype=np.uint8)
            whole = cv2.resize(small, (224, 224), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(data / f"{number}.jpg"), whole, [cv2.IMWRITE_JPEG_QUALITY, 95])
        return int(argument)

    return timed(work)


def read(data: Path, _: str) -> Timed:
    """The physical limit: read and decode at a half."""
    paths = sorted(data.glob("*.jpg"))
    flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
    return timed(
        lambda: sum(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flag) is not None for path in paths)
    )


def one_hash(data: Path, _: str) -> Timed:
    """One perceptual hash of each picture, as ``imagehash.phash`` makes."""
    from curation.duplicates.looks import hash_of, look

    paths = sorted(data.glob("*.jpg"))
    return timed(lambda: sum(1 for path in paths if hash_of(look(path)) is not None))


def prints(data: Path, _: str) -> Timed:
    """Fingerprints: seven hashes and the contrast of each picture."""
    from curation.duplicates.looks import fingerprint

    paths = sorted(data.glob("*.jpg"))
    return timed(lambda: sum(1 for path in paths if fingerprint(path).contrast >= 0))


def imagehash_phash(data: Path, _: str) -> Timed:
    """The same hash by ``imagehash``."""
    import imagehash
    from PIL import Image

    paths = sorted(data.glob("*.jpg"))
    return timed(lambda: sum(1 for path in paths if imagehash.phash(Image.open(path)) is not None))


JOBS: dict[str, Job] = {
    "search": search,
    "bare": bare,
    "pictures": pictures,
    "read": read,
    "one_hash": one_hash,
    "prints": prints,
    "imagehash": imagehash_phash,
}


def report() -> None:
    """Print the tables."""
    _searches()
    _hashing()
    _found()


def _searches() -> None:
    rows = []
    empty = Path()
    for count in GROWTH:
        limit = measure(__file__, "bare", empty, count)
        for views, cores in ((1, 1), (1, 2), (6, 2)):
            ours = measure(__file__, "search", empty, f"{count}:{views}:{cores}")
            goal = (
                "30 s: " + ("met" if ours.seconds <= 30 else "missed")
                if (count, views, cores) == (HASHES, 1, 2)
                else "–"
            )
            kind = "one hash a picture" if views == 1 else "6 views and the mirror"
            figures = (
                f"{count:,}",
                kind,
                str(cores),
                f"{ours.seconds:.1f}",
                f"{limit.seconds:.1f}",
                f"{ours.peak:.0f}",
            )
            rows.append((*figures, goal))
    head = ("pictures", "compared", "threads", "s", "bare XOR and count of one hash s", "peak MB", "goal")
    table(f"All pairs within {RADIUS} bits, exactly", head, rows)


def _hashing() -> None:
    names = {"read": "read and decode only", "one_hash": "one hash", "prints": "fingerprint (7 hashes)"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        measure(__file__, "pictures", Path(folder), PICTURES)
        for job, name in {**names, "imagehash": "imagehash.phash"}.items():
            found = measure(__file__, job, Path(folder), repeats=2)
            rate = found.rows / found.cpu
            goal = "–" if job in ("read", "imagehash") else f"4,000: {'met' if rate >= 4_000 else 'missed'}"
            rows.append((name, f"{found.rate:,.0f}", f"{rate:,.0f}", goal))
    table("Hashing JPEGs of 224 × 224", ("what", "pictures/s", "pictures/CPU s", "goal"), rows)


def _attacks() -> dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]]:
    def jpeg(pixels: np.ndarray, _: np.random.Generator) -> np.ndarray:
        return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_GRAYSCALE)

    def resize(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        factor = random.uniform(0.5, 2)
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way)

    def crop(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        height, width = pixels.shape
        kept = 1 - random.uniform(0.05, 0.08)
        high, wide = round(height * kept), round(width * kept)
        top, left = random.integers(0, height - high + 1), random.integers(0, width - wide + 1)
        return pixels[top : top + high, left : left + wide]

    def mirror(pixels: np.ndarray, _: np.random.Generator) -> np.ndarray:
        return np.ascontiguousarray(pixels[:, ::-1])

    def turn(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        height, width = pixels.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-3, 3), 1)
        return cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return {
        "JPEG quality 30": jpeg,
        "resized 50-200 %": resize,
        "cropped 5-8 %": crop,
        "mirrored": mirror,
        "turned up to 3°": turn,
        "cropped and mirrored": lambda pixels, random: mirror(crop(pixels, random), random),
        "all of these": lambda pixels, random: jpeg(
            resize(turn(mirror(crop(pixels, random), random), random), random), random
        ),
    }


def _found() -> None:
    from curation.duplicates.confirm import similarity
    from curation.duplicates.looks import fingerprint_of, look_of
    from curation.duplicates.search import close_pairs

    data = os.environ.get("FACIAL_R1_REAL_DATA")
    if not data:
        print("FACIAL_R1_REAL_DATA is unset: no precision and recall.")
        return
    with open(Path(data) / "fer2013" / "fer2013.csv", newline="") as handle:
        real = [np.array(row["pixels"].split(), np.uint8).reshape(48, 48) for row in csv.DictReader(handle)]
    real = [one for one in real if one.std() >= 2]
    faces = [*real, *_rendered(RENDERED)]
    grey = [look_of(one) for one in faces]
    marks = [fingerprint_of(one) for one in grey]
    index, asked = np.stack([one.index for one in marks]), np.stack([one.asked for one in marks])
    # Two rendered faces are not compared: they are alike.
    kinds = [*range(len(real)), *["rendered"] * (len(faces) - len(real))]
    candidates = close_pairs(index, asked, RADIUS, kinds=kinds, workers=2)
    values = np.array([similarity(grey[i], grey[j]) for i, j in candidates])
    pairs = len(faces) * (len(faces) - 1) // 2 - RENDERED * (RENDERED - 1) // 2
    close = [f"{i}-{j} {value:.2f}" for (i, j), value in zip(candidates, values, strict=True) if value >= 0.7]
    print(f"{len(real)} real and {RENDERED:,} rendered faces, {pairs:,} pairs: {len(candidates):,} candidates,")
    print(f"{(values >= 0.8).sum()} confirmed; those from 0.7 on, by row: {', '.join(close)}\n")
    rows = []
    for name, attack in _attacks().items():
        random = np.random.default_rng(0)
        copies = [look_of(attack(one, random)) for one in real]
        hashed = [fingerprint_of(one) for one in copies]
        near = np.array([_near(marks[n], hashed[n]) for n in range(len(real))])
        alike = np.array([similarity(grey[n], copies[n]) for n in range(len(real))])
        rows.append(
            (name, f"{near.mean():.3f}", f"{(alike >= 0.8).mean():.3f}", f"{(near & (alike >= 0.8)).mean():.3f}")
        )
    table("Attacked copies that are found", ("attack", "as candidates", "confirmed when compared", "recall"), rows)


def _near(one, two) -> bool:  # type: ignore[no-untyped-def]
    from curation.duplicates.search import close_pairs

    return len(close_pairs(np.stack([one.index, two.index]), np.stack([one.asked, two.asked]), RADIUS)) == 1


def _rendered(count: int) -> list[np.ndarray]:
    """Faces of the stand-in of FER2013."""
    from datasets_builders import synthetic

    with tempfile.TemporaryDirectory() as folder:
        synthetic.make("fer2013", Path(folder) / "copy", rows=count, workers=2)
        (path,) = (Path(folder) / "copy").rglob("*.csv")
        with open(path, newline="") as handle:
            rows = list(csv.reader(handle))
    place = rows[0].index("pixels") if "pixels" in rows[0] else 1
    return [np.array(row[place].split(), np.uint8).reshape(48, 48) for row in rows[1:]][:count]


if __name__ == "__main__":
    main(JOBS, report)
