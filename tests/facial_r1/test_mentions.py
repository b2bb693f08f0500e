"""How Action Units are written in prose, and how they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.facs import BY_NUMBER, REGISTRY
from facial_r1.mentions import Mention, find_mentions


def codes(text: str) -> list[str | int]:
    return [m.code or m.number for m in find_mentions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AU4", ["AU4"]),
        ("AU 4", ["AU4"]),
        ("AU04", ["AU4"]),
        ("AU004", ["AU4"]),
        ("au4", ["AU4"]),
        ("AU-4", ["AU4"]),
        ("AU_4", ["AU4"]),
        ("(AU12)", ["AU12"]),
        ("[AU12]", ["AU12"]),
        ("AU (12)", ["AU12"]),
        ("AU: 12", ["AU12"]),
        ("AU#12", ["AU12"]),
        ("brows lowered(AU4).The lips part(AU25)", ["AU4", "AU25"]),
        ("Action Unit 4", ["AU4"]),
        ("Action-Unit 4", ["AU4"]),
        ("action unit number 4", ["AU4"]),
        ("action units 1 and 2", ["AU1", "AU2"]),
        ("Action Units: 6, 12", ["AU6", "AU12"]),
        ("facial action descriptor 19", ["AD19"]),
        ("AUs 6, 12 and 25", ["AU6", "AU12", "AU25"]),
        ("AUs 6, 12, and 25.", ["AU6", "AU12", "AU25"]),
        ("AU's 6 and 12", ["AU6", "AU12"]),
        ("AUs 6 (cheek raiser) and 12 (lip corner puller)", ["AU6", "AU12"]),
        ("AU6+12", ["AU6", "AU12"]),
        ("AU6+AU12", ["AU6", "AU12"]),
        ("AU6 + AU12", ["AU6", "AU12"]),
        ("AU6/12", ["AU6", "AU12"]),
        ("AU1+2+5+26", ["AU1", "AU2", "AU5", "AU26"]),
        ("AD19", ["AD19"]),
        ("AD 19", ["AD19"]),
        ("AUAD19", ["AD19"]),
        ("AU19", ["AD19"]),
        ("M55", ["AU55"]),
        ("AUM55", ["AU55"]),
        ("AU12_r", ["AU12"]),
        ("AU12's strength", ["AU12"]),
        ("left AU12", ["AU12"]),
    ],
)
def test_spellings(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AU25-27", ["AU25", "AU26", "AU27"]),
        ("AUs 25–27", ["AU25", "AU26", "AU27"]),
        ("AU25-AU27", ["AU25", "AU26", "AU27"]),
        ("AUs 25 to 27", ["AU25", "AU26", "AU27"]),
        ("AUs 4 through 7", ["AU4", "AU5", "AU6", "AU7"]),
        ("AUs 9, 25-26", ["AU9", "AU25", "AU26"]),
        ("AU1-4", ["AU1", "AU2", "AU4"]),  # FACS has no 3
        ("AU22-27", ["AU22", "AU23", "AU24", "AU25", "AU26", "AU27"]),  # six numbers: the longest range
        ("AU6-12", ["AU6", "AU12"]),
        ("AU12-6", ["AU12", "AU6"]),
    ],
)
def test_a_dash_is_a_range_when_it_is_short_and_ascending(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("text", "side", "intensity"),
    [
        ("L12", "L", None),
        ("R12A", "R", "A"),
        ("AUL12", "L", None),
        ("AU L12", "L", None),
        ("AU12L", "L", None),
        ("AU12CR", "R", "C"),
        ("AUt12", "T", None),
        ("AURB12", "RB", None),
        ("AUU12", "U", None),
        ("AU12C", None, "C"),
        ("AU12c", None, "C"),
        ("AU12 c", None, None),
        ("AU12F", None, None),
    ],
)
def test_sides_and_intensities(text: str, side: str | None, intensity: str | None) -> None:
    (mention,) = find_mentions(text)
    assert (mention.code, mention.side, mention.intensity) == ("AU12", side, intensity)


def test_a_facs_score_with_sides() -> None:
    assert [(m.code, m.side, m.intensity) for m in find_mentions("scored R12A+R14B")] == [
        ("AU12", "R", "A"),
        ("AU14", "R", "B"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AUs 6, 12 and 3 people", ["AU6", "AU12"]),
        ("AUs 6, 12 and 25 other lines", ["AU6", "AU12"]),
        ("AUs 6 and 12 clearly lift the face", ["AU6", "AU12"]),
        ("AUs 6 and 12 are active", ["AU6", "AU12"]),
        ("AU6 and 12 are active", ["AU6", "AU12"]),
        ("(AU6, 12)", ["AU6", "AU12"]),
        ("AU12 in 2 places", ["AU12"]),
        ("AU12 and 2 wrinkles", ["AU12"]),
        ("AU12, 2 or 4 lines deep", ["AU12"]),
        ("AU12, 25% of the mouth", ["AU12"]),
        ("AU12, 25 % of the mouth", ["AU12"]),
        ("AU12, 2.5 mm", ["AU12"]),
        ("AU12, 2024", ["AU12"]),
        ("AU12, 3.", ["AU12"]),
        ("AU12. 6 faces", ["AU12"]),
        ("AU6 (cheek raiser) in picture 12", ["AU6"]),
    ],
)
def test_where_a_list_ends(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    "text",
    ["beau 12", "AUTO 4", "bureAU4", "the 12 lines", "R2D2", "L99", "l12", "M12", "XL12", "AU", "AU x4", "AU four"],
)
def test_what_is_no_mention(text: str) -> None:
    assert find_mentions(text) == ()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("AU123", [123]),
        ("AU0", [0]),
        ("AU3", [3]),
        ("AUs 6, 12, and 99.", [99]),
        ("AU3-5", [3]),
        ("AU120, AU1200", [120, 1200]),
    ],
)
def test_unknown_numbers_are_flagged_and_never_cut(text: str, numbers: list[int]) -> None:
    assert [m.number for m in find_mentions(text) if m.code is None] == numbers


def test_endless_digits_are_no_number() -> None:
    assert find_mentions("AU" + "1" * 5000) == ()


def test_offsets_hold_the_number() -> None:
    text = "Cheeks lift (AU06C); AUs 25–27, then L14."
    slices = [text[m.start : m.end] for m in find_mentions(text)]
    assert slices == ["AU06C", "AUs 25–27", "AUs 25–27", "AUs 25–27", "L14"]


def test_polarity_reaches_the_mention() -> None:
    assert find_mentions("perhaps AU6, no AU4") == (
        Mention(6, "AU6", None, None, negated=False, uncertain=True, start=8, end=11),
        Mention(4, "AU4", None, None, negated=True, uncertain=False, start=16, end=19),
    )


WORDS = st.sampled_from(
    [
        *("AU", "AUs", "AD", "L", "R", "M55", "action", "unit", "12", "6", "04", "123", "C", "²", "٣", "%"),
        *("+", "-", "–", ",", "and", "to", "(", ")", ".", " ", "\n", "no", "not", "without", "is", "absent"),
        *("may", "but", "İ", "é"),
    ]
)


@given(st.lists(WORDS, max_size=40).map("".join) | st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=200))
def test_any_text_is_read_and_every_offset_is_right(text: str) -> None:
    last = 0
    for mention in find_mentions(text):
        assert last <= mention.start < mention.end <= len(text)
        assert mention.code is None or REGISTRY[mention.code].number == mention.number
        last = mention.start
        slice_ = text[mention.start : mention.end]
        if not any(dash in slice_ for dash in ("-", "–", "to")):
            assert str(mention.number) in slice_


SPELLINGS = (
    "AU{n}",
    "AU {n}",
    "AU{n:02d}",
    "au{n}",
    "(AU{n})",
    "Action Unit {n}",
    "AUL{n}",
    "AU{n}C",
    "AU {n}L",
    "the feature [AU {n}]",
)
JOINTS = (" ", ", ", " and ", "; ", ". ", "+", " as well as ", "\n")


@given(st.data(), st.lists(st.sampled_from(sorted(BY_NUMBER)), min_size=1, max_size=8, unique=True))
def test_round_trip_of_random_spellings(data: st.DataObject, numbers: list[int]) -> None:
    text = ""
    for n in numbers:
        text += data.draw(st.sampled_from(SPELLINGS)).format(n=n) + data.draw(st.sampled_from(JOINTS))
    assert [m.number for m in find_mentions(text)] == numbers
    assert not any(m.negated or m.uncertain for m in find_mentions(text))


@given(st.lists(st.sampled_from(sorted(BY_NUMBER)), min_size=2, max_size=8, unique=True))
def test_round_trip_of_a_plural_list(numbers: list[int]) -> None:
    *most, last = (str(n) for n in numbers)
    for text in (
        f"AUs {', '.join(most)} and {last}",
        f"AUs {', '.join(most)}, and {last} are",
        f"AU{'+'.join([*most, last])}",
    ):
        assert [m.number for m in find_mentions(text)] == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("These AUs are active:\n\n1. AU4, a furrow\n2. AU7, tense lids", [4, 7]),
        ("AUs:\n 1) AU4,\n 2) AU6", [4, 6]),
        ("AU4,\n2. AU7", [4, 7]),
        ("the AU\n12 of a smile", [12]),
        ("AUs\n6, 12", [6, 12]),
    ],
)
def test_the_number_of_a_list_item_is_no_action_unit(text: str, numbers: list[int]) -> None:
    assert [mention.number for mention in find_mentions(text)] == numbers
