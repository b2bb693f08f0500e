"""From chosen rows to picture files: copied byte for byte where possible, cut and shrunk where asked.

Every picture is decoded once to prove it readable, whatever happens to it then. One bad picture is a
:class:`Picture` with a ``reason`` and never an exception; a full disk is an ``OSError``, because it is no row's fault.

Workers are processes: a small picture is mostly Python's own work, which threads would take turns at. Each makes and
writes its pictures under temporary names; only the main process reads the corpus and gives the names. The bytes and the
order of the results do not depend on the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from datasets_builders.common.corpus import Corpus, Picture, Raw
from datasets_builders.common.develop import Style, develop
from datasets_builders.common.ledger import Ledger
from facial_r1.errors import FacialR1Error, UsageError
from facial_r1.files import commit, link, stage, sweep
from facial_r1.progress import Progress
from facial_r1.sample import Sample
from facial_r1.workers import Workers

__all__ = ["Crop", "Mode", "materialize"]

Crop = Literal["none", "box", "landmarks"]
Mode = Literal["copy", "hardlink", "reference"]
_BATCH_FILES = 2048
"""Pictures between two barriers: what a killed run makes again at most."""
_PORTION, _PORTION_BYTES = 256, 8 << 20
"""Pictures, and bytes of unpacked pixels, that a worker gets at once: enough to hide the cost of handing over."""
_WORTH_PROCESSES = 1000
"""Pictures from which on starting processes pays."""

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
            :data:`~datasets_builders.common.crops.LANDMARK_MARGINS`; both are clipped to the picture and recorded.
        max_side: shrink pictures whose longer side exceeds this many pixels.
        mode: ``copy``; ``hardlink`` (a copy where the file system cannot link); ``reference`` writes nothing and names
            pictures relative to ``root``.
        workers: processes, for more than a thousand pictures.
        options: the corpus' options, as given to ``scan``.
        progress: receives a step per picture.

    Raises:
        UsageError: for ``reference`` together with ``crop`` or ``max_side``.
        OSError: from writing below ``folder``; what was finished before stays finished.
        FacialR1Error: when a worker was killed.
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
        many = self.workers > 1 and len(rest) >= _WORTH_PROCESSES
        try:
            with ExitStack() as stack:
                makers = Workers(self.workers) if many else None
                # One batch gets its names while the next is made.
                namer = ThreadPoolExecutor(1) if many else None
                for pool in filter(None, (makers, namer)):
                    stack.callback(pool.shutdown, cancel_futures=True)
                batches = _batches(self.make(rest, len(wanted), makers))
                for batch in _ordered(namer, lambda batch: self.finish(batch, rest), batches, ahead=1):
                    done.update((made.picture.sample_id, made.picture) for made in batch)
                    while waiting and waiting[0] in done:
                        yield done[waiting.popleft()]
        except BrokenProcessPool:
            sweep(self.folder / self.corpus.name)
            do = (
                'use fewer workers, or guard the script that asks for them with `if __name__ == "__main__":`; finished '
            )
            what = "a process that made pictures was killed, for want of memory perhaps, or could not start"
            raise FacialR1Error(what, do=f"{do}pictures are kept") from None
        except BaseException:
            sweep(self.folder / self.corpus.name)
            raise
        for name in waiting:
            yield done.get(name) or Picture(name, None, None, reason="no_picture", detail="the corpus gave none")

    def make(self, rest: Mapping[str, Sample], total: int, pool: Executor | None) -> Iterator[_Made]:
        """Make the pictures of ``rest``, in the order in which the corpus reads its source."""
        what, before = f"{self.corpus.title} pictures", total - len(rest)
        self.progress.step(what, before, total)
        if not rest:
            return
        if self.style.mode != "reference":
            (self.folder / self.corpus.name).mkdir(parents=True, exist_ok=True)
        raws = self.corpus.raw(self.style.root, list(rest.values()), **self.options)
        stage_all = partial(_stage_all, self.folder, self.style)
        portions = _ordered(pool, stage_all, _portions(raws), ahead=self.workers + 1)
        for count, made in enumerate(chain.from_iterable(portions), before + 1):
            self.progress.step(what, count, total)
            yield made

    def finish(self, batch: list[_Made], rest: Mapping[str, Sample]) -> list[_Made]:
        """Put a batch on disk, then into the ledger."""
        commit([made.staged for made in batch if made.staged is not None])
        good = [made for made in batch if made.picture.reason is None]
        self.ledger.append([(rest[made.picture.sample_id], made.source, made.picture) for made in good])
        return batch


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture, the file it was made from, and the file that waits for its name (see :func:`files.stage`)."""

    picture: Picture
    source: Path | None = None
    staged: tuple[str, str] | None = None


def _stage(folder: Path, style: Style, raw: Raw) -> _Made:
    """Make one picture, and write what must be written for it under a temporary name."""
    made = develop(raw, style)
    if made.picture.image is None or made.data is None:
        return _Made(made.picture, made.source)
    path = f"{folder}/{made.picture.image}"
    linked = None
    if style.mode == "hardlink" and made.same and made.source is not None:
        linked = link(made.source.resolve(), path)
    return _Made(made.picture, made.source, linked or stage(path, made.data))


def _stage_all(folder: Path, style: Style, raws: list[Raw]) -> list[_Made]:
    return [_stage(folder, style, raw) for raw in raws]


def _identity(sample: Sample) -> str:
    return sample.meta_info.sample_id or sample.id


def _ordered(
    pool: Executor | None, function: Callable[[_In], _Out], items: Iterable[_In], *, ahead: int
) -> Iterator[_Out]:
    """``map`` in the processes or threads of ``pool`` (None: here), in order, at most ``ahead`` results waiting."""
    if pool is None:
        yield from map(function, items)
        return
    pending = deque[Future[_Out]]()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) > ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _portions(raws: Iterable[Raw]) -> Iterator[list[Raw]]:
    portion: list[Raw] = []
    size = 0
    for raw in raws:
        portion.append(raw)
        size += 0 if raw.pixels is None else raw.pixels.nbytes
        if len(portion) == _PORTION or size >= _PORTION_BYTES:
            yield portion
            portion, size = [], 0
    yield portion


def _batches(made: Iterable[_Made]) -> Iterator[list[_Made]]:
    source = iter(made)
    while batch := list(islice(source, _BATCH_FILES)):
        yield batch
