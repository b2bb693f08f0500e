"""Corpora that share photographs: joined by name where both have the key, said where they have not."""

from __future__ import annotations

from datasets_builders import corpus_names
from datasets_builders.common.overlaps import OVERLAPS, overlaps


def test_every_overlap_names_known_corpora_in_order() -> None:
    for overlap in OVERLAPS:
        assert set(overlap.corpora) <= set(corpus_names())
        assert list(overlap.corpora) == sorted(overlap.corpora)
    assert len({overlap.corpora for overlap in OVERLAPS}) == len(OVERLAPS)


def test_faba_and_affectnet_are_joined_by_the_hashes_of_2017_only() -> None:
    ((overlap, joined),) = overlaps({"affectnet": {"affectnet"}, "faba": {"affectnet"}})
    assert (overlap.corpora, joined) == (("affectnet", "faba"), True)
    assert overlaps({"affectnet": set(), "faba": {"affectnet"}})[0][1] is False


def test_a_pair_without_a_key_cannot_be_checked_by_name() -> None:
    ((overlap, joined),) = overlaps({"raf_au": {"rafml"}, "raf_db": set()})
    assert (overlap.key, joined) == (None, False)


def test_corpora_apart_from_each_other_share_nothing() -> None:
    assert overlaps({"disfa": set(), "fer2013": set()}) == []
