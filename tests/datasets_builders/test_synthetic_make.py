"""`make`: what every stand-in promises, whatever the corpus."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from datasets_builders import corpus_names
from datasets_builders.synthetic import MARKER, make, options_of, writer_names
from datasets_builders.synthetic.order import Order, apportion
from facial_r1.errors import InputError, UsageError
from facial_r1.progress import Progress

CORPORA = ("affectnet", "bp4d", "disfa", "expw", "faba", "fer2013", "raf_au", "raf_db")
SMALL = {
    "affectnet": 16,
    "bp4d": 20,
    "disfa": 24,
    "expw": 20,
    "faba": 16,
    "fer2013": 40,
    "raf_au": 16,
    "raf_db": 14,
}


def tree(root: Path) -> dict[str, str]:
    """Every file below ``root`` with the hash of its content."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def marker(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / MARKER).read_text()))


class Steps(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int | None, str]] = []

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        self.seen.append((what, done, total, note))


def test_there_is_a_writer_for_each_corpus() -> None:
    assert writer_names() == CORPORA == corpus_names()
    assert "face" not in writer_names()
    assert "order" not in writer_names()


@pytest.mark.parametrize("name", CORPORA)
def test_the_same_order_gives_the_same_bytes_whatever_the_workers(name: str, tmp_path: Path) -> None:
    one = make(name, tmp_path / "one", rows=SMALL[name])
    two = make(name, tmp_path / "two", rows=SMALL[name], workers=2)
    assert one.fresh
    assert one.rows == two.rows >= SMALL[name]
    assert tree(one.root) == tree(two.root)
    assert any(path.endswith((".jpg", ".avi", ".csv")) for path in tree(one.root))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("disfa", "ActionUnit_Labels/SN001/SN001_au25.txt"),
        ("expw", "label/label.lst"),
        ("fer2013", "fer2013.csv"),
        ("raf_au", "RAFAU_label.txt"),
    ],
)
def test_another_seed_gives_other_labels(name: str, labels: str, tmp_path: Path) -> None:
    made = [make(name, tmp_path / str(seed), rows=SMALL[name], seed=seed, labels_only=True) for seed in (0, 1)]
    first, second = ((one.root / labels).read_text() for one in made)
    assert first != second


def test_nobody_stands_in_two_corpora() -> None:
    assert len({Order(name).people for name in CORPORA}) == len(CORPORA)
    assert Order("expw", seed=1).people != Order("expw", seed=2).people


@pytest.mark.parametrize("name", CORPORA)
def test_labels_only_writes_no_picture_and_the_same_labels(name: str, tmp_path: Path) -> None:
    whole = tree(make(name, tmp_path / "whole", rows=SMALL[name]).root)
    labels = tree(make(name, tmp_path / "labels", rows=SMALL[name], labels_only=True).root)
    assert set(labels) < set(whole) or name == "fer2013"  # whose csv holds the pictures
    assert not [path for path in labels if path.endswith((".jpg", ".avi", ".mat"))]
    same = [path for path in labels if path != MARKER and name != "fer2013"]
    assert [labels[path] for path in same] == [whole[path] for path in same]


def test_the_marker_says_that_the_data_is_synthetic_and_how_it_was_made(tmp_path: Path) -> None:
    made = make("raf_au", tmp_path / "new", seed=3, rows=9, labels_only=True, rafce=True)
    found = marker(made.root)
    assert found["synthetic"] is True
    assert found["corpus"] == "raf_au"
    assert found["rows"] == 9
    order = {"seed": 3, "rows": 9, "labels_only": True, "only": None, "rafml": True, "rafce": True}
    assert found["order"] == order
    assert str(tmp_path) not in (made.root / MARKER).read_text()


def test_a_finished_stand_in_is_left_alone(tmp_path: Path) -> None:
    first = make("raf_au", tmp_path, rows=9)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = make("raf_au", tmp_path, rows=9)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.rows == first.rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("harm", ["removed", "shortened"])
def test_what_was_harmed_is_made_again(harm: str, tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=9)
    whole = tree(tmp_path)
    victim = tmp_path / "aligned" / "0003_aligned.jpg"
    victim.unlink() if harm == "removed" else os.truncate(victim, 10)
    assert make("raf_au", tmp_path, rows=9).fresh
    assert tree(tmp_path) == whole


def test_an_unfinished_stand_in_is_finished(tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=9)
    whole = tree(tmp_path)
    unfinished = {**marker(tmp_path), "rows": None, "inventory": None}
    (tmp_path / MARKER).write_text(json.dumps(unfinished))
    (tmp_path / "RAFAU_label.txt").unlink()
    (tmp_path / "aligned" / ".tmp-0123-0001_aligned.jpg").write_bytes(b"half")
    make("raf_au", tmp_path, rows=9)
    assert tree(tmp_path) == whole


def test_a_foreign_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "RAFAU_label.txt").write_text("0001.jpg 1+2\n")
    with pytest.raises(InputError, match=r"holds other files.*RAFAU_label\.txt.*new or empty folder.*another folder"):
        make("raf_au", tmp_path, rows=9)
    assert [path.name for path in tmp_path.iterdir()] == ["RAFAU_label.txt"]


def test_a_stand_in_of_another_order_is_refused(tmp_path: Path) -> None:
    make("raf_au", tmp_path, rows=9, labels_only=True)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r'ordered differently.*"rows":9.*"rows":8.*delete this one'):
        make("raf_au", tmp_path, rows=8, labels_only=True)
    with pytest.raises(InputError, match=r'"corpus":"raf_au".*"corpus":"disfa"'):
        make("disfa", tmp_path, rows=9, labels_only=True)
    assert tree(tmp_path) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="this is a file"):
        make("raf_au", tmp_path / "x", rows=9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "bp3d"}, r"no synthetic stand-in.*bp3d.*fer2013"),
        ({"rows": 0}, r"rows 0.*rows >= 1"),
        ({"seed": -1}, r"seed -1"),
        ({"workers": 0}, r"workers 0"),
        ({"colour": True}, r"unknown option.*colour.*rafml, rafce"),
        ({"rafml": "no"}, r"wrong type.*`rafml`.*no.*bool"),
        ({"only": ["raf_au-0099"]}, r"no such row.*raf_au-0099.*raf_au-0001"),
        ({"only": Path("nowhere.txt")}, r"nowhere\.txt.*cannot read sample ids"),
    ],
)
def test_a_wrong_order_is_one_clear_error_and_writes_nothing(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, InputError), match=message):
        make(**{"name": "raf_au", "out": tmp_path / "new", "rows": 9, **arguments})
    assert list(tmp_path.iterdir()) == []


def test_ids_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"raf_au-0001\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"ids\.txt.*cannot read sample ids"):
        make("raf_au", tmp_path / "new", rows=9, only=tmp_path / "ids.txt")


def test_only_reads_ids_from_a_file_and_ignores_their_order(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("raf_au-0003\n\nraf_au-0001\n")
    listed = make("raf_au", tmp_path / "listed", rows=9, only=tmp_path / "ids.txt")
    given = make("raf_au", tmp_path / "given", rows=9, only=["raf_au-0001", "raf_au-0003"])
    assert tree(listed.root) == tree(given.root)
    assert sorted(path.name for path in (listed.root / "original").iterdir()) == ["0001.jpg", "0003.jpg"]


def test_the_options_are_what_the_writers_declare() -> None:
    assert options_of("fer2013") == {"variant": "csv"}
    assert options_of("expw") == {"nested": False}
    assert options_of("disfa") == {"cameras": "left", "frames": "video", "landmarks": True, "width": 0}


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_moves_and_ends_at_its_total(workers: int, tmp_path: Path) -> None:
    steps = Steps()
    make("raf_au", tmp_path, rows=40, workers=workers, progress=steps)
    assert len(steps.seen) > 1
    assert steps.seen[-1] == ("drawing raf_au", 40, 40, "")
    assert [step[1] for step in steps.seen] == sorted(step[1] for step in steps.seen)


@pytest.mark.parametrize("total", [0, 1, 7, 100, 35887])
def test_shares_add_up_and_stay_within_one_of_the_proportion(total: int) -> None:
    weights = [3995, 436, 4097, 7215, 4830, 3171, 4965]
    shares = apportion(weights, total)
    assert sum(shares) == total
    assert all(abs(share - weight * total / sum(weights)) < 1 for share, weight in zip(shares, weights, strict=True))
