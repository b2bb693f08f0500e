"""How fast predictions are scored, beside what one would use instead, and how it grows.

    .venv/bin/python benchmarks/evaluation.py

ROUGE-L over pairs of 80 words beside ``rouge_score``, whose values must be the same to the last bit; Action Unit and
emotion scores of coded rows beside scikit-learn; the bootstrap over subjects. Ours is the best of three fresh
processes; *peak* is the highest memory of a process, Python and NumPy included.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from measure import Job, Timed, main, measure, table, timed

PAIRS, WORDS = 20_000, 80
ROWS = 1_000_000
RESAMPLES, RESAMPLED, SUBJECTS = 1000, 20_000, 400
REPEATS = 3
CODES = ("AU1", "AU2", "AU4", "AU6", "AU7", "AU10", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24")
EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def texts(count: int) -> tuple[list[str], list[str]]:
    """Pairs of the phrases that our reasoning is made of, words in random order."""
    from facial_r1.inference.phrases import PHRASES

    words = [word for forms in PHRASES.values() for phrase in (*forms.clauses, *forms.nouns) for word in phrase.split()]
    dice = random.Random(0)
    both = [" ".join(dice.choices(words, k=WORDS)) for _ in range(2 * count)]
    return both[:count], both[count:]


def ours_rouge(_: Path, count: str) -> Timed:
    from facial_r1.evaluation.rouge import rouge

    said, references = texts(int(count))
    rouge("rougeL_rs_stem", ["raised"], ["raised"])  # imports the stemmer, as rouge_score does beforehand
    return timed(lambda: len(rouge("rougeL_rs_stem", said, references)))


def their_rouge(_: Path, count: str) -> Timed:
    from rouge_score.rouge_scorer import RougeScorer

    said, references = texts(int(count))
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    return timed(lambda: sum(bool(scorer.score(*pair)) for pair in zip(references, said, strict=True)))


def same_rouge(_: Path, count: str) -> Timed:
    """How many pairs have the same value in both, to the last bit."""
    from rouge_score.rouge_scorer import RougeScorer

    from facial_r1.evaluation.rouge import rouge

    said, references = texts(int(count))
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    theirs = [scorer.score(*pair)["rougeL"].fmeasure for pair in zip(references, said, strict=True)]
    ours = rouge("rougeL_rs_stem", said, references)
    return timed(lambda: sum(one == other for one, other in zip(ours, theirs, strict=True)))


def coded(count: int) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], list[str], list[str]]:
    """Claimed and present codes, answered and true classes."""
    dice = random.Random(0)
    sets = [tuple(code for code in CODES if dice.random() < 0.3) for _ in range(5000)]
    said, true = dice.choices(sets, k=count), dice.choices(sets, k=count)
    return said, true, dice.choices((*EMOTIONS, "invalid"), k=count), dice.choices(EMOTIONS, k=count)


def ours_scores(_: Path, count: str) -> Timed:
    from facial_r1.evaluation.au import masks, score_aus
    from facial_r1.evaluation.emotion import score_emotions
    from facial_r1.evaluation.intervals import Clusters

    rows = int(count)
    said, true, answers, truth = coded(rows)

    def work() -> int:
        clusters = Clusters.by([place % SUBJECTS for place in range(rows)])
        known = masks([CODES] * rows, rows)
        score_aus(masks(said, rows), masks(true, rows), known, CODES, clusters, resamples=0)
        score_emotions(truth, answers, EMOTIONS, clusters, resamples=0)
        return rows

    return timed(work)


def their_scores(_: Path, count: str) -> Timed:
    from sklearn.metrics import confusion_matrix, f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    rows = int(count)
    said, true, answers, truth = coded(rows)

    def work() -> int:
        binary = MultiLabelBinarizer(classes=list(CODES))
        y, p = binary.fit_transform(true), binary.fit_transform(said)
        for average in (None, "micro"):
            f1_score(y, p, average=average, zero_division=0)
        confusion_matrix(truth, answers, labels=[*EMOTIONS, "invalid"])
        f1_score(truth, answers, labels=list(EMOTIONS), average="macro", zero_division=0)
        return rows

    return timed(work)


def resample(_: Path, argument: str) -> Timed:
    """Intervals of all Action Unit and emotion scores; the argument is ``rows:subjects``."""
    from facial_r1.evaluation.au import masks, score_aus
    from facial_r1.evaluation.emotion import score_emotions
    from facial_r1.evaluation.intervals import Clusters

    rows, subjects = map(int, argument.split(":"))
    said, true, answers, truth = coded(rows)
    clusters = Clusters.by([place % subjects for place in range(rows)])
    known, claims, present = masks([CODES] * rows, rows), masks(said, rows), masks(true, rows)

    def work() -> int:
        score_aus(claims, present, known, CODES, clusters, resamples=RESAMPLES)
        score_emotions(truth, answers, EMOTIONS, clusters, resamples=RESAMPLES)
        return rows

    return timed(work)


JOBS: dict[str, Job] = {
    "ours rouge": ours_rouge,
    "their rouge": their_rouge,
    "same rouge": same_rouge,
    "ours scores": ours_scores,
    "their scores": their_scores,
    "resample": resample,
}


def report() -> None:
    """Print the three tables."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        report_rouge(place)
        report_scores(place)
        report_bootstrap(place)


def report_rouge(place: Path) -> None:
    lines = []
    for count in (PAIRS // 100, PAIRS // 10, PAIRS):
        theirs = measure(__file__, "their rouge", place, count)
        ours = measure(__file__, "ours rouge", place, count, repeats=REPEATS)
        ratio = theirs.cpu / ours.cpu
        goal = f"10 ×: {'met' if ratio >= 10 else 'missed'}" if count == PAIRS else "–"
        figures = (f"{theirs.seconds:.2f}", f"{ours.seconds:.2f}", f"{ratio:.0f} ×", f"{ours.peak:.0f}", goal)
        lines.append((f"{count:,}", *figures))
    same = measure(__file__, "same rouge", place, PAIRS // 10)
    head = ("pairs of 80 words", "rouge_score s", "ours s", "ratio (CPU)", "peak MB", "goal")
    table("ROUGE-L with stemming", head, lines)
    print(f"Equal to the last bit: {same.rows:,} of {PAIRS // 10:,} pairs.\n")


def report_scores(place: Path) -> None:
    lines = []
    for count in (ROWS // 100, ROWS // 10, ROWS):
        theirs = measure(__file__, "their scores", place, count)
        ours = measure(__file__, "ours scores", place, count, repeats=REPEATS)
        goal = f"5 s: {'met' if ours.seconds <= 5 else 'missed'}" if count == ROWS else "–"
        ratio = f"{theirs.cpu / ours.cpu:.1f} ×"
        lines.append((f"{count:,}", f"{theirs.seconds:.2f}", f"{ours.seconds:.2f}", ratio, f"{ours.peak:.0f}", goal))
    head = ("rows", "scikit-learn s", "ours s", "ratio (CPU)", "peak MB", "goal")
    table("AU F1 over 12 AUs, accuracy, UAR, macro F1 and confusion over 7 classes", head, lines)


def report_bootstrap(place: Path) -> None:
    lines = []
    for rows, subjects in ((RESAMPLED // 10, 40), (RESAMPLED, SUBJECTS), (RESAMPLED, RESAMPLED)):
        found = measure(__file__, "resample", place, f"{rows}:{subjects}", repeats=REPEATS)
        goal = f"5 s: {'met' if found.seconds <= 5 else 'missed'}" if rows == RESAMPLED else "–"
        lines.append((f"{rows:,}", f"{subjects:,}", f"{found.seconds:.2f}", f"{found.peak:.0f}", goal))
    head = ("rows", "subjects", "s", "peak MB", "goal")
    table(f"{RESAMPLES:,} resamples of all these scores", head, lines)


if __name__ == "__main__":
    main(JOBS, report)
