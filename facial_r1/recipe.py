"""The recipe: everything that decides what a run produces, in one YAML file that pydantic checks.

Unknown keys are errors. Nothing in a recipe says how fast (workers) or how loud (progress) a run is: those are
arguments, because they must not change a byte of the result.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from facial_r1.errors import UsageError
from facial_r1.files import canonical_json, sha256_bytes
from facial_r1.yamls import checked, override, read_mapping

__all__ = [
    "Bounds",
    "CorpusSource",
    "Duplicates",
    "Gate",
    "Part",
    "Recipe",
    "Select",
    "Synthesis",
    "Teacher",
    "load_recipe",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusSource(_Strict):
    """Where a corpus is and how its pictures are cut."""

    root: Path | None = Field(None, description="folder of your copy; --with NAME=DIR overrides this")
    joins: dict[str, Path | None] = Field(
        default_factory=dict,
        description="folders of companion corpora, such as rafml; null waits for --with or is absent",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="options of this builder, see `corpora list`")
    crop: Literal["none", "box", "landmarks"] = Field("none", description="cut the face out of the picture")
    max_side: int | None = Field(None, ge=16, description="shrink pictures whose longer side exceeds this, in pixels")

    @property
    def arguments(self) -> dict[str, Any]:
        """What the builder's methods take: the options and the companion folders that are there."""
        return {**self.options, **{name: path for name, path in self.joins.items() if path is not None}}


class Part(_Strict):
    """One quota: so many rows of one corpus for one split."""

    corpus: str
    split: Literal["train", "val", "test"]
    rows: int = Field(gt=0, description="rows to release")
    balance: Literal["label", "au", "none"] = Field("none", description="spread the rows evenly over labels or AUs")
    official: tuple[Literal["train", "val", "test"], ...] | None = Field(
        None, min_length=1, description="take only rows of these official splits"
    )
    where: Literal["any", "aus", "labels", "both"] = Field("any", description="which truth a row must have")


class Select(_Strict):
    """Which rows, in which split."""

    parts: tuple[Part, ...] = Field(min_length=1)
    reserve: float = Field(0.25, ge=0, description="candidates kept beyond each quota, as a fraction of it")
    frame_gap: int = Field(10, ge=0, description="least distance between two chosen frames of one video, in frames")
    subjects: dict[str, dict[Literal["train", "val", "test"], list[str]]] = Field(
        default_factory=dict, description="corpus → split → subjects, where a published partition is wanted"
    )
    frozen_test: Path | None = Field(
        None, description="frozen-test.jsonl of an earlier release: what it names may serve in no other split"
    )


class Teacher(_Strict):
    """Who writes the reasoning."""

    backend: str = "template"
    options: dict[str, Any] = Field(default_factory=dict, description="options of the backend, such as model, base_url")
    attempts: int = Field(1, ge=1, le=10, description="tries per row")
    pictures: bool = Field(True, description="show the picture; without, the text is written from the labels alone")
    prices: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="model → USD per million tokens, `{input: 0.15, output: 0.6}`, over the table"
    )


class Synthesis(_Strict):
    """How ``synthesize`` asks about a row; ``teacher.attempts`` does not count there."""

    samples: int = Field(1, ge=1, le=16, description="answers to each question; the best of those accepted is taken")
    repairs: int = Field(2, ge=0, le=5, description="further questions that name what failed; the last tells the truth")
    conditioned: bool = Field(True, description="tell the truth from the first question on, else in the last repair")
    blind: int = Field(0, ge=0, le=32, description="answers without the truth against which an accepted one is held")
    min_agreement: float | None = Field(
        None, ge=0, le=1, description="least agreement with the blind answers; null records it only"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Synthesis:
        if self.min_agreement is not None and not self.blind:
            raise ValueError("synthesis.min_agreement needs synthesis.blind: agreement with no answer is not known")
        return self


class Gate(_Strict):
    """One gate by name, with its parameters; a gate may stand there twice, with other ones for other corpora."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)
    corpora: tuple[str, ...] = Field((), description="judge rows of these corpora only; of all, when empty")


class Bounds(_Strict):
    """What the rows of a release may look like together; see docs/release-checks.md."""

    longest: int = Field(8_000, ge=1, description="characters of a description")
    least_rows: int = Field(100, ge=1, description="rows from which on rates of AUs and shares of classes are judged")
    most_of_one_class: float = Field(0.9, gt=0, le=1, description="largest share of one emotion in a corpus and split")
    au_rate_factor: float | None = Field(
        4.0, ge=1, description="how far, in odds, an AU's rate may lie outside those of its corpus; null: anywhere"
    )


class Duplicates(_Strict):
    """Which pictures are copies of others, and which show nothing; see docs/duplicates.md."""

    radius: int = Field(12, ge=0, le=24, description="bits in which the hashes of two pictures to compare may differ")
    similarity: float = Field(0.96, gt=0, le=1, description="from this correlation of aligned pictures on it is a copy")
    rendered: float | None = Field(
        None,
        gt=0,
        le=1,
        description="the same for two faces of synthetic corpora, which all look alike: 0.998; null: "
        "they are not compared",
    )
    min_side: int = Field(16, ge=1, description="least width and height of a picture, in pixels")


DEFAULT_GATES: tuple[Gate, ...] = tuple(
    Gate(name=name)
    for name in (
        *("grammar", "task_rules", "au_set", "label", "vocabulary", "au_words", "words", "repetition", "leak"),
        *("refusal", "language", "plausibility", "reviews"),
    )
)
"""Gates that hold for any corpus and teacher. Those that compare rows, and a judge's score, are for a recipe to ask."""


class Recipe(_Strict):
    """A whole build. Everything here enters the recipe's hash except the roots of the corpora."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="name of the data set")
    seed: int = 0
    corpora: dict[str, CorpusSource]
    select: Select
    teacher: Teacher = Teacher()
    synthesis: Synthesis | None = Field(None, description="fill stage 3 by synthesis instead of plain attempts")
    unknown_truth: Literal["omit", "pseudo"] = Field(
        "omit",
        description="what the corpus does not know: left out, or the teacher's own AUs and emotion, marked as pseudo",
    )
    label_rule: Literal["any", "set"] = Field("any", description="with several true labels: one suffices, or all")
    label_set: tuple[str, ...] = Field((), description="labels allowed beyond the eight")
    gates: tuple[Gate, ...] = DEFAULT_GATES
    bounds: Bounds = Bounds()
    duplicates: Duplicates = Duplicates()
    allow_send: dict[str, str] = Field(
        default_factory=dict, description="corpus → why its licence lets its pictures go to the teacher's machine"
    )
    allow_short: bool = Field(False, description="release although a quota could not be filled")

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        used = {f"select.parts.{place}.corpus": part.corpus for place, part in enumerate(self.select.parts)}
        used |= {f"select.subjects.{name}": name for name in self.select.subjects}
        used |= {f"gates.{place}.corpora.{name}": name for place, one in enumerate(self.gates) for name in one.corpora}
        for where, name in used.items():
            if name not in self.corpora:
                raise ValueError(f"{where} is `{name}`, which is not among the corpora ({', '.join(self.corpora)})")
        for name, splits in self.select.subjects.items():
            listed = Counter(subject for subjects in splits.values() for subject in subjects)
            twice = sorted(subject for subject, times in listed.items() if times > 1)
            if twice:
                raise ValueError(f"select.subjects.{name} lists {', '.join(twice)} more than once")
        rules = self.synthesis
        if rules is not None and not self.teacher.pictures and (rules.blind or not rules.conditioned):
            why = "a question that shows no picture and tells no truth cannot be answered"
            raise ValueError(f"synthesis.blind and synthesis.conditioned: false need teacher.pictures: {why}")
        return self

    def hash(self) -> str:
        """Hex SHA-256 of the resolved recipe without paths (where a copy lies changes nothing)."""
        plain = self.model_dump(mode="json")
        for source in plain["corpora"].values():
            source.pop("root")
            source["joins"] = sorted(name for name, path in source["joins"].items() if path is not None)
        plain["select"]["frozen_test"] = plain["select"]["frozen_test"] is not None
        return sha256_bytes(canonical_json(plain))

    def to_yaml(self) -> str:
        """The resolved recipe as YAML; loads back to an equal recipe."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_recipe(
    source: Path | Mapping[str, Any], *, sets: Sequence[str] = (), roots: Mapping[str, Path] | None = None
) -> Recipe:
    """Read and check a recipe.

    Args:
        source: a YAML file, or the mapping itself.
        sets: overrides such as ``select.reserve=0.5`` (values are YAML).
        roots: corpus → folder, stronger than the recipe; ``FACIAL_R1_<CORPUS>`` fills what is still missing.

    Raises:
        UsageError: naming the file, the key, what was found and the nearest known key.
    """
    path = source if isinstance(source, Path) else None
    keys = "`name:`, `corpora:`, `select:` …"
    raw = read_mapping(source, keys=keys) if isinstance(source, Path) else copy.deepcopy(dict(source))
    override(raw, sets, example="select.reserve=0.5")
    corpora = raw.get("corpora")
    if isinstance(corpora, dict):
        raw["corpora"] = corpora = {name: _rooted(name, entry, roots or {}, path) for name, entry in corpora.items()}
        used = {*corpora, *(join for entry in corpora.values() if isinstance(entry, dict) for join in _joins(entry))}
        for name in sorted((roots or {}).keys() - used):
            expected = f"one of {', '.join(sorted(used))}"
            raise UsageError("--with names a corpus that the recipe does not use", found=name, expected=expected)
    selection = raw.get("select")
    if path is not None and isinstance(selection, dict) and isinstance(selection.get("frozen_test"), str):
        raw["select"] = {**selection, "frozen_test": str((path.parent / selection["frozen_test"]).absolute())}
    return checked(Recipe, raw, path=path)


def _rooted(name: str, entry: Any, roots: Mapping[str, Path], recipe: Path | None) -> Any:
    entry = {} if entry is None else entry
    if not isinstance(entry, dict):
        return entry  # pydantic says what is wrong with it

    def place(corpus: str, written: Any) -> Any:
        # Folders named in a recipe file are relative to that file, all others to where the user stands.
        beside = recipe.parent / written if recipe is not None and isinstance(written, str) else written
        folder = roots.get(corpus) or beside or os.environ.get(f"FACIAL_R1_{corpus.upper()}")
        return str(Path(folder).absolute()) if isinstance(folder, str | Path) else folder

    joins = {join: place(join, written) for join, written in _joins(entry).items()}
    return {**entry, "root": place(name, entry.get("root")), **({"joins": joins} if joins else {})}


def _joins(entry: Mapping[str, Any]) -> dict[str, Any]:
    joins = entry.get("joins")
    return joins if isinstance(joins, dict) else {}
