"""Answers that other projects' programs write, as predictions.

* EmoLA (FABA-Bench): a folder ``jsons/`` with one ``{"image_path", "label", "gt", "rouge"}`` a picture, where ``label``
  is what the model wrote; or its ``fail.json``, a list of ``{"image_path", "prediction", …}``.
* Facial-R1's evaluation: one JSON object with ``inference_results``, a list of
  ``{"image", "description", "pred_AUs", "pred_labels", "gt_description", …}``, where ``description`` is what the model
  wrote. The texts are read anew; the file's own reading and its scores are not used.

Neither has ids. A record is matched to the row whose picture it names: by ``image``, by id, or by another identity of
the picture (``meta_info.origin_ids``), whatever folders stand in front of it and whatever ending behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from facial_r1.errors import InputError, clip
from facial_r1.evaluation.predictions import Prediction, read_predictions, unique
from facial_r1.sample import Sample

__all__ = ["load_predictions"]


def load_predictions(
    paths: Sequence[Path], samples: Sequence[Sample], *, reader: str | None = None
) -> list[Prediction]:
    """The predictions of all files, whichever form each has.

    Args:
        paths: JSONL files, an EmoLA folder or list, or Facial-R1's result JSON.
        samples: the rows they are about, for the forms without ids.
        reader: overrides how the texts are read.

    Raises:
        InputError: for a file of no known form, a record that fits no row or several, or a row answered twice.
    """
    found = [prediction for path in paths for prediction in _load(path, samples)]
    if reader is not None:
        found = [replace(one, reader=reader) for one in found]
    return unique(found)


def _load(path: Path, samples: Sequence[Sample]) -> list[Prediction]:
    if path.is_dir():
        return _emola_folder(path, samples)
    if path.suffix.lower() != ".json":
        return read_predictions(path)
    if not path.is_file():
        raise InputError("there is no such file", path=path, do="check the path")
    content = _parse(path)
    if isinstance(content, dict) and isinstance(content.get("inference_results"), list):
        return _matched(path, content["inference_results"], "image", "description", "think", samples)
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        text = "prediction" if "prediction" in content[0] else "label"
        return _matched(path, content, "image_path", text, "faba", samples)
    raise InputError(
        "this JSON holds no predictions of a known form",
        path=path,
        found=clip(sorted(content)) if isinstance(content, dict) else type(content).__name__,
        expected="Facial-R1's result (with `inference_results`), or EmoLA's list (with `image_path`)",
        do='write JSONL instead, one `{"id": "…", "prediction": "…"}` a line',
    )


def _emola_folder(path: Path, samples: Sequence[Sample]) -> list[Prediction]:
    folder = path / "jsons" if (path / "jsons").is_dir() else path
    files = sorted(folder.glob("*.json"), key=lambda file: (len(file.name), file.name))
    if not files:
        expected = "EmoLA's folder `jsons` with one JSON a picture"
        raise InputError("this folder holds no predictions", path=path, expected=expected)
    records = [_parse(file) for file in files]
    names = _Names(samples)
    return [
        _one(record, "image_path", "label", "faba", names, str(file))
        for record, file in zip(records, files, strict=True)
    ]


def _parse(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        what = f"this file is not JSON ({error.msg} at line {error.lineno})"
        raise InputError(what, path=path, do="write it again, or take it from where it was made") from None


def _matched(
    path: Path, records: Iterable[Any], image: str, text: str, reader: str, samples: Sequence[Sample]
) -> list[Prediction]:
    names = _Names(samples)
    return [_one(record, image, text, reader, names, f"{path}[{at}]") for at, record in enumerate(records)]


def _one(record: Any, image: str, text: str, reader: str, names: _Names, place: str) -> Prediction:
    if not isinstance(record, Mapping) or not isinstance(record.get(image), str):
        raise InputError(f"a record without `{image}`", path=place, found=record, expected=f"`{image}` and `{text}`")
    words = record.get(text)
    if not isinstance(words, str):
        raise InputError(f"a record without `{text}`", path=place, found=words, expected="what the model wrote")
    return Prediction(names.row_of(record[image], place), words, reader=reader, place=place)


class _Names:
    """The names under which a row's picture may go, without folders in front and ending behind."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._rows: dict[str, str | None] = {}  # None: several rows go by it
        for sample in samples:
            for name in set(_names_of(sample)):
                self._rows[name] = None if name in self._rows else sample.id

    def row_of(self, image: str, place: str) -> str:
        path = PurePosixPath(image.replace("\\", "/"))
        parts = path.with_suffix("").parts if path.name else ()
        for start in range(len(parts)):
            name = "/".join(parts[start:])
            if name in self._rows:
                row = self._rows[name]
                if row is None:
                    do = 'write JSONL with ids instead, one `{"id": "…", "prediction": "…"}` a line'
                    raise InputError("several rows have this picture", path=place, found=image, do=do)
                return row
        expected = "a picture of the data set, by its `image`, its id or one of its origin_ids"
        raise InputError("no row has this picture", path=place, found=image, expected=expected, do="check --data")


def _names_of(sample: Sample) -> Iterator[str]:
    yield sample.id
    image = PurePosixPath(sample.image).with_suffix("")
    yield image.as_posix()
    yield image.name
    for origin in sample.meta_info.origin_ids:
        yield origin.partition(":")[2]
