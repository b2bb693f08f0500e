"""The stages of one seed, each done once: a stage that has its file is read, not run.

Everything is set in steps, never in minutes, so that a busy machine gives the same numbers.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from benchmarks.proof.baselines import baselines
from benchmarks.proof.faces import Sizes, lesson, write_faces
from benchmarks.proof.measuring import Floats, Reader, difference, rows, score, shuffled
from benchmarks.proof.tower import start
from benchmarks.proof.trainers import grpo, sft
from curation.gates.registry import Candidate, Panel, rejection
from facial_r1.errors import UsageError
from facial_r1.facs import PROTOTYPES, code
from facial_r1.files import write_atomic, write_jsonl
from facial_r1.recipe import Gate
from facial_r1.response import parse
from facial_r1.sample import Sample

__all__ = ["Plan", "SeedRun"]

DRAWS = 2
"""Sampled answers to each row of the test."""
COOLER = 0.5
SAMPLES = 4
"""Answers to each face in the synthesis."""
GATES = ("grammar", "task_rules", "au_set", "label", "vocabulary")
HEARSAY = 0.6
"""Share of the stereotyped texts that describe the emotion's prototype instead of the face."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large and how long; 0 steps leave a stage out."""

    sizes: Sizes = field(default_factory=Sizes)
    tower: int = 1300
    sft: int = 700
    grpo: int = 150
    retrained: int = 700  # as many as the SFT before it, so that only the texts differ
    hearsay: int = 250
    hearsay_grpo: int = 150


class SeedRun:
    """One seed in a folder of its own."""

    def __init__(self, folder: Path, seed: int, plan: Plan, say: Callable[[str], None]) -> None:
        self.folder, self.seed, self.plan, self.say = folder, seed, plan, say
        self.images = folder / "faces" / "images"
        self.steps = asdict(plan)
        folder.mkdir(parents=True, exist_ok=True)
        file, settings = folder / "plan.json", orjson.dumps(asdict(plan))
        if file.is_file() and file.read_bytes() != settings:
            raise UsageError("this folder holds a proof with other settings", path=folder, do="give another --out")
        write_atomic(file, settings)

    def rows(self, part: str) -> list[Sample]:
        """The rows of a part of the faces."""
        return rows(self.folder / "faces" / f"{part}.jsonl")

    def results(self) -> dict[str, Any]:
        """Do what is not done, then all figures of the seed."""
        self.once("faces", lambda place: write_faces(place, 1000 + self.seed, self.plan.sizes))
        tower = self.once("tower", self._tower)
        found = {"seed": self.seed, "plan": asdict(self.plan), "baselines": self._baselines(), "stages": {}}
        taught = self.learn("sft", "lessons", tower)
        texts = {"sft": self.answers("sft", taught)}
        if self.plan.grpo:
            texts["grpo"] = self.answers("grpo", self.reward("grpo", taught, 1e-4))
        if self.plan.retrained:
            found["synthesis"] = self.synthesis("grpo")
            texts["retrained"] = self.answers("retrained", self.learn("retrained", "synthesis", tower))
        if self.plan.hearsay:
            self.once("hearsay_lessons", self._stereotype)
            told = self.learn("hearsay", "hearsay_lessons", tower)
            texts["hearsay"] = self.answers("hearsay", told)
            texts["hearsay_grpo"] = self.answers("hearsay_grpo", self.reward("hearsay_grpo", told, 2e-4))
        test = self.rows("test")
        found["stages"] = {stage: self._figures(stage, test, said) for stage, said in texts.items()}
        found["differences"] = _differences(test, texts)
        return found

    def once(self, name: str, work: Callable[[Path], object]) -> Path:
        """The folder of a stage, made whole or not at all; its seconds are kept beside it."""
        place, clock = self.folder / name, self.folder / f"{name}.seconds"
        if clock.is_file():
            return place
        for leftover in (place, place.with_name(f"{name}.trl"), place.with_name(f"{name}.random")):
            shutil.rmtree(leftover, ignore_errors=True)
        begun = time.perf_counter()
        work(place)
        seconds = time.perf_counter() - begun
        write_atomic(clock, f"{seconds:.1f}")
        self.say(f"seed {self.seed}: {name}, {seconds:.0f} s")
        return place

    def _tower(self, place: Path) -> None:
        start(place, self.rows("street"), self.images, steps=self.plan.tower, seed=self.seed)

    def file(self, part: str) -> Path:
        """The rows of a part: of the faces, or of a stage that wrote some."""
        own = self.folder / part / "train.jsonl"
        return own if own.is_file() else self.folder / "faces" / f"{part}.jsonl"

    def learn(self, name: str, part: str, model: Path) -> Path:
        """SFT on the texts of a part."""
        how = {"steps": self.steps[name], "seed": self.seed}
        return self.once(name, lambda place: sft(model, self.file(part), self.images, place, **how))

    def reward(self, name: str, model: Path, rate: float) -> Path:
        """GRPO on the faces of the pool, whose truth is known and of which no text exists."""
        how = {"steps": self.steps[name], "rate": rate, "seed": self.seed}
        return self.once(name, lambda place: grpo(model, self.file("pool"), self.images, place, **how))

    def answers(self, name: str, model: Path) -> dict[str, list[list[str]]]:
        """Manner → for each draw the answers to the test: ``greedy``, ``sampled`` at 1, ``cooler`` at 0.5."""
        file = self.folder / f"{name}.answers.json"
        if not file.is_file():
            reader, test = Reader(model), self.rows("test")
            manners = {"greedy": (0.0, 1), "sampled": (1.0, DRAWS), "cooler": (COOLER, DRAWS)}
            said = {
                manner: [reader.answers(test, self.images, temperature=heat, draw=draw) for draw in range(draws)]
                for manner, (heat, draws) in manners.items()
            }
            write_atomic(file, orjson.dumps(said))
        found: dict[str, list[list[str]]] = orjson.loads(file.read_bytes())
        return found

    def synthesis(self, name: str) -> dict[str, Any]:
        """Texts by the model about the pool, through the gates of a build; a face keeps its first accepted one."""
        self.once("synthesis", lambda place: self._synthesise(place, self.folder / name))
        found: dict[str, Any] = orjson.loads((self.folder / "synthesis" / "report.json").read_bytes())
        return found

    def _synthesise(self, place: Path, model: Path) -> None:
        gates = Panel([Gate(name=name) for name in GATES])
        reader, pool, taught = Reader(model), self.rows("pool"), self.rows("lessons")
        kept: dict[str, Sample] = {}
        for draw in range(SAMPLES):
            left = [sample for sample in pool if sample.id not in kept]
            # Numbers of draws that the test does not use, so that no answer is measured twice.
            for sample, text in zip(
                left, reader.answers(left, self.images, temperature=1.0, draw=100 + draw), strict=True
            ):
                if rejection(gates.judge(Candidate(sample, "ok", parse(text)))) is None:
                    sample.description, kept[sample.id] = text, sample
        tried, accepted = (Counter(s.labels[0] for s in some) for some in (pool, kept.values()))
        report = {
            "before": len(taught),
            "tried": len(pool),
            "accepted": len(kept),
            "samples": SAMPLES,
            "by_label": {label: [accepted[label], tried[label]] for label in sorted(tried)},
        }
        write_jsonl(place / "train.jsonl", (sample.to_json() for sample in [*taught, *kept.values()]))
        write_atomic(place / "report.json", orjson.dumps(report))

    def _stereotype(self, place: Path) -> None:
        """The lessons again, by a teacher that often writes what an emotion is said to look like, whatever the face."""
        dice = random.Random(self.seed)
        lessons = self.rows("lessons")
        for sample in lessons:
            if dice.random() < HEARSAY:
                shown = {code(number) for number in PROTOTYPES[sample.labels[0]][0]}
                sample.description = lesson(
                    [au for au in sample.meta_info.au_annotated if au in shown], sample.labels[0]
                )
        write_jsonl(place / "train.jsonl", (sample.to_json() for sample in lessons))

    def _baselines(self) -> dict[str, Any]:
        def fit(place: Path) -> None:
            train = [*self.rows("lessons"), *self.rows("pool")]
            write_atomic(place / "figures.json", orjson.dumps(baselines(train, self.rows("test"), self.images)))

        found: dict[str, Any] = orjson.loads((self.once("baselines", fit) / "figures.json").read_bytes())
        return found

    def _figures(self, name: str, test: Sequence[Sample], said: Mapping[str, list[list[str]]]) -> dict[str, Any]:
        seconds = float((self.folder / f"{name}.seconds").read_text())
        found: dict[str, Any] = {"steps": self.steps[name], "seconds": seconds}
        for manner, draws in said.items():
            means = [score(test, texts).means() for texts in draws]
            found[manner] = {key: sum(one[key] for one in means) / len(means) for key in means[0]}
        return {**found, "shuffled": shuffled(test, said["greedy"][0]).means()}


def _differences(
    test: Sequence[Sample], texts: Mapping[str, Mapping[str, list[list[str]]]]
) -> dict[str, tuple[float, float, float]]:
    def reward(stage: str, manner: str) -> Floats:
        draws = [score(test, said).reward for said in texts[stage][manner]]
        total: Floats = sum(draws[1:], start=draws[0]) / len(draws)
        return total

    pairs = {
        "grpo_sampled": ("sft", "sampled", "grpo", "sampled"),
        "grpo_cooler": ("sft", "cooler", "grpo", "sampled"),
        "grpo_greedy": ("sft", "greedy", "grpo", "greedy"),
        "retrained_sft": ("sft", "greedy", "retrained", "greedy"),
        "retrained_grpo": ("grpo", "greedy", "retrained", "greedy"),
        "hearsay_sampled": ("hearsay", "sampled", "hearsay_grpo", "sampled"),
        "hearsay_greedy": ("hearsay", "greedy", "hearsay_grpo", "greedy"),
        "hearsay_cooler": ("hearsay", "cooler", "hearsay_grpo", "greedy"),
    }
    return {
        name: difference(test, reward(first, how), reward(second, so))
        for name, (first, how, second, so) in pairs.items()
        if first in texts and second in texts
    }
