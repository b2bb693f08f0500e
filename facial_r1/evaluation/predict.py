"""Ask a model about every row of a data set: the blind question, without the truth, with the row's picture.

Answers go into a journal beside the file as they come, so an interrupted run goes on where it stopped, and asking again
costs nothing. The file is written whole at the end, in the order of the rows, and depends on nothing but the answers.

``shuffle`` shows each row the picture of another row of the same corpus: a control. What a model scores with it does
not come from looking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation.checks import check_unique
from facial_r1.evaluation.rows import person
from facial_r1.files import inside, sha256_bytes, sha256_file, write_atomic, write_jsonl
from facial_r1.inference.budget import Budget
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.guard import guard
from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import Price
from facial_r1.inference.protocol import Answer, Backend, Facts, Request
from facial_r1.inference.runner import Stats, ask
from facial_r1.progress import Progress
from facial_r1.prompt import known_of, student_prompt, teacher_prompt
from facial_r1.sample import Sample, read_samples, task_of

__all__ = ["Asked", "DataSet", "estimated", "find_data", "may_send", "predict", "questions", "shuffled"]

JOURNAL = ".journal"
"""What is appended to the name of the predictions' file to name the journal's folder."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows and where their pictures are.

    Attributes:
        samples: in the order of the file.
        images: the folder that ``image`` is relative to; None when it is not known.
        file: the JSONL.
        rendered: corpora whose pictures are rendered faces, nobody's, as the release's manifest says.
    """

    samples: list[Sample]
    images: Path | None
    file: Path
    rendered: frozenset[str] = frozenset()


def find_data(
    place: Path, *, split: str = "test", images: Path | None = None, label_set: Iterable[str] = ()
) -> DataSet:
    """A release folder's split, or a JSONL file.

    Args:
        place: the folder or the file.
        split: of a release.
        images: folder of the pictures; by default ``images`` beside the file, when there is one.
        label_set: labels beyond the eight.

    Raises:
        InputError: for a missing file or split, a bad line, or a file without rows.
    """
    file = place / f"{split}.jsonl" if place.is_dir() else place
    if place.is_dir() and not file.is_file() and (place / "5-release").is_dir():
        file = place / "5-release" / f"{split}.jsonl"
    if not file.is_file():
        there = sorted(path.name for path in file.parent.glob("*.jsonl")) or "no JSONL"
        do = "give a release folder and its --split, or a JSONL file"
        raise InputError("there is no such data set", path=file, found=there, do=do)
    samples = list(read_samples(file, label_set=label_set))
    if not samples:
        raise InputError("this file has no rows", path=file)
    beside = file.parent / "images"
    return DataSet(samples, images or (beside if beside.is_dir() else None), file, _rendered(file.parent))


def _rendered(folder: Path) -> frozenset[str]:
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return frozenset()
    try:
        corpora = orjson.loads(manifest.read_bytes()).get("corpora", {})
        return frozenset(name for name, told in corpora.items() if told.get("synthetic") is True)
    except (orjson.JSONDecodeError, AttributeError):
        return frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was done: the runner's statistics, what left this machine and why, and the file."""

    stats: Stats
    sent: dict[str, str]
    file: Path


def shuffled(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """For each row, the row whose picture it is shown: of the same corpus, and of another subject or group.

    The pictures of a corpus are put into an order that follows from ``seed``, and each row is shown the next picture
    after its own that shows somebody else.

    Raises:
        InputError: for a corpus whose pictures all show the same subject or group.
    """
    corpora: dict[str, dict[str, Sample]] = {}
    for sample in samples:
        corpora.setdefault(sample.dataset, {}).setdefault(sample.image, sample)
    successor: dict[tuple[str, str], Sample] = {}
    for name, pictures in corpora.items():
        order = sorted(pictures.values(), key=lambda one: sha256_bytes(f"{seed} {one.dataset} {one.image}".encode()))
        if len({person(one) for one in order}) < 2:
            what = f"the pictures of {name} cannot be exchanged: all of them show the same"
            raise InputError(what, found=person(order[0]), do="give more rows, or leave this corpus out")
        for place, one in enumerate(order):
            following = (order[(place + step) % len(order)] for step in range(1, len(order)))
            successor[name, one.image] = next(other for other in following if person(other) != person(one))
    return [successor[sample.dataset, sample.image] for sample in samples]


def questions(
    data: DataSet, backend: Backend, *, label_rule: str = "any", shuffle: int | None = None
) -> Iterator[Request]:
    """One request per row: its task's question, its picture.

    The template backend sees no picture and has to be told the truth; its predictions test the machinery, no model.

    Raises:
        InputError: when the folder of the pictures is not known, a picture is not there, a row has no truth, or an id
            stands twice.
        UsageError: for a picture path that leaves the folder.
    """
    check_unique(data.samples)
    told = backend.name == "template"
    if data.images is None and not told:
        raise InputError("the folder of the pictures is not known", path=data.file, do="give it with --image-folder")
    shown = data.samples if shuffle is None else shuffled(data.samples, shuffle)
    hashes: dict[str, str] = {}
    for sample, other in zip(data.samples, shown, strict=True):
        task, known = task_of(sample), known_of(sample)
        if task is None:
            expected = "annotated Action Units or a label, from which the question follows"
            raise InputError(f"nothing is known of the row {sample.id}", path=data.file, expected=expected)
        if data.images is None or told:
            facts = Facts(task, tuple(sample.AUs), tuple(sample.labels[: None if label_rule == "set" else 1]))
            prompt = teacher_prompt(*known, facts, label_rule=label_rule)
            yield Request(sample.id, prompt.text, prompt.hash, facts, params=backend.params)
            continue
        prompt, picture = student_prompt(*known, label_rule=label_rule), inside(data.images, other.image)
        if other.image not in hashes:
            if not picture.is_file():
                do = "give the folder that `image` is relative to (--image-folder)"
                raise InputError(f"the picture of {other.id} is not there", path=picture, do=do)
            hashes[other.image] = sha256_file(picture)
        yield Request(sample.id, prompt.text, prompt.hash, None, picture, hashes[other.image], backend.params)


def estimated(
    data: DataSet,
    backend: Backend,
    out: Path,
    price: Price | None = None,
    *,
    label_rule: str = "any",
    shuffle: int | None = None,
) -> Estimate:
    """What :func:`predict` would ask, and what that costs; nothing is asked and nothing is written."""
    _spare_rows(out)
    requests = questions(data, backend, label_rule=label_rule, shuffle=shuffle)
    folder = _journal(out)
    if not folder.is_dir():
        return estimate(requests, backend.model, price)
    with Journal(folder) as journal:
        return estimate(requests, backend.model, price, journal)


def predict(
    data: DataSet,
    backend: Backend,
    out: Path,
    *,
    label_rule: str = "any",
    shuffle: int | None = None,
    allow_send: Mapping[str, str] | None = None,
    concurrency: int = 8,
    rpm: float | None = None,
    tpm: float | None = None,
    budget: Budget | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
) -> Asked:
    """Predict a data set.

    Args:
        data: see :func:`find_data`.
        backend: who answers.
        out: the JSONL to write; the journal is the folder ``<out>.journal``.
        label_rule: ``any`` asks for one emotion word, ``set`` for all that apply.
        shuffle: seed of the control with other rows' pictures; None shows each row its own.
        allow_send: corpus → why its pictures may leave this machine.
        concurrency, rpm, tpm, budget, retry_failed, progress: see :func:`facial_r1.inference.runner.ask`.

    Raises:
        UsageError: when pictures would leave this machine without a reason, or ``out`` holds something else; before
            anything is asked.
        InputError: as :func:`questions`.
        FacialR1Error: as :func:`facial_r1.inference.runner.ask`; what was answered is in the journal.
    """
    _spare_rows(out)
    sent = may_send(data, backend, allow_send or {})
    requests = list(questions(data, backend, label_rule=label_rule, shuffle=shuffle))
    answers: dict[str, tuple[Request, Answer]] = {}

    def then(request: Request, answer: Answer) -> Iterable[Request]:
        answers[request.sample_id] = request, answer
        return ()

    with Journal(_journal(out), progress) as journal:
        stats = ask(
            backend,
            requests,
            journal,
            then=then,
            concurrency=concurrency,
            rpm=rpm,
            tpm=tpm,
            budget=budget,
            retry_failed=retry_failed,
            total=len(requests),
            progress=progress,
        )
    write_atomic(_journal(out) / "sent.json", orjson.dumps(sent, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    pictures = None if shuffle is None else f"shuffled:{shuffle}"
    write_jsonl(out, (_line(*answers[sample.id], pictures) for sample in data.samples))
    return Asked(stats, sent, out)


def may_send(data: DataSet, backend: Backend, allowed: Mapping[str, str]) -> dict[str, str]:
    """Corpus → reason, of the pictures that leave this machine; rendered faces are nobody's.

    Raises:
        UsageError: naming the corpora without a reason.
    """
    corpora = {sample.dataset for sample in data.samples} - data.rendered
    try:
        return guard({name: allowed.get(name) for name in sorted(corpora)}, backend.endpoint)
    except UsageError as error:
        expected = 'a loopback address, or --allow-send NAME="why the licence allows it" for each'
        do = "take a server on this machine, or state the reasons"
        raise UsageError(error.what, found=error.found, expected=expected, do=do) from None


def _journal(out: Path) -> Path:
    return out.with_name(out.name + JOURNAL)


def _line(request: Request, answer: Answer, pictures: str | None) -> dict[str, Any]:
    return {
        "id": request.sample_id,
        "outcome": answer.outcome,
        "text": answer.text,
        "model": answer.model,
        "prompt_hash": request.prompt_hash,
        "pictures": pictures,
        "detail": answer.detail,
    }


def _spare_rows(file: Path) -> None:
    """Raise a :class:`UsageError` when a file is there that holds no predictions, such as a split of a release."""
    if file.is_file():
        with file.open("rb") as lines:
            first = lines.readline()
        if first and b'"outcome":' not in first:
            do = "give a file of its own; the rows stay where they are"
            raise UsageError("this file is there and holds no predictions", path=file, do=do)
