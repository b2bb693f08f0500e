"""Every builder reads from a stand-in exactly what its writer decided: labels, boxes, codes, splits, people."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from datasets_builders import corpus
from datasets_builders.common.corpus import Report
from datasets_builders.synthetic import make
from datasets_builders.synthetic.disfa import AUS
from datasets_builders.synthetic.disfa import plan as plan_disfa
from datasets_builders.synthetic.expw import Labelled
from datasets_builders.synthetic.expw import plan as plan_expw
from datasets_builders.synthetic.fer2013 import VARIANTS
from datasets_builders.synthetic.fer2013 import plan as plan_fer2013
from datasets_builders.synthetic.order import Order
from datasets_builders.synthetic.raf_au import Row
from datasets_builders.synthetic.raf_au import plan as plan_raf_au
from datasets_builders.synthetic.rafml import COLUMNS, COMPOUNDS, compound
from facial_r1.sample import Sample

SEED = 5
NOUNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")  # typed from the readmes
SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}


def scanned(name: str, root: Path, **options: Any) -> list[Sample]:
    """The rows that the builder reads; none may be dropped."""
    report = Report()
    samples = list(corpus(name).scan(root, report, **options))
    assert not report.dropped
    return samples


def order(name: str, rows: int) -> Order:
    return Order(name, SEED, rows, labels_only=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_fer2013_reads_the_planned_labels_and_splits(variant: str, tmp_path: Path) -> None:
    made = make("fer2013", tmp_path / "fer", seed=SEED, rows=210, labels_only=True, variant=variant)
    stand = plan_fer2013(order("fer2013", 210), variant=variant)
    planned = [(SPLITS[u], [NOUNS[label]]) for u, label in zip(stand.usages, stand.labels, strict=True)]
    if variant == "split":  # the test part has no labels
        planned = [row for row in planned if row[0] == "train"]
    found = [(str(sample.meta_info.split), sample.labels) for sample in scanned("fer2013", made.root)]
    if variant == "folders":  # the builder goes through the folders
        assert sorted(found) == sorted(planned)
    else:
        assert found == planned


@pytest.mark.parametrize("nested", [False, True])
def test_expw_reads_the_planned_faces(nested: bool, tmp_path: Path) -> None:
    made = make("expw", tmp_path / "expw", seed=SEED, rows=240, labels_only=True, nested=nested)
    stand = plan_expw(order("expw", 240), nested=nested)
    planned = [
        (name, [NOUNS[face.label]], box(face))
        for photograph in stand.photographs
        for name, face in zip(photograph.ids(), photograph.faces, strict=True)
    ]
    samples = scanned("expw", made.root)
    found = [(sample.id, sample.labels, sample.meta_info.box) for sample in samples]
    assert found[: len(planned)] == planned
    repeats = [(sample.meta_info.extras()["picture"], sample.labels) for sample in samples[len(planned) :]]
    assert repeats == [(line.split()[0], [NOUNS[int(line.split()[7])]]) for line in stand.repeats]
    assert repeats


def box(face: Labelled) -> list[int]:
    """Left, top, right, bottom."""
    return [face.left, face.top, face.left + face.side, face.top + face.side]


@pytest.mark.parametrize("threshold", [1, 2, 5])
def test_disfa_reads_the_planned_intensities(threshold: int, tmp_path: Path) -> None:
    made = make("disfa", tmp_path / "disfa", seed=SEED, rows=480, labels_only=True)
    samples = iter(scanned("disfa", made.root, threshold=threshold))
    subjects = plan_disfa(order("disfa", 480)).subjects
    assert {subject.part for subject in subjects} == {1, 2, 3}
    for subject in subjects:
        for frame, (name, levels) in enumerate(zip(subject.ids("left"), subject.levels.tolist(), strict=True), 1):
            sample = next(samples)
            meta = sample.meta_info
            assert (sample.id, meta.subject, meta.fold, meta.frame) == (name, subject.code, subject.part, frame)
            coded = [(f"AU{au}", level) for au, level in zip(AUS, levels, strict=True)]
            assert [(pair["au"], pair["value"]) for pair in meta.au_intensity] == coded
            assert sample.AUs == [au for au, level in coded if level >= threshold]
    assert next(samples, None) is None


def test_raf_au_reads_the_planned_codes_and_sides(tmp_path: Path) -> None:
    made = make("raf_au", tmp_path / "raf", seed=SEED, rows=200, labels_only=True)
    planned = plan_raf_au(order("raf_au", 200)).inside
    samples = scanned("raf_au", made.root)
    assert [sample.id for sample in samples] == [f"raf_au-{row.number:04d}" for row in planned]
    for sample, row in zip(samples, planned, strict=True):
        codes, sides = decoded(row)
        assert set(sample.AUs) == codes
        assert {(pair["au"], pair["value"]) for pair in sample.meta_info.au_side} == sides
        assert bool(sample.meta_info.au_annotated) == row.coded  # null is unknown, not absent
        assert sample.labels == []
    assert not all(row.coded for row in planned)


def decoded(row: Row) -> tuple[set[str], set[tuple[str, str]]]:
    """Codes, and pairs of code and side, of a planned picture, taken apart without the builder's parser."""
    codes, sides = set(), set()
    for token in row.codes if row.coded else ():
        side, number = re.sub(r"AD|\d", "", token), re.sub(r"\D", "", token)
        code = ("AD" if number in ("19", "29", "30", "32") else "AU") + number
        codes.add(code)
        if side:
            sides.add((code, side))
    return codes, sides


def test_rafml_gives_every_picture_its_planned_majority(tmp_path: Path) -> None:
    made = make("raf_au", tmp_path / "raf", seed=SEED, rows=200, labels_only=True)
    planned = plan_raf_au(order("raf_au", 200)).inside
    options = {"rafml": made.root / "RAF-ML", "ties": "file_order"}
    for sample, row in zip(scanned("raf_au", made.root, **options), planned, strict=True):
        assert sample.labels == [COLUMNS[row.shares.index(max(row.shares))]]
        shares = sample.meta_info.extras()["distribution"]
        assert [shares[column] for column in COLUMNS] == [share / 100 for share in row.shares]


def test_rafce_gives_the_planned_compounds_and_leaves_the_others_unknown(tmp_path: Path) -> None:
    made = make("raf_au", tmp_path / "raf", seed=SEED, rows=200, labels_only=True, rafce=True)
    planned = plan_raf_au(order("raf_au", 200), rafce=True).inside
    samples = scanned("raf_au", made.root, rafce=made.root / "RAF-CE")
    joined = [(sample, row) for sample, row in zip(samples, planned, strict=True) if sample.labels]
    assert 0 < len(joined) < len(planned)
    for sample, row in joined:
        assert set(sample.labels) == set(COMPOUNDS[compound(row.shares)])
