"""What a model reads from faces: answers, the scores of each row, and how sure a difference between two models is.

Scores come from :mod:`facial_r1.scoring` through the strict parser, as they do in gates and rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import numpy as np
import numpy.typing as npt

from benchmarks.proof.faces import CODES
from facial_r1.errors import UsageError
from facial_r1.evaluation.intervals import Clusters, paired
from facial_r1.files import sha256_bytes
from facial_r1.inference.local.checkpoints import open_checkpoint
from facial_r1.inference.local.generation import Generator
from facial_r1.inference.local.sampling import Sampling, seed_of
from facial_r1.pictures import load_picture
from facial_r1.response import parse
from facial_r1.sample import Sample, read_samples
from facial_r1.scoring import au_counts, au_f1, label_match

__all__ = ["Reader", "Scores", "difference", "rows", "score", "shuffled"]

BATCH = 128
LONGEST = 80
"""Tokens of an answer; the longest lesson has about 60."""
RESAMPLES = 10_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a set of rows, one entry a row in each array.

    Attributes:
        f1: F1 of the row's Action Units, [0, 1].
        right: whether the emotion is right, 0 or 1.
        formed: whether the answer obeys the grammar, 0 or 1.
        macro: F1 of each Action Unit over all rows, then their mean, [0, 1].
    """

    f1: Floats
    right: Floats
    formed: Floats
    macro: float

    @property
    def reward(self) -> Floats:
        """``R_AU + R_acc`` of each row, [0, 2]; the format is left out."""
        return self.f1 + self.right

    def means(self) -> dict[str, float]:
        """The figures of the table."""
        means = {"macro_f1": self.macro, "row_f1": self.f1.mean(), "accuracy": self.right.mean()}
        return {name: float(value) for name, value in {**means, "format": self.formed.mean()}.items()}


class Reader:
    """A loaded checkpoint that is asked about faces."""

    def __init__(self, checkpoint: Path) -> None:
        self._generator = Generator(open_checkpoint(checkpoint), "cpu", "float32")

    def answers(self, samples: Sequence[Sample], images: Path, *, temperature: float = 0.0, draw: int = 0) -> list[str]:
        """One answer to each row's question; a sampled one depends on row and ``draw`` alone, whatever the model.

        Equal random numbers for every model make the comparison of two models a paired one.
        """
        sampling, found = Sampling(max_tokens=LONGEST, temperature=temperature), []
        for begin in range(0, len(samples), BATCH):
            batch = samples[begin : begin + BATCH]
            questions = [self._generator.encode(s.question, load_picture(images / s.image)) for s in batch]
            seeds = [seed_of(sha256_bytes(f"{s.id} {draw}".encode())) for s in batch]
            found += [one.text for one in self._generator.generate(questions, sampling, seeds, Event())]
        return found


def rows(path: Path) -> list[Sample]:
    """The rows of a JSONL file."""
    return list(read_samples(path))


def score(samples: Sequence[Sample], texts: Sequence[str]) -> Scores:
    """Hold one text against the truth of each row."""
    read = [parse(text) for text in texts]
    pairs = list(zip(samples, read, strict=True))
    f1 = [
        au_f1(r.claimed_aus, s.AUs, s.meta_info.au_annotated, unknown=len(r.unknown_numbers)) or 0.0 for s, r in pairs
    ]
    right = [bool(label_match(r.answer_labels, s.labels)) for s, r in pairs]
    formed = [r.well_formed for r in read]
    macro = _macro([r.claimed_aus for r in read], [s.AUs for s in samples])
    return Scores(np.array(f1), np.array(right, float), np.array(formed, float), macro)


def _macro(claimed: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> float:
    found = []
    for unit in CODES:
        counts = [au_counts(c, t, [unit]) for c, t in zip(claimed, true, strict=True)]
        tp, wrong = sum(c.tp for c in counts), sum(c.fp + c.fn for c in counts)
        found.append(2 * tp / (2 * tp + wrong) if tp or wrong else 1.0)
    return float(np.mean(found))


def shuffled(samples: Sequence[Sample], texts: Sequence[str]) -> Scores:
    """The scores with the pictures handed round so that each row gets that of another subject.

    The question is the same for all rows, so the answer to a picture that went elsewhere is known already.
    """
    return score(samples, [*texts[len(texts) // 2 :], *texts[: len(texts) // 2]])


def difference(samples: Sequence[Sample], before: Floats, after: Floats) -> tuple[float, float, float]:
    """Mean of ``after - before`` and its 95 % interval: paired bootstrap over subjects.

    Pictures of one person are not independent, so whole subjects are drawn.
    """
    clusters = Clusters.by([sample.meta_info.subject for sample in samples])
    ones = np.ones_like(before)
    sums = [clusters.sums([values, ones]) for values in (before, after)]
    found = paired(*sums, lambda total: total[..., 0] / total[..., 1], clusters, resamples=RESAMPLES)
    if found.low is None or found.high is None:
        raise UsageError("an interval needs two subjects or more", found=clusters.count)
    return found.value, found.low, found.high
