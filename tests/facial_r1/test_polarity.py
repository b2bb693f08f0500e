"""The scope of denial and doubt. ``-`` before an Action Unit: denied; ``?``: doubted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.polarity import polarities

_MARKED = re.compile(r"(?P<no>-?)(?P<doubt>\??)(?P<au>AU\d+)")


def check(marked: str) -> None:
    """``marked`` is a text whose Action Units carry the expected marks."""
    text, spans, expected = "", [], []
    position = 0
    for match in _MARKED.finditer(marked):
        text += marked[position : match.start()]
        spans.append((len(text), len(text) + len(match["au"])))
        expected.append((match["no"] == "-", match["doubt"] == "?"))
        text += match["au"]
        position = match.end()
    text += marked[position:]
    assert polarities(text, spans) == expected, text


@pytest.mark.parametrize(
    "marked",
    [
        "no -AU12",
        "No -AU12",
        "without -AU4",
        "without any trace of -AU4",
        "lacks -AU6",
        "the absence of -AU9",
        "neither -AU1 nor -AU2",
        "neither -AU1 nor -AU2 is present",
        "no -AU1, -AU2, or -AU4",
        "no -AU1, -AU2 or -AU4 is visible",
        "no -AU12 and -AU6",
        "no raised brows (-AU1), widened eyes (-AU5), or dropped jaw (-AU26)",
        "without brow lowering (-AU4) and lid tightening (-AU7)",
        "The brows are not lowered (-AU4)",
        "The brows aren't lowered (-AU4)",
        "The brows aren’t lowered (-AU4)",
        "I cannot see -AU4",
        "The smile is absent (-AU12)",
        "AU6, not -AU12",
        "AU6 without -AU12",
        "AU24 rather than -AU23",
    ],
)
def test_a_denial_reaches_forwards(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "no -AU12, but AU6",
        "no -AU12 but AU6",
        "no -AU12; AU6",
        "no -AU12. AU6",
        "no -AU12 while AU6 lifts the cheeks",
        "no -AU12\n- AU6 lifts the cheeks",
        "no -AU12\n\nAU6 lifts the cheeks",
        "no -AU12, the brows lower (AU4)",
        "With no tension, the lip corners rise (AU12)",
        "no furrow and the lips part (AU25)",
        "The brow does not move and lip corners rise (AU12)",
        "without -AU4, AU12 is strong",
        "rather than -AU23, AU24 shows",
        "no -AU1, however AU2",
    ],
)
def test_a_denial_ends_with_its_clause(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "-AU12 is absent",
        "(-AU12) is absent",
        "-AU12 (lip corner puller) is clearly absent",
        "-AU4 is not present",
        "-AU4 isn't visible; AU6",
        "-AU4 cannot be seen",
        "-AU4 does not appear",
        "-AU4: absent, AU6: present",
        "-AU4: not present",
        "-AU4 (absent)",
        "-AU4 is missing",
        "-AU1 and -AU2 are absent",
        "-AU1, -AU2, and -AU4 are not visible",
        "AU6 is present and -AU12 is absent",
        "AU6 is present but -AU12 is not.",
        "-AU4 is not present and AU6 is strong",
    ],
)
def test_a_predicate_denies_backwards(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "not only AU6 but also AU12",
        "not just AU6",
        "no doubt AU6",
        "without a doubt AU6",
        "nothing but AU12",
        "AU6 is not accompanied by -AU12",
        "AU4 is not strong",
        "AU4 is not the strongest",
        "the nose (AU9), a notice, another knot (AU4)",
        "AU6 and AU12",
        "",
    ],
)
def test_what_denies_nothing(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "perhaps ?AU12",
        "?AU12 may be present. AU6",
        "The cheeks are lifted (AU6), possibly the lids tighten (?AU7)",
        "?AU1 and ?AU2 could be active, the jaw drops (AU26)",
        "maybe no -?AU4",
        "it suggests AU6",
    ],
)
def test_doubt_covers_its_clause(marked: str) -> None:
    check(marked)


def test_letters_that_grow_in_lower_case_move_no_offset() -> None:
    check("İİİİ no -AU4, but AU6")


CLAUSE = st.lists(
    st.sampled_from(
        [
            *(
                "AU1",
                "AU2",
                "AU4",
                "no",
                "not",
                "without",
                "maybe",
                "may",
                "rather than",
                "is absent",
                "is not present",
            ),
            *("and", "or", "nor", ",", "but", "while", "\n-", "the", "not only", "no doubt", "cheeks", "0.5"),
        ]
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


def marks(text: str) -> list[tuple[bool, bool]]:
    return polarities(text, [match.span() for match in re.finditer(r"AU\d", text)])


@given(st.lists(CLAUSE, max_size=5), st.sampled_from([". ", "; ", "! ", "? ", ".\n"]))
def test_a_sentence_reads_alike_alone_and_among_others(sentences: list[str], stop: str) -> None:
    assert marks(stop.join(sentences)) == [mark for sentence in sentences for mark in marks(sentence)]


@pytest.mark.parametrize("marked", ["no tension of 0.5 in -AU4", "maybe 2.5 mm of ?AU12"])
def test_a_decimal_point_ends_no_sentence(marked: str) -> None:
    check(marked)


@pytest.mark.parametrize(
    "marked", ["rather\n\nthan -AU4", "no\n\ndoubt AU4", "no any  doubt -AU4", "cannot only -AU4", "not  just AU4"]
)
def test_phrases_across_lines_and_near_idioms(marked: str) -> None:
    check(marked)
