"""Rows of a release, or of plain JSONL with image folders, that can be trained on; every other row with its reason.

What cannot work is found here, before a model is loaded: a release without the split, a picture that is not there or
cannot be decoded, a row that is longer than it may be. Nothing is ever cut: half a picture has no meaning.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from facial_r1.errors import InputError, UsageError
from facial_r1.facs import sort_codes
from facial_r1.files import canonical_json, inside, read_jsonl, sha256_bytes, sha256_file
from facial_r1.pictures import prove_picture, read_header, read_picture
from facial_r1.prompt import known_of, student_prompt
from facial_r1.response import parse, predicted_aus, predicted_unknown
from facial_r1.sample import Sample, form_of, task_of
from facial_r1.scoring import au_f1, label_match
from training.lengths import Lengths
from training.recipe import Data

__all__ = ["Lesson", "Lessons", "lessons", "places"]

_NO_PICTURE = "-"
_UNSCORED = "Action Units are named, and not which were scored"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A row to train on.

    Attributes:
        sample: the row, with its text and its truth.
        picture: the file; None for a row of text alone.
        prompt: what the model is asked.
        form: the form of the answer, ``au+emotion``, ``au`` or ``emotion``.
        tokens: length of the whole: prompt, picture, and text (GRPO: the longest answer).
    """

    sample: Sample
    picture: Path | None
    prompt: str
    form: str
    tokens: int


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

    @property
    def unscored(self) -> int:
        """Rows of ``rows`` whose Action Units are not used, since they do not say which were scored."""
        return sum(_unscored(row.sample) for row in self.rows)


def lessons(data: Data, lengths: Lengths, *, answer: int | None = None, prove: bool = True) -> Lessons:
    """Read, check and choose rows.

    Args:
        data: which rows.
        lengths: counts tokens as the model's processor makes them.
        answer: None for SFT, whose rows need a text of the right form; for GRPO, whose texts are written anew, the most
            tokens of an answer.
        prove: decode every picture to prove it whole; all are looked at.

    Raises:
        UsageError, InputError: as :func:`places`.
        InputError: for a missing or broken picture, a bad line, or when no row is left.
    """
    files = places(data)
    found = Lessons([], source=sha256_bytes(canonical_json([sha256_file(path) for path, _ in files])))
    chosen = [(sample, folder, path) for path, folder in files for sample in _samples(path, data, found.dropped)]
    if data.assume_scored:
        _assume_scored([sample for sample, _, _ in chosen])
    if data.rows is not None:
        chosen.sort(key=lambda one: sha256_bytes(one[0].id.encode()))
    for sample, folder, path in chosen:
        if len(found.rows) == data.rows:
            break
        lesson = _lesson(sample, folder, path, data, lengths, answer, prove=prove)
        if isinstance(lesson, str):
            found.dropped[lesson] += 1
        else:
            found.rows.append(lesson)
    if not found.rows:
        why = ", ".join(f"{reason}: {count:,}" for reason, count in found.dropped.most_common())
        do = "see docs/training.md on what a row needs, and what the recipe's data: may choose"
        if _UNSCORED in found.dropped:
            scored = "--set data.assume_scored=true, if all that occur in a corpus were scored in each of its rows"
            do = f"{scored}; or write meta_info.au_annotated"
        raise InputError("no row is left to train on", path=files[0][0], found=why or "the file is empty", do=do)
    return found


def places(data: Data) -> list[tuple[Path, Path]]:
    """Files and the folders of their pictures; no row is read.

    Raises:
        UsageError: when neither a release nor files are named, or both, or folders that do not fit them.
        InputError: for a release without the split, or a file that is not there.
    """
    if (data.release is None) == (not data.files):
        do = "--release RUN/5-release, or --data FILE… --image-folders DIR…"
        raise UsageError("say which rows to train on: a release, or files", do=do)
    if data.release is not None:
        if data.image_folders:
            raise UsageError("a release has pictures of its own", do="leave out the image folders")
        return [(_split(data.release, data.split), data.release / "images")]
    if len(data.image_folders) not in (1, len(data.files)):
        found = f"{len(data.files)} files, {len(data.image_folders)} folders"
        raise UsageError("files and image folders do not fit together", found=found, expected="one folder, or as many")
    for file in data.files:
        if not file.is_file():
            raise InputError("there is no such file", path=file, do="check the path")
    folders = data.image_folders * (len(data.files) if len(data.image_folders) == 1 else 1)
    return list(zip(data.files, folders, strict=True))


def _split(release: Path, split: str) -> Path:
    path = release / f"{split}.jsonl"
    if not release.is_dir():
        do = "give the folder 5-release of a finished run: --release, or data.release in the recipe"
        raise InputError("there is no such release", path=release, do=do)
    if not path.is_file():
        there = [name for name in ("train", "val", "test") if (release / f"{name}.jsonl").is_file()]
        found = f"the splits {', '.join(there)}" if there else "no split at all"
        do = "give the folder 5-release of a run, or another data.split"
        raise InputError(f"this release has no split {split}", path=release, found=found, do=do)
    return path


def _samples(path: Path, data: Data, dropped: Counter[str]) -> Iterator[Sample]:
    """The rows that the recipe chooses; one without ``image`` is a row of text alone."""
    for line, row in read_jsonl(path):
        picture = row.get("image")
        sample = Sample.from_json(
            {**row, "image": picture or _NO_PICTURE}, path=path, line=line, label_set=data.label_set
        )
        if data.corpora and sample.dataset not in data.corpora:
            dropped["of another corpus"] += 1
            continue
        if not picture:
            sample.image = ""
        yield sample


def _assume_scored(samples: Iterable[Sample]) -> None:
    """Take rows that do not say which Action Units were scored as scored for all that occur in their corpus."""
    silent: dict[str, list[Sample]] = defaultdict(list)
    occurring: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        occurring[sample.dataset] |= set(sample.AUs)
        if not sample.meta_info.au_annotated:
            silent[sample.dataset].append(sample)
    for name, rows in silent.items():
        for sample in rows:
            sample.meta_info.au_annotated = sort_codes(occurring[name])


def _lesson(
    sample: Sample, folder: Path, path: Path, data: Data, lengths: Lengths, answer: int | None, *, prove: bool
) -> Lesson | str:
    """The row as a lesson, or the reason why it is none."""
    task, form = task_of(sample), form_of(sample)
    if task is None or form is None:
        return _UNSCORED if _unscored(sample) else "no truth is known"
    if data.tasks and task not in data.tasks:
        return _UNSCORED if _unscored(sample) else "of another task"
    fault = _text_fault(sample, form, data) if answer is None else "" if sample.image else "no picture"
    if fault:
        return fault
    picture = inside(folder, sample.image) if sample.image else None
    known = known_of(sample)
    prompt = known[1] if data.prompt == "question" else student_prompt(*known, label_rule=data.label_rule).text
    size = None if picture is None else _size(sample, picture, path, prove=prove)
    text = sample.description if answer is None else None
    tokens = lengths(prompt, text, size) + (answer or 0)
    if tokens > data.max_length:
        return f"longer than {data.max_length} tokens"
    return Lesson(sample, picture, prompt, form, tokens)


def _unscored(sample: Sample) -> bool:
    return bool(sample.AUs) and not sample.meta_info.au_annotated


def _text_fault(sample: Sample, form: str, data: Data) -> str:
    """Why a text should not be learnt; empty when it may be. What a release holds has passed its gates."""
    response = parse(sample.description, label_set=data.label_set)
    if not response.well_formed:
        return "no text of the right form"
    if data.release is not None:
        return ""
    if form == "emotion" and response.claimed_aus:  # the prompt of such a row asks for words alone
        return _UNSCORED
    if form != "au" and label_match(response.answer_labels, sample.labels, rule=data.label_rule) is False:
        return "the text's emotion is not the true one"
    claimed, unknown = predicted_aus(response, form), len(predicted_unknown(response, form))
    f1 = au_f1(claimed, sample.AUs, sample.meta_info.au_annotated, unknown=unknown)
    return "" if f1 in (None, 1) else "the text's Action Units are not the true ones"


def _size(sample: Sample, picture: Path, path: Path, *, prove: bool) -> tuple[int, int]:
    """Width and height in pixels."""
    if not picture.is_file():
        do = "give the folder that `image` is relative to"
        raise InputError(f"the picture of {sample.id} is not there", path=picture, found=f"named in {path}", do=do)
    bytes_ = read_picture(picture)
    header = read_header(bytes_, path=picture)
    if prove:
        prove_picture(bytes_, header, path=picture)
    return header.width, header.height
