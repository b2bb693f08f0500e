"""Emotion scores against scikit-learn, and what becomes of answers that are none of the classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from facial_r1.evaluation.emotion import EmotionScores, classes_of, classified, score_emotions
from facial_r1.evaluation.intervals import Clusters
from facial_r1.scoring import label_match
from facial_r1.stats.counts import wilson

CLASSES = ("anger", "fear", "happiness", "neutral")
ROWS = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from((*CLASSES, "other", "invalid"))), min_size=1, max_size=40
)
CLOSE = {"abs": 1e-9, "rel": 1e-9}


def score(true: list[str], said: list[str]) -> EmotionScores:
    return score_emotions(true, said, CLASSES, Clusters.by(range(len(true))), resamples=0)


@given(ROWS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes", "ignore:A single label")
def test_all_scores_are_scikit_learns(rows: list[tuple[str, str]]) -> None:
    true, said = [row[0] for row in rows], [row[1] for row in rows]
    scores = score(true, said)
    there = sorted(set(true))
    assert scores.accuracy == pytest.approx(accuracy_score(true, said), **CLOSE)
    assert scores.uar == pytest.approx(
        recall_score(true, said, labels=there, average="macro", zero_division=0), **CLOSE
    )
    assert scores.uar == pytest.approx(balanced_accuracy_score(true, said), **CLOSE)
    f1 = f1_score(true, said, labels=there, average="macro", zero_division=0)
    assert scores.macro_f1 == pytest.approx(f1, **CLOSE)
    matrix = confusion_matrix(true, said, labels=list(scores.columns))
    assert scores.confusion == matrix[: len(CLASSES)].tolist()
    assert (scores.invalid, scores.other) == (said.count("invalid"), said.count("other"))
    for name in CLASSES:
        assert scores.support[name] == true.count(name)
        assert (scores.recall[name] is None) == (name not in true)
        assert (scores.precision[name] is None) == (name not in said)


@given(ROWS)
def test_the_interval_of_independent_rows_is_wilsons(rows: list[tuple[str, str]]) -> None:
    scores = score([row[0] for row in rows], [row[1] for row in rows])
    hits = sum(true == said for true, said in rows)
    assert scores.intervals["accuracy"] == wilson(hits, len(rows))
    assert scores.method == "wilson"


LABELS = st.lists(st.sampled_from(CLASSES), max_size=3, unique=True)


@given(LABELS, LABELS.filter(bool), st.sampled_from(["any", "set"]))
def test_right_is_what_gates_and_rewards_call_right(said: list[str], true: list[str], rule: str) -> None:
    truth, answer = classified(said, true, rule)
    assert (truth == answer) == label_match(said, true, rule)


def test_two_labels_and_other_words() -> None:
    assert classified(["fear", "surprise"], ["fear", "surprise"]) == ("fear", "fear")
    assert classified(["surprise", "fear"], ["fear", "surprise"], "set") == ("fear and surprise",) * 2
    assert classified(["happiness", "bored"], ["happiness"]) == ("happiness", "other")
    assert classified(["contempt"], ["anger"]) == ("anger", "contempt")
    assert score(["anger"], ["contempt"]).confusion[0] == [0, 0, 0, 0, 1, 0]


def test_classes_are_the_protocols_or_those_that_occur() -> None:
    assert classes_of(["sadness", "anger", "boredom", "anger"]) == ("anger", "sadness", "boredom")
    assert classes_of(["anger"], CLASSES) == CLASSES


def test_one_row_has_no_class_that_it_does_not_have() -> None:
    scores = score(["fear"], ["fear"])
    assert (scores.accuracy, scores.uar, scores.macro_f1) == (1.0, 1.0, 1.0)
    assert scores.recall == {"anger": None, "fear": 1.0, "happiness": None, "neutral": None}


def test_the_interval_of_clustered_rows_is_wider_than_wilsons() -> None:
    dice = np.random.default_rng(1)
    right = np.repeat(dice.random(40) < 0.6, 25)
    said = ["fear" if one else "anger" for one in right]
    clusters = Clusters.by([place // 25 for place in range(1000)])
    scores = score_emotions(["fear"] * 1000, said, CLASSES, clusters)
    low, high = scores.intervals["accuracy"]
    narrow = wilson(int(right.sum()), 1000)
    assert scores.method == "bootstrap"
    assert high - low > 3 * (narrow[1] - narrow[0])


@pytest.mark.parametrize("answer", ["fear", "anger"])
def test_where_all_rows_agree_the_clusters_count_as_the_cases(answer: str) -> None:
    clusters = Clusters.by([place // 10 for place in range(100)])
    scores = score_emotions(["fear"] * 100, [answer] * 100, CLASSES, clusters)
    assert scores.intervals["accuracy"] == wilson(10 if answer == "fear" else 0, 10)
