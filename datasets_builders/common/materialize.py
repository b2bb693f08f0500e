"""From chosen rows to picture files: copied byte for byte where possible, cut and shrunk where asked.

Every picture is decoded once to prove it readable, whatever happens to it then. One bad picture is a
:class:`Picture` with a ``reason`` and never an exception; a full disk is an ``OSError``, because it is no row's fault.

Workers are threads: decoding, encoding, hashing and writing release the interpreter lock, and nothing is copied
between processes. The bytes and the order of the results do not depend on their number.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from datasets_builders.common.corpus import Corpus, Picture
from datasets_builders.common.develop import Developed, Style, develop
from datasets_builders.common.ledger import Ledger
from facial_r1.errors import UsageError
from facial_r1.files import fsync_folder, sweep, write_batch
from facial_r1.progress import Progress
from facial_r1.sample import Sample

__all__ = ["Crop", "Mode", "materialize"]

Crop = Literal["none", "box", "landmarks"]
Mode = Literal["copy", "hardlink", "reference"]
_BATCH_FILES = 1024
_BATCH_BYTES = 32 << 20
_CHUNK = 16

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def materialize(
    corpus: Corpus,
    root: Path,
    samples: Sequence[Sample],
    folder: Path,
    *,
    crop: Crop = "none",
    max_side: int | None = None,
    mode: Mode = "copy",
    workers: int = 1,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Iterator[Picture]:
    """Make the picture of each of ``samples`` below ``folder`` and yield the results in their order.

    Pictures are named ``<corpus>/<sample_id>.<jpg|png>``. A JPEG or PNG file that needs no change is passed through
    byte for byte; what is turned, cut, shrunk or comes as pixels is encoded by
    :func:`facial_r1.pictures.encode_picture`. Nothing is ever enlarged.

    A run that was killed goes on where it stopped: ``<corpus>.pictures.jsonl`` in ``folder`` lists what is finished
    (see :class:`~datasets_builders.common.ledger.Ledger`); pictures made with other settings are made again.

    Args:
        corpus: the builder whose ``raw`` gives the source pictures.
        root: the corpus' folder; never written to.
        samples: rows of a scan of this corpus and root.
        folder: the image folder.
        crop: ``box`` cuts the corpus' face box, ``landmarks`` a square around the face points with a margin of
            :data:`~datasets_builders.common.crops.LANDMARK_MARGIN`; both are clipped to the picture and recorded.
        max_side: shrink pictures whose longer side exceeds this many pixels.
        mode: ``copy``; ``hardlink`` (a copy where the file system cannot link); ``reference`` writes nothing and names
            pictures relative to ``root``.
        workers: threads.
        options: the corpus' options, as given to ``scan``.
        progress: receives a step per picture.

    Raises:
        UsageError: for ``reference`` together with ``crop`` or ``max_side``.
        OSError: from writing below ``folder``; what was finished before stays finished.
    """
    if mode == "reference" and (crop != "none" or max_side is not None):
        do = "use mode copy, or leave crop and max_side out"
        raise UsageError("pictures that are only referenced cannot be cut or shrunk", do=do)
    options = options or {}
    settings = {**options, "crop": crop, "max_side": max_side, "mode": mode}
    written = None if mode == "reference" else folder
    sweep(folder / corpus.name)
    ledger = Ledger(folder / f"{corpus.name}.pictures.jsonl", written, root, settings)
    style = Style(corpus.name, root, crop, max_side, mode)
    return _Job(corpus, folder, ledger, style, workers, options, progress or Progress()).run(samples)


@dataclass(frozen=True, slots=True)
class _Job:
    corpus: Corpus
    folder: Path
    ledger: Ledger
    style: Style
    workers: int
    options: Mapping[str, Any]
    progress: Progress

    def run(self, samples: Sequence[Sample]) -> Iterator[Picture]:
        wanted = {_identity(sample): sample for sample in samples}
        kept = {name: self.ledger.finished(sample) for name, sample in wanted.items()}
        done = {name: picture for name, picture in kept.items() if picture is not None}
        rest = {name: sample for name, sample in wanted.items() if name not in done}
        waiting = deque(_identity(sample) for sample in samples)
        batches = _batches(self.develop(rest, len(wanted)))
        threads = 1 if self.workers > 1 else 0  # one batch is written while the next is developed
        for batch in _parallel(lambda batch: self.finish(batch, rest), batches, threads, chunk=1):
            done.update((made.picture.sample_id, made.picture) for made in batch)
            while waiting and waiting[0] in done:
                yield done[waiting.popleft()]
        for name in waiting:
            yield done.get(name) or Picture(name, None, None, reason="no_picture", detail="the corpus gave none")

    def develop(self, rest: Mapping[str, Sample], total: int) -> Iterator[Developed]:
        """Develop the rows of ``rest``, in the order in which the corpus reads its source."""
        what, before = f"{self.corpus.title} pictures", total - len(rest)
        self.progress.step(what, before, total)
        if not rest:
            return
        raws = self.corpus.raw(self.style.root, list(rest.values()), **self.options)
        threads = self.workers if self.workers > 1 else 0
        made = _parallel(lambda raw: develop(raw, self.style), raws, threads, chunk=_CHUNK)
        for count, developed in enumerate(made, before + 1):
            self.progress.step(what, count, total)
            yield developed

    def finish(self, batch: list[Developed], rest: Mapping[str, Sample]) -> list[Developed]:
        """Put a batch on disk, then into the ledger."""
        _write(self.folder, batch, link=self.style.mode == "hardlink")
        good = [made for made in batch if made.picture.reason is None]
        self.ledger.append([(rest[made.picture.sample_id], made.source, made.picture) for made in good])
        return batch


def _identity(sample: Sample) -> str:
    return sample.meta_info.sample_id or sample.id


def _parallel(function: Callable[[_In], _Out], items: Iterable[_In], threads: int, *, chunk: int) -> Iterator[_Out]:
    """``map`` on so many threads (0: on this one): results in order, and only a few chunks in memory at a time."""
    if threads == 0:
        yield from map(function, items)
        return
    source, pending = iter(items), deque[Future[list[_Out]]]()
    with ThreadPoolExecutor(threads) as pool:
        while part := list(islice(source, chunk)):
            pending.append(pool.submit(lambda part: [function(item) for item in part], part))
            if len(pending) > threads + 1:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def _batches(made: Iterable[Developed]) -> Iterator[list[Developed]]:
    batch: list[Developed] = []
    size = 0
    for developed in made:
        batch.append(developed)
        size += len(developed.data or b"")
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write(folder: Path, batch: Sequence[Developed], *, link: bool) -> None:
    files: dict[str, bytes] = {}
    linked: set[Path] = set()
    for made in batch:
        if made.picture.image is None or made.data is None:
            continue
        if link and made.same and made.source is not None and _link(made.source, folder / made.picture.image):
            linked.add((folder / made.picture.image).parent)
        else:
            files[made.picture.image] = made.data
    for parent in linked:
        fsync_folder(parent)
    if files:
        write_batch(folder, files)


def _link(source: Path, target: Path) -> bool:
    """Hard-link a picture; False where the file system cannot (another device, no permission, too many links)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        return False
    return True
