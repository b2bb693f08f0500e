"""Predictions: what a model answered, row by row, in our own file or in the plain form that anyone can write.

One JSON object a line. Ours, as ``facial-r1 predict`` writes it::

    {"id": "disfa-SN002-0014", "outcome": "ok", "text": "<think>…</think><answer>…</answer>", "model": "…",
     "prompt_hash": "…", "pictures": null, "detail": null}

The plain form holds ``id`` and ``prediction``, a text; null says that there is none. The files of other projects are
read by :mod:`facial_r1.evaluation.others`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facial_r1.errors import InputError
from facial_r1.files import read_jsonl
from facial_r1.inference.protocol import OUTCOMES

__all__ = ["STATUSES", "Prediction", "read_predictions", "some", "unique"]

STATUSES: tuple[str, ...] = ("answered", "refused", "failed", "missing")
"""What became of a row: there is a text (be it cut off), the model or its provider declined, the call failed for good,
or the file has no line for it. Only the first is scored; the others are shown, never taken for an empty answer."""

_OF = {"ok": "answered", "cut_off": "answered", "refusal": "refused", "filtered": "refused", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row's answer.

    Attributes:
        id: the row's.
        text: what the model wrote, None when nothing came.
        outcome: one of :data:`facial_r1.inference.protocol.OUTCOMES`.
        model: who answered, where the file says it.
        pictures: ``shuffled:SEED`` when the model was shown another row's picture.
        reader: how the text is read (:mod:`facial_r1.evaluation.reading`).
        place: file and line, for messages.
    """

    id: str
    text: str | None
    outcome: str = "ok"
    model: str = ""
    pictures: str | None = None
    reader: str = "tags"
    place: str = ""

    @property
    def status(self) -> str:
        """One of :data:`STATUSES`, never ``missing``."""
        status = _OF[self.outcome]
        return "failed" if status == "answered" and self.text is None else status


def read_predictions(path: Path) -> list[Prediction]:
    """The predictions of a JSONL file, ours or plain.

    Raises:
        InputError: naming file and line, for a line that is neither, or an id that stands twice.
    """
    return unique([_read(row, path, line) for line, row in read_jsonl(path)])


def _read(row: Mapping[str, Any], path: Path, line: int) -> Prediction:
    place = f"{path}:{line}"
    identity = row.get("id")
    if not isinstance(identity, str) or not identity:
        expected = '`{"id": "…", "prediction": "…"}`, or what `facial-r1 predict` writes'
        raise InputError("a prediction without an id", path=path, line=line, found=dict(row), expected=expected)
    plain = "prediction" in row
    text = row.get("prediction") if plain else row.get("text")
    if not (plain or "text" in row) or not (text is None or isinstance(text, str)):
        expected = "a text (or null) under `prediction` or `text`"
        raise InputError("a prediction without a text", path=path, line=line, found=dict(row), expected=expected)
    outcome = row.get("outcome") or ("failed" if text is None else "ok")
    if outcome not in OUTCOMES:
        expected = f"one of {', '.join(OUTCOMES)}"
        raise InputError("unknown outcome of a prediction", path=path, line=line, found=outcome, expected=expected)
    model, pictures = row.get("model") or "", row.get("pictures")
    reader = "text" if plain else "tags"
    return Prediction(identity, text, outcome, str(model), str(pictures) if pictures else None, reader, place)


def unique(predictions: Sequence[Prediction]) -> list[Prediction]:
    """The predictions, none of which answers the same row twice.

    Raises:
        InputError: naming the rows, how many, and the lines of the first.
    """
    places: dict[str, list[str]] = {}
    for one in predictions:
        places.setdefault(one.id, []).append(one.place)
    twice = {identity: where for identity, where in places.items() if len(where) > 1}
    if twice:
        first = next(iter(twice))
        raise InputError(
            f"{len(twice):,} rows have more than one prediction",
            found=f"{some(twice)}; {first} at {' and '.join(twice[first][:2])}",
            expected="one prediction for each row",
            do="remove the repetitions, or evaluate the files one by one",
        )
    return list(predictions)


def some(ids: Iterable[str], most: int = 3) -> str:
    """The first few of many ids."""
    listed = list(ids)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"{', '.join(listed[:most])}{more}"
