"""The gate on a release as a whole: every row strict, every id once, nothing shared by two splits, nothing private.

Row gates judge answers one by one; this one sees every row on its way to disk, remembers what must be unique or
exclusive, and in the end passes or names the rows that stop the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curation.splits import SPLITS
from facial_r1.errors import GateFailed, clip
from facial_r1.response import parse
from facial_r1.sample import Sample, strict_faults

__all__ = ["ReleaseGate", "identities"]

SHOWN = 20
"""Faults that the message spells out; the others are counted."""

PROVENANCE = ("image_sha256", "generator", "model", "prompt_hash", "attempts", "label_conditioned")
"""Keys of ``meta_info`` that a released row must fill, so that its text can be traced."""


def identities(sample: Sample) -> Iterator[str]:
    """What two splits may not share: the picture by name and content, its group, its other identities."""
    meta = sample.meta_info
    yield f"picture {meta.sample_id}"
    yield f"picture content {meta.image_sha256}"
    if meta.group is not None:
        yield f"group {meta.group}"
    for origin in meta.origin_ids:
        yield f"origin {origin}"


class ReleaseGate:
    """Feed it every row with :meth:`check`, then ask for the :meth:`verdict`.

    Args:
        label_set: labels that the recipe allows beyond the eight.
        private: strings that must not occur in a row, such as the run's path; empty ones are ignored.
    """

    def __init__(self, *, label_set: Iterable[str] = (), private: Iterable[str] = ()) -> None:
        self.label_set = tuple(label_set)
        self.private = tuple(text.encode() for text in private if text)
        self.count = 0
        self.faults: list[str] = []
        self._ids: set[str] = set()
        self._owners: dict[str, tuple[str, str]] = {}

    def check(self, sample: Sample, line: bytes) -> bool:
        """Look at one row; ``line`` is what will be written for it. False when something is wrong with it."""
        before = self.count
        for text in strict_faults(sample):
            self._fault(sample, text)
        if sample.id in self._ids:
            self._fault(sample, "this id occurs twice")
        self._ids.add(sample.id)
        for fault in parse(sample.description, label_set=self.label_set).faults:
            self._fault(sample, f"description: {fault}")
        missing = [key for key in PROVENANCE if getattr(sample.meta_info, key) in (None, "")]
        if missing:
            self._fault(sample, f"meta_info lacks {', '.join(missing)}")
        if sample.meta_info.split not in SPLITS:
            self._fault(sample, f"meta_info.split {clip(sample.meta_info.split)} is none of {', '.join(SPLITS)}")
        if any(text in line for text in self.private):
            self._fault(sample, "a path of this machine stands in the row")
        self._exclusive(sample)
        return self.count == before

    def _exclusive(self, sample: Sample) -> None:
        split = sample.meta_info.split or ""
        for identity in identities(sample):
            owner, other = self._owners.setdefault(identity, (split, sample.id))
            if owner != split:
                self._fault(sample, f"{identity} is in {split} and, with {other}, in {owner}")

    def _fault(self, sample: Sample, text: str) -> None:
        self.count += 1
        if len(self.faults) < SHOWN:
            self.faults.append(f"{clip(sample.id)}: {text}")

    def verdict(self) -> None:
        """Let the release pass.

        Raises:
            GateFailed: naming the rows and what is wrong with each.
        """
        if self.count:
            more = f"; and {self.count - len(self.faults)} more" if self.count > len(self.faults) else ""
            do = "the stages before are kept; mend what the rows name (or drop them from the recipe) and release again"
            raise GateFailed(f"{self.count} faults stop this release", found="; ".join(self.faults) + more, do=do)
