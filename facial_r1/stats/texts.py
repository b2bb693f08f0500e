"""What texts are like, as numbers: their length, how they begin, how much they repeat, which Action Units they name.

Lengths, openings and Action Units are counted over all rows. Diversity needs all n-grams at once and depends on how
many texts there are, so it is measured on at most :data:`SAMPLE` texts, those whose ids have the smallest SHA-256:
memory stays flat, and two large data sets are compared at equal size.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facial_r1.facs import sort_codes
from facial_r1.grammar import read_blocks
from facial_r1.mentions import find_mentions
from facial_r1.sample import Sample
from facial_r1.wording import words_of

__all__ = ["SAMPLE", "Diversity", "Mentions", "Texts", "diversity", "reasoning"]

SAMPLE = 20_000
"""Texts at most on which diversity is measured."""
OPENING = 3
"""Words of an opening phrase."""
REPEATED = 4
"""Words of a phrase that counts as repeated."""

_DIGIT = re.compile(r"\d")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def reasoning(description: str) -> str:
    """The reasoning of a text: its think block, or all of a text that has none."""
    return read_blocks(description)[0]["think"] or description


@dataclass(frozen=True, slots=True)
class Diversity:
    """How varied a number of texts are.

    Attributes:
        texts: how many texts were measured.
        distinct: n → different n-grams of all n-grams (distinct-n of Li et al. 2016), n = 1, 2, 3; falls with the
            number of texts.
        repeated: share of the phrases of four words that stand in at least one *other* text too.
    """

    texts: int
    distinct: dict[int, float]
    repeated: float


@dataclass(slots=True)
class Mentions:
    """Rows whose reasoning names one Action Unit; those that affirm it are split by what the row knows of it."""

    present: int = 0
    absent: int = 0
    unknown: int = 0
    denied: int = 0


@dataclass(slots=True)
class Texts:
    """Reads texts as they pass; rows without a text are not among them.

    Attributes:
        words: corpus → words of each reasoning, in the order of the rows.
        openings: first words of a reasoning → texts.
        mentions: Action Unit → rows that name it.
    """

    words: dict[str, array[int]] = field(default_factory=dict)
    openings: Counter[str] = field(default_factory=Counter)
    mentions: dict[str, Mentions] = field(default_factory=dict)
    _chosen: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Read the text of one row."""
        if not sample.description.strip():
            return
        text = reasoning(sample.description)
        words = words_of(text)
        self.words.setdefault(sample.dataset, array("I")).append(len(words))
        self.openings[" ".join(words[:OPENING])] += 1
        if _DIGIT.search(text):
            self._name_aus(text, sample)
        self._choose(sample.id, text)

    def _name_aus(self, text: str, sample: Sample) -> None:
        found = [mention for mention in find_mentions(text) if mention.code]
        affirmed = {mention.code for mention in found if not mention.negated}
        for code in {mention.code for mention in found}:
            assert code is not None
            count = self.mentions.setdefault(code, Mentions())
            if code not in affirmed:
                count.denied += 1
            elif code in sample.AUs:
                count.present += 1
            elif code in sample.meta_info.au_annotated:
                count.absent += 1
            else:
                count.unknown += 1

    def _choose(self, name: str, text: str) -> None:
        """Keep the texts with the smallest hashes, in a heap whose first entry has the largest of them."""
        place = -int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        if len(self._chosen) < SAMPLE:
            heapq.heappush(self._chosen, (place, name, text))
        elif place > self._chosen[0][0]:
            heapq.heapreplace(self._chosen, (place, name, text))

    @property
    def rows(self) -> int:
        """Rows that have a text."""
        return sum(map(len, self.words.values()))

    def lengths(self) -> NDArray[np.int64]:
        """Words of every reasoning, corpus by corpus."""
        parts = [np.asarray(counts, dtype=np.int64) for _, counts in sorted(self.words.items())]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def diversity(self, most: int = SAMPLE) -> Diversity:
        """How varied the texts are, measured on at most ``most`` of them."""
        chosen = sorted(self._chosen, reverse=True)[:most]
        return diversity([words_of(text) for _, _, text in chosen])

    def named_aus(self) -> dict[str, Mentions]:
        """``mentions``, by number."""
        return {code: self.mentions[code] for code in sort_codes(self.mentions)}


def diversity(texts: Sequence[Sequence[str]]) -> Diversity:
    """Distinct-n and repetition of texts that are split into words.

    >>> diversity([["the", "lips", "part"], ["the", "lips", "close"]]).distinct[2]
    0.75
    """
    vocabulary: dict[str, int] = {}
    numbers = array("I", (vocabulary.setdefault(word, len(vocabulary)) for words in texts for word in words))
    words = np.asarray(numbers, dtype=np.uint64)
    owner = np.repeat(np.arange(len(texts)), [len(words) for words in texts])
    distinct = {}
    for size in (1, 2, 3):
        grams, _ = _grams(words, owner, size)
        distinct[size] = np.unique(grams).size / grams.size if grams.size else float("nan")
    return Diversity(len(texts), distinct, _repeated(*_grams(words, owner, REPEATED)))


def _grams(
    words: NDArray[np.uint64], owner: NDArray[np.int64], size: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A 64-bit hash of every n-gram that lies inside one text, and its text; equal n-grams have equal hashes.

    Two different ones of 10 million share a hash with a probability of 3 in a million.
    """
    count = max(0, len(words) - size + 1)
    inside = owner[:count] == owner[size - 1 :][:count]
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(size):
        # A polynomial modulo 2**64, scrambled so that neighbouring word numbers land far apart.
        hashes = hashes * _FACTOR + _scrambled(words[place : place + count])
    return hashes[inside], owner[:count][inside]


def _scrambled(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (numbers + np.uint64(1)) * _FACTOR
    mixed ^= mixed >> np.uint64(29)
    return mixed * np.uint64(0xBF58476D1CE4E5B9)


def _repeated(grams: NDArray[np.uint64], owner: NDArray[np.int64]) -> float:
    """The share of n-grams that occur in another text too."""
    if not grams.size:
        return float("nan")
    order = np.argsort(grams, kind="stable")
    grams, owner = grams[order], owner[order]
    starts = np.flatnonzero(np.r_[True, grams[1:] != grams[:-1]])
    sizes = np.diff(np.r_[starts, grams.size])
    # Owners rise inside a group, for the sort is stable: a group of one text begins and ends with it.
    shared = owner[starts] != owner[starts + sizes - 1]
    return float(sizes[shared].sum() / grams.size)
