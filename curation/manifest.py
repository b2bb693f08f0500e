"""What a release says about itself: counts, provenance and licences, as plain facts for the manifest and the card.

The same rows give the same facts: no time, no machine, no path.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import datasets_builders
import facial_r1
from curation.checks.rules import FORMAT, rules_of
from datasets_builders.synthetic import MARKER
from facial_r1.facs import sort_codes
from facial_r1.files import sha256_file
from facial_r1.recipe import Recipe
from facial_r1.sample import Sample, form_of

__all__ = ["Census", "CorpusCount", "facts", "file_entry"]


@dataclass(slots=True)
class CorpusCount:
    """Released rows of one corpus: ``rows`` by (split, task), and by AU and label."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    aus: Counter[str] = field(default_factory=Counter)
    annotated: set[str] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Census:
    """Counts the rows of a release as they pass; ``pseudo`` those whose text goes beyond the truth of its task."""

    corpora: defaultdict[str, CorpusCount] = field(default_factory=lambda: defaultdict(CorpusCount))
    models: set[str] = field(default_factory=set)
    pseudo: int = 0

    def add(self, sample: Sample) -> None:
        """Count one row."""
        meta = sample.meta_info
        count = self.corpora[sample.dataset]
        count.rows[meta.split or "", meta.task or ""] += 1
        count.aus.update(sample.AUs)
        count.annotated.update(meta.au_annotated)
        count.labels.update(sample.labels)
        if meta.model is not None:
            self.models.add(meta.model)
        self.pseudo += form_of(sample) != meta.task

    def rows(self, split: str) -> int:
        """Rows of one split."""
        return sum(n for count in self.corpora.values() for (name, _), n in count.rows.items() if name == split)


def facts(
    recipe: Recipe,
    census: Census,
    cells: Sequence[Mapping[str, Any]],
    splits: Sequence[str],
    remarks: Sequence[str] = (),
) -> dict[str, Any]:
    """The manifest without its list of files.

    Args:
        recipe: what was built.
        census: the released rows.
        cells: the quotas and what became of them.
        splits: the splits that have rows, in the order of reading.
        remarks: what selection had to say, such as corpora that share pictures.
    """
    return {
        "format": FORMAT,
        "name": recipe.name,
        "code": f"facial-r1 {facial_r1.__version__}",
        "recipe_sha256": recipe.hash(),
        "seed": recipe.seed,
        "rows": {split: census.rows(split) for split in splits},
        "unknown_truth": {"rule": recipe.unknown_truth, "pseudo_rows": census.pseudo},
        "teacher": {"backend": recipe.teacher.backend, "models": sorted(census.models)},
        "gates": [gate.model_dump(mode="json") for gate in recipe.gates],
        "rules": rules_of(recipe),
        "corpora": {name: _corpus(name, count, recipe) for name, count in sorted(census.corpora.items())},
        "cells": list(cells),
        "remarks": list(remarks),
    }


def _corpus(name: str, count: CorpusCount, recipe: Recipe) -> dict[str, Any]:
    corpus = datasets_builders.corpus(name)
    source = recipe.corpora[name]
    roots = [source.root, *source.joins.values()]
    return {
        "title": corpus.title,
        "synthetic": any((root / MARKER).is_file() for root in roots if root is not None),
        "licence": asdict(corpus.licence),
        "rows": [{"split": split, "task": task, "rows": n} for (split, task), n in sorted(count.rows.items())],
        "aus": {code: count.aus[code] for code in sort_codes(count.annotated)},
        "labels": dict(sorted(count.labels.items())),
    }


def file_entry(path: Path, rows: int | None = None) -> dict[str, Any]:
    """Hash and size in bytes of a released file, and its rows where it has any."""
    entry: dict[str, Any] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    return entry if rows is None else {**entry, "rows": rows}
