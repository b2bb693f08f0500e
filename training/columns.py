"""Lessons as the data sets that TRL's trainers take; a picture is opened when a batch needs it, upright and in RGB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from facial_r1.pictures import load_picture
from training.data import Lesson

if TYPE_CHECKING:
    import datasets

__all__ = ["grpo_columns", "sft_columns"]

_TRUTH = ("AUs", "au_annotated", "labels")


def sft_columns(rows: Sequence[Lesson]) -> datasets.Dataset:
    """``prompt``, ``completion`` and ``images``: the loss of TRL's trainer is then on the completion alone."""
    plain = [
        {"prompt": _asked(row), "completion": [{"role": "assistant", "content": row.sample.description}]}
        for row in rows
    ]
    return _opened(rows, plain, "images")


def grpo_columns(rows: Sequence[Lesson]) -> datasets.Dataset:
    """``prompt``, ``image``, and what the rewards read: ``AUs``, ``au_annotated``, ``labels``, ``form`` and ``id``."""
    plain = [
        {
            "prompt": _asked(row),
            "id": row.sample.id,
            "form": row.form,
            "AUs": row.sample.AUs,
            "au_annotated": row.sample.meta_info.au_annotated,
            "labels": row.sample.labels,
        }
        for row in rows
    ]
    return _opened(rows, plain, "image")


def _asked(row: Lesson) -> list[dict[str, str]]:
    return [{"role": "user", "content": row.prompt}]


def _opened(rows: Sequence[Lesson], plain: Sequence[dict[str, Any]], column: str) -> datasets.Dataset:
    """The data set whose ``column`` holds paths and gives pictures: one (``image``), or a list of one or none."""
    import datasets

    text = datasets.Value("string")
    types: dict[str, Any] = dict.fromkeys(plain[0], text)
    types |= {
        name: datasets.List({"role": text, "content": text}) for name in ("prompt", "completion") if name in types
    }
    types |= {name: datasets.List(text) for name in _TRUTH if name in types}
    types[column] = text
    found = datasets.Dataset.from_list(
        [{**one, column: row.picture and str(row.picture)} for one, row in zip(plain, rows, strict=True)],
        features=datasets.Features(types),
    )

    def opened(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        pictures = [None if path is None else _picture(path) for path in batch[column]]
        several = column == "images"
        batch[column] = [[one] if one is not None else [] for one in pictures] if several else pictures
        return batch

    return found.with_transform(opened)


def _picture(path: str) -> Any:
    """As inference shows it to a model."""
    from PIL import Image

    return Image.fromarray(load_picture(path)).convert("RGB")
