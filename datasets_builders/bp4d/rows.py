"""From the label files of a sequence of BP4D to its rows."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from datasets_builders.bp4d.codes import OCCLUDED, UNKNOWN, Coded, parse_intensity, parse_occurrence
from datasets_builders.bp4d.copy import Copy, Key
from datasets_builders.bp4d.tables import AUS, FOLD_OF, INTENSITY_AUS, SCORED, TASKS
from datasets_builders.bp4d.told import Told
from datasets_builders.common.corpus import Dropped, Report
from facial_r1 import facs
from facial_r1.errors import InputError
from facial_r1.sample import Meta, Sample

__all__ = ["OCCLUSION", "Coding", "Rows", "read_sequence"]

OCCLUSION = "occluded"
"""The reason of rows that are dropped because of column 99."""

_RATED = tuple(facs.code(number) for number in INTENSITY_AUS)
_WIDTH = len(AUS) + len(INTENSITY_AUS)
_UNKNOWN_ONLY = bytes(value == UNKNOWN for value in range(256))
"""Translates values into 1 for unknown and 0 for the rest."""


@dataclass(frozen=True, slots=True)
class Coding:
    """The labels of one sequence.

    Attributes:
        frames: frame numbers.
        lines: line of each row in the ``AU_OCC`` file, from 1.
        table: rows × (:data:`AUS`, then :data:`INTENSITY_AUS`): occurrence 0, 1, then intensity 0-5; 9 where unknown.
        occluded: whether column 99 marks the row.
    """

    frames: Sequence[int]
    lines: Sequence[int]
    table: NDArray[np.uint8]
    occluded: Sequence[bool]


def read_sequence(key: Key, copy: Copy, told: Told, report: Report) -> Coding | None:
    """Read the label files of one sequence; None when its occurrence file cannot be used, which is a fault.

    An intensity file that cannot be used is a fault as well, and its AU has no intensity in this sequence.
    """
    path = copy.occurrence[key]
    coded = _read(path, report)
    if coded is None:
        return None
    told.numbers(key, coded.frames)
    _judge_columns(key, coded, told)
    table = np.full((len(coded.frames), _WIDTH), UNKNOWN, np.uint8)
    places = {column: place for place, column in enumerate(coded.columns)}
    for place, au in enumerate(AUS):
        if au in places:
            table[:, place] = coded.values[:, places[au]]
    for au, file in sorted(copy.intensity.get(key, {}).items()):
        if au not in INTENSITY_AUS:
            told.remark(f"have an AU_INT file of AU{au}, which BP4D does not rate; it is ignored", str(key))
        elif (rated := _read(file, report, au)) is not None:
            table[:, len(AUS) + INTENSITY_AUS.index(au)] = _aligned(rated, coded.frames)
            if len(rated.frames) != len(coded.frames):
                counts = f"{len(rated.frames)} of {len(coded.frames)}"
                told.remark("have an AU_INT file of another length than AU_OCC", f"{key} AU{au} {counts}")
    flags = coded.values[:, places[OCCLUDED]] == 1 if OCCLUDED in places else np.zeros(len(table), bool)
    return Coding(coded.frames, coded.lines, table, flags.tolist())


def _read(path: Path, report: Report, au: int | None = None) -> Coded | None:
    try:
        data = path.read_bytes()
        return parse_occurrence(data, path, report) if au is None else parse_intensity(data, au, path, report)
    except OSError as error:
        what, do = f"this label file cannot be read ({error.strerror})", "mend its permissions, or copy it again"
        report.fault(InputError(what, path=path, do=do))
    except InputError as error:
        report.fault(error)
    return None


def _judge_columns(key: Key, coded: Coded, told: Told) -> None:
    """Note columns that a header lacks, and AUs with values that nobody is known to have scored."""
    lacking = [code for au, code in zip(AUS, SCORED, strict=True) if au not in coded.columns]
    if lacking:
        told.remark(f"have no column for {', '.join(lacking)} (unknown there, not absent)", str(key))
    if OCCLUDED not in coded.columns:
        told.remark("have no column 99 (nothing is known to be occluded)", str(key))
    surplus = (coded.values != UNKNOWN).any(axis=0) if len(coded.values) else np.zeros(len(coded.columns), bool)
    for column, valued in zip(coded.columns, surplus.tolist(), strict=True):
        if valued and column not in AUS and column != OCCLUDED:
            told.remark(f"have values for AU{column}, which BP4D does not score; they are ignored", str(key))


def _aligned(rated: Coded, frames: Sequence[int]) -> NDArray[np.uint8]:
    """The intensities of ``frames``, unknown where the file has none."""
    if list(rated.frames) == list(frames):
        return rated.values[:, 0]
    by_frame = dict(zip(rated.frames, rated.values[:, 0].tolist(), strict=True))
    return np.array([by_frame.get(frame, UNKNOWN) for frame in frames], np.uint8)


@dataclass(slots=True)
class Rows:
    """Makes the rows. Equal codings share their lists: memory, and half of the time.

    Attributes:
        keep_occluded: keep rows of column 99, marked in ``extra``, instead of dropping them.
    """

    keep_occluded: bool
    _known: dict[bytes, tuple[list[str], list[str], list[dict[str, Any]]]] = field(default_factory=dict)
    _annotated: dict[bytes, list[str]] = field(default_factory=dict)

    def of(
        self, key: Key, coding: Coding, offset: int | None, source: str, wanted: Container[int] | None, report: Report
    ) -> Iterator[Sample]:
        """The rows of one sequence; with ``wanted`` only those frames. Occluded ones may go to ``report.dropped``."""
        packed = coding.table.tobytes()
        rows = zip(coding.frames, coding.lines, coding.occluded, range(0, len(packed), _WIDTH), strict=True)
        for frame, line, occluded, start in rows:
            if wanted is not None and frame not in wanted:
                continue
            labels = packed[start : start + _WIDTH]
            known = self._known.get(labels)
            if known is None:
                known = self._known[labels] = self._decode(labels)
            aus, annotated, intensities = known
            name, place = f"bp4d-{key.subject}-{key.task}-{frame:04d}", f"{source}:{line}"
            if occluded and not self.keep_occluded:
                detail = "column 99 is 1: the frame is not to be used"
                report.dropped.append(Dropped("bp4d", name, OCCLUSION, detail, place, tuple(aus)))
                continue
            meta = Meta(
                task="au" if annotated else None,
                sample_id=name,
                subject=key.subject,
                group=key.subject,
                fold=FOLD_OF[key.subject],
                frame=frame,
                frame_offset=offset,
                au_annotated=annotated,
                au_intensity=intensities,
                au_source="human" if annotated else None,
                source=place,
                extra=_extra(key.task, occluded),
            )
            yield Sample(name, "bp4d", AUs=aus, meta_info=meta)

    def _decode(self, labels: bytes) -> tuple[list[str], list[str], list[dict[str, Any]]]:
        """Present AUs, annotated AUs and intensities of one row of :attr:`Coding.table`."""
        occurrence, intensity = labels[: len(AUS)], labels[len(AUS) :]
        unknown = occurrence.translate(_UNKNOWN_ONLY)
        if unknown not in self._annotated:
            self._annotated[unknown] = [code for code, gone in zip(SCORED, unknown, strict=True) if not gone]
        present = [code for code, value in zip(SCORED, occurrence, strict=True) if value == 1]
        rated = [_intensity(code, value) for code, value in zip(_RATED, intensity, strict=True) if value != UNKNOWN]
        return present, self._annotated[unknown], rated


@cache
def _intensity(au: str, value: int) -> dict[str, Any]:
    return {"au": au, "value": value}


@cache
def _extra(task: str, occluded: bool) -> str:
    facts: Mapping[str, object] = {
        "sequence": task,
        "elicitation": TASKS[task],
        **({"occluded": True} if occluded else {}),
    }
    return orjson.dumps(facts).decode()
