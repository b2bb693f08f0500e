"""How fast copies are looked for, beside ``imagehash``, and how many are found and how many are none.

    FACIAL_R1_REAL_DATA=DIR .venv/bin/python benchmarks/duplicates.py

Speed needs no corpus. The table of precision and recall takes the real FER2013 rows
(``fer2013/fer2013.csv`` below that folder; all pairs of them), 20,000 rendered faces
beside them, and attacked copies. Which pairs of FER2013 itself show one photograph was judged by eye.
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
VIEWED = 30_000
PICTURES = 2_000
RENDERED = 20_000
ATTACKED = 2_000
"""Rendered faces of which a copy is attacked; of the real ones, all."""
RADIUS = 12
DRAWN = 0.998
"""Similarity from which on two rendered faces are one."""
REPEATED = {
    *((84, 439), (89, 522), (112, 115), (303, 359), (438, 441), (97, 119), (448, 473), (86, 526), (63, 71), (111, 526)),
    *((86, 111), (15, 511), (91, 438), (91, 441), (92, 113)),
    *((69, 102), (369, 394), (9, 253)),
}
"""Rows of the 588 real ones that show one photograph, as judged by eye among the most alike pairs; the last three are
cut so differently that only a further copy of one of them is found beside the other."""


def search(_: Path, argument: str) -> Timed:
    """All pairs of random hashes within the radius."""
    from curation.duplicates.search import close

    hashes = np.random.default_rng(0).integers(0, 2**64, int(argument), dtype=np.uint64)

    def work() -> int:
        sum(len(found) for found, _ in close(hashes, hashes, RADIUS))
        return len(hashes)

    return timed(work)


def every_view(_: Path, argument: str) -> Timed:
    """The candidates among pictures of noise: 13 views and their mirrors."""
    from curation.duplicates.candidates import candidates

    rows, workers = map(int, argument.split(":"))
    pictures = np.random.default_rng(0).integers(0, 256, (rows, 32, 32), dtype=np.uint8)

    def work() -> int:
        candidates(pictures, RADIUS, workers=workers)
        return rows

    return timed(work)


def bare(_: Path, argument: str) -> Timed:
    """The physical limit: XOR and popcount of a block that stays in the cache, as often as there are pairs."""
    rows = int(argument)
    one, two = (np.random.default_rng(n).integers(0, 2**64, 256, dtype=np.uint64) for n in range(2))
    xor, bits = np.empty((256, 256), np.uint64), np.empty((256, 256), np.uint8)

    def work() -> int:
        for _ in range(rows * rows // (256 * 256)):
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
    """The physical limit: read and decode at a quarter."""
    paths = sorted(data.glob("*.jpg"))
    flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
    return timed(
        lambda: sum(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flag) is not None for path in paths)
    )


def prints(data: Path, _: str) -> Timed:
    """Fingerprints and 13 hashes of each picture."""
    from curation.duplicates.looks import fingerprint
    from curation.duplicates.views import hashes

    paths = sorted(data.glob("*.jpg"))
    hashes(fingerprint(paths[0]).small[None])  # the matrices are made once a process

    def work() -> int:
        for start in range(0, len(paths), 256):
            hashes(np.stack([fingerprint(path).small for path in paths[start : start + 256]]))
        return len(paths)

    return timed(work)


def imagehash_phash(data: Path, _: str) -> Timed:
    """One hash of the same kind by ``imagehash``."""
    import imagehash
    from PIL import Image

    paths = sorted(data.glob("*.jpg"))
    return timed(lambda: sum(1 for path in paths if imagehash.phash(Image.open(path)) is not None))


JOBS: dict[str, Job] = {
    "search": search,
    "every_view": every_view,
    "bare": bare,
    "pictures": pictures,
    "read": read,
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
    for count in GROWTH:
        limit = measure(__file__, "bare", Path(), count)
        one = measure(__file__, "search", Path(), count)
        every = measure(__file__, "every_view", Path(), f"{count}:2") if count <= VIEWED else None
        goal = f"30 s: {'met' if one.seconds <= 30 else 'missed'}" if count == HASHES else "–"
        all_views = ("–", "–") if every is None else (f"{every.seconds:.1f}", f"{every.peak:.0f}")
        rows.append((f"{count:,}", f"{limit.seconds:.1f}", f"{one.seconds:.1f}", f"{one.peak:.0f}", *all_views, goal))
    head = ("pictures", "bare XOR, count s", "one hash each s", "peak MB", "all views, 2 threads s", "peak MB", "goal")
    table(f"All pairs within {RADIUS} bits, exactly", head, rows)


def _hashing() -> None:
    names = {"read": "read and decode only", "prints": "fingerprint (13 hashes)"}
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # in the jobs: a second thread that waits would count as work
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

    def cut(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
        height, width = pixels.shape
        top, bottom, left, right = random.uniform(0.05, 0.08, 4)
        return pixels[
            round(top * height) : height - round(bottom * height), round(left * width) : width - round(right * width)
        ]

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
        "cut by 5-8 % on all four sides": cut,
        "mirrored": mirror,
        "turned up to 3°": turn,
        "cropped and mirrored": lambda pixels, random: mirror(crop(pixels, random), random),
        "all of these": lambda pixels, random: jpeg(
            resize(turn(mirror(crop(pixels, random), random), random), random), random
        ),
    }


def _found() -> None:
    data = os.environ.get("FACIAL_R1_REAL_DATA")
    if not data:
        print("FACIAL_R1_REAL_DATA is unset: no precision and recall.")
        return
    with open(Path(data) / "fer2013" / "fer2013.csv", newline="") as handle:
        real = [np.array(row["pixels"].split(), np.uint8).reshape(48, 48) for row in csv.DictReader(handle)]
    drawn = _rendered(RENDERED)
    known = len(real)
    kinds = [*range(known), *["rendered"] * RENDERED]  # two rendered faces are not compared: they are alike
    pairs = _confirmed([*real, *drawn], [n >= known for n in range(known + RENDERED)], kinds)
    count = known * (known - 1) // 2 + known * RENDERED
    print(
        f"Among all {count:,} pairs of {known} real faces, and of these with {RENDERED:,} rendered ones, "
        f"{len(pairs)} are confirmed. {len(pairs & REPEATED)} of them are among the {len(REPEATED)} pairs of FER2013 "
        f"that show one photograph; others: {sorted(pairs - REPEATED)}.\n"
    )
    rows = []
    for name, attack in _attacks().items():
        random = np.random.default_rng(0)
        figures = []
        for originals, synthetic in ((real, False), (drawn[:ATTACKED], True)):
            size = len(originals)
            copies = [np.ascontiguousarray(attack(one, random)) for one in originals]
            found = _confirmed([*originals, *copies], [synthetic] * 2 * size, [0] * size + [1] * size)
            right = sum(high - low == size for low, high in found)
            same = set() if synthetic else REPEATED
            wrong = sum(high - low != size and tuple(sorted((low, high - size))) not in same for low, high in found)
            figures += [f"{right / size:.3f}", f"{right / max(1, right + wrong):.3f}"]
        rows.append((name, *figures))
    head = ("attack", "recall, real", "precision", "recall, rendered", "precision")
    table("Copies found among all pairs with the originals", head, rows)


def _confirmed(pictures: list[np.ndarray], synthetic: list[bool], kinds: list[object]) -> set[tuple[int, int]]:
    """The pairs that are found; pictures of one kind are not compared."""
    from curation.duplicates.candidates import candidates
    from curation.duplicates.confirm import similarity
    from curation.duplicates.looks import fingerprint_of, look_of
    from facial_r1.recipe import Duplicates

    rules, greys = Duplicates(), [look_of(one) for one in pictures]
    smalls = np.stack([fingerprint_of(one).small for one in greys])
    found = set()
    for a, b, view, mirrored in candidates(smalls, rules.radius, kinds=kinds, drawn=synthetic, workers=2):
        least = DRAWN if synthetic[a] and synthetic[b] else rules.similarity
        if similarity(greys[a], greys[b], view, mirrored=mirrored) >= least:
            found.add((min(a, b), max(a, b)))
    return found


def _rendered(count: int) -> list[np.ndarray]:
    """So many people, each once, in all expressions."""
    from datasets_builders.synthetic.pictures import Face, draw
    from facial_r1.emotions import EMOTIONS

    shown = sorted(EMOTIONS)
    return [draw(Face(7, person, shown[person % len(shown)]), 96, grey=True) for person in range(count)]


if __name__ == "__main__":
    main(JOBS, report)
