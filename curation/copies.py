"""Near-duplicates among candidates: which to drop for which other one, found again as further candidates come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curation.duplicates import Face, Pair
from facial_r1.progress import Progress
from facial_r1.recipe import Duplicates

if TYPE_CHECKING:
    from curation.duplicates.looks import Fingerprint

__all__ = ["Copies"]


class Copies:
    """Remembers fingerprints and similarities between rounds.

    Args:
        rules: of the recipe.
        tested: pictures that an earlier release tested on.
        workers: threads; changes nothing but the time.
        progress: told about pictures and pairs.
    """

    def __init__(self, rules: Duplicates, tested: Sequence[Face], workers: int, progress: Progress) -> None:
        self.rules, self.workers, self.progress = rules, workers, progress
        self.tested = dict.fromkeys(tested)
        self._prints: dict[Path, Fingerprint] = {}
        self._known: dict[tuple[Path, Path], float] = {}

    def read(self, paths: Sequence[Path]) -> list[Fingerprint]:
        """The fingerprints of pictures; each is read once."""
        from curation.duplicates.leakage import fingerprints

        new = [path for path in dict.fromkeys(paths) if path not in self._prints]
        found = fingerprints(new, workers=self.workers, progress=self.progress)
        self._prints.update(zip(new, found, strict=True))
        return [self._prints[path] for path in paths]

    def among(self, faces: Sequence[Face]) -> Iterator[Pair]:
        """The copies to drop: ``second`` of each pair, for ``first``, which stays or was tested on.

        Args:
            faces: the candidates; of two copies the one that comes first stays.
        """
        from curation.duplicates.leakage import near_duplicates

        every = [*self.tested, *faces]
        if self.rules.rendered is None and all(face.rendered for face in every):
            return
        prints, rules, known = self.read([face.path for face in every]), self.rules, self._known
        pairs = near_duplicates(every, prints, rules, workers=self.workers, known=known, progress=self.progress)
        gone: set[Face] = set()
        for pair in pairs:  # in the order of faces: whether `first` stays is decided before it drops others
            fine = pair.first in self.tested and pair.second.split == "test"
            if not (fine or pair.first in gone or pair.second in gone):
                gone.add(pair.second)
                yield pair
