"""Emotions for RAF-AU's pictures out of its sister corpora: RAF-ML (six votes) or RAF-CE (compound classes).

RAF-AU has no emotion file; its pictures are RAF-ML's, under the same numbers, and RAF-CE describes a part of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datasets_builders.common.layout import folders
from facial_r1.errors import InputError, NotThisCorpus

__all__ = ["COLUMNS", "COMPOUNDS", "LABELS", "TIE_RULES", "Emotion", "TieRule", "majority", "rafce", "rafml"]

COLUMNS: tuple[str, ...] = ("surprise", "fear", "disgust", "happiness", "sadness", "anger")
"""The columns of RAF-ML's ``distribution.txt`` after the name: neither alphabetical nor any other corpus' order."""

LABELS: tuple[str, ...] = tuple(sorted(COLUMNS))
"""What a joined row can be labelled: six emotions; both corpora have no neutral class."""

COMPOUNDS: tuple[tuple[str, tuple[str, str]], ...] = (
    ("happily surprised", ("happiness", "surprise")),
    ("happily disgusted", ("happiness", "disgust")),
    ("sadly fearful", ("sadness", "fear")),
    ("sadly angry", ("sadness", "anger")),
    ("sadly surprised", ("sadness", "surprise")),
    ("sadly disgusted", ("sadness", "disgust")),
    ("fearfully angry", ("fear", "anger")),
    ("fearfully surprised", ("fear", "surprise")),
    ("fearfully disgusted", ("fear", "disgust")),
    ("angrily surprised", ("anger", "surprise")),
    ("angrily disgusted", ("anger", "disgust")),
    ("disgustedly surprised", ("disgust", "surprise")),
    ("happily fearful", ("happiness", "fear")),
    ("happily sad", ("happiness", "sadness")),
)
"""RAF-CE's class 0-13 → its name and its two emotions."""

TieRule = Literal["alphabetical", "file_order"]
TIE_RULES: tuple[TieRule, ...] = ("alphabetical", "file_order")
"""Which of several emotions with the same top probability is the label: the first by alphabet, or by column."""

_NAME = re.compile(r"(\d{1,6})(?:_aligned)?\.jpe?g", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Emotion:
    """What a sister corpus says of one picture: its ``labels``, and in ``extra`` how they came about."""

    labels: tuple[str, ...]
    extra: Mapping[str, Any]


def rafml(root: Path, tie: TieRule) -> dict[int, Emotion]:
    """Picture number → the emotion with the highest probability in RAF-ML's ``EmoLabel/distribution.txt``.

    The whole distribution is kept in ``extra``, with its top probability and the rule that broke ties: half of the
    tops are below 0.56, so these labels are blends.

    Raises:
        NotThisCorpus: when the file is not below ``root``.
        InputError: naming the line, for anything but a picture name and six probabilities.
    """

    def emotion(fields: list[str]) -> Emotion | None:
        try:
            shares = [float(field) for field in fields]
        except ValueError:
            return None
        if len(shares) != len(COLUMNS) or not all(0 <= share <= 1 for share in shares):  # also refuses nan
            return None
        votes, top = dict(zip(COLUMNS, shares, strict=True)), max(shares)
        if top == 0:
            return None
        return Emotion((majority(votes, tie),), {"distribution": votes, "top_probability": top, "tie_rule": tie})

    expected = f"`0001.jpg` and six probabilities: {', '.join(COLUMNS)}"
    return _read(_file(root, "distribution.txt", "RAF-ML"), emotion, expected)


def majority(votes: Mapping[str, float], tie: TieRule) -> str:
    """The emotion with the most of ``votes`` (which are in column order); ``tie`` decides among equals."""
    top = max(votes.values())
    equals = [label for label in COLUMNS if votes[label] == top]
    return min(equals) if tie == "alphabetical" else equals[0]


def rafce(root: Path) -> dict[int, Emotion]:
    """Picture number → the two emotions of its compound class in ``RAFCE_emolabel.txt``.

    Raises:
        NotThisCorpus: when the file is not below ``root``.
        InputError: naming the line, for anything but a picture name and a class of 0-13.
    """

    def emotion(fields: list[str]) -> Emotion | None:
        if len(fields) != 1 or re.fullmatch(r"[0-9]{1,2}", fields[0]) is None or int(fields[0]) >= len(COMPOUNDS):
            return None
        name, labels = COMPOUNDS[int(fields[0])]
        return Emotion(labels, {"compound": name, "rafce_class": int(fields[0])})

    return _read(_file(root, "RAFCE_emolabel.txt", "RAF-CE"), emotion, "`0001.jpg` and a class of 0-13")


def _file(root: Path, name: str, corpus: str) -> Path:
    if root.is_dir():
        for folder in folders(root):
            for found in folder.files:
                if found.lower() == name.lower():
                    return folder.path / found
    what = f"this folder is not {corpus}" if root.is_dir() else f"{corpus}: there is no such folder"
    join = corpus.replace("-", "")
    do = f"give the folder of your {corpus} copy: --with {join.lower()}=DIR, or the variable FACIAL_R1_{join}"
    raise NotThisCorpus(what, path=root, expected=f"a file {name} in it", do=do)


def _read(path: Path, emotion: Callable[[list[str]], Emotion | None], expected: str) -> dict[int, Emotion]:
    """Every line of ``path`` by its picture's number; ``emotion`` reads what follows the name, or refuses it."""
    do = f"take {path.name} from the official archive again"
    known: dict[int, Emotion] = {}
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        text = line.decode("utf-8", "backslashreplace")
        fields = text.split()
        if not fields:
            continue
        name = _NAME.fullmatch(fields[0])
        found = emotion(fields[1:]) if name else None
        if name is None or found is None:
            what = "this line does not give one picture's emotion"
            raise InputError(what, path=path, line=number, found=f"`{text[:60]}`", expected=expected, do=do)
        if known.setdefault(int(name[1]), found) != found:
            what = "this picture has two different emotions"
            raise InputError(what, path=path, line=number, found=fields[0], expected="one line per picture", do=do)
    return known
