"""The registry against a table typed by hand, and the reading of corpus tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import InputError
from facial_r1.facs import (
    ANTAGONISTS,
    BY_NUMBER,
    EXCLUSIVE,
    PROTOTYPES,
    REGISTRY,
    ActionUnit,
    Token,
    code,
    number,
    parse_token,
    sort_codes,
)

NAMES = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU8": "lips toward each other",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU11": "nasolabial deepener",
    "AU12": "lip corner puller",
    "AU13": "sharp lip puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU16": "lower lip depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AD19": "tongue show",
    "AU20": "lip stretcher",
    "AU21": "neck tightener",
    "AU22": "lip funneler",
    "AU23": "lip tightener",
    "AU24": "lip pressor",
    "AU25": "lips part",
    "AU26": "jaw drop",
    "AU27": "mouth stretch",
    "AU28": "lip suck",
    "AD29": "jaw thrust",
    "AD30": "jaw sideways",
    "AD31": "jaw clencher",
    "AD32": "lip bite",
    "AD33": "cheek blow",
    "AD34": "cheek puff",
    "AD35": "cheek suck",
    "AD36": "tongue bulge",
    "AD37": "lip wipe",
    "AU38": "nostril dilator",
    "AU39": "nostril compressor",
    "AU41": "lid droop",
    "AU42": "slit",
    "AU43": "eyes closed",
    "AU44": "squint",
    "AU45": "blink",
    "AU46": "wink",
    "AU51": "head turn left",
    "AU52": "head turn right",
    "AU53": "head up",
    "AU54": "head down",
    "AU55": "head tilt left",
    "AU56": "head tilt right",
    "AU57": "head forward",
    "AU58": "head back",
    "AU61": "eyes turn left",
    "AU62": "eyes turn right",
    "AU63": "eyes up",
    "AU64": "eyes down",
    "AU65": "walleye",
    "AU66": "cross-eye",
}


def test_codes_and_names() -> None:
    assert {unit.code: unit.name for unit in REGISTRY.values()} == NAMES
    assert list(REGISTRY) == list(NAMES)


def test_both_tables_hold_the_same_units() -> None:
    assert [unit.number for unit in REGISTRY.values()] == list(BY_NUMBER) == sorted(BY_NUMBER)
    assert all(REGISTRY[unit.code] is unit for unit in BY_NUMBER.values())


@pytest.mark.parametrize(
    ("au", "muscle", "sign"),
    [
        ("AU1", "pars medialis", "inner brow"),
        ("AU2", "pars lateralis", "outer brow"),
        ("AU4", "corrugator", "furrow"),
        ("AU5", "levator palpebrae", "upper lid"),
        ("AU6", "pars orbitalis", "crow"),
        ("AU7", "pars palpebralis", "lid"),
        ("AU9", "alaeque nasi", "nose"),
        ("AU10", "levator labii superioris", "upper lip"),
        ("AU11", "zygomaticus minor", "nasolabial"),
        ("AU12", "zygomaticus major", "smile"),
        ("AU13", "levator anguli oris", "corner"),
        ("AU14", "buccinator", "dimple"),
        ("AU15", "depressor anguli oris", "corner"),
        ("AU16", "depressor labii", "lower lip"),
        ("AU17", "mentalis", "chin"),
        ("AU20", "risorius", "stretch"),
        ("AU22", "orbicularis oris", "funnel"),
        ("AU26", "masseter", "jaw"),
        ("AU43", "levator palpebrae", "eyes closed"),
    ],
)
def test_muscles_and_signs(au: str, muscle: str, sign: str) -> None:
    assert muscle in REGISTRY[au].muscles
    assert sign in REGISTRY[au].signs


@pytest.mark.parametrize("unit", REGISTRY.values(), ids=lambda unit: unit.code)
def test_every_unit_is_described(unit: ActionUnit) -> None:
    assert unit.kind in ("AU", "AD")
    assert unit.name == unit.name.lower()
    assert unit.description[0].islower()
    assert not unit.description.endswith(".")
    assert all(sign == sign.strip().lower() and sign for sign in unit.signs)
    assert any(sign in unit.description for sign in unit.signs), "its own description holds none of its signs"
    assert all(text == text.strip() for text in (unit.name, unit.muscles, unit.description))


def test_prototypes_and_pairs_use_known_numbers() -> None:
    assert set(PROTOTYPES) == set(EMOTIONS)
    for combinations in PROTOTYPES.values():
        for numbers in combinations:
            assert list(numbers) == sorted(set(numbers))
            assert set(numbers) <= set(BY_NUMBER)
            assert not any(pair <= set(numbers) for pair in EXCLUSIVE)
    assert all(len(pair) == 2 and pair <= set(BY_NUMBER) for pair in EXCLUSIVE | ANTAGONISTS)
    assert not EXCLUSIVE & ANTAGONISTS


def test_exclusive_pairs_of_the_manual() -> None:
    manual = [
        (51, 52),
        (53, 54),
        (55, 56),
        (57, 58),
        (61, 62),
        (63, 64),
        (65, 66),
        (61, 65),
        (62, 66),
        (26, 27),
        (24, 25),
    ]
    assert {frozenset(pair) for pair in manual} <= EXCLUSIVE
    assert frozenset({1, 4}) not in EXCLUSIVE | ANTAGONISTS  # fear shows both
    assert frozenset({12, 15}) in ANTAGONISTS


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("12", Token(12, "AU12", None, None)),
        ("AU12", Token(12, "AU12", None, None)),
        ("au 4", Token(4, "AU4", None, None)),
        ("AU01", Token(1, "AU1", None, None)),
        (" AU_12 ", Token(12, "AU12", None, None)),
        ("L10", Token(10, "AU10", "L", None)),
        ("R2", Token(2, "AU2", "R", None)),
        ("T24", Token(24, "AU24", "T", None)),
        ("B22", Token(22, "AU22", "B", None)),
        ("U14", Token(14, "AU14", "U", None)),
        ("AUt23", Token(23, "AU23", "T", None)),
        ("AUBL18", Token(18, "AU18", "BL", None)),
        ("AURB18", Token(18, "AU18", "RB", None)),
        ("AUAD19", Token(19, "AD19", None, None)),
        ("AD19", Token(19, "AD19", None, None)),
        ("M55", Token(55, "AU55", None, None)),
        ("AU5B", Token(5, "AU5", None, "B")),
        ("AU6c", Token(6, "AU6", None, "C")),
        ("R12A", Token(12, "AU12", "R", "A")),
        ("AU0", Token(0, None, None, None)),
        ("AU123", Token(123, None, None, None)),
        ("40", Token(40, None, None, None)),
    ],
)
def test_tokens_as_the_corpora_write_them(text: str, token: Token) -> None:
    assert parse_token(text) == token


@pytest.mark.parametrize("text", ["", "AU", "smile", "AU1.5", "AU12+14", "1234", "AU-", "12x", "null", "-", "AU١"])
def test_what_is_no_token(text: str) -> None:
    assert parse_token(text) is None


@given(st.text(max_size=12))
def test_any_text_is_a_token_or_none(text: str) -> None:
    token = parse_token(text)
    assert token is None or (token.code in REGISTRY) == (token.number in BY_NUMBER)


@given(st.sampled_from(sorted(BY_NUMBER)), st.sampled_from(["{}", "AU{}", "au {}", "AU0{}", "L{}", "{}c"]))
def test_every_spelling_leads_to_the_code(n: int, spelling: str) -> None:
    assert code(spelling.format(n)) == BY_NUMBER[n].code
    assert number(code(n)) == n


@pytest.mark.parametrize("value", ["AU99", "3", 0, "smile", ""])
def test_an_unknown_code_is_an_error(value: str | int) -> None:
    with pytest.raises(InputError, match=r"^unknown Action Unit\. Found: .*\. Expected: a FACS number such as AU12"):
        code(value)


def test_codes_sort_by_number_and_once() -> None:
    assert sort_codes(["AU10", "AU2", "AD19", "AU2", "AU4"]) == ["AU2", "AU4", "AU10", "AD19"]
