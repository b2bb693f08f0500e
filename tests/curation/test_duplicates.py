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
from curation.duplicates.candidates import candidates
from curation.duplicates.confirm import similarity
from curation.duplicates.leakage import fingerprints, near_duplicates
from curation.duplicates.looks import fingerprint, fingerprint_of, look, look_of
from curation.duplicates.search import ASKED, INDEXED, close
from curation.duplicates.views import (
    MIRRORED,
    VIEWS,
    features,
    hashes,
    mirrored_features,
    placement,
    tangents,
)
from datasets_builders.synthetic.pictures import Face as Face_
from datasets_builders.synthetic.pictures import draw
from facial_r1.pictures import PictureError
from facial_r1.recipe import Duplicates

RULES = Duplicates()
DRAWN = 0.998


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
    asked=st.integers(0, 3 * ASKED),
    indexed=st.integers(0, 40) | st.integers(INDEXED - 2, INDEXED + 2),
    radius=st.integers(0, 26),
)
def test_the_search_finds_what_comparing_every_pair_finds(seed: int, asked: int, indexed: int, radius: int) -> None:
    random = np.random.default_rng(seed)
    one, two = (random.integers(0, 2**64, count, dtype=np.uint64) for count in (asked, indexed))
    two[: min(asked, indexed)] ^= one[: min(asked, indexed)] & two[: min(asked, indexed)]
    found = sorted(
        (int(i), int(j)) for first, second in close(one, two, radius) for i, j in zip(first, second, strict=True)
    )
    near = [np.flatnonzero(np.bitwise_count(mine ^ two) <= radius).tolist() for mine in one]
    assert found == [(i, j) for i, places in enumerate(near) for j in places]


# --- views -----------------------------------------------------------------------------------------------------------


def smalls(*pictures: Grey) -> Grey:
    return np.stack([fingerprint_of(look_of(one)).small for one in pictures])


def test_the_hash_of_a_mirror_is_known_without_making_it() -> None:
    pictures = smalls(*map(photo, range(8)))
    assert (hashes(pictures[:, :, ::-1])[0] ^ MIRRORED == hashes(pictures)[0]).all()
    np.testing.assert_allclose(
        features(np.ascontiguousarray(pictures[:, :, ::-1])), mirrored_features(features(pictures)), atol=1e-5
    )


@pytest.mark.parametrize("view", range(len(VIEWS)))
def test_a_view_is_what_its_placement_says(view: int) -> None:
    """A picture cut and turned by hand has nearly the hash of the view, and lies in the span of its tangents."""
    pictures = [cv2.GaussianBlur(photo(n, 256), (0, 0), 6) for n in range(8)]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warp = placement(view, 256)
    cut = [cv2.warpAffine(one, warp, (256, 256), flags=how, borderMode=cv2.BORDER_REPLICATE) for one in pictures]
    whole, shown = smalls(*pictures), smalls(*cut)
    apart = np.bitwise_count(hashes(whole)[view] ^ hashes(shown)[0])
    assert apart.max() <= 3
    span = tangents(whole, view)
    np.testing.assert_allclose(span @ span.transpose(0, 2, 1), np.eye(7)[None].repeat(8, 0), atol=0.05)
    fit = np.linalg.norm(np.einsum("nkd,nd->nk", span, features(shown)), axis=1)
    assert fit.min() > 0.99


def test_a_small_shift_or_turn_stays_within_the_tangents_and_another_picture_does_not() -> None:
    pictures = [cv2.GaussianBlur(photo(n, 256), (0, 0), 6) for n in range(8)]
    turn = cv2.getRotationMatrix2D((128, 128), 1.0, 1.01)
    turn[:, 2] += 3
    moved = [cv2.warpAffine(one, turn, (256, 256), borderMode=cv2.BORDER_REPLICATE) for one in pictures]
    span = tangents(smalls(*pictures), 0)
    fits = np.linalg.norm(np.einsum("akd,bd->abk", span, features(smalls(*moved))), axis=2)
    assert np.diag(fits).min() > 0.98
    assert fits[~np.eye(8, dtype=bool)].max() < 0.9


# --- candidates ------------------------------------------------------------------------------------------------------


def test_each_pair_is_a_candidate_once_whatever_the_blocks_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = smalls(*(photo(n % 9) for n in range(18)), *(mirrored(photo(n)) for n in range(9)))
    one = candidates(pictures, 12)
    pairs = {frozenset(candidate[:2]) for candidate in one}
    assert len(pairs) == len(one)
    assert pairs == {frozenset((a, b)) for a in range(27) for b in range(a) if (a - b) % 9 == 0}
    assert {c.mirrored for c in one if max(c[:2]) >= 18 > min(c[:2])} == {True}
    monkeypatch.setattr("curation.duplicates.candidates.BLOCK", 4)
    monkeypatch.setattr("curation.duplicates.candidates.PAIRS", 2)
    again = candidates(pictures, 12)
    assert {frozenset(candidate[:2]) for candidate in again} == pairs
    assert candidates(pictures, 12, workers=3) == again
    kinds, groups = ["train"] * 9 + ["test"] * 18, [*range(26), 0]
    assert {frozenset(c[:2]) for c in candidates(pictures, 12, kinds=kinds, groups=groups)} == {
        pair for pair in pairs if (min(pair) < 9) != (max(pair) < 9)
    }
    assert candidates(pictures, 12, kinds=["x"] * 27) == []
    assert candidates(pictures[:0], 12) == []


def test_even_pictures_are_not_even_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them have one hash: thousands would make millions of pairs."""
    even = np.repeat(np.array([0, 90], np.uint8), 5)[:, None, None].repeat(32, 1).repeat(32, 2)
    pictures = np.concatenate([even, smalls(photo(1), compressed(photo(1)))])
    (found,) = candidates(pictures, 12)
    assert sorted(found[:2]) == [10, 11]
    monkeypatch.setattr("curation.duplicates.candidates.tangents", None)
    assert candidates(even, 64) == []


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


def real_faces(folder: Path) -> list[Grey]:
    with open(folder / "fer2013" / "fer2013.csv", newline="") as handle:
        rows = [row["pixels"] for row in csv.DictReader(handle)]
    return [np.array(row.split(), np.uint8).reshape(48, 48) for row in rows]


def confirmed(pictures: list[Grey], *, drawn: bool) -> set[tuple[int, int]]:
    greys = [look_of(one) for one in pictures]
    kinds = ["original"] * (len(greys) // 2) + ["copy"] * (len(greys) // 2)
    least = DRAWN if drawn else RULES.similarity
    found = candidates(smalls(*pictures), RULES.radius, kinds=kinds, drawn=[drawn] * len(greys))
    return {
        (min(a, b), max(a, b))
        for a, b, view, mirror in found
        if similarity(greys[a], greys[b], view, mirrored=mirror) >= least
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_copy_of_a_real_picture_is_found_and_a_stranger_is_not(real_data: Path, attack: str) -> None:
    """Among all pairs of 300 real faces and their copies."""
    pictures = real_faces(real_data)[:300]
    same = {(a, b) for a, b in confirmed([*pictures, *pictures], drawn=False)}  # FER2013 repeats some pictures itself
    found = confirmed([*pictures, *map(ATTACKS[attack], pictures)], drawn=False)
    copies = {(n, n + 300) for n in range(300)}
    assert len(found & copies) >= 297
    assert found <= same
    assert len(same) < 330


@pytest.mark.parametrize("attack", ["JPEG quality 30", "cropped and mirrored", "turned by 3°"])
def test_of_drawn_faces_copies_are_found_and_twins_are_not(attack: str) -> None:
    """They are far more alike than people: 150 of one expression, all pairs."""
    faces = [draw(Face_(3, person, "happiness"), 96, grey=True) for person in range(150)]
    found = confirmed([*faces, *map(ATTACKS[attack], faces)], drawn=True)
    assert found <= {(n, n + 150) for n in range(150)}
    assert len(found) >= 147


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_without_structure_is_like_no_other(grey: int) -> None:
    even_pixels = np.full((48, 48), grey, np.uint8)
    even = look_of(even_pixels)
    assert similarity(even, even, 0, mirrored=False) == 0.0
    assert similarity(even, look_of(photo(1)), 0, mirrored=True) == 0.0
    assert candidates(smalls(even_pixels, even_pixels), 64) == []
    assert fingerprint_of(even).contrast == 0.0


@pytest.mark.parametrize("kept", [3, 4_000])
def test_what_is_no_picture_is_named(tmp_path: Path, kept: int) -> None:
    whole = cv2.imencode(".jpg", photo(1, 224))[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(whole[:kept])  # without its header, or without its end
    with pytest.raises(PictureError, match=r"cut\.jpg"):
        list(fingerprints([tmp_path / "cut.jpg"]))


def test_a_large_jpeg_is_seen_as_its_small_copy_is(tmp_path: Path) -> None:
    large, small = tmp_path / "large.jpg", written(tmp_path, "small", photo(3, 112))
    cv2.imwrite(str(large), cv2.resize(photo(3, 112), (896, 896), interpolation=cv2.INTER_CUBIC))
    assert similarity(look(large), look(small), 0, mirrored=False) > 0.99
    both = np.stack([fingerprint(path).small for path in (large, small)])
    assert np.bitwise_count(np.bitwise_xor(*hashes(both)[0])) <= 2
    assert features(both)[0] @ features(both)[1] > 0.99


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


def test_two_rendered_faces_must_be_the_same_to_a_hair(tmp_path: Path) -> None:
    one, two = written(tmp_path, "one", photo(1)), written(tmp_path, "two", mirrored(photo(1)))
    other = photo(1).copy()
    other[30:60, 40:70] //= 2
    three = written(tmp_path, "three", other)
    faces = [
        Face("drawn a", one, "x", "test", "g1", rendered=True),
        Face("drawn b", two, "y", "train", "g2", rendered=True),
        Face("drawn c", three, "y", "train", "g3", rendered=True),
        Face("real", three, "z", "train", "g4"),
    ]
    assert all("real" in pair for pair in pairs(faces))
    rules = Duplicates(similarity=0.9, rendered=DRAWN)
    assert {"drawn a", "drawn b"} in pairs(faces, rules)
    assert {"drawn a", "drawn c"} not in pairs(faces, rules)
    assert {"drawn a", "real"} in pairs(faces, rules)


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
