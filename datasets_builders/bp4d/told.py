"""What the scan of a copy of BP4D has to tell: one sentence for each kind of finding, not for each of 328 sequences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasets_builders.bp4d.copy import ALL, Copy, Key, names
from datasets_builders.common.corpus import Report
from datasets_builders.common.layout import some
from facial_r1.errors import InputError

__all__ = ["Told", "tell_parts"]

_COUNTING = {-1: "counted from 0", 0: "numbered as in AU_OCC"}


@dataclass(slots=True)
class Told:
    """Collects findings while sequences are read; :meth:`finish` puts them into the report."""

    sequences: int = 0
    frames: int = 0
    _remarks: dict[str, list[str]] = field(default_factory=dict)
    _unpictured: list[Key] = field(default_factory=list)
    _absent: list[str] = field(default_factory=list)
    _offsets: dict[int, list[Key]] = field(default_factory=dict)

    def remark(self, what: str, where: str) -> None:
        """A sequence of which ``what`` can be said."""
        self._remarks.setdefault(what, []).append(where)

    def numbers(self, key: Key, frames: Collection[int]) -> None:
        """Note frame numbers of a label file that are not one behind the other."""
        before: int | None = None
        for frame in frames:
            if before is not None and frame != before + 1:
                what = "have frame numbers that do not follow each other (rows keep the number they have)"
                self.remark(what, f"{key}, {before} then {frame}")
                return
            before = frame

    def pictures(self, key: Key, pictures: Mapping[int, Path], frames: Collection[int], offset: int | None) -> None:
        """Note the ``frames`` that have no picture, and how pictures are counted."""
        self.sequences += 1
        self.frames += len(frames)
        if not pictures or offset is None:
            self._unpictured.append(key)
            return
        self._offsets.setdefault(offset, []).append(key)
        self._absent += [f"{key}/{frame}" for frame in frames if frame + offset not in pictures]

    def finish(self, report: Report) -> None:
        """Put everything into the report."""
        of = f"of {self.sequences:,} sequences"
        for what, where in self._remarks.items():
            report.remarks.append(f"{len(where)} {of} {what}: {some(where)}")
        if len(self._offsets) > 1:
            counted = (
                f"{_COUNTING[offset]} in {len(keys)}, such as {keys[0]}" for offset, keys in self._offsets.items()
            )
            report.remarks.append(f"pictures are not counted alike in all sequences: {'; '.join(counted)}")
        if self._unpictured:
            report.missing.append(f"pictures of {len(self._unpictured)} {of}: {some(names(self._unpictured))}")
        if self._absent:
            what = f"pictures of {len(self._absent):,} of {self.frames:,} coded frames"
            report.missing.append(f"{what}, in sequences that have others: {some(self._absent)}")


def tell_parts(copy: Copy, root: Path, report: Report) -> None:
    """Say which sequences have no labels, intensities or landmarks, and judge files that are there twice."""
    unlabelled = [key for key in ALL if key not in copy.occurrence]
    if unlabelled:
        pictured = sum(key in copy.pictures for key in unlabelled)
        shown = f", {pictured} of which have a folder of pictures" if pictured else ""
        what = f"label files (AU_OCC) of {len(unlabelled)} of {len(ALL)} sequences{shown}"
        report.missing.append(f"{what}: {some(names(unlabelled))}")
    for what, there in (("intensities (AU_INT)", copy.intensity), ("landmarks (2DFeatures)", copy.landmarks)):
        without = [key for key in sorted(copy.occurrence) if key not in there]
        if without and there:
            report.missing.append(
                f"{what} of {len(without)} of {len(copy.occurrence)} sequences: {some(names(without))}"
            )
    if copy.occurrence and not copy.intensity:
        report.missing.append("intensities (AU_INT): no file is there")
    _tell_repeated(copy.repeated, report)
    _tell_places(copy.pictures.values(), root, report)


def _tell_repeated(repeated: Collection[tuple[Path, Path]], report: Report) -> None:
    for kept, other in repeated:
        if kept.read_bytes() != other.read_bytes():
            what = "two different label files for one sequence"
            report.fault(InputError(what, path=other, found=str(kept), do="remove the one that is wrong"))
    if repeated:
        what = f"{len(repeated)} label files are there more than once"
        report.remarks.append(f"{what}; the one nearer to the root is read")


def _tell_places(candidates: Iterable[Collection[Path]], root: Path, report: Report) -> None:
    """Say when pictures may lie in several trees, and which of them is read."""
    places = {path.parent.parent: None for paths in candidates for path in paths}
    if any(len(paths) > 1 for paths in candidates):
        shown = [place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place) for place in places]
        what = f"task folders are there more than once ({some(shown)}); the first one that holds pictures is read"
        report.remarks.append(f"{what} (the option pictures names one)")
