"""Materializing on real files: what is written, what is recorded, what is kept after a kill, what is spared."""

# ruff: noqa: ARG002, ARG005 - the fake corpus has the signatures of the contract

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import textwrap
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets_builders.common.corpus import Corpus, Licence, Picture, Raw, Report
from datasets_builders.common.crops import clip_box, crop_to, landmark_square, shrink
from datasets_builders.common.materialize import materialize
from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.sample import Meta, Sample

Box = tuple[int, int, int, int]


@dataclass
class Album(Corpus):
    """Pictures of a folder in the order given, with boxes and points by name; ``asked`` counts what was read."""

    boxes: dict[str, Box] = field(default_factory=dict)
    points: dict[str, Any] = field(default_factory=dict)
    pixels: dict[str, Any] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    name = "album"
    title = "Album"
    licence = Licence("own pictures", "https://example.org")

    def recognises(self, root: Path) -> bool:
        return root.is_dir()

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        yield from rows(*sorted(path.name for path in root.iterdir()))

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        for sample in samples:
            name = str(sample.meta_info.source)
            self.asked.append(sample.id)
            if name in self.later:
                yield Raw(sample.id, later=self.later[name])
            elif name in self.pixels:
                yield Raw(sample.id, pixels=self.pixels[name], box=self.boxes.get(name))
            else:
                yield Raw(sample.id, path=root / name, box=self.boxes.get(name), points=self.points.get(name))

    def published(self, **options: Any) -> Mapping[str, int]:
        return {}

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        return Counter(rows=sum(1 for _ in samples))


def rows(*names: str) -> list[Sample]:
    stems = [name.partition(".")[0] for name in names]
    metas = [Meta(sample_id=stem, source=name) for stem, name in zip(stems, names, strict=True)]
    return [Sample(id=stem, dataset="album", meta_info=meta) for stem, meta in zip(stems, metas, strict=True)]


def gradient(width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """RGB: red grows to the right, green downwards."""
    red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([red, green, np.full_like(red, 90)], axis=2).astype(np.uint8)


def encoded(width: int = 64, height: int = 48, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gradient(width, height)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six good JPEG files of different sizes."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(6):
        (folder / f"p{number}.jpg").write_bytes(encoded(64 + number, 48))
    return folder


def run(root: Path, out: Path, corpus: Album | None = None, names: Sequence[str] = (), **how: Any) -> list[Picture]:
    names = names or sorted(path.name for path in root.iterdir())
    return list(materialize(corpus or Album(), root, rows(*names), out, **how))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def show(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path))


def test_a_picture_file_is_passed_through_byte_for_byte(root: Path, tmp_path: Path) -> None:
    made = run(root, tmp_path / "out")
    for number, picture in enumerate(made):
        source = (root / f"p{number}.jpg").read_bytes()
        digest = hashlib.sha256(source).hexdigest()
        assert picture == Picture(f"p{number}", f"album/p{number}.jpg", digest, 64 + number, 48)
        assert (tmp_path / "out" / f"album/p{number}.jpg").read_bytes() == source


@pytest.mark.parametrize("how", [{}, {"crop": "box"}, {"max_side": 20}])
def test_results_keep_the_order_of_the_rows_and_do_not_depend_on_workers(
    root: Path, tmp_path: Path, how: dict[str, Any]
) -> None:
    (root / "broken.jpg").write_bytes(b"no picture")
    for number in range(6, 80):
        (root / f"p{number}.jpg").write_bytes(encoded(64, 40 + number))
    names = sorted((path.name for path in root.iterdir()), key=lambda name: hashlib.sha256(name.encode()).digest())
    boxes: dict[str, Box] = dict.fromkeys(names, (5, 5, 40, 40))
    one = run(root, tmp_path / "one", Album(boxes), names, workers=1, **how)
    two = run(root, tmp_path / "two", Album(boxes), names, workers=2, **how)
    assert [picture.sample_id for picture in one] == [name.partition(".")[0] for name in names]
    assert one == two
    assert tree(tmp_path / "one" / "album") == tree(tmp_path / "two" / "album")
    assert len(tree(tmp_path / "one" / "album")) == 80


def test_a_box_is_clipped_to_the_picture_cut_and_recorded(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "a.png").write_bytes(encoded(200, 160, "PNG"))
    (picture,) = run(root, tmp_path / "out", Album({"a.png": (150, -20, 240, 100)}), crop="box")
    assert picture.box == (150, 0, 200, 100)
    assert (picture.width, picture.height, picture.image) == (50, 100, "album/a.png")
    assert np.array_equal(show(tmp_path / "out" / "album/a.png"), gradient(200, 160)[0:100, 150:200])


def test_without_a_crop_the_box_is_clipped_and_recorded_and_the_file_untouched(root: Path, tmp_path: Path) -> None:
    (picture,) = run(root, tmp_path / "out", Album({"p0.jpg": (-5, 4, 900, 900)}), ["p0.jpg"])
    assert picture.box == (0, 4, 64, 48)
    assert (tmp_path / "out/album/p0.jpg").read_bytes() == (root / "p0.jpg").read_bytes()


@pytest.mark.parametrize(("count", "room"), [(5, 40), (49, 18), (66, 8)])
def test_landmarks_are_cut_as_a_square_with_a_margin(tmp_path: Path, count: int, room: int) -> None:
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "a.png").write_bytes(encoded(200, 160, "PNG"))
    points = [[50.0, 60.0], [90.0, 80.0], [float("nan"), 0.0]]
    points += [[70.0, 70.0]] * (count - 3)
    (picture,) = run(root, tmp_path / "out", Album(points={"a.png": points}), crop="landmarks")
    left = 50 - room  # 40 wide, the middle at (70, 70)
    assert picture.box == (left, left, 140 - left, 140 - left)
    assert (picture.width, picture.height) == (40 + 2 * room, 40 + 2 * room)


@pytest.mark.parametrize(
    ("crop", "album", "reason"),
    [
        ("box", Album(), "no_box"),
        ("landmarks", Album(), "no_landmarks"),
        ("landmarks", Album(points={"p0.jpg": [[1.0, float("nan")]]}), "no_landmarks"),
        ("box", Album({"p0.jpg": (64, 0, 90, 20)}), "box_outside"),
    ],
)
def test_a_crop_that_cannot_be_made_is_a_reason(
    root: Path, tmp_path: Path, crop: str, album: Album, reason: str
) -> None:
    (picture,) = run(root, tmp_path / "out", album, ["p0.jpg"], crop=crop)
    assert (picture.image, picture.sha256, picture.reason) == (None, None, reason)
    assert tree(tmp_path / "out" / "album") == {}


def test_shrinking_keeps_the_shape_and_nothing_is_enlarged(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "large.jpg").write_bytes(encoded(400, 200))
    (root / "small.jpg").write_bytes(encoded(60, 30))
    large, small = run(root, tmp_path / "out", max_side=200)
    assert (large.width, large.height, large.image) == (200, 100, "album/large.jpg")
    assert show(tmp_path / "out/album/large.jpg").shape == (100, 200, 3)
    assert (small.width, small.height) == (60, 30)
    assert (tmp_path / "out/album/small.jpg").read_bytes() == (root / "small.jpg").read_bytes()


def test_a_turned_photograph_is_set_upright(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    root.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    (root / "a.jpg").write_bytes(encoded(200, 150, exif=exif, quality=95))
    (picture,) = run(root, tmp_path / "out")
    shown = show(tmp_path / "out/album/a.jpg")
    assert (picture.width, picture.height) == (150, 200)
    assert shown.shape == (200, 150, 3)
    assert shown[5, :, 1].argmax() < 20  # green grew downwards; turned, it grows to the left


def test_pixels_become_a_png_that_holds_them_exactly(tmp_path: Path) -> None:
    grey = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    (picture,) = run(tmp_path, tmp_path / "out", Album(pixels={"a.csv": grey}), ["a.csv"])
    assert (picture.image, picture.width, picture.height) == ("album/a.png", 48, 48)
    assert np.array_equal(show(tmp_path / "out/album/a.png"), grey)


def test_hardlinks_share_the_file_and_changed_pictures_do_not(root: Path, tmp_path: Path) -> None:
    made = run(root, tmp_path / "out", mode="hardlink", max_side=66)
    linked = [picture.sample_id for picture in made if (tmp_path / "out" / str(picture.image)).stat().st_nlink == 2]
    assert linked == ["p0", "p1", "p2"]  # 64, 65 and 66 wide; the others were shrunk
    assert (tmp_path / "out/album/p0.jpg").samefile(root / "p0.jpg")


def test_a_file_system_that_cannot_link_gets_copies(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another device")

    monkeypatch.setattr(os, "link", refuse)
    made = run(root, tmp_path / "out", mode="hardlink")
    assert [picture.reason for picture in made] == [None] * 6
    assert tree(tmp_path / "out/album") == tree(root)
    assert (tmp_path / "out/album/p0.jpg").stat().st_nlink == 1


def test_references_write_no_picture_and_name_files_below_the_root(root: Path, tmp_path: Path) -> None:
    before = tree(root)
    made = run(root, tmp_path / "out", mode="reference")
    assert [picture.image for picture in made] == [f"p{number}.jpg" for number in range(6)]
    assert made[0].sha256 == hashlib.sha256(before["p0.jpg"]).hexdigest()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix != ".jsonl"]
    assert tree(root) == before


def test_references_need_files(tmp_path: Path) -> None:
    album = Album(pixels={"a.csv": np.zeros((48, 48), np.uint8)})
    (picture,) = run(tmp_path, tmp_path / "out", album, ["a.csv"], mode="reference")
    assert (picture.image, picture.reason) == (None, "no_file")


@pytest.mark.parametrize("how", [{"crop": "box"}, {"max_side": 100}])
def test_references_cannot_be_cut_or_shrunk(root: Path, tmp_path: Path, how: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="only referenced"):
        materialize(Album(), root, [], tmp_path / "out", mode="reference", **how)


def bomb() -> bytes:
    """A PNG of a few bytes whose header promises 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


PROBLEMS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "missing": (lambda path: None, {"missing"}),
    "zero byte": (lambda path: path.write_bytes(b""), {"empty"}),
    "web page": (lambda path: path.write_bytes(b"<html>404</html>"), {"not_a_picture"}),
    "cut JPEG": (lambda path: path.write_bytes(encoded(300, 200)[:-900]), {"truncated"}),
    "bomb": (lambda path: path.write_bytes(bomb()), {"too_large"}),
    "folder": (lambda path: path.mkdir(), {"unreadable"}),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("how", [{}, {"max_side": 32}, {"mode": "reference"}, {"mode": "hardlink", "workers": 2}])
def test_a_bad_picture_is_a_reason_and_spares_the_others(
    root: Path, tmp_path: Path, problem: str, how: dict[str, Any]
) -> None:
    spoil, reasons = PROBLEMS[problem]
    (root / "p3.jpg").unlink()
    spoil(root / "p3.jpg")
    made = run(root, tmp_path / "out", names=[f"p{number}.jpg" for number in range(6)], **how)
    bad = made.pop(3)
    assert (bad.sample_id, bad.image, bad.sha256) == ("p3", None, None)
    assert bad.reason in reasons
    assert bad.detail
    assert [(picture.sample_id, picture.reason) for picture in made] == [(f"p{n}", None) for n in (0, 1, 2, 4, 5)]


def test_a_problem_is_tried_again_in_the_next_run(root: Path, tmp_path: Path) -> None:
    whole = (root / "p3.jpg").read_bytes()
    (root / "p3.jpg").write_bytes(whole[:200])
    assert run(root, tmp_path / "out")[3].reason is not None
    (root / "p3.jpg").write_bytes(whole)
    again = Album()
    assert run(root, tmp_path / "out", again)[3].reason is None
    assert again.asked == ["p3"]


def test_a_row_that_the_corpus_passes_over_is_a_reason(root: Path, tmp_path: Path) -> None:
    class Forgetful(Album):
        def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
            yield from super().raw(root, [sample for sample in samples if sample.id != "p2"])

    made = run(root, tmp_path / "out", Forgetful())
    assert [picture.reason for picture in made] == [None, None, "no_picture", None, None, None]


def test_a_finished_run_reads_nothing_again(root: Path, tmp_path: Path) -> None:
    first, again = run(root, tmp_path / "out"), Album()
    assert run(root, tmp_path / "out", again) == first
    assert again.asked == []


def test_a_root_given_relative_to_the_working_folder_goes_on_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, again = run(Path("corpus"), Path("out")), Album()
    assert run(Path("corpus"), Path("out"), again) == first
    assert again.asked == []


def tear(ledger: Path) -> None:
    """Leave of the line of ``p1`` what a crash in the middle of a write leaves."""
    lines = ledger.read_bytes().splitlines(keepends=True)
    torn = [line for line in lines if b"album/p1.jpg" in line]
    ledger.write_bytes(b"".join(line for line in lines if line not in torn) + torn[0][:90])


@pytest.mark.parametrize(
    "change",
    [
        lambda root, out: (out / "album/p1.jpg").unlink(),
        lambda root, out: (out / "album/p1.jpg").write_bytes(b"spoilt"),
        lambda root, out: (root / "p1.jpg").write_bytes(encoded(33, 33)),
        lambda root, out: tear(out / "album.pictures.jsonl"),
    ],
    ids=["picture gone", "picture spoilt", "source changed", "line torn"],
)
def test_only_what_is_not_provably_finished_is_made_again(
    root: Path, tmp_path: Path, change: Callable[[Path, Path], object]
) -> None:
    run(root, tmp_path / "out")
    change(root, tmp_path / "out")
    again = Album()
    made = run(root, tmp_path / "out", again)
    assert again.asked == ["p1"]
    assert tree(tmp_path / "out/album") == tree(root)
    assert {picture.sample_id: picture.sha256 for picture in made} == {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.iterdir()
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"crop": "box"}),
        ({"crop": "box"}, {}),
        ({"max_side": 32}, {"max_side": 16}),
        ({}, {"options": {"pictures": "original"}}),
    ],
)
def test_changed_settings_do_not_use_old_pictures(
    root: Path, tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    boxes: dict[str, Box] = {f"p{number}.jpg": (4, 4, 40, 44) for number in range(6)}
    run(root, tmp_path / "out", Album(boxes), **before)
    again = Album(boxes)
    made = run(root, tmp_path / "out", again, **after)
    assert again.asked == [f"p{number}" for number in range(6)]
    assert made == run(root, tmp_path / "fresh", Album(boxes), **after)


def test_a_moved_box_does_not_use_the_old_picture(root: Path, tmp_path: Path) -> None:
    def once(box: Box) -> Picture:
        (row,) = rows("p0.jpg")
        row.meta_info.box = list(box)
        (picture,) = materialize(Album({"p0.jpg": box}), root, [row], tmp_path / "out", crop="box")
        return picture

    assert once((0, 0, 10, 10)).width == 10
    assert once((0, 0, 30, 20)).width == 30


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from datasets_builders import corpus
    from datasets_builders.common import materialize as module
    from datasets_builders.common.corpus import Report
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    module._BATCH_FILES = 10
    expw = corpus("expw")
    for count, _ in enumerate(module.materialize(expw, root, list(expw.scan(root, Report())), out), 1):
        if count == 25:
            (out / "expw" / ".tmp-abc-left.jpg").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets_builders import corpus

    root, out, expw = tmp_path / "root", tmp_path / "out", corpus("expw")
    (root / "origin").mkdir(parents=True)
    for number in range(60):
        (root / "origin" / f"p{number}.jpg").write_bytes(encoded(80, 60 + number))
    (root / "label.lst").write_text("".join(f"p{number}.jpg 0 5 5 40 40 50.5 3\n" for number in range(60)))
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(root), str(out)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    finished = len((out / "expw.pictures.jsonl").read_bytes().splitlines())
    assert 25 <= finished < 60
    kept = {path: path.stat().st_mtime_ns for path in (out / "expw").glob("expw-*")}
    made = list(materialize(expw, root, list(expw.scan(root, Report())), out, workers=2))
    assert [picture.sample_id for picture in made] == [f"expw-p{number}-0" for number in range(60)]
    assert [picture.height for picture in made] == [60 + number for number in range(60)]
    assert len(kept) == finished
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list((out / "expw").glob(".tmp-*"))
    keys = [json.loads(line)["key"] for line in (out / "expw.pictures.jsonl").read_bytes().splitlines()]
    assert len(keys) == len(set(keys)) == 60


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_an_error_of_the_run_and_of_no_row(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("datasets_builders.common.materialize.stage", full)
    with pytest.raises(OSError, match="No space left"):
        run(root, tmp_path / "out", workers=workers)
    assert not (tmp_path / "out" / "album.pictures.jsonl").exists()


def _big(root: Path, tmp_path: Path) -> Iterator[Picture]:
    """Two pictures, the second of them large, made by two processes."""
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    album = Album(pixels={"p0.jpg": noise[:9, :9], "p1.jpg": noise})
    return materialize(album, root, rows("p0.jpg", "p1.jpg"), tmp_path / "out", workers=2)


def test_processes_make_the_same_pictures(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = (run(root, tmp_path / "1", workers=1), list(_big(root, tmp_path / "1")))
    monkeypatch.setattr("datasets_builders.common.materialize._WORTH_PROCESSES", 1)
    monkeypatch.setattr("datasets_builders.common.materialize._PORTION", 1)
    assert (run(root, tmp_path / "2", workers=2), list(_big(root, tmp_path / "2"))) == alone
    assert tree(tmp_path / "1") == tree(tmp_path / "2")


def test_a_disk_that_fills_up_in_a_process_is_an_error_and_leaves_nothing_unfinished(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets_builders.common.materialize._WORTH_PROCESSES", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the processes inherit it
    try:
        with pytest.raises(OSError, match="File too large"):
            list(_big(root, tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "out").rglob(".tmp-*"))
    assert [picture.reason for picture in _big(root, tmp_path)] == [None, None]


def test_a_killed_process_is_one_clear_error(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets_builders.common.materialize._WORTH_PROCESSES", 1)
    deadly = Album(later={"p0.jpg": partial(os._exit, 9)})
    with pytest.raises(FacialR1Error, match=r"was killed.*use fewer workers"):
        list(materialize(deadly, root, rows("p1.jpg", "p0.jpg"), tmp_path / "out", workers=2))
    assert not list((tmp_path / "out").rglob(".tmp-*"))


def test_batches_are_entered_in_order_while_the_next_is_made(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets_builders.common.materialize._BATCH_FILES", 2)
    made = [run(root, tmp_path / str(workers), workers=workers) for workers in (1, 3)]
    assert made[0] == made[1]
    assert tree(tmp_path / "1") == tree(tmp_path / "3")


@pytest.mark.parametrize("name", ["../p0.jpg", "a/p0.jpg", "..", ".hidden.jpg"])
def test_an_id_that_would_leave_the_folder_is_a_reason(root: Path, tmp_path: Path, name: str) -> None:
    samples = rows("p0.jpg", "p1.jpg")
    samples[0].id = samples[0].meta_info.sample_id = name
    bad, good = materialize(Album(), root, samples, tmp_path / "out")
    assert (bad.reason, bad.image, good.reason) == ("bad_id", None, None)
    assert repr(name) in bad.detail
    assert set(tree(tmp_path / "out")) == {"album/p1.jpg", "album.pictures.jsonl"}


def test_two_rows_of_one_picture_share_it(root: Path, tmp_path: Path) -> None:
    album = Album()
    made = run(root, tmp_path / "out", album, ["p1.jpg", "p0.jpg", "p1.jpg"])
    assert [picture.sample_id for picture in made] == ["p1", "p0", "p1"]
    assert made[0] == made[2]
    assert album.asked == ["p1", "p0"]


numbers = st.integers(-300, 300)


@given(numbers, numbers, numbers, numbers, st.integers(1, 200), st.integers(1, 200))
def test_a_clipped_box_is_exactly_what_box_and_picture_share(
    left: int, top: int, right: int, bottom: int, width: int, height: int
) -> None:
    clipped = clip_box((left, top, right, bottom), width, height)
    shared = set(range(left, right)) & set(range(width)), set(range(top, bottom)) & set(range(height))
    if clipped is None:
        assert not all(shared)
        return
    assert (clipped[0], clipped[2] - 1) == (min(shared[0]), max(shared[0]))
    assert (clipped[1], clipped[3] - 1) == (min(shared[1]), max(shared[1]))
    cut = crop_to(np.zeros((height, width), np.uint8), clipped)
    assert cut.shape == (len(shared[1]), len(shared[0]))


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=2, max_size=9))
def test_a_landmark_square_is_square_and_holds_every_point(points: list[tuple[float, float]]) -> None:
    box = landmark_square(np.array(points))
    assert box is not None
    left, top, right, bottom = box
    assert abs((right - left) - (bottom - top)) <= 1
    assert all(left - 1 <= x <= right + 1 and top - 1 <= y <= bottom + 1 for x, y in points)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))
def test_shrinking_never_enlarges(width: int, height: int, max_side: int) -> None:
    shape = shrink(np.zeros((height, width, 3), np.uint8), max_side).shape
    assert max(shape[:2]) == min(max_side, max(height, width))
    assert shape[0] <= height
    assert shape[1] <= width
