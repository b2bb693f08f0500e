"""What FABA-Instruct's prose says, by hand-typed texts: AUs in lists and sentences, emotions named and denied."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasets_builders import corpus
from datasets_builders.common.corpus import Report
from datasets_builders.faba.records import identity
from datasets_builders.faba.truth import (
    OCCURRING,
    ORDER,
    REASONS,
    VOCABULARY,
    Said,
    aus_of_label,
    aus_of_text,
    emotion_of_label,
    emotion_of_text,
)
from facial_r1 import facs
from facial_r1.emotions import EMOTIONS_7
from facial_r1.errors import FacialR1Error
from facial_r1.mentions import find_mentions


def codes(text: str) -> list[int] | None:
    """The numbers of the AUs that a text affirms; None when they are unknown."""
    truth = aus_of_text(text).truth
    return None if truth is None else [facs.number(code) for code in truth]


# --- Action Units -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Here are the AUs:\n\n1. AU4 - Brow Lowerer: a furrow.\n2. AU9 - Nose Wrinkler: wrinkles.", [4, 9]),
        ("the visible AUs:\n1. AU12 - Lip Corner Puller.", [12]),
        (
            "action units (AUs):\n\n 1. **AU6 (Cheek Raiser)**: lifted.\n 2. **AU12 (Lip Corner Puller)**: pulled.",
            [6, 12],
        ),
        ("Visible action units:\n\n**1.** AU25", [25]),
        ("AUs:\n\n1) AU43 - Eyes Closed", [43]),
        ("AUs: 1. AU26 (jaw drop)", [26]),
        ("AUs:\n- AU1: raised.\n- AU2: raised.\n- AU5: wide.", [1, 2, 5]),
        ("10. AU25 - Lips Part\n11. AU26 - Jaw Drop", [25, 26]),
        ("AU01, AU02 and AU04", [1, 2, 4]),
        ("AU5B - Upper Lid Raiser. AU6c - Cheek Raiser.", [5, 6]),
        ("AU 4 and Action Unit 7", [4, 7]),
        ("AUs 6 and 12", [6, 12]),
        ("AU1+2+5", [1, 2, 5]),
        ("AU19 - Tongue Show", [19]),
        ("The lip corners are pulled up (AU12), which could suggest joy.", [12]),
        ("There is possibly AU17.", [17]),
        ("There is no AU12. AU4 is clear.", [4]),
        ("1. AU4 - Brow Lowerer: no furrow is deep.\n2. AU7 - Lid Tightener: tense lids.", [4, 7]),
        ("AU4 without AU9 or AU10", [4]),
        ("AU12 is not present, but AU14 is.", [14]),
        ("Neither AU12 nor AU6 can be seen.", []),
        ("A face at rest.", None),
        ("The action units are hard to tell.", None),
        ("1. Raised brows\n2. Parted lips", None),
        ("", None),
    ],
)
def test_the_action_units_of_a_text(text: str, numbers: list[int] | None) -> None:
    assert codes(text) == numbers
    assert (aus_of_text(text).why == "no_au_named") == (numbers is None)


def test_the_number_of_a_list_item_is_no_action_unit() -> None:
    text = "These are the AUs:\n\n1. AU4 - Brow Lowerer"
    assert [m.number for m in find_mentions(text)] == [4]
    assert codes(text) == [4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AU0 - Neutral Face", Said(None, "unknown_au", (0,))),
        ("AU0. There is no AU12.", Said(None, "unknown_au", (0,))),
        ("AU0, AU4 and AU0", Said(("AU4",), unknown=(0,))),
        ("AU99. AU3. AU12.", Said(("AU12",), unknown=(3, 99))),
        ("There is no AU0. AU12.", Said(("AU12",))),
    ],
)
def test_numbers_that_facs_does_not_have_are_kept_apart(text: str, said: Said) -> None:
    assert aus_of_text(text) == said


@given(st.lists(st.sampled_from(["AU4", "AU 12", "AUs 6, 9", "no", "not", "without", "or", ",", ".", "brow", "and"])))
def test_without_lists_the_reader_is_the_project_s(words: list[str]) -> None:
    text = " ".join(words)
    mentions = find_mentions(text)
    affirmed = sorted({m.number for m in mentions if not m.negated})
    assert codes(text) == (affirmed if mentions else None)


@given(
    st.lists(st.sampled_from([facs.number(code) for code in OCCURRING]), min_size=1, max_size=9, unique=True), st.data()
)
def test_a_numbered_list_says_what_its_items_name(numbers: list[int], data: st.DataObject) -> None:
    intro = data.draw(st.sampled_from(["These AUs:", "action units (AUs):\n", "What is seen:\n", "AUs\n"]))
    mark = data.draw(st.sampled_from(["{}. AU{} - {}: seen.", "{}) AU{:02d} ({})", "{}. **AU{} - {}**: seen."]))
    items = [mark.format(at, n, facs.BY_NUMBER[n].name.title()) for at, n in enumerate(numbers, 1)]
    assert codes(f"{intro}\n{chr(10).join(items)}") == sorted(numbers)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("1, 4, 15", Said(("AU1", "AU4", "AU15"))),
        ("15,1", Said(("AU1", "AU15"))),
        ("AU4", Said(("AU4",))),
        ("0, 1", Said(("AU1",), unknown=(0,))),
        ("99", Said(None, "unknown_au", (99,))),
        ("", Said(None, "empty_label")),
        ("  ", Said(None, "empty_label")),
        ("1;4", None),
        ("1, x", None),
        ("1,", None),
        (4, None),
    ],
)
def test_au_labels(label: str | int, said: Said | None) -> None:
    assert aus_of_label(label) == said


# --- emotions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("The person looks happy.", "happiness"),
        ("Happiness! Nothing else.", "happiness"),
        ("An angry face, full of rage and anger.", "anger"),
        ("There is sorrow in these eyes.", "sadness"),
        ("The expression is neutral.", "neutral"),
        ("Wide eyes: astonishment.", "surprise"),
        ("She seems scared, which fits the fear in her eyes.", "fear"),
        ("This might be disgust.", "disgust"),
        ("The nose is wrinkled in disgust. Notice another fold near the nose.", "disgust"),
        ("A happy face. There is no sign of fear, anger or sadness.", "happiness"),
        ("There is no sign of fear.  The face is SAD", "sadness"),
        ("It does not show strong emotions, e.g. joy or fear. I would call it neutral.", "neutral"),
        ("He isn't angry. He is sad.", "sadness"),
        ("The lips show distaste.\nThe brows are lowered.", "disgust"),
        ("A sad-looking person.", "sadness"),
        ('"I am happy." The eyes are narrow.', "happiness"),
    ],
)
def test_the_emotion_of_a_text(text: str, noun: str) -> None:
    assert emotion_of_text(text) == Said((noun,))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no_class_word"),
        ("The brows are raised and the lips are parted.", "no_class_word"),
        ("There is no joy, sadness, anger or surprise.", "no_class_word"),
        ("She does not look happy but sad.", "no_class_word"),  # a sentence that denies is left out whole
        ("It does not show strong emotions:\n- joy\n- anger", "no_class_word"),
        ("It is hard to see more than calm, e.g. no joy", "no_class_word"),
        ("A gentle smile and calm eyes.", "no_class_word"),
        ("Shock is written all over the face.", "no_class_word"),
        ("Contempt, and nothing but disdain.", "no_class_word"),
        ("A look of contempt.", "no_class_word"),
        ("There is no expression of happiness here.", "no_class_word"),
        ("Surprisingly, she is enjoying herself sadly.", "no_class_word"),
        ("A non-neutral face.", "no_class_word"),
        ("Happy and surprised.", "several_class_words"),
        ("A sad face. There may be anger in it.", "several_class_words"),
        ("Disgust with some contempt.", "several_class_words"),
    ],
)
def test_an_emotion_is_unknown_rather_than_guessed(text: str, why: str) -> None:
    assert emotion_of_text(text) == Said(None, why)


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("A sad face. There may be anger in it.", "sadness"),
        ("Raised brows. There is no fear. A surprised, astonished face! It could be joy, or even fear.", "surprise"),
        ("Happy and surprised. Mostly happy.", None),
        ("A face of contempt. It is also angry.", None),
    ],
)
def test_the_first_sentence_may_decide(text: str, noun: str | None) -> None:
    assert emotion_of_text(text, several="first_sentence").truth == (None if noun is None else (noun,))


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("A wide smile.", "happiness"),
        ("A calm face.", "neutral"),
        ("She looks anxious.", "fear"),
        ("A smile, yet anxious eyes.", None),
        ("There is no smile.", None),
        ("A sad smile.", "sadness"),
        ("A sad smile, an angry look.", None),
    ],
)
def test_soft_words_may_stand_in_where_no_emotion_is_named(text: str, noun: str | None) -> None:
    assert emotion_of_text(text, soft_words=True).truth == (None if noun is None else (noun,))


def test_the_orders_typed_by_hand() -> None:
    assert ORDER == ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")
    assert [emotion_of_label(number) for number in range(7)] == [Said((noun,)) for noun in ORDER]
    assert sorted(ORDER) == list(EMOTIONS_7)
    numbers = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43]
    assert [facs.number(code) for code in VOCABULARY] == numbers
    assert [facs.number(code) for code in OCCURRING] == sorted([*numbers, 11, 18, 19, 22, 28, 30])


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("Happiness", Said(("happiness",))),
        ("6", Said(("fear",))),
        ("", Said(None, "empty_label")),
        (7, None),
        (-1, None),
        ("٣", None),
        ("contempt", None),
        ("awe", None),
    ],
)
def test_emotion_labels(label: str | int, said: Said | None) -> None:
    assert emotion_of_label(label) == said


# --- anything at all --------------------------------------------------------------------------------------------------

PROSE = st.lists(
    st.sampled_from(
        [
            *(
                "AU4",
                "AUs:",
                "\n1. ",
                "\n",
                "12",
                "AU0",
                "happy",
                "sad",
                "smile",
                "no",
                "not",
                ". ",
                "! ",
                "e.g. ",
                ", ",
            ),
            *("joy", "contempt", "neutral", "non-", "İ", '"', "**", ": ", "no expression", " "),
        ]
    ),
    max_size=30,
).map("".join)


@given(PROSE | st.text(max_size=200), st.booleans(), st.sampled_from(["unknown", "first_sentence"]))
def test_any_text_says_something_or_nothing(text: str, soft: bool, several: str) -> None:
    aus, emotion = aus_of_text(text), emotion_of_text(text, several=several, soft_words=soft)
    for said in (aus, emotion):
        assert (said.truth is None) == (said.why is not None)
        assert said.why in (None, *REASONS)
    assert list(aus.truth or ()) == facs.sort_codes(aus.truth or ())
    assert emotion.truth is None or (len(emotion.truth) == 1 and emotion.truth[0] in EMOTIONS_7)


@given(PROSE)
def test_looser_options_only_add_labels(text: str) -> None:
    strict = emotion_of_text(text)
    for loose in (emotion_of_text(text, several="first_sentence"), emotion_of_text(text, soft_words=True)):
        assert strict.truth in (None, loose.truth)


@given(st.text(max_size=30) | st.integers())
@example("9" * 5000)
@example("1, " * 2000 + "4")
def test_any_label_is_one_or_none(label: str | int) -> None:
    for said in (aus_of_label(label), emotion_of_label(label)):
        assert said is None or (said.truth is None) == (said.why in ("empty_label", "unknown_au"))


@given(st.text(max_size=80))
def test_a_picture_s_name_is_one_part_of_a_path(path: str) -> None:
    assert "/" not in identity(path)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True), st.sampled_from([".jpg", ".JPEG", ".png", ".npy", ""]))
def test_a_picture_has_one_name_with_any_suffix_and_base(stem: str, suffix: str) -> None:
    names = {identity(f"{base}{stem}{suffix}") for base in ("", "/x/images/", "a/Landmarks/", "../", "x\\images\\")}
    assert len(names) == 1
    assert names <= {stem, stem.lower()}
    assert identity(f"images/7/{stem}{suffix}") in names | {f"7-{stem}"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=9) | st.sampled_from(["a.jpg", "1, 4", "gpt"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "label", "id", "gpt4", "conversations", "conversation", "from", "value"]), inner
        )
    ),
    max_leaves=12,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"image": st.sampled_from(["a.jpg", "b.jpg", "x/../images/c.jpg", ""])},
        optional={"label": JSON, "gpt4": JSON, "conversations": JSON, "id": JSON},
    ),
    max_size=4,
)


@given(
    RECORDS | JSON,
    st.just(b"") | st.binary(max_size=9),
    st.sampled_from(["train_au", "train_emotion", "eval_au", "eval_emotion"]),
)
def test_any_file_is_read_or_one_clear_error(content: object, tail: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}_anno.json"
        path.write_bytes(json.dumps(content).encode() + tail)
        report = Report(keep_going=True)
        list(corpus("faba").scan(Path(folder), report))
        assert all(message.startswith(f"{path}: ") for message in report.errors)
        first = ""
        try:
            list(corpus("faba").scan(Path(folder), Report()))
        except FacialR1Error as error:
            first = str(error)
        assert report.errors[:1] == ([first] if first else [])


@pytest.mark.parametrize(
    "unit", ["1. AU4 ", "AUs:\n", ". \n", ".\n\n\n a", "no joy, ", "happy ", ' ."', "**** ", "    "]
)
def test_time_grows_with_the_length_of_a_text_only(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    begun = time.perf_counter()
    aus_of_text(text)
    emotion_of_text(text, soft_words=True)
    assert time.perf_counter() - begun < 10
