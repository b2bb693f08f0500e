"""Toy corpora: two builders over a JSONL file each, put beside the real ones for the time of a test.

A row is ``{"id", "group", …}`` with the keys of ``ROW``; its picture is noise from the hash of ``picture`` (default:
the id), so equal names give equal pictures; ``picture: null`` is a picture that cannot be read.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

import datasets_builders
from facial_r1.recipe import Recipe, load_recipe

BUILDER = '''
"""A toy corpus: `{name}.jsonl`, one object per row."""

import hashlib

import numpy as np

from datasets_builders.common.corpus import Corpus, Licence, Raw
from facial_r1.errors import InputError
from facial_r1.files import read_jsonl
from facial_r1.sample import Meta, Sample, task_of


class Toy(Corpus):
    """A folder with `{name}.jsonl`."""

    name = "{name}"
    title = "{title}"
    licence = Licence("a toy", "https://example.org")
    label_set = ("anger", "fear", "happiness", "neutral")
    au_set = ("AU1", "AU2", "AU4", "AU6", "AU12", "AU25")
    options = {{"shift": 0}}

    def recognises(self, root):
        return (root / "{name}.jsonl").is_file()

    def scan(self, root, report, **options):
        for number, row in read_jsonl(root / "{name}.jsonl"):
            if "id" not in row:
                report.fault(InputError("this row has no id", path=root / "{name}.jsonl", line=number))
                continue
            sample = Sample(f"{name}-{{row['id']}}", "{name}", AUs=row["aus"], labels=row["labels"])
            sample.meta_info = Meta(
                sample_id=sample.id, group=row["group"], subject=row["subject"], origin_ids=row["origins"],
                split=row["split"], frame=row["frame"], au_annotated=list(self.au_set) if row["scored"] else [],
                label_set=list(self.label_set) if row["labels"] else [], source=f"{{row['file']}}:{{number}}",
                extra=None if row["picture"] is None else f'{{{{"picture": "{{row["picture"]}}"}}}}',
            )
            sample.meta_info.task = task_of(sample)
            yield sample

    def raw(self, root, samples, **options):
        for sample in samples:
            name = sample.meta_info.extras().get("picture")
            if name is None:
                yield Raw(sample.id, problem=("unreadable", "the toy says so"))
            else:
                noise = hashlib.sha256(name.encode()).digest() * 8
                yield Raw(sample.id, pixels=np.frombuffer(noise, np.uint8).reshape(16, 16))

    def published(self, **options):
        return {{}}

    def count(self, samples, report):
        raise NotImplementedError


CORPUS = Toy()
'''

ROW: dict[str, Any] = {
    "group": None,
    "subject": None,
    "origins": [],
    "split": None,
    "frame": None,
    "aus": [],
    "labels": [],
    "scored": False,
    "file": "labels.txt",
}

DRIVER = """
import sys
from pathlib import Path
import datasets_builders
datasets_builders.__path__.append(sys.argv[1])
from curation.build import build
from facial_r1.errors import FacialR1Error
from facial_r1.recipe import load_recipe
try:
    build(load_recipe(Path(sys.argv[2])), Path(sys.argv[3]), workers=int(sys.argv[4]))
except FacialR1Error as error:
    print(error)
    sys.exit(error.exit_code)
"""


class Toys:
    """Writes toy corpora and recipes over them, and builds them in this process' child."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        for name, title in (("toy_a", "Toy A"), ("toy_b", "Toy B")):
            (self.plugins / f"{name}.py").write_text(BUILDER.format(name=name, title=title))

    def root(self, name: str) -> Path:
        return self.folder / "corpora" / name

    def write(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """Write ``<name>.jsonl``; a row without ``picture`` gets one of its own."""
        root = self.root(name)
        root.mkdir(parents=True, exist_ok=True)
        full = ({**ROW, "picture": f"{name}-{row.get('id')}", **row} for row in rows)
        (root / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in full))
        return root

    def recipe(self, *parts: Mapping[str, Any], **changes: Any) -> Recipe:
        """A recipe over the corpora that ``parts`` name; ``select`` keys may be given as changes too."""
        select = {
            key: changes.pop(key) for key in ("reserve", "frame_gap", "subjects", "frozen_test") if key in changes
        }
        corpora = {part["corpus"]: {"root": str(self.root(part["corpus"]))} for part in parts}
        return load_recipe({"name": "toys", "corpora": corpora, "select": {"parts": list(parts), **select}, **changes})

    def start(self, recipe: Recipe, out: Path, workers: int = 1, **options: Any) -> subprocess.Popen[str]:
        """Build in a child process."""
        path = self.folder / "recipe.yaml"
        path.write_text(recipe.to_yaml())
        command = [sys.executable, "-c", DRIVER, str(self.plugins), str(path), str(out), str(workers)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, **options)


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    """Toy corpora ``toy_a`` and ``toy_b``, registered until the test ends."""
    made = Toys(tmp_path)
    caches = (datasets_builders.corpus, datasets_builders.corpus_names)
    datasets_builders.__path__.append(str(made.plugins))
    for cached in caches:
        cached.cache_clear()
    yield made
    datasets_builders.__path__.remove(str(made.plugins))
    for cached in caches:
        cached.cache_clear()
    for name in ("toy_a", "toy_b"):
        sys.modules.pop(f"datasets_builders.{name}", None)
        vars(datasets_builders).pop(name, None)


ROWS = {"fer2013": 260, "disfa": 540, "raf_au": 260}
PARTS: tuple[dict[str, Any], ...] = (
    {"corpus": "fer2013", "split": "train", "rows": 42, "balance": "label"},
    {"corpus": "fer2013", "split": "test", "rows": 14, "balance": "label"},
    {"corpus": "disfa", "split": "train", "rows": 60},
    {"corpus": "disfa", "split": "val", "rows": 10},
    {"corpus": "disfa", "split": "test", "rows": 10},
    {"corpus": "raf_au", "split": "train", "rows": 20, "where": "both"},
    {"corpus": "raf_au", "split": "test", "rows": 10, "where": "both"},
)


@pytest.fixture(scope="session")
def clean_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small release that the template teacher wrote about three synthetic corpora; nobody may change it."""
    import curation
    from datasets_builders import synthetic

    folder = tmp_path_factory.mktemp("clean")
    for name, rows in ROWS.items():
        synthetic.make(name, folder / name, rows=rows, workers=1)
    corpora: dict[str, Any] = {name: {"root": str(folder / name)} for name in ROWS}
    corpora["raf_au"]["joins"] = {"rafml": str(folder / "raf_au" / "RAF-ML")}
    select = {"parts": list(PARTS), "frame_gap": 2}
    recipe = load_recipe({"name": "clean", "corpora": corpora, "select": select, "bounds": {"least_rows": 30}})
    return curation.build(recipe, folder / "run", workers=1).release
