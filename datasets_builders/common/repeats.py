"""Repeated ids: a row that says the same again is dropped once, rows that contradict each other are dropped all.

Official label files do repeat rows (ExpW names a face twice). Keeping the first of two contradicting rows would be a
coin toss that nobody sees, so neither is kept, and both are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from datasets_builders.common.corpus import Dropped, Report
from facial_r1.sample import Sample

__all__ = ["CONFLICT", "REPEAT", "without_repeats"]

REPEAT = "repeat"
CONFLICT = "conflicting_repeat"


def without_repeats(samples: Iterable[Sample], report: Report) -> Iterator[bytes]:
    """Yield each id once, as its encoded JSONL line, in the order of ``samples``.

    Two rows are the same when nothing but their ``meta_info.source`` differs. Whether a first row stays is only known
    after the last one was read: rows are held as encoded lines (about 1 KB each) and no objects, so that 300,000 of
    them take a third of a gigabyte.

    Args:
        samples: the scan of one corpus.
        report: receives one :class:`Dropped` per dropped row, of reason ``repeat`` or ``conflicting_repeat``.
    """
    lines: dict[str, bytes] = {}
    conflicts: set[str] = set()
    for sample in samples:
        line = bytes(memoryview(sample.to_line()))  # the encoder leaves 8 KB of room behind each line; a copy has none
        first_line = lines.setdefault(sample.id, line)
        if first_line is line:
            continue
        first = Sample.from_own(orjson.loads(first_line))
        if sample.id in conflicts:
            report.dropped.append(_dropped(sample, CONFLICT, first))
        elif _same(first, sample):
            report.dropped.append(_dropped(sample, REPEAT, first))
        else:
            conflicts.add(sample.id)
            report.dropped += [_dropped(first, CONFLICT, sample), _dropped(sample, CONFLICT, first)]
    return (line for identity, line in lines.items() if identity not in conflicts)


def _same(first: Sample, second: Sample) -> bool:
    rows = [sample.to_json() for sample in (first, second)]
    for row in rows:
        del row["meta_info"]["source"]
    return rows[0] == rows[1]


def _dropped(sample: Sample, reason: str, other: Sample) -> Dropped:
    detail = f"{'says the same as' if reason == REPEAT else 'contradicts'} {other.meta_info.source}"
    source, truth = sample.meta_info.source or "", (tuple(sample.AUs), tuple(sample.labels))
    return Dropped(sample.dataset, sample.id, reason, detail, source, *truth)
