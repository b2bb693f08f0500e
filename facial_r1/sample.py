"""The record: one JSONL line with the eight published keys, and ``meta_info`` with one fixed, typed set of keys.

Reading (:meth:`Sample.from_json`) is generous to the published schema; what a release may hold is strict
(:func:`strict_faults`). *Unknown is not absent*: ``meta_info.au_annotated`` lists the AUs that were scored for this
row, and an AU outside it is unknown, whatever ``AUs`` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import orjson

from facial_r1 import facs
from facial_r1.emotions import EMOTIONS, try_canonical
from facial_r1.errors import InputError, clip
from facial_r1.files import read_jsonl

__all__ = ["KEYS", "META_KEYS", "TASKS", "Meta", "Sample", "form_of", "read_samples", "strict_faults", "task_of"]

TASKS: tuple[str, ...] = ("au+emotion", "au", "emotion")
"""What the truth of a row allows to ask; see :func:`task_of`."""


@dataclass(slots=True)
class Meta:
    """``meta_info``: every key always present, None (or an empty list) when it does not apply.

    Attributes:
        task: ``au+emotion``, ``au`` or ``emotion``; None when nothing is known.
        sample_id: identity of the picture; ``id`` is it, or ``sample_id#k`` when a picture has several texts.
        subject: the person, where the corpus knows it.
        group: unit that never crosses a split: subject, else video, else source photograph.
        origin_ids: the picture's other identities, such as ``rafml:0001``; joined like ``group``.
        split: ``train``, ``val`` or ``test``; as the corpus says until selection decides.
        fold: 1-3, the published subject part, where there is one.
        frame: the frame number as the corpus writes it; ``frame_offset`` leads from it to the picture.
        box: face box in source pixels, ``[left, top, right, bottom]``, clipped to the picture.
        crop: how the picture was cut: ``none``, ``box`` or ``landmarks``.
        au_annotated: the codes scored for this row; anything else is unknown.
        au_intensity: ``{au, value}``, 0-5, only for AUs with a coded intensity.
        au_side: ``{au, value}`` with L, R, T, B or U.
        au_threshold: intensity from which an AU counts as present.
        au_source, label_source: ``human``, ``crowd``, ``joined:rafml``, ``text`` or ``machine``.
        label_set: the labels this corpus can give, for the prompt.
        pseudo_aus, pseudo_label: a teacher's own claims; never scored as truth.
        source: file below the corpus root and line, such as ``fer2013.csv:12``.
        image_sha256: hash of the released picture file.
        generator: the backend that wrote the text; ``synthetic`` in ``extra`` marks rendered faces.
        label_conditioned: whether the writer was told the truth.
        extra: anything else, as one JSON string (so that Arrow sees one type for all corpora).
    """

    task: str | None = None
    sample_id: str | None = None
    subject: str | None = None
    group: str | None = None
    origin_ids: list[str] = field(default_factory=list)
    split: str | None = None
    fold: int | None = None
    frame: int | None = None
    frame_offset: int | None = None
    box: list[int] | None = None
    crop: str | None = None
    au_annotated: list[str] = field(default_factory=list)
    au_intensity: list[dict[str, Any]] = field(default_factory=list)
    au_side: list[dict[str, Any]] = field(default_factory=list)
    au_threshold: int | None = None
    au_source: str | None = None
    label_source: str | None = None
    label_set: list[str] = field(default_factory=list)
    pseudo_aus: list[str] = field(default_factory=list)
    pseudo_label: str | None = None
    source: str | None = None
    image_sha256: str | None = None
    generator: str | None = None
    model: str | None = None
    prompt_hash: str | None = None
    attempts: int | None = None
    label_conditioned: bool | None = None
    extra: str | None = None

    def extras(self) -> dict[str, Any]:
        """``extra`` as a dict (empty when there is none)."""
        return dict(orjson.loads(self.extra)) if self.extra else {}


META_KEYS: tuple[str, ...] = tuple(f.name for f in fields(Meta))


@dataclass(slots=True)
class Sample:
    """One row of the published schema.

    Attributes:
        id: unique, stable across runs and machines.
        dataset: the corpus, such as ``disfa``.
        image: POSIX path relative to the image folder.
        question: what is asked about the picture.
        AUs: canonical codes that are present, sorted by number.
        labels: canonical nouns; several for blends and compounds, empty when unknown.
        description: empty, free text, or the ``<think>…</think><answer>…</answer>`` text.
        meta_info: provenance and everything typed, see :class:`Meta`.
    """

    id: str
    dataset: str
    image: str = ""
    question: str = ""
    AUs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    description: str = ""
    meta_info: Meta = field(default_factory=Meta)

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON values, keys in the published order."""
        row = {key: getattr(self, key) for key in KEYS}
        row["meta_info"] = {key: getattr(self.meta_info, key) for key in META_KEYS}
        return row

    def to_line(self) -> bytes:
        """The row as one JSONL line (dataclasses are serialised natively, hence fast)."""
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_own(cls, row: Mapping[str, Any]) -> Sample:
        """A row of a file that this package wrote and whose hash was verified: no checks, three times faster."""
        return cls(**{**row, "meta_info": Meta(**row["meta_info"])})

    @classmethod
    def from_json(
        cls,
        row: Mapping[str, Any],
        *,
        path: Path | str | None = None,
        line: int | None = None,
        label_set: Iterable[str] = (),
    ) -> Sample:
        """Read a row of the published schema generously.

        Case and synonyms of labels are normalised, ``AU04`` becomes ``AU4``, free text is kept, ``meta_info`` may be
        missing or hold other keys (these move into ``extra``).

        Args:
            row: the JSON object.
            path, line: where it came from, for the error.
            label_set: further labels that are allowed as they stand, such as ``confusion``.

        Raises:
            InputError: naming file, line and field.
        """
        return _Reader(path, line, frozenset(word.lower() for word in label_set)).sample(row)


KEYS: tuple[str, ...] = tuple(f.name for f in fields(Sample))
_TEXT = ("id", "dataset", "image", "question", "description")
_HINTS = {name: str(hint) for name, hint in get_type_hints(Meta).items()}
_KINDS: dict[str, tuple[type, type | None]] = {
    "str | None": (str, None),
    "int | None": (int, None),
    "bool | None": (bool, None),
    "list[str]": (list, str),
    "list[int] | None": (list, int),
    "list[dict[str, typing.Any]]": (list, dict),
}


@dataclass(slots=True)
class _Reader:
    path: Path | str | None
    line: int | None
    allowed: frozenset[str]

    def fail(self, what: str, found: object = None, expected: str | None = None) -> InputError:
        do = "correct this line (README, 'With your own pictures', shows one)"
        found = clip(found) if isinstance(found, str) and len(found) > 80 else found
        return InputError(what, path=self.path, line=self.line, found=found, expected=expected, do=do)

    def sample(self, row: Mapping[str, Any]) -> Sample:
        unknown = [key for key in row if key not in KEYS]
        if unknown:
            raise self.fail(f"unknown key {clip(unknown[0])}", expected=f"only {', '.join(KEYS)}")
        for key in ("id", "dataset", "image"):
            if not row.get(key):
                raise self.fail(f"the key `{key}` is missing or empty", expected="a non-empty string")
        text = {key: "" if row.get(key) is None else row[key] for key in _TEXT}
        for key, value in text.items():
            if not isinstance(value, str):
                raise self.fail(f"`{key}` is no string", found=value)
        image = text["image"]
        if image.startswith("/") or "\\" in image or ".." in image.split("/"):
            raise self.fail(
                "`image` leaves the image folder", found=image, expected="a relative POSIX path without `..`"
            )
        return Sample(
            **text,
            AUs=self.codes(row.get("AUs"), "AUs"),
            labels=list(dict.fromkeys(self.label(word) for word in self.strings(row.get("labels"), "labels"))),
            meta_info=self.meta(row.get("meta_info")),
        )

    def strings(self, value: Any, key: str) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f"`{key}` is no list of strings", found=value)
        return value

    def codes(self, value: Any, key: str) -> list[str]:
        written = self.strings(value, key)
        try:
            return facs.sort_codes(facs.code(item) for item in written)
        except InputError as error:
            raise self.fail(f"`{key}` holds an unknown Action Unit", error.found, error.expected) from None

    def label(self, word: str) -> str:
        noun = word.strip().lower() if word.strip().lower() in self.allowed else try_canonical(word)
        if noun is None:
            expected = f"one of {', '.join(EMOTIONS)}, or a word that the recipe's label_set lists"
            raise self.fail("`labels` holds an unknown emotion", word, expected)
        return noun

    def meta(self, value: Any) -> Meta:
        if value is None:
            return Meta()
        if not isinstance(value, dict):
            raise self.fail("`meta_info` is no object", found=value)
        known = {key: item for key, item in value.items() if key in META_KEYS and item is not None}
        for key, item in known.items():
            if not _fits(_HINTS[key], item):
                raise self.fail(f"`meta_info.{key}` has the wrong type", found=item, expected=_HINTS[key])
        if known.get("task") not in (None, *TASKS):
            raise self.fail("`meta_info.task` is unknown", found=known["task"], expected=f"one of {', '.join(TASKS)}")
        if "au_annotated" in known:
            known["au_annotated"] = self.codes(known["au_annotated"], "meta_info.au_annotated")
        other = {key: item for key, item in value.items() if key not in META_KEYS}
        if other or "extra" in known:
            known["extra"] = orjson.dumps({**_json_object(known.get("extra", "{}")), **other}).decode()
        return Meta(**known)


def _json_object(text: str) -> dict[str, Any]:
    """``extra`` as it was written; a note that is no JSON object is kept under the key ``extra``."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return value if isinstance(value, dict) else {"extra": value}


def _fits(hint: str, item: object) -> bool:
    kind, inner = _KINDS[hint]
    return type(item) is kind and (inner is None or all(type(part) is inner for part in cast("list[object]", item)))


def task_of(sample: Sample) -> str | None:
    """The task that a row's truth allows: AUs were scored, a label is known, both, or neither (None)."""
    scored, labelled = bool(sample.meta_info.au_annotated), bool(sample.labels)
    if scored:
        return "au+emotion" if labelled else "au"
    return "emotion" if labelled else None


def form_of(sample: Sample, unknown_truth: str = "omit") -> str | None:
    """The task whose form a row's text has: the row's own, and ``au+emotion`` where the text may go beyond the truth.

    That is so under the recipe's ``unknown_truth: pseudo``, and for a released row whose text did (``pseudo_aus``,
    ``pseudo_label``). What is scored still follows from the truth: :func:`task_of`, ``au_annotated``, ``labels``.
    """
    task, meta = task_of(sample), sample.meta_info
    beyond = unknown_truth == "pseudo" or bool(meta.pseudo_aus) or meta.pseudo_label is not None
    return "au+emotion" if task and beyond else task


def read_samples(path: Path, *, label_set: Iterable[str] = ()) -> Iterator[Sample]:
    """Stream the rows of a JSONL file generously. Raises :class:`InputError` at the first bad line."""
    for line, row in read_jsonl(path):
        yield Sample.from_json(row, path=path, line=line, label_set=label_set)


def strict_faults(sample: Sample) -> list[str]:
    """What keeps a row out of a release; empty when it may be released. Reading is generous, this is not."""
    meta = sample.meta_info
    faults = []
    if sample.id != meta.sample_id and not sample.id.startswith(f"{meta.sample_id}#"):
        faults.append(f"id {clip(sample.id)} is not meta_info.sample_id or sample_id#k")
    parts = sample.image.split("/")
    if not sample.image or "\\" in sample.image or any(part in ("", ".", "..") for part in parts):
        faults.append(f"image {clip(sample.image)} is no clean relative POSIX path")
    if any(au not in facs.REGISTRY for au in sample.AUs) or sample.AUs != facs.sort_codes(sample.AUs):
        faults.append(f"AUs {clip(sample.AUs)} are not canonical, sorted and unique")
    elif not set(sample.AUs) <= set(meta.au_annotated):
        faults.append("AUs holds a code outside meta_info.au_annotated")
    if len(set(sample.labels)) != len(sample.labels):
        faults.append(f"labels {clip(sample.labels)} repeat")
    if any(label not in EMOTIONS and label not in meta.label_set for label in sample.labels):
        faults.append(f"labels {clip(sample.labels)} are not canonical nouns")
    if meta.task is None or meta.task != task_of(sample):
        faults.append(f"meta_info.task {clip(meta.task)} does not follow from the truth ({task_of(sample)})")
    return faults
