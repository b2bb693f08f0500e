"""Corpora as Hugging Face data sets: one builder class per corpus, rows as :func:`curation.unify` writes them.

``datasets`` no longer runs scripts, so a builder is a class that is called, not a name on the Hub::

    rows = load_corpus("fer2013", "/data/fer2013", split="train")

Pictures that lie in files are referenced, not copied; those inside a CSV or a video are encoded. A row whose picture is
missing keeps its labels, and its ``image`` is None. Whatever is loaded stays on this machine: nothing is uploaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import datasets
import orjson

from datasets_builders import corpus, require
from datasets_builders.common.corpus import Corpus, Raw, Report
from datasets_builders.common.develop import Style, develop
from datasets_builders.common.repeats import without_repeats
from facial_r1.errors import UsageError
from facial_r1.features import IMAGE_FEATURES
from facial_r1.sample import Sample

__all__ = ["ALL", "CorpusBuilder", "CorpusConfig", "builder_class", "load_corpus"]

ALL = "rows"
"""The one split of a data set that was loaded without regard to the owner's splits."""

_TOGETHER = 20_000
"""Rows whose pictures are read in one pass over their source."""


@dataclass
class CorpusConfig(datasets.BuilderConfig):  # type: ignore[misc]
    """What is loaded; every field enters the name of the cache.

    Attributes:
        root: folder of the copy.
        options: options of the corpus, as JSON.
        splits: the names of the splits to make.
        crop: ``none``, ``box`` or ``landmarks``.
        max_side: longest side of a picture in pixels, or None.
        fingerprint: hash of all rows that the label files gave; a corrected label file makes another cache.
    """

    root: str = ""
    options: str = "{}"
    splits: tuple[str, ...] = (ALL,)
    crop: str = "none"
    max_side: int | None = None
    fingerprint: str = ""


class CorpusBuilder(datasets.GeneratorBasedBuilder):  # type: ignore[misc]
    """The builder of one corpus, see :func:`builder_class`."""

    BUILDER_CONFIG_CLASS = CorpusConfig
    corpus: Corpus
    config: CorpusConfig

    def _info(self) -> datasets.DatasetInfo:
        licence = self.corpus.licence
        return datasets.DatasetInfo(
            description=self.corpus.__doc__ or "",
            features=IMAGE_FEATURES,
            homepage=licence.url,
            license=licence.terms,
        )

    def _split_generators(self, _dl_manager: object) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(name=name, gen_kwargs={"split": name}) for name in self.config.splits]

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.config
        root, options = Path(config.root), orjson.loads(config.options)
        style = Style(self.corpus.name, root, config.crop, config.max_side, "copy")
        lines = without_repeats(self.corpus.scan(root, Report(), **options), Report())
        samples = (sample for sample in map(_sample, lines) if split in (ALL, _split_of(sample)))
        for _, run in groupby(samples, key=lambda sample: (sample.meta_info.source or "").rpartition(":")[0]):
            while part := list(islice(run, _TOGETHER)):
                raws = self.corpus.raw(root, part, **options)
                for sample, image in zip(part, _in_order(part, raws, style), strict=True):
                    yield sample.id, {**sample.to_json(), "image": image}


@cache
def builder_class(name: str) -> type[CorpusBuilder]:
    """The builder class of a corpus, such as ``Fer2013Builder``.

    Raises:
        UsageError: for an unknown corpus.
    """
    words = "".join(word.capitalize() for word in name.split("_"))
    return type(f"{words}Builder", (CorpusBuilder,), {"corpus": corpus(name), "__doc__": corpus(name).__doc__})


def load_corpus(
    name: str,
    data_dir: Path | str,
    *,
    split: str | None = None,
    streaming: bool = False,
    crop: str = "none",
    max_side: int | None = None,
    cache_dir: Path | str | None = None,
    **options: Any,
) -> datasets.Dataset | datasets.IterableDataset:
    """Load a copy of a corpus with the columns of the record, ``image`` decoded.

    Args:
        name: the corpus, see ``facial-r1 corpora list``.
        data_dir: its folder.
        split: the owner's ``train``, ``val`` or ``test`` (a corpus without official splits has only ``train``); None
            gives all rows in their order.
        streaming: read as it is iterated, and write no cache.
        crop, max_side: how pictures are cut and shrunk, as in a recipe; such pictures are stored in the cache.
        cache_dir: where ``datasets`` keeps its cache; its own default otherwise.
        options: options of the corpus.

    Raises:
        UsageError: for an unknown corpus, option or split.
        NotThisCorpus: when the folder holds something else.
        InputError: for the first row that cannot be read.
    """
    root = Path(data_dir).absolute()
    known = require(name, root)
    known.settings(options)
    splits, fingerprint = _survey(known, root, options)
    if split is not None and split not in splits:
        expected = f"one of {', '.join(splits)}, or None for all rows"
        raise UsageError(f"this copy of {known.title} has no such split", found=split, expected=expected)
    builder = builder_class(name)(
        cache_dir=None if cache_dir is None else str(cache_dir),
        dataset_name=name,
        config_name=name,
        root=str(root),
        options=orjson.dumps(options, default=str, option=orjson.OPT_SORT_KEYS).decode(),
        splits=(ALL,) if split is None else splits,
        crop=crop,
        max_side=max_side,
        fingerprint=fingerprint,
    )
    if streaming:
        return builder.as_streaming_dataset(split=split or ALL)
    builder.download_and_prepare()
    return builder.as_dataset(split=split or ALL)


def _survey(known: Corpus, root: Path, options: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    """The splits that a copy has, and the hash of its rows and of what it says is missing."""
    report, digest, seen = Report(), sha256(), set()
    for line in without_repeats(known.scan(root, report, **options), report):
        digest.update(line)
        seen.add(_split_of(_sample(line)))
    digest.update("\n".join(report.missing).encode())
    return tuple(name for name in ("train", "val", "test") if name in seen), digest.hexdigest()


def _sample(line: bytes) -> Sample:
    return Sample.from_own(orjson.loads(line))


def _split_of(sample: Sample) -> str:
    return sample.meta_info.split or "train"


def _in_order(samples: Sequence[Sample], raws: Iterator[Raw], style: Style) -> Iterator[dict[str, Any] | None]:
    """The picture of each sample in turn; the corpus reads its source in an order of its own."""
    early: dict[str, dict[str, Any] | None] = {}
    for sample in samples:
        name = sample.meta_info.sample_id or sample.id
        while name not in early and (raw := next(raws, None)) is not None:
            early[raw.sample_id] = _picture(raw, style)
        yield early.pop(name, None)


def _picture(raw: Raw, style: Style) -> dict[str, Any] | None:
    if raw.path is not None and style.crop == "none" and style.max_side is None:
        return {"path": str(raw.path), "bytes": None}
    made = develop(raw, style)
    return None if made.picture.image is None else {"path": made.picture.image, "bytes": made.data}
