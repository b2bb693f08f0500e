"""ROUGE in named implementations, because the packages disagree: one pair of texts scores 54.5, 18.2 and 0.0.

The name says the variant, the package and whether words are stemmed:

=====================  ==============================================================================
``rougeL_rs_stem``     ``rouge_score`` with Porter's stemmer: what Facial-R1 reports
``rougeL_rs``          ``rouge_score`` without
``rougeL_pltrdy``      the package ``rouge`` (by pltrdy), summary level: what FABA-Bench reports
=====================  ==============================================================================

and ``rouge1_…``, ``rouge2_…`` likewise. Texts are compared without tags; tags are four words that any two texts
would share.

``rs`` is computed here: ``rouge_score``'s tokens (lower case, runs of ``a-z0-9``, words of more than three letters
stemmed by NLTK's Porter stemmer, each stem looked up once), and the longest common subsequence of ``rapidfuzz``. The
results are those of ``rouge_score`` to the last bit, and ``benchmarks/evaluation.py`` measures how much sooner they
come. ``pltrdy`` calls ``rouge`` itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from rapidfuzz.distance import LCSseq

from facial_r1.errors import UsageError

if TYPE_CHECKING:
    from rouge import Rouge  # type: ignore[import-untyped]

__all__ = ["DEFAULT", "IMPLEMENTATIONS", "rouge"]

IMPLEMENTATIONS: tuple[str, ...] = tuple(
    f"rouge{variant}_{package}" for package in ("rs_stem", "rs", "pltrdy") for variant in "12L"
)
DEFAULT: tuple[str, ...] = ("rouge1_rs_stem", "rouge2_rs_stem", "rougeL_rs_stem", "rougeL_rs")
"""What an evaluation computes when nothing else is asked for; ``rougeL_pltrdy`` is slow."""

_TOKEN = re.compile(r"[a-z0-9]+")
_SHORT = 3


class _Vocabulary:
    """Texts as sequences of small integers: equal numbers, equal (stemmed) words."""

    def __init__(self, *, stem: bool) -> None:
        self._numbers: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._stem: Callable[[str], str] = _stemmer() if stem else _same

    def encode(self, text: str) -> list[int]:
        words = self._words
        return [words[word] if word in words else self._new(word) for word in _TOKEN.findall(text.lower())]

    def _new(self, word: str) -> int:
        token = self._stem(word) if len(word) > _SHORT else word
        number = self._numbers.setdefault(token, len(self._numbers))
        self._words[word] = number
        return number


def _same(word: str) -> str:
    return word


@cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    stem: Callable[[str], str] = PorterStemmer().stem
    return stem


def rouge(name: str, texts: Sequence[str], references: Sequence[str]) -> list[float | None]:
    """The F1 of every pair, a fraction.

    Args:
        name: one of :data:`IMPLEMENTATIONS`.
        texts: what a model wrote, without tags.
        references: as many.

    Returns:
        A number per pair; None where the implementation has no result: ``pltrdy`` fails for an empty text, and for a
        sentence of a thousand words.

    Raises:
        UsageError: for an unknown name.

    >>> rouge("rougeL_rs_stem", ["the cats sat down"], ["a cat sat down there"])
    [0.6666666666666665]
    >>> pair = ["The raised cheeks. A smile, smiling"], ["raising of a cheek. Smiles"]
    >>> [round(100 * rouge(name, *pair)[0], 1) for name in ("rougeL_rs_stem", "rougeL_rs", "rougeL_pltrdy")]
    [54.5, 18.2, 0.0]
    >>> rouge("rougeL_rs", ["", "x"], ["a cat", "x"]), rouge("rougeL_pltrdy", ["", "x"], ["a cat", "x"])
    ([0.0, 1.0], [None, 0.999999995])
    """
    if name not in IMPLEMENTATIONS:
        raise UsageError("unknown ROUGE", found=name, expected=f"one of {', '.join(IMPLEMENTATIONS)}")
    variant, _, package = name.partition("_")
    if package == "pltrdy":
        scorer = _pltrdy(f"rouge-{variant[-1].lower()}")
        return [_scored(scorer, text, reference) for text, reference in zip(texts, references, strict=True)]
    vocabulary = _Vocabulary(stem=package == "rs_stem")
    common = _longest if variant == "rougeL" else _ngrams(int(variant[-1]))
    pairs = zip(texts, references, strict=True)
    return [common(vocabulary.encode(text), vocabulary.encode(reference)) for text, reference in pairs]


def _longest(text: list[int], reference: list[int]) -> float:
    if not text or not reference:
        return 0.0
    return _f1(LCSseq.similarity(text, reference), len(text), len(reference))


def _ngrams(size: int) -> Callable[[list[int], list[int]], float]:
    def common(text: list[int], reference: list[int]) -> float:
        ours, theirs = _counted(text, size), _counted(reference, size)
        shared = sum(min(count, theirs[gram]) for gram, count in ours.items() if gram in theirs)
        return _f1(shared, max(1, len(text) - size + 1), max(1, len(reference) - size + 1))

    return common


def _counted(tokens: list[int], size: int) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(size)), strict=False))


def _f1(shared: int, text: int, reference: int) -> float:
    precision, recall = shared / text, shared / reference
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


@cache
def _pltrdy(metric: str) -> Rouge:
    from rouge import Rouge

    return Rouge(metrics=[metric], stats=["f"])


def _scored(scorer: Rouge, text: str, reference: str) -> float | None:
    try:
        (scores,) = scorer.get_scores(text, reference)
    except (ValueError, RecursionError):  # FABA-Bench leaves these pairs out
        return None
    (metric,) = scores.values()
    return float(metric["f"])
