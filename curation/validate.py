"""Is this JSONL file, or this release, usable? Every bad line is named, with what was found and what was expected.

A *file* is what people write themselves in the published schema (one object a line with ``id, dataset, image, question,
AUs, labels, description, meta_info``). Reading is generous, as everywhere: a free-text description and an unknown key
inside ``meta_info`` are fine. What a reader would have to guess at is an error.

A *release* is held against everything it promises, as when it was made: see :mod:`curation.checks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from curation.checks.check import Check
from curation.checks.run import check_release
from facial_r1.errors import FacialR1Error, InputError, clip
from facial_r1.files import canonical_json, inside, parse_json, sha256_bytes
from facial_r1.progress import Progress
from facial_r1.response import parse
from facial_r1.sample import Sample

__all__ = ["LIMIT", "Validation", "validate"]

LIMIT = 1_000
"""Messages kept in full of each kind; a file that is wrong everywhere is counted, not collected."""

STEP = 1_000
"""Lines between two reports of progress."""


@dataclass(slots=True)
class Validation:
    """What was found in a file.

    Attributes:
        path: the file.
        rows: lines that hold something; blank ones are skipped.
        bad: how many of them have an error.
        errors, remarks: messages in the order of the lines, at most :data:`LIMIT` each; a remark spoils nothing.
        datasets, labels, aus: counts over the good rows of a file.
        checks: the table of a release; ``bad`` counts its checks that failed, ``errors`` are their messages.
    """

    path: Path
    rows: int = 0
    bad: int = 0
    errors: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    datasets: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    aus: Counter[str] = field(default_factory=Counter)
    checks: list[Check] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when everything is good; 1 when a line of a file is not, 3 when a check of a release failed."""
        return (3 if self.checks else 1) if self.bad else 0


def validate(
    path: Path,
    image_folder: Path | None = None,
    *,
    label_set: Iterable[str] = (),
    frozen: Path | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Check a JSONL file line by line, or a release as a whole.

    Args:
        path: the file, or the folder of a release.
        image_folder: of a file: what ``image`` is relative to; pictures are opened only when it is given.
        label_set: of a file: labels that are allowed beyond the eight.
        frozen: of a release: ``frozen-test.jsonl`` of an earlier one, of which nothing may stand outside test.
        progress: told about lines.

    Raises:
        InputError: when file or folder is missing, or a folder is no release of this version; whatever is wrong
            *inside* is in the result.
    """
    if path.is_dir():
        return _release(path, frozen, progress)
    if not path.is_file():
        raise InputError("there is no such file", path=path, do="check the path")
    if image_folder is not None and not image_folder.is_dir():
        raise InputError("there is no such image folder", path=image_folder, do="check --image-folder")
    check = _Check(path, image_folder, tuple(label_set))
    progress = progress or Progress()
    with open(path, "rb") as handle:
        for number, line in enumerate(handle, 1):
            check.line(number, line)
            if number % STEP == 0:
                progress.step("lines checked", number, None)
    if not check.result.rows:
        check.report([InputError("this file holds no row", path=path, expected="one JSON object a line")])
    return check.result


def _release(folder: Path, frozen: Path | None, progress: Progress | None) -> Validation:
    checks = check_release(folder, private=[str(Path.home())], frozen=frozen, progress=progress)
    failed = [check for check in checks if check.passed is False]
    rows = next(check.of for check in checks if check.name == "lines")
    return Validation(folder, rows, len(failed), [str(check) for check in failed], checks=checks)


class _Check:
    def __init__(self, path: Path, image_folder: Path | None, label_set: tuple[str, ...]) -> None:
        self.path, self.image_folder, self.label_set = path, image_folder, label_set
        self.result = Validation(path)
        self.ids: dict[str, tuple[int, str]] = {}
        """id → line and hash of its first row."""
        self.pictures: dict[str, FacialR1Error | None] = {}
        """image → what is wrong with it; each is opened once."""

    def line(self, number: int, line: bytes) -> None:
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            return
        self.result.rows += 1
        try:
            row = self.read(text, number)
            digest = self.digest(row, number)
            sample = Sample.from_json(row, path=self.path, line=number, label_set=self.label_set)
        except InputError as error:
            self.report([error])
            return
        errors = [*self.repeat(sample.id, digest, number), *self.picture(sample.image, number)]
        if errors:
            self.report(errors)
            return
        self.result.datasets[sample.dataset] += 1
        self.result.labels.update(sample.labels)
        self.result.aus.update(sample.AUs)
        self.description(sample.description, number)

    def report(self, errors: Iterable[InputError]) -> None:
        self.result.bad += 1
        self.result.errors.extend(str(error) for error in errors if len(self.result.errors) < LIMIT)

    def read(self, text: bytes, number: int) -> dict[str, Any]:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"{text[error.start : error.start + 1]!r} as byte {error.start + 1} of the line"
            do = "save the file as UTF-8"
            raise InputError("this line is not UTF-8", path=self.path, line=number, found=found, do=do) from None
        try:
            return parse_json(text, self.path, number)
        except InputError as error:
            if text.endswith(b"\n"):
                raise
            do = "copy or download the file again"
            what = "the file is cut in its last line"
            raise InputError(what, path=self.path, line=number, found=error.found, do=do) from None

    def digest(self, row: dict[str, Any], number: int) -> str:
        try:
            return sha256_bytes(canonical_json(row))
        except orjson.JSONEncodeError as error:  # deeper than a writer can go
            what = f"this line cannot be written again ({error})"
            raise InputError(what, path=self.path, line=number, do="make its objects less deep") from None

    def repeat(self, identifier: str, digest: str, number: int) -> Iterator[InputError]:
        first, known = self.ids.setdefault(identifier, (number, digest))
        if first == number:
            return
        same = digest == known
        yield InputError(
            f"the id of line {first} comes again, {'with the same content' if same else 'with other content'}",
            path=self.path,
            line=number,
            found=clip(identifier),
            expected="every id once",
            do="remove one of the two lines" if same else "find out which of the two lines is right; nobody can guess",
        )

    def picture(self, image: str, number: int) -> Iterator[InputError]:
        if self.image_folder is None:
            return
        if image not in self.pictures:
            self.pictures[image] = _picture_fault(self.image_folder, image)
        fault = self.pictures[image]
        if fault is not None:
            yield InputError(
                f"the picture {clip(image)} cannot be used: {fault.what}",
                path=self.path,
                line=number,
                found=fault.found,
                do=f"put the picture below {self.image_folder}, or remove the line",
            )

    def description(self, text: str, number: int) -> None:
        if "<think" not in text and "<answer" not in text:
            return  # free text is fine
        faults = parse(text, label_set=self.label_set).faults
        if faults and len(self.result.remarks) < LIMIT:
            remark = f"{self.path}:{number}: the description has tags, but not as a release needs them: "
            self.result.remarks.append(remark + ", ".join(faults))


def _picture_fault(folder: Path, image: str) -> FacialR1Error | None:
    from facial_r1.pictures import prove_picture, read_header, read_picture

    try:
        path = inside(folder, image)
        data = read_picture(path)
        prove_picture(data, read_header(data, path=path), path=path)
    except FacialR1Error as error:
        return error
    return None
