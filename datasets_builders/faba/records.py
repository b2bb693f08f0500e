"""FABA-Instruct's annotation files: one JSON list each, whose records name a picture and say something of it.

Two schemas are in use, and either may stand in any file. The published training files::

    {"source": "AffectNet", "image": "FABAInstruct/train/images/AffectNet/AffectNet_v2/7/3f….jpg", "id": "AffectNet/…",
     "conversations": [{"from": "human", "value": "…\\n<image>"}, {"from": "gpt", "value": "…"}], "landmark": "….npy"}

with ``conversation`` for ``conversations`` in one description, and the evaluation files, as their reader takes them::

    {"image": "FABAInstruct/eval/images/….jpg", "label": "1, 4, 15", "gpt4": "…", "landmark": "….npy"}

A path in a record is never opened, it only tells the picture's name: see :func:`identity`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from datasets_builders.common.corpus import Report
from facial_r1.errors import InputError, clip

__all__ = ["Record", "identity", "is_hash", "read_records"]

_BOM = b"\xef\xbb\xbf"
_BASES = frozenset({"", ".", "..", "images", "landmarks"})
_SUFFIX = re.compile(r"\.(?:jpe?g|png|bmp|npy)", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,150}")
_IMAGE_KEY = re.compile(rb'"image"\s*:')
_TEXT_KEYS = ("conversations", "conversation", "gpt4")
_KEYS = "`image`, and `conversations` or `label` and `gpt4`"
_DO = "take this file from the official archive again"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the picture it speaks of, and what it says.

    Attributes:
        picture: the picture's name, see :func:`identity`.
        number: its place in the file, from 1.
        text: what was written about the picture, as it stands; empty when there is a label alone.
        label: the evaluation label as it stands, if there is one.
        other_id: whether the key ``id`` names another picture than ``image``; ``image`` counts.
    """

    picture: str
    number: int
    text: str
    label: str | int | None = None
    other_id: bool = False


def identity(path: str) -> str:
    """The name of a picture in whatever folder it lies: its hash, or its folder and stem when it has no hash.

    AffectNet's pictures are named by a hash, which alone tells them apart; anything else is only unique in its folder.

    >>> identity("data/images/AffectNet/AffectNet_v2/7/3F2504E04F8911D39A0C0305E82C3301.jpg")
    '3f2504e04f8911d39a0c0305e82c3301'
    >>> identity("images/AffectNet/AffectNet_v2/7/face.jpg"), identity("/abs/images/../face.jpg")
    ('7-face', 'face')
    """
    *parents, name = path.replace("\\", "/").split("/")
    suffix = _SUFFIX.search(name, max(name.rfind("."), 0))
    stem = name[: suffix.start()] if suffix and suffix.end() == len(name) else name
    if is_hash(stem):
        return stem.lower()
    parent = parents[-1] if parents else ""
    return stem if parent.lower() in _BASES else f"{parent}-{stem}"


def is_hash(picture: str) -> bool:
    """Whether a picture's name is a hash, which AffectNet's label files give it too."""
    return _HASH.fullmatch(picture) is not None


def read_records(path: Path, report: Report) -> Iterator[Record]:
    """The records of an annotation file, in its order; one that is none is a fault of ``report``.

    Raises:
        InputError: naming the file and the record, unless ``report.keep_going``.
    """
    try:
        rows = _load(path)
    except InputError as error:
        report.fault(error)
        return
    for number, row in enumerate(rows, 1):
        try:
            yield _record(row, path, number)
        except InputError as error:
            report.fault(error)


def _load(path: Path) -> list[Any]:
    try:
        data = path.read_bytes().removeprefix(_BOM)
    except OSError as error:
        raise InputError(f"this file cannot be read ({error.strerror})", path=path) from None
    try:
        rows = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _broken(path, data, error) from None
    if not isinstance(rows, list):
        what = "this annotation file holds no list"
        raise InputError(what, path=path, found=type(rows).__name__, expected="one JSON list of records", do=_DO)
    return rows


def _broken(path: Path, data: bytes, error: orjson.JSONDecodeError) -> InputError:
    """Say in which record a file stops being JSON: as many as begin (with their key ``image``) before that place."""
    try:
        before = data.decode()[: error.pos].encode()
        what, found, expected = f"this is not JSON ({error.msg})", None, "one JSON list of records"
    except UnicodeDecodeError as wrong:
        before = data[: wrong.start]
        what, found, expected = "this is no text", f"0x{data[wrong.start]:02x} at byte {wrong.start + 1}", "UTF-8"
    number = max(len(_IMAGE_KEY.findall(before)), 1)
    cut = len(before) >= len(data.rstrip()) - 1
    do = "copy the file again, this copy seems to be cut off here" if cut else _DO
    return InputError(f"record {number}: {what}", path=path, found=found, expected=expected, do=do)


def _record(row: object, path: Path, number: int) -> Record:
    def fault(what: str, found: object = None, expected: str | None = None) -> InputError:
        text = None if found is None else clip(found)
        return InputError(f"record {number}: {what}", path=path, found=text, expected=expected, do=_DO)

    if not isinstance(row, dict):
        raise fault("this is no JSON object", row, f"an object with the keys {_KEYS}")
    image, label, other = row.get("image"), row.get("label"), row.get("id")
    if not isinstance(image, str) or not image.strip():
        raise fault("the key `image` is missing or names no picture", image, "the path of a picture")
    picture = identity(image.strip())
    if not _NAME.fullmatch(picture):
        raise fault("`image` does not name a picture", image, "the path of a picture")
    text = _reply(row)
    if label is not None and type(label) not in (str, int):
        raise fault("the key `label` is no label", label, "a string or an integer")
    if text is None and not row.keys().isdisjoint(_TEXT_KEYS):
        raise fault("the text of this record cannot be read", list(row), "a reply `from` gpt, or `gpt4`")
    if text is None and label is None:
        raise fault("there is neither a text nor a label", list(row), f"the keys {_KEYS}")
    named_otherwise = isinstance(other, str) and identity(other.strip()) != picture
    return Record(picture, number, text or "", label, named_otherwise)


def _reply(row: dict[str, Any]) -> str | None:
    """What ``gpt`` wrote: the one reply of a conversation (several are joined), or the key ``gpt4``."""
    turns = row.get("conversations", row.get("conversation"))
    if turns is None:
        text = row.get("gpt4")
        return text if isinstance(text, str) else None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    replies = [turn.get("value") for turn in turns if turn.get("from") == "gpt"]
    texts = [reply for reply in replies if isinstance(reply, str)]
    return "\n\n".join(texts) if texts and len(texts) == len(replies) else None
