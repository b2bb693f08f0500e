"""REGE against a brute-force reading of FABA-Bench's rules, and its published sums."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge import Rouge
from sklearn.metrics import confusion_matrix

from facial_r1.evaluation.rege import FABA_AUS, FABA_WORDS, Rege, faba_aus, faba_emotion, faba_f1, rege
from facial_r1.evaluation.rouge import rouge

ORDER = ["happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear"]
PIECES = st.sampled_from(
    [
        *("a joyful face", "the nose", "stern", "curiosity", "not angry", "isn't sad", "crying", "calm", "discomfort"),
        *("e.g.", "Mr.", "fear", ".", ".", "?", "!", "\n", "Fear and fear"),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map(" ".join)


def brute_emotion(text: str) -> str | None:
    """The benchmark's rules one by one, with loops."""
    sentences, begin = [], 0
    for place, letter in enumerate(text):
        behind = text[:place]
        ends = behind.endswith((".", "?")) and letter.isspace()
        title = re.search(r"[A-Z][a-z]\.$", behind) or re.search(r"\w\.\w.$", behind)
        if ends and not title:
            sentences.append(text[begin:place])
            begin = place + 1
    sentences.append(text[begin:])
    denials = ["not", "no", "isn't ", "nothing", "cannot", "won't", "shouldn't", "neither", "nor"]
    kept = " ".join(one for one in sentences if all(word not in one.lower() for word in denials))
    kept = kept or text
    stops = [place for place, letter in enumerate(kept) if letter in ".!?"]
    if not stops or "\n" in kept[: stops[0]]:
        return None
    first, rest = kept[: stops[0]], kept[stops[0] + 1 :]
    for word in re.findall(r"\w+", first.lower()):
        for emotion in ORDER:
            if word in FABA_WORDS[emotion]:
                return emotion
    counts = dict.fromkeys(ORDER, 0)
    for word in re.findall(r"\w+", rest.lower()):
        for emotion in ORDER:
            counts[emotion] += word in FABA_WORDS[emotion]
    return max(ORDER, key=lambda emotion: (counts[emotion], -ORDER.index(emotion)))


@given(TEXTS)
def test_the_emotion_of_free_text(text: str) -> None:
    assert faba_emotion(text) == brute_emotion(text)


def test_the_oddities_of_the_benchmark() -> None:
    assert faba_emotion("I know this face is happy. A stern look.") == "anger"  # know holds no
    assert faba_emotion("Some curiosity.") == "surprise"  # in the lists of surprise and fear
    assert faba_emotion("A face. Displeased and displeased.") == "anger"  # in those of disgust and anger
    assert faba_emotion("A face.") == "happiness"  # the first class when nothing is found
    assert faba_emotion("There is no smile.") == "happiness"  # only denials: the whole text is read after all
    assert faba_emotion("He is sad and angry. Focus.") == "fear"  # neither word is listed
    assert faba_emotion("joy") is None  # the original stops here
    assert faba_aus("no AU1, AU 2, AU04, AU5B, AU12.") == (("AU1", "AU5", "AU12"), 0)
    assert faba_aus("AU99 and AU3") == ((), 2)


SETS = st.sets(st.sampled_from([*FABA_AUS[:5], "AU7"]))


@pytest.mark.filterwarnings("ignore:A single label")
@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=20))
def test_the_f1_of_action_units_skips_what_is_constant(rows: list[tuple[set[str], set[str]]]) -> None:
    scores = []
    for code in FABA_AUS:
        matrix = confusion_matrix([code in true for _, true in rows], [code in said for said, _ in rows])
        if matrix.shape != (2, 2):
            continue
        tp, fp, fn = matrix[1, 1], matrix[0, 1], matrix[1, 0]
        if tp == 0:
            scores.append(0.0)
            continue
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        scores.append(2 * precision * recall / (precision + recall))
    found = faba_f1([said for said, _ in rows], [true for _, true in rows])
    assert found == (pytest.approx(sum(scores) / len(scores), abs=1e-9) if scores else None)


def test_generation_is_the_mean_of_the_package_without_failures() -> None:
    texts, references = ["a wide smile.", "", "brows down"], ["a smile.", "a frown", "the brows are down"]
    values = rouge("rougeL_pltrdy", texts, references)
    pairs = [(texts[at], references[at]) for at in (0, 2)]
    expected = [Rouge().get_scores(text, reference, avg=True)["rouge-l"]["f"] for text, reference in pairs]
    found = rege("au", 0.5, values, rows=3)
    assert found is not None
    assert (found.texts, found.rows, found.reader) == (2, 3, "faba")
    assert found.score == pytest.approx(50 + 100 * sum(expected) / 2, abs=1e-9)


def test_the_published_sums() -> None:
    for recognition, generation, total in ((64.5, 31.7, 96.2), (56.3, 35.2, 91.5)):
        assert Rege("x", recognition, generation, 1, 1, "faba").score == pytest.approx(total)


def test_what_is_not_known_gives_no_score() -> None:
    assert rege("emotion", None, [0.5], rows=0) is None
    assert rege("emotion", 0.5, [None], rows=1) is None
