"""Near-duplicates: every candidate is found, copies are confirmed, and what is no copy is not."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from faces import ATTACKS, Grey, compressed, mirrored, photo
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.duplicates import Face
from curation.duplicates.confirm import similarity
from curation.duplicates.leakage import fingerprints, near_duplicates
from curation.duplicates.looks import fingerprint_of, look, look_of
from curation.duplicates.search import TILE, close_pairs
from facial_r1.pictures import PictureError
from facial_r1.recipe import Duplicates

RULES = Duplicates()


def written(folder: Path, name: str, pixels: Grey) -> Path:
    path = folder / f"{name}.png"
    assert cv2.imwrite(str(path), pixels)
    return path


def pairs(faces: list[Face], rules: Duplicates = RULES, *, within: bool = False, workers: int = 1) -> list[set[str]]:
    prints = list(fingerprints([face.path for face in faces], workers=workers))
    found = near_duplicates(faces, prints, rules, within=within, workers=workers)
    return [{pair.first.id, pair.second.id} for pair in found]


# --- the search ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 40),
    views=st.integers(1, 3),
    questions=st.integers(1, 2),
    radius=st.integers(0, 64),
    kinds=st.none() | st.integers(1, 4),
    workers=st.integers(1, 3),
)
def test_the_search_finds_what_comparing_every_pair_finds(
    seed: int, rows: int, views: int, questions: int, radius: int, kinds: int | None, workers: int
) -> None:
    random = np.random.default_rng(seed)
    index = random.integers(0, 2**64, (rows, views), dtype=np.uint64)
    asked = random.integers(0, 2**64, (rows, questions), dtype=np.uint64)
    asked[:, 0] = index[:, 0]
    kind = None if kinds is None else random.integers(0, kinds, rows).tolist()
    group = random.integers(0, 10, rows).tolist()

    def near(i: int, j: int) -> bool:
        both = [(index[i], asked[j]), (index[j], asked[i])]
        return any(int(a ^ b).bit_count() <= radius for mine, other in both for a in mine for b in other)

    wanted = [
        [i, j]
        for i in range(rows)
        for j in range(i + 1, rows)
        if near(i, j) and group[i] != group[j] and (kind is None or kind[i] != kind[j])
    ]
    assert close_pairs(index, asked, radius, kinds=kind, groups=group, workers=workers).tolist() == wanted


@pytest.mark.parametrize("split", [1, TILE - 1, TILE, TILE + 1])
def test_a_pair_in_any_tile_is_found_once(split: int) -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, (2 * TILE + 3, 1), dtype=np.uint64)
    hashes[-1] = hashes[0] ^ np.uint64(5)
    kinds = ["train"] * split + ["test"] * (len(hashes) - split)
    assert close_pairs(hashes, hashes, 2, kinds=kinds).tolist() == [[0, len(hashes) - 1]]
    assert close_pairs(hashes, hashes, 2, kinds=["train"] * len(hashes)).tolist() == []


# --- what a copy is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_copy_is_found(tmp_path: Path, attack: str) -> None:
    """Of ten textured pictures beside one another; of the real ones see docs/duplicates.md."""
    faces = []
    for number in range(10):
        for split, pixels in (("test", photo(number)), ("train", ATTACKS[attack](photo(number)))):
            path = written(tmp_path, f"{split}-{number}", pixels)
            faces.append(Face(f"{split}-{number}", path, "toy", split, path.name))
    assert pairs(faces) == [{f"test-{number}", f"train-{number}"} for number in range(10)]


def test_a_copy_of_a_real_picture_is_found_and_a_stranger_is_not(real_data: Path, tmp_path: Path) -> None:
    with open(real_data / "fer2013" / "fer2013.csv", newline="") as handle:
        rows = [row["pixels"] for row in csv.DictReader(handle)][:60]
    pictures = [np.array(row.split(), np.uint8).reshape(48, 48) for row in rows]
    for attack in ("cropped and mirrored", "JPEG quality 30", "half the size"):
        copies = [similarity(look_of(one), look_of(ATTACKS[attack](one))) for one in pictures]
        strangers = [
            similarity(look_of(one), look_of(ATTACKS[attack](two)))
            for one, two in zip(pictures[:40], pictures[20:], strict=True)
        ]
        assert np.mean(np.array(copies) >= RULES.similarity) >= 0.95
        assert max(strangers) < RULES.similarity


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_without_structure_is_like_no_other(grey: int) -> None:
    even = look_of(np.full((48, 48), grey, np.uint8))
    assert similarity(even, even) == 0.0
    assert similarity(even, look_of(photo(1))) == 0.0
    assert fingerprint_of(even).contrast == 0.0


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(PictureError, match=r"cut\.jpg"):
        list(fingerprints([tmp_path / "cut.jpg"]))


def test_a_large_jpeg_is_seen_as_its_small_copy_is(tmp_path: Path) -> None:
    large, small = tmp_path / "large.jpg", written(tmp_path, "small", photo(3, 112))
    cv2.imwrite(str(large), cv2.resize(photo(3, 112), (896, 896), interpolation=cv2.INTER_CUBIC))
    assert similarity(look(large), look(small)) > 0.9


# --- which pairs matter ----------------------------------------------------------------------------------------------


def five(folder: Path) -> list[Face]:
    """One picture and its mirror, in every relation that matters."""
    one, two = written(folder, "one", photo(1)), written(folder, "two", mirrored(photo(1)))
    return [
        Face("a", one, "x", "test", "g1"),
        Face("same group", two, "x", "train", "g1"),
        Face("same split", two, "x", "test", "g2"),
        Face("other split", two, "x", "val", "g3"),
        Face("other corpus", two, "y", "test", "g4"),
    ]


def test_one_group_is_never_compared_nor_one_split_of_one_corpus(tmp_path: Path) -> None:
    found = pairs(five(tmp_path))
    assert [pair for pair in found if "a" in pair] == [{"a", "other split"}, {"a", "other corpus"}]


def test_within_a_split_copies_are_found_when_asked_for(tmp_path: Path) -> None:
    found = pairs(five(tmp_path), within=True)
    assert [pair - {"a"} for pair in found if "a" in pair] == [{"same split"}, {"other split"}, {"other corpus"}]


def test_rendered_faces_are_compared_with_real_ones_only(tmp_path: Path) -> None:
    one, two = written(tmp_path, "one", photo(1)), written(tmp_path, "two", mirrored(photo(1)))
    faces = [
        Face("drawn a", one, "x", "test", "g1", rendered=True),
        Face("drawn b", two, "y", "train", "g2", rendered=True),
        Face("real", two, "z", "train", "g3"),
    ]
    assert pairs(faces) == [{"drawn a", "real"}, {"drawn b", "real"}]
    assert {"drawn a", "drawn b"} in pairs(faces, Duplicates(rendered=True))


def test_the_number_of_threads_and_what_is_known_change_nothing(tmp_path: Path) -> None:
    faces = [
        Face(f"{split}-{n}", written(tmp_path, f"{split}-{n}", photo(n % 7)), "x", split, f"{split}-{n}")
        for n in range(14)
        for split in ("train", "test")
    ]
    one = pairs(faces)
    assert one == pairs(faces, workers=4)
    assert len(one) == 7 * 4
    prints, known = list(fingerprints([face.path for face in faces])), dict[tuple[Path, Path], float]()
    first = near_duplicates(faces, prints, RULES, known=known)
    for face in faces:
        face.path.unlink()  # what is known is not looked at again
    assert near_duplicates(faces, prints, RULES, known=known) == first


def test_the_rules_bound_what_is_found(tmp_path: Path) -> None:
    one, two = (written(tmp_path, name, pixels) for name, pixels in (("one", photo(1)), ("two", compressed(photo(1)))))
    faces = [Face("a", one, "x", "test", "g1"), Face("b", two, "x", "train", "g2")]
    assert pairs(faces) == [{"a", "b"}]
    assert pairs(faces, Duplicates(similarity=1.0)) == []
    assert near_duplicates([], [], RULES) == []
