"""The three-stage round: SFT, GRPO, a new release written by the trained model, and training again on it.

A round recipe names the training recipes, a finished release to begin with, and the recipe by which the trained model
writes the next one (its ``teacher.options.model: trained`` is replaced by the checkpoint). With ``rounds: 1``::

    1-sft  1-sft-test  1-grpo  1-grpo-test      on the release that was given
    2-release                                   synthesis, gates, release: a run directory
    2-sft  2-sft-test  2-grpo  2-grpo-test      on that release

Every step is a command in a process of its own (:mod:`curation.steps`). All models are tested on the test split of the
first release, and no later release may train on what that holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from curation.checks.rules import MANIFEST, read_manifest
from curation.frozen import FILE as FROZEN
from curation.frozen import Frozen
from curation.gates.registry import resolve
from curation.run import RELEASE, writing
from curation.steps import LOCK, LOG, Step, alone, perform, script
from curation.unify import find_corpora
from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation.evaluate import evaluate
from facial_r1.evaluation.predictions import read_predictions
from facial_r1.evaluation.settings import Settings
from facial_r1.files import write_atomic
from facial_r1.progress import Progress
from facial_r1.recipe import Recipe, load_recipe
from facial_r1.sample import Sample, read_samples
from facial_r1.yamls import checked, override, read_mapping

__all__ = ["TRAINED", "RoundRecipe", "RoundRow", "iterate", "load_round", "plan", "table"]

TRAINED = "trained"
"""What stands for the trained checkpoint as ``teacher.options.model`` of the synthesis recipe."""
TABLE, RECIPE, PREDICTIONS = "rounds.json", "synthesis.yaml", "predictions.jsonl"
_CHECKPOINT = "checkpoint"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoundRecipe(_Strict):
    """A number of rounds. Paths in a file are relative to it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="name of the run")
    rounds: int = Field(1, ge=1, le=20, description="how often the trained model writes a release")
    release: Path | None = Field(None, description="the release to begin with, with train and test; --release")
    synthesis: Path = Field(description="recipe by which the trained model writes the next release")
    sft: Path = Field(description="training recipe of stage 1")
    grpo: Path | None = Field(None, description="training recipe of stage 2; null leaves it out")
    sets: dict[Literal["sft", "grpo"], tuple[str, ...]] = Field(
        default_factory=dict, description="stage → KEY=VALUE over its training recipe, such as data.corpora=[disfa]"
    )
    test: dict[str, Any] = Field(
        default_factory=dict, description="options of the backend transformers for the test, such as max_tokens"
    )


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One release and what was trained on it.

    Attributes:
        round: 1 for the release that was given.
        rows: training rows of the release.
        tried: rows of all splits that the teacher was asked about.
        accepted: those of them with an accepted answer.
        scores: stage (``sft``, ``grpo``) → figure → value on the frozen test; None where nothing is known.
    """

    round: int
    rows: int
    tried: int
    accepted: int
    scores: Mapping[str, Mapping[str, float | None]]


def load_round(
    path: Path, *, sets: Sequence[str] = (), release: Path | None = None, roots: Mapping[str, Path] | None = None
) -> tuple[RoundRecipe, Recipe]:
    """Read a round recipe and the synthesis recipe that it names, and check whatever can be checked beforehand.

    Args:
        path: the YAML file.
        sets: overrides of the *synthesis* recipe, see :func:`facial_r1.recipe.load_recipe`.
        release: the release to begin with, stronger than the recipe.
        roots: corpus → folder, for the synthesis recipe.

    Raises:
        UsageError: for a key, value or file that is wrong, naming file and key.
        InputError: when the release cannot be trained and tested on, or a corpus is not where it should be.
    """
    raw = read_mapping(path, what="round recipe", keys="`name:`, `release:`, `synthesis:`, `sft:` …")
    recipe = checked(RoundRecipe, raw, path=path, what="the round recipe")
    files = {name: getattr(recipe, name) for name in ("release", "synthesis", "sft", "grpo")}
    beside = {name: (path.parent / file).resolve() for name, file in files.items() if file is not None}
    if release is not None:
        beside["release"] = release.resolve()
    recipe = recipe.model_copy(update=beside)
    for name in ("sft", "grpo"):
        file = beside.get(name)
        if file is not None and not file.is_file():
            raise UsageError(f"`{name}` names a training recipe that is not there", path=path, found=str(file))
    _check_release(recipe.release)
    return recipe, _synthesis(recipe.synthesis, sets, roots)


def _check_release(release: Path | None) -> None:
    if release is None:
        do = "name a finished release: `release:` in the recipe, or --release RUN/5-release"
        raise UsageError("there is no release to begin with", do=do)
    needed = (MANIFEST, "train.jsonl", "test.jsonl", FROZEN)
    missing = [f"no {name}" for name in needed if not (release / name).is_file()]
    missing = missing or [f"no row in {name}" for name in needed[1:3] if not (release / name).stat().st_size]
    if missing:
        do = "give the folder 5-release of a run whose recipe has parts for train and test"
        what = "this release cannot be trained and tested on"
        raise InputError(what, path=release, found=missing[0], expected=", ".join(needed), do=do)
    read_manifest(release)
    Frozen.read(release / FROZEN)


def _synthesis(path: Path, sets: Sequence[str], roots: Mapping[str, Path] | None) -> Recipe:
    recipe = load_recipe(path, sets=sets, roots=roots)
    if recipe.select.frozen_test is not None:
        what = "the synthesis recipe of a round has a frozen test of its own"
        do = "remove it: the test split of the first release is frozen"
        raise UsageError(what, path=path, found=f"select.frozen_test: {recipe.select.frozen_test}", do=do)
    if recipe.synthesis is None:
        raise UsageError("this recipe does not say how to synthesise", path=path, expected="a section `synthesis:`")
    for gate in recipe.gates:
        resolve(gate)
    find_corpora(recipe)
    return recipe


def plan(recipe: RoundRecipe, synthesis: Recipe) -> list[Step]:
    """Every step of the rounds in order; nothing is run.

    Raises:
        UsageError: for a training recipe that is no YAML.
    """
    steps: list[Step] = []
    assert recipe.release is not None
    release = str(recipe.release)
    for number in range(1, recipe.rounds + 2):
        stages: dict[Literal["sft", "grpo"], Path] = {"sft": recipe.sft}
        if recipe.grpo is not None:
            stages["grpo"] = recipe.grpo
        last = ""
        for stage, file in stages.items():
            steps.append(_train(number, stage, file, release, start=last, sets=recipe.sets.get(stage, ())))
            last = f"{steps[-1].name}/{_CHECKPOINT}"
            steps.append(_test(steps[-1], recipe))
        if number <= recipe.rounds:
            steps.append(_synthesise(number + 1, recipe, synthesis, last))
            release = f"{steps[-1].name}/{RELEASE}"
    return steps


def _train(number: int, stage: str, file: Path, release: str, *, start: str, sets: Sequence[str]) -> Step:
    name = f"{number}-{stage}"
    command = ["train", stage, str(file), "--release", release, "--out", f"{name}/{_CHECKPOINT}", "--resume"]
    if start:
        command += ["--model", start]
    command += [word for one in sets for word in ("--set", one)]
    inputs = [str(file), f"{release}/{MANIFEST}", *([f"{start}/run.json"] if start else [])]
    what = f"{stage.upper()} on release {number}"
    settings = {"sets": list(sets)}
    outputs = (f"{_CHECKPOINT}/run.json",)
    return Step(name, what, tuple(command), tuple(inputs), outputs, settings, processes=_processes(file, sets))


def _processes(file: Path, sets: Sequence[str]) -> int:
    """How many processes a training recipe is for; the trainer judges whatever else stands in it."""
    raw = read_mapping(file, what="training recipe", keys="`name:`, `model:`, `data:` …")
    override(raw, sets, example="data.rows=300")
    found = raw.get("processes")
    return found if isinstance(found, int) and found > 0 else 1


def _test(trained: Step, recipe: RoundRecipe) -> Step:
    """What the checkpoint of a training step answers to the frozen test."""
    checkpoint = f"{trained.name}/{_CHECKPOINT}"
    options = {"temperature": 0, **recipe.test}
    command = ["predict", str(recipe.release), "--split", "test", "--out", f"{trained.name}-test/{PREDICTIONS}"]
    command += ["--backend", "transformers", "--model", checkpoint, "--quiet"]
    command += [word for key, value in options.items() for word in ("--option", f"{key}={value}")]
    inputs = (f"{recipe.release}/test.jsonl", f"{checkpoint}/run.json")
    what = f"the test, answered after {trained.what}"
    return Step(
        f"{trained.name}-test", what, tuple(command), inputs, (PREDICTIONS,), {"options": recipe.test}, keep=True
    )


def _synthesise(number: int, recipe: RoundRecipe, synthesis: Recipe, checkpoint: str) -> Step:
    """A whole run of curation: select, synthesise with the trained model, gate, release."""
    frozen = f"{recipe.release}/{FROZEN}"
    sets = [f"select.frozen_test={frozen}"]
    if synthesis.teacher.options.get("model") == TRAINED:
        sets.append(f"teacher.options.model={checkpoint}")
    name = f"{number}-release"
    command = ["build", RECIPE, "--out", name, "--quiet", *(word for one in sets for word in ("--set", one))]
    settings = {"recipe": synthesis.hash()}
    inputs = (frozen, f"{checkpoint}/run.json")
    what = f"release {number}, written by {checkpoint.partition('/')[0]}"
    return Step(name, what, tuple(command), inputs, (f"{RELEASE}/{MANIFEST}",), settings, keep=True)


def iterate(
    recipe: RoundRecipe,
    synthesis: Recipe,
    out: Path,
    *,
    program: Path | None = None,
    progress: Progress | None = None,
) -> list[RoundRow]:
    """Do the rounds in the folder ``out``; goes on where an earlier call stopped, killed or not.

    Args:
        recipe, synthesis: from :func:`load_round`.
        out: the run; made when missing.
        program: the script ``facial-r1`` to call; by default that of this environment.
        progress: told about every step, and the figures of every test as soon as they are there.

    Returns:
        A row for each release, as in :func:`table`.

    Raises:
        InputError: when ``out`` is a folder of something else.
        FacialR1Error: when another process works in ``out``; or, with what its command said, for the step that failed.
        CorruptState: when a finished file was changed by another hand.
    """
    progress, program = progress or Progress(), program or script()
    steps = plan(recipe, synthesis)
    assert recipe.release is not None
    truth = list(read_samples(recipe.release / "test.jsonl"))
    _require_folder(out)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with alone(out) as lock:
            write_atomic(out / RECIPE, synthesis.to_yaml())
            for number, step in enumerate(steps, 1):
                if not step.done(out):
                    progress.say(f"{step.name}: {step.what}; see {out / step.name / LOG}")
                    perform(step, out, program, lock)
                if step.outputs == (PREDICTIONS,):
                    told = _figures(truth, out / step.name / PREDICTIONS).items()
                    figures = (f"{name} {'unknown' if value is None else f'{value:.1%}'}" for name, value in told)
                    progress.say(f"{step.name}: {', '.join(figures)}")
                progress.step("steps", number, len(steps), step.name)
            rows = table(recipe, out)
            write_atomic(out / TABLE, orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2))
    return rows


def _require_folder(out: Path) -> None:
    """A step's folder is emptied before it begins, so nobody else's must lie there."""
    if out.exists() and not out.is_dir():
        raise InputError("this is no folder", path=out, do="give a new --out")
    if out.is_dir() and any(out.iterdir()) and not (out / LOCK).exists():
        raise InputError("this folder is not empty, and holds no rounds", path=out, do="give a new --out")


def table(recipe: RoundRecipe, out: Path) -> list[RoundRow]:
    """A row for each release whose training is done."""
    assert recipe.release is not None
    truth = list(read_samples(recipe.release / "test.jsonl"))
    rows = []
    for number in range(1, recipe.rounds + 2):
        release = recipe.release if number == 1 else out / f"{number}-release" / RELEASE
        answered = {stage: out / f"{number}-{stage}-test" / PREDICTIONS for stage in ("sft", "grpo")}
        scores = {stage: _figures(truth, path) for stage, path in answered.items() if path.is_file()}
        manifest, _ = read_manifest(release)
        tried, accepted = (sum(cell[key] for cell in manifest["cells"]) for key in ("tried", "accepted"))
        rows.append(RoundRow(number, manifest["rows"]["train"], tried, accepted, scores))
    return rows


def _figures(truth: Sequence[Sample], predictions: Path) -> dict[str, float | None]:
    found = evaluate(truth, read_predictions(predictions), settings=Settings(rouge=(), resamples=0))
    covered = found.coverage
    return {
        "au_f1": None if found.aus is None else found.aus.macro_present,
        "accuracy": None if found.emotions is None else found.emotions.accuracy,
        "well_formed": (covered.answered - covered.malformed) / covered.rows,
    }
