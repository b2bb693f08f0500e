"""The protocols are the field's: lists, parts and sizes as the builders and the papers have them."""

from __future__ import annotations

import pytest

from datasets_builders.bp4d import tables as bp4d
from datasets_builders.disfa import tables as disfa
from datasets_builders.faba.truth import VOCABULARY
from facial_r1.evaluation.protocols import PROTOCOLS, find_protocol
from facial_r1.evaluation.published import NOTES, OWN, PUBLISHED, published_for
from facial_r1.evaluation.rege import FABA_AUS
from facial_r1.facs import REGISTRY, number, sort_codes


def test_the_parts_hold_every_subject_of_a_corpus_once() -> None:
    disfa_subjects = [f"SN{at:03}" for at in range(1, 33) if at not in (14, 15, 19, 20, 22)]
    bp4d_subjects = [f"F{at:03}" for at in range(1, 24)] + [f"M{at:03}" for at in range(1, 19)]
    for name, subjects, sizes in (("DISFA-8", disfa_subjects, [9, 9, 9]), ("BP4D-12", bp4d_subjects, [14, 14, 13])):
        parts = PROTOCOLS[name].parts.values()
        assert [len(part) for part in parts] == sizes
        assert sorted(subject for part in parts for subject in part) == subjects
    assert find_protocol("DISFA-8").part_of("SN021") == 2
    assert find_protocol("BP4D-12").part_of("M018") == 2
    assert find_protocol("DISFA-8").part_of("SN014") is find_protocol("DISFA-12").part_of("SN001") is None


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("DISFA-8", "1 2 4 6 9 12 25 26"),
        ("DISFA-12", "1 2 4 5 6 9 12 15 17 20 25 26"),
        ("BP4D-12", "1 2 4 6 7 10 12 14 15 17 23 24"),
        ("FABA-12", "1 2 4 5 6 10 12 17 24 25 26 43"),
    ],
)
def test_the_lists(name: str, numbers: str) -> None:
    assert [number(code) for code in PROTOCOLS[name].aus] == [int(one) for one in numbers.split()]


def test_the_lists_fit_what_the_corpora_code() -> None:
    assert {number(code) for code in PROTOCOLS["DISFA-12"].aus} == set(disfa.AUS)
    assert set(PROTOCOLS["BP4D-12"].aus) <= set(bp4d.SCORED)
    assert PROTOCOLS["FABA-12"].aus == FABA_AUS
    assert set(FABA_AUS) < set(VOCABULARY) < set(PROTOCOLS["FEA-20K"].aus)
    assert len(PROTOCOLS["RAF-AU"].aus) == 27
    for protocol in PROTOCOLS.values():
        assert list(protocol.aus) == sort_codes(protocol.aus)
        assert set(protocol.aus) <= REGISTRY.keys()


def test_sizes() -> None:
    assert PROTOCOLS["DISFA-8"].rows == sum(disfa.LINES.values())
    assert PROTOCOLS["BP4D-12"].rows == sum(bp4d.ROWS.values())
    assert [PROTOCOLS[name].rows for name in ("FEA-20K", "FER2013-7", "RAF-DB-7")] == [1688, 3589, 3068]


def test_published_numbers_know_their_protocol() -> None:
    known = {(one.method, one.benchmark, one.metric): one for one in PUBLISHED}
    assert len(known) == len(PUBLISHED) == 36 + 40 + 27
    assert known["JAA-Net", "DISFA", "AU F1"].protocol == "DISFA-8"
    assert known["Facial-R1", "DISFA", "AU F1"].value == 73.1
    assert known["Facial-R1", "DISFA", "AU F1"].protocol == OWN
    assert known["EmoLA", "FABA", "REGE"].protocol == "FABA-12"
    assert known["EmoLA", "RAF-AU", "AU F1"].rerun
    assert known["Facial-R1", "FEA-20K", "GPT score"].value == 6.09
    assert {one.protocol for one in PUBLISHED} <= {*PROTOCOLS, OWN}
    own = {one.benchmark for one in PUBLISHED if one.protocol == OWN} | {"REGE", "GPT score", "ROUGE-L"}
    assert own - {"FEA-20K"} <= NOTES.keys()
    assert {one.metric for one in published_for("FABA-12")} == {"AU F1", "accuracy", "REGE"}
    assert published_for("open") == []
