"""The learning proof: its parts, and one seed of its first two stages for real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from facial_r1.errors import UsageError
from facial_r1.files import read_jsonl, sha256_file

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``benchmarks`` is no installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    from benchmarks.proof.faces import Sizes, write_faces

    write_faces(tmp_path / "faces", 5, Sizes(lessons=3, pool=3, test=4, street=3, pictures=2))
    return tmp_path / "faces"


def test_faces_are_the_same_each_time_and_no_person_is_in_two_parts(faces: Path, tmp_path: Path) -> None:
    from benchmarks.proof.faces import Sizes, write_faces

    write_faces(tmp_path / "again", 5, Sizes(lessons=3, pool=3, test=4, street=3, pictures=2))
    written = {str(path.relative_to(faces)): sha256_file(path) for path in faces.rglob("*") if path.is_file()}
    assert written == {name: sha256_file(tmp_path / "again" / name) for name in written}
    people: dict[str, str] = {}
    for path in faces.glob("*.jsonl"):
        for _, row in read_jsonl(path):
            assert people.setdefault(row["meta_info"]["subject"], path.stem) == path.stem
            assert (faces / "images" / row["image"]).is_file()
            assert bool(row["description"]) == (path.stem == "lessons")
    assert len(people) == 13


def test_a_lesson_is_what_the_parser_and_the_gates_accept() -> None:
    from benchmarks.proof.faces import CODES, EMOTIONS, lesson
    from facial_r1.response import parse

    for emotion in EMOTIONS:
        for aus in (list(CODES), ["AU6", "AU12"], []):
            response = parse(lesson(aus, emotion))
            assert response.well_formed
            assert list(response.claimed_aus) == aus
            assert response.answer_labels == (emotion,)


def test_scores_of_right_and_wrong_answers(faces: Path) -> None:
    from benchmarks.proof.faces import lesson
    from benchmarks.proof.measuring import rows, score, shuffled

    test = rows(faces / "test.jsonl")
    right = [lesson(sample.AUs, sample.labels[0]) for sample in test]
    assert score(test, right).reward.tolist() == [2.0] * len(test)
    nothing = score(test, ["Happiness, of course (AU12)."] * len(test))
    assert nothing.formed.sum() == nothing.right.sum() == 0
    assert nothing.f1.tolist() == [0.0 if sample.AUs else 1.0 for sample in test], "outside the tags nothing is claimed"
    assert shuffled(test, right).reward.mean() < 2


def test_the_interval_covers_the_gain_and_reaches_zero_without_one(faces: Path) -> None:
    from benchmarks.proof.measuring import difference, rows

    test = rows(faces / "test.jsonl")
    noise = np.random.default_rng(0).uniform(0, 1, len(test))
    mean, low, high = difference(test, noise, noise + 0.25)
    assert (mean, low, high) == pytest.approx((0.25, 0.25, 0.25))
    mean, low, high = difference(test, noise, noise[::-1].copy())
    assert low <= mean <= high
    assert low < 0 < high


def test_constant_answers_and_the_probe(tmp_path: Path) -> None:
    from benchmarks.proof.baselines import baselines
    from benchmarks.proof.faces import Sizes, write_faces
    from benchmarks.proof.measuring import rows

    write_faces(tmp_path, 5, Sizes(lessons=1, pool=25, test=10, street=1, pictures=6))
    found = baselines(rows(tmp_path / "pool.jsonl"), rows(tmp_path / "test.jsonl"), tmp_path / "images")
    nothing, some, everything, probe = found.values()
    assert nothing["macro_f1"] == 0 < some["macro_f1"] <= everything["macro_f1"] < probe["macro_f1"]
    assert some["row_f1"] > everything["row_f1"]
    assert all(one["format"] == 1 for one in found.values())


def figures(**changes: Any) -> dict[str, Any]:
    """A seed in which everything holds."""
    good = {"macro_f1": 0.8, "row_f1": 0.8, "accuracy": 0.8, "format": 1.0}
    chance = {"macro_f1": 0.2, "row_f1": 0.2, "accuracy": 0.15, "format": 1.0}
    stage = {"greedy": good, "sampled": good, "shuffled": chance, "steps": 1, "seconds": 1.0}
    differences = {"grpo_sampled": (0.1, 0.05, 0.15), "grpo_greedy": (-0.01, -0.03, 0.01)}
    seed = {"seed": 0, "baselines": {"all AUs": chance, "linear probe": good}, "stages": {"sft": stage, "grpo": stage}}
    return {**seed, "differences": {**differences, **changes.pop("differences", {})}, **changes}


def test_what_is_required_can_fail() -> None:
    from benchmarks.proof.table import report, verdicts

    assert all(verdicts([figures()] * 3).values())
    assert "**NO**" not in report([figures()])
    flat = figures(differences={"grpo_sampled": (0.1, -0.01, 0.2)})
    assert all(verdicts([figures(), figures(), flat]).values()), "two of three suffice"
    assert not all(verdicts([figures(), flat, flat]).values())
    assert not all(verdicts([figures(differences={"grpo_greedy": (-0.1, -0.2, -0.05)})]).values())
    weak = figures()
    weak["stages"]["sft"]["greedy"]["macro_f1"] = 0.7
    assert not all(verdicts([weak]).values())
    blind = figures()
    blind["stages"]["sft"]["shuffled"]["macro_f1"] = 0.6
    assert "**NO**" in report([blind])


@pytest.mark.slow
def test_every_stage_runs_and_none_of_them_twice(tmp_path: Path) -> None:
    from benchmarks.proof.faces import Sizes
    from benchmarks.proof.stages import Plan, SeedRun
    from benchmarks.proof.table import report

    sizes = Sizes(lessons=12, pool=4, test=4, street=6, pictures=4)
    plan = Plan(sizes, tower=3, sft=3, grpo=1, retrained=2, hearsay=2, hearsay_grpo=1)
    said: list[str] = []
    found = SeedRun(tmp_path / "seed", 3, plan, said.append).results()
    assert list(found["stages"]) == ["sft", "grpo", "retrained", "hearsay", "hearsay_grpo"]
    assert len(found["differences"]) == 8
    assert found["synthesis"]["tried"] == 16
    assert len(said) == 10
    assert "| retrained on the synthesis |" in report([found])
    assert SeedRun(tmp_path / "seed", 3, plan, said.append).results() == found
    assert len(said) == 10
    with pytest.raises(UsageError, match="a proof with other settings"):
        SeedRun(tmp_path / "seed", 3, Plan(sizes), said.append)


@pytest.mark.slow
def test_a_tiny_model_learns_and_reward_sharpens_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.proof", "--small", "--seeds", "11", "--out", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (seed,) = orjson.loads((tmp_path / "proof.json").read_bytes())
    stages, differences = seed["stages"], seed["differences"]
    assert stages["sft"]["greedy"]["macro_f1"] >= 0.75
    assert stages["sft"]["shuffled"]["macro_f1"] < 0.45
    assert differences["grpo_sampled"][1] > 0
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout == ran.stdout
    assert again.stderr.count("seed 11:") == 0, "every stage had been done"
