"""What 150 texts mean, written down, so that a faster reader is still the same reader.

``readings.jsonl`` was written by the reader before it was made fast. The texts were drawn at random: 70 as a teacher
writes, with denials and doubts put in, 20 with broken tags, 60 of loose words, lists and spellings; each was taken for
turns of speech that those before it lack. A line may change only with a rule that changes on purpose: run this file to
write them anew, and read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from facial_r1.response import negative_words, parse, uncertain_words

READINGS = Path(__file__).with_name("readings.jsonl")


def reading(text: str) -> dict[str, Any]:
    """All that the parser says of a text."""
    response = parse(text)
    return {
        "text": text,
        "faults": list(response.faults),
        "mentions": [
            [m.number, m.code, m.side, m.intensity, "-" * m.negated + "?" * m.uncertain, m.start, m.end]
            for m in response.mentions
        ],
        "words": [negative_words(response.think or ""), uncertain_words(response.think or "")],
        "answer": [list(response.answer_aus), list(response.answer_labels), list(response.answer_rest)],
        "unknown": list(response.answer_unknown),
        "claims": [list(response.claimed_aus), list(response.unknown_numbers), response.answers_aus],
    }


LINES = [orjson.loads(line) for line in READINGS.read_bytes().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_text_is_read_as_before(line: dict[str, Any]) -> None:
    assert reading(line["text"]) == line


def test_the_texts_hold_every_kind_of_case() -> None:
    faults = {fault for line in LINES for fault in line["faults"]}
    marks = {mention[4] for line in LINES for mention in line["mentions"]}
    assert len(LINES) == 150
    assert len(faults) == 11
    assert marks == {"", "-", "?", "-?"}


if __name__ == "__main__":
    READINGS.write_bytes(b"".join(orjson.dumps(reading(line["text"])) + b"\n" for line in LINES))
