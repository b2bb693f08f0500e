"""Rows of a release, or of plain JSONL, as the columns that TRL's trainers take.

Every length is known before the model is loaded: the tokens of the picture are counted as the processor will make
them, and a row that is too long is left out with its reason. Nothing is ever cut: half a picture has no meaning.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facial_r1.errors import InputError, UsageError
from facial_r1.files import canonical_json, inside, sha256_bytes, sha256_file
from facial_r1.pictures import read_header, read_picture
from facial_r1.prompt import known_of, student_prompt
from facial_r1.response import parse
from facial_r1.sample import Sample, form_of, read_samples, task_of
from training.recipe import Data

if TYPE_CHECKING:
    import datasets

__all__ = ["Lesson", "Lessons", "columns", "lengths_with", "lessons"]

MOST = 4
"""How often balancing may repeat a row."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A row to train on: the question, the picture, the text, the truth."""

    sample: Sample
    picture: Path
    prompt: str
    form: str
    tokens: int = 0


@dataclass(slots=True)
class Lessons:
    """The rows that can be trained on, in order, and why the others cannot.

    Attributes:
        rows: what is left.
        dropped: reason → rows.
        source: hex SHA-256 of the files that were read.
    """

    rows: list[Lesson]
    dropped: Counter[str] = field(default_factory=Counter)
    source: str = ""


def lessons(data: Data, *, with_text: bool, tokens_of: Callable[[str, str, int, int], int]) -> Lessons:
    """Read, check and choose rows.

    Args:
        data: which.
        with_text: for SFT, whose rows need a text of the right grammar; else a known truth is needed.
        tokens_of: tokens of a prompt, a text, and a picture of so many pixels in width and height.

    Raises:
        UsageError: when neither a release nor files are named.
        InputError: for a release without the split, a missing picture, a bad line, or when no row is left.
    """
    pairs = _files(data)
    found = Lessons([], source=sha256_bytes(canonical_json([[path.name, sha256_file(path)] for path, _ in pairs])))
    for path, folder in pairs:
        for sample in read_samples(path, label_set=data.label_set):
            lesson, reason = _lesson(sample, folder, path, data, with_text=with_text, tokens_of=tokens_of)
            if lesson is None:
                found.dropped[reason] += 1
            else:
                found.rows.append(lesson)
    if data.rows is not None:
        ordered = sorted(found.rows, key=lambda one: sha256_bytes(one.sample.id.encode()))
        found.rows = ordered[: data.rows]
    if not found.rows:
        why = ", ".join(f"{reason} {count}" for reason, count in found.dropped.most_common()) or "the files are empty"
        raise InputError("no row is left to train on", path=pairs[0][0], found=why)
    found.rows = [found.rows[index] for index in _balanced(found.rows, data.balance)]
    return found


def _files(data: Data) -> list[tuple[Path, Path]]:
    if (data.release is None) == (not data.files):
        do = "--release RUN/5-release, or --data FILE --image-folder DIR"
        raise UsageError("say which rows to train on: a release, or files", do=do)
    if data.release is not None:
        path = data.release / f"{data.split}.jsonl"
        if not path.is_file():
            there = sorted(file.stem for file in data.release.glob("*.jsonl") if file.stem in ("train", "val", "test"))
            found = f"the splits {', '.join(there)}" if there else "no split at all"
            do = "give the folder 5-release of a run, or another data.split"
            raise InputError(f"this release has no split {data.split}", path=data.release, found=found, do=do)
        return [(path, data.release / "images")]
    if len(data.image_folders) not in (1, len(data.files)):
        found = f"{len(data.files)} files, {len(data.image_folders)} folders"
        raise UsageError("files and image folders do not fit together", found=found, expected="one folder, or as many")
    folders = data.image_folders * (len(data.files) if len(data.image_folders) == 1 else 1)
    for path in data.files:
        if not path.is_file():
            raise InputError("there is no such file", path=path, do="check the path")
    return list(zip(data.files, folders, strict=True))


def _lesson(
    sample: Sample,
    folder: Path,
    path: Path,
    data: Data,
    *,
    with_text: bool,
    tokens_of: Callable[[str, str, int, int], int],
) -> tuple[Lesson | None, str]:
    task, form = task_of(sample), form_of(sample)
    if task is None or form is None:
        return None, "no truth"
    if data.corpora and sample.dataset not in data.corpora:
        return None, "another corpus"
    if data.tasks and task not in data.tasks:
        return None, "another task"
    if with_text and not parse(sample.description, label_set=data.label_set).well_formed:
        return None, "no text of the right form"
    picture = inside(folder, sample.image)
    if not picture.is_file():
        do = "give the folder that `image` is relative to"
        raise InputError(f"the picture of {sample.id} is not there", path=picture, found=f"named in {path}", do=do)
    header = read_header(read_picture(picture), path=picture)
    known = known_of(sample)
    prompt = known[1] if data.prompt == "question" else student_prompt(*known, label_rule=data.label_rule).text
    tokens = tokens_of(prompt, sample.description if with_text else "", header.width, header.height)
    if tokens > data.max_length:
        return None, f"longer than {data.max_length} tokens"
    return Lesson(sample, picture, prompt, form, tokens), ""


def _balanced(rows: Sequence[Lesson], by: str) -> list[int]:
    """Indices of one epoch: rows of rare classes several times, at most :data:`MOST`, so that classes come closer."""
    if by == "none":
        return list(range(len(rows)))
    classes = [(" ".join(row.sample.labels) or "no label") if by == "label" else row.sample.dataset for row in rows]
    counts = Counter(classes)
    largest = max(counts.values())
    return [
        index for index, name in enumerate(classes) for _ in range(min(MOST, math.floor(largest / counts[name]) or 1))
    ]


def lengths_with(processor: Any) -> Callable[[str, str, int, int], int]:
    """Counts tokens as this processor makes them: text by its tokenizer, a picture by its patches."""
    images, tokenizer = processor.image_processor, processor.tokenizer
    merged = images.merge_size**2

    def count(prompt: str, text: str, width: int, height: int) -> int:
        chat = processor.apply_chat_template(_messages(prompt), add_generation_prompt=True, tokenize=False)
        picture = images.get_number_of_image_patches(height, width, {}) // merged
        # The one placeholder of the template becomes `picture` of them; the end of the answer takes two more.
        return int(len(tokenizer(chat + text)["input_ids"]) + picture + 1)

    return count


def columns(found: Lessons, *, with_text: bool) -> datasets.Dataset:
    """The data set for TRL: ``prompt``, ``image(s)``, for SFT ``completion``, for GRPO the truth that rewards read."""
    import datasets

    message = datasets.List({"role": datasets.Value("string"), "content": datasets.Value("string")})
    features: dict[str, Any] = {"prompt": message, "id": datasets.Value("string")}
    if with_text:
        features |= {
            "completion": message,
            "images": datasets.List(datasets.Image()),
            "length": datasets.Value("int64"),
        }
    else:
        names = datasets.List(datasets.Value("string"))
        features |= {"image": datasets.Image(), "AUs": names, "au_annotated": names, "labels": names}
        features |= {"form": datasets.Value("string")}
    rows = [_columns(row, with_text=with_text) for row in found.rows]
    return datasets.Dataset.from_list(rows, features=datasets.Features(features))


def _columns(row: Lesson, *, with_text: bool) -> dict[str, Any]:
    picture = {"path": str(row.picture.absolute()), "bytes": None}
    common = {"prompt": [{"role": "user", "content": row.prompt}], "id": row.sample.id}
    if with_text:
        completion = [{"role": "assistant", "content": row.sample.description}]
        return {**common, "completion": completion, "images": [picture], "length": row.tokens}
    meta = row.sample.meta_info
    truth = {"AUs": row.sample.AUs, "au_annotated": meta.au_annotated, "labels": row.sample.labels}
    return {**common, "image": picture, **truth, "form": row.form}


def _messages(prompt: str) -> list[Mapping[str, Any]]:
    return [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
