"""The order in which candidates are drawn: seeded, stable, and balanced where the recipe asks for it.

Every row gets a position from a hash of the seed, its corpus and split, and its own id. Nothing else enters, so a
row's position does not depend on which other rows there are: a new row finds its place among the old ones and moves
none of them, and another corpus changes nothing at all.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from curation.rows import Row

__all__ = ["Accept", "FrameGap", "by_hash", "by_rarest_au", "position", "reserved", "share"]

Accept = Callable[[Row], bool]
"""Asked once when a row's turn has come; a row it refuses is passed over for good."""


def position(seed: int, *words: str) -> bytes:
    """A pseudo-random place in an order, 8 bytes, from SHA-256."""
    return hashlib.sha256("\0".join((str(seed), *words)).encode()).digest()[:8]


def by_hash(rows: Iterable[Row], seed: int, part: str) -> list[Row]:
    """``rows`` in the seeded order of ``part`` (``corpus/split``); equal hashes are ordered by id."""
    return sorted(rows, key=lambda row: (position(seed, part, row.id), row.id))


def by_rarest_au(rows: Sequence[Row], accept: Accept) -> Iterator[Row]:
    """Yield accepted rows so that every prefix covers all Action Units as evenly as the rows allow.

    Each step takes the next row that shows the AU seen least so far (of equally seen ones, the rarest in ``rows``);
    a face without any AU counts as one more such class. An AU that has run out leaves its place to the others.

    >>> rows = [_row("a", "AU12"), _row("b", "AU12"), _row("c", "AU12", "AU1"), _row("d")]
    >>> [row.id for row in by_rarest_au(rows, lambda row: True)]
    ['c', 'd', 'a', 'b']
    """
    waiting: dict[str, deque[Row]] = defaultdict(deque)
    for row in rows:
        for au in row.aus or ("none",):
            waiting[au].append(row)
    total = {au: len(queue) for au, queue in waiting.items()}
    seen: Counter[str] = Counter()
    passed: set[str] = set()
    while waiting:
        au = min(waiting, key=lambda au: (seen[au], total[au], au))
        row = waiting[au].popleft()
        if not waiting[au]:
            del waiting[au]
        if row.id in passed:
            continue
        passed.add(row.id)
        if accept(row):
            seen.update(row.aus or ("none",))
            yield row


class FrameGap:
    """Keeps the chosen frames of a video at least ``gap`` frames apart; rows that are no frames always fit."""

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self.chosen: dict[str, list[int]] = defaultdict(list)

    def take(self, row: Row) -> bool:
        """Claim the row's frame; False when a frame nearer than the gap is taken."""
        if row.frame is None or not self.gap:
            return True
        frames = self.chosen[row.video]
        place = bisect_left(frames, row.frame)
        if any(abs(frame - row.frame) < self.gap for frame in frames[max(0, place - 1) : place + 1]):
            return False
        insort(frames, row.frame)
        return True


def reserved(quota: int, reserve: float) -> int:
    """How many candidates a quota wants: the quota and its reserve, rounded up.

    >>> reserved(1000, 0.1), reserved(3, 0.25)
    (1100, 4)
    """
    return math.ceil(round(quota * (1 + reserve), 6))  # 1000 * 1.1 is a hair above 1100 in floating point


def share(wanted: int, available: Mapping[str, int]) -> dict[str, int]:
    """Split ``wanted`` evenly over classes; what a class cannot give goes to the others, in class order.

    The quotas always sum to ``wanted``: when all classes together have too little, what is missing is spread evenly
    on top, where the release will find it.

    >>> share(10, {"anger": 99, "disgust": 1, "fear": 99})
    {'anger': 5, 'disgust': 1, 'fear': 4}
    >>> share(10, {"anger": 1, "disgust": 6})
    {'anger': 3, 'disgust': 7}
    """
    missing = max(0, wanted - sum(available.values()))
    if missing:
        even, odd = divmod(missing, len(available))
        return {name: have + even + (place < odd) for place, (name, have) in enumerate(available.items())}
    quotas = dict.fromkeys(available, 0)
    left, open_classes = wanted, list(available)
    while left:
        even, odd = divmod(left, len(open_classes))
        small = [name for name in open_classes if available[name] <= even]
        if not small:
            return quotas | {name: even + (place < odd) for place, name in enumerate(open_classes)}
        for name in small:
            quotas[name] = available[name]
            left -= available[name]
        open_classes = [name for name in open_classes if name not in small]
    return quotas
