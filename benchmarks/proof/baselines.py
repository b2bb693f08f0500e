"""What one gets without a vision-language model: constant answers, and a linear probe on grey pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.proof.faces import CODES, lesson
from benchmarks.proof.measuring import score
from facial_r1.pictures import load_picture
from facial_r1.sample import Sample

__all__ = ["baselines"]

SIDE = 28
"""Pixels a side that the probe sees: more than this gained nothing."""


def baselines(train: Sequence[Sample], test: Sequence[Sample], images: Path) -> dict[str, dict[str, float]]:
    """Name → figures on ``test``; whatever is fitted or chosen is so on ``train``, and may use all of its truth."""
    emotion = Counter(sample.labels[0] for sample in train).most_common(1)[0][0]
    texts = {
        "majority emotion, no AU": [lesson([], emotion)] * len(test),
        "best constant AU set": [lesson(_best_set(train, emotion), emotion)] * len(test),
        "all AUs, majority emotion": [lesson(list(CODES), emotion)] * len(test),
        "linear probe on grey pixels": _probe(train, test, images),
    }
    return {name: score(test, said).means() for name, said in texts.items()}


def _best_set(train: Sequence[Sample], emotion: str) -> list[str]:
    """The most frequent Action Units, as many as give the best row F1."""
    shown = Counter(au for sample in train for au in sample.AUs)
    ordered = sorted(CODES, key=lambda au: -shown[au])
    sets = [[au for au in CODES if au in ordered[:size]] for size in range(1, len(CODES) + 1)]
    return max(sets, key=lambda chosen: float(score(train, [lesson(chosen, emotion)] * len(train)).f1.mean()))


def _probe(train: Sequence[Sample], test: Sequence[Sample], images: Path) -> list[str]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    seen, unseen = scaler.fit_transform(_grey(train, images)), scaler.transform(_grey(test, images))

    def answers(truth: Sequence[object]) -> npt.NDArray[np.object_]:
        return LogisticRegression(C=0.01, max_iter=300).fit(seen, truth).predict(unseen)

    units = {au: answers([au in sample.AUs for sample in train]) for au in CODES}
    emotions = answers([sample.labels[0] for sample in train])
    return [lesson([au for au in CODES if units[au][row]], str(emotions[row])) for row in range(len(test))]


def _grey(samples: Sequence[Sample], images: Path) -> npt.NDArray[np.float64]:
    pictures = [cv2.cvtColor(load_picture(images / sample.image), cv2.COLOR_RGB2GRAY) for sample in samples]
    small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(small).reshape(len(samples), -1) / 255.0
