"""The recipes that people start from: each is sound, and FEA-20K comes out to the row, whatever a gate rejects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import curation
from datasets_builders import corpus_names
from datasets_builders.bp4d.tables import FOLDS as BP4D_PARTS
from datasets_builders.disfa.tables import FOLDS as DISFA_PARTS
from datasets_builders.synthetic import make
from facial_r1.errors import GateFailed
from facial_r1.files import read_jsonl
from facial_r1.recipe import DEFAULT_GATES, load_recipe

FILES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
RECIPES = [path for path in FILES if "select" in yaml.safe_load(path.read_text())]  # the others train
FEA20K = next(path for path in RECIPES if path.stem == "fea20k")
SHARE = 40
"""The small FEA-20K has one row in so many."""
ROWS = {
    "affectnet": 440,
    "bp4d": 600,
    "disfa": 1500,
    "expw": 300,
    "faba": 700,
    "fer2013": 300,
    "raf_au": 125,
    "raf_db": 300,
}


def totals(raw: dict[str, Any]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in raw["select"]["parts"]:
        sums[part["split"]] = sums.get(part["split"], 0) + part["rows"]
    return sums


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_sound(path: Path) -> None:
    recipe = load_recipe(path)
    assert set(recipe.corpora) <= set(corpus_names())
    assert recipe.name == path.stem
    assert {part.corpus for part in recipe.select.parts} == set(recipe.corpora)


def test_fea20k_has_the_published_composition() -> None:
    raw = yaml.safe_load(FEA20K.read_text())
    sums = totals(raw)
    assert (sums["train"], sums["test"]) == (17_737, 1_688)
    wanted = {(p["corpus"], p["split"]): p["rows"] for p in raw["select"]["parts"] if p["split"] != "val"}
    assert wanted == {
        ("faba", "train"): 5826,
        ("raf_au", "train"): 3479,
        ("disfa", "train"): 2432,
        ("bp4d", "train"): 2000,
        ("affectnet", "train"): 1000,
        ("fer2013", "train"): 1000,
        ("raf_db", "train"): 1000,
        ("expw", "train"): 1000,
        ("faba", "test"): 311,
        ("disfa", "test"): 524,
        ("raf_au", "test"): 853,
    }


def test_fea20k_keeps_the_third_part_out_of_training() -> None:
    subjects = load_recipe(FEA20K).select.subjects
    disfa, bp4d = subjects["disfa"], subjects["bp4d"]
    assert sorted(disfa["test"]) == sorted(DISFA_PARTS[3])
    assert sorted(disfa["train"] + disfa["val"]) == sorted(DISFA_PARTS[1] + DISFA_PARTS[2])
    assert sorted(bp4d["train"] + bp4d["val"]) == sorted(BP4D_PARTS[1] + BP4D_PARTS[2])


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stand-ins of all eight corpora, large enough for one row in forty."""
    folder = tmp_path_factory.mktemp("copies")
    roots = {name: make(name, folder / name, rows=rows).root for name, rows in ROWS.items()}
    return {**roots, "rafml": roots["raf_au"] / "RAF-ML"}


def small(copies: dict[str, Path], **changes: Any) -> Any:
    """FEA-20K with one row in forty, every share kept."""
    raw = copy.deepcopy(yaml.safe_load(FEA20K.read_text()))
    for part in raw["select"]["parts"]:
        part["rows"] = max(1, part["rows"] // SHARE)
    del raw["select"]["subjects"]  # the stand-ins have fewer people
    raw["select"]["frame_gap"] = 1
    raw["select"]["reserve"] = 1.0
    return load_recipe({**raw, **changes}, roots={name: copies[name] for name in copies if name not in changes})


@pytest.mark.xdist_group("fea20k")
def test_a_gate_that_rejects_a_third_leaves_every_quota_full(copies: dict[str, Path], tmp_path: Path) -> None:
    gates = [*(gate.model_dump() for gate in DEFAULT_GATES), {"name": "drill", "params": {"share": 0.3}}]
    recipe = small(copies, gates=gates)
    result = curation.build(recipe, tmp_path / "run")
    wanted = totals({"select": recipe.select.model_dump()})
    assert result.splits == wanted
    assert result.short == 0
    assert 0.2 < result.rejected["drill"] / sum(cell.accepted for cell in result.cells) < 0.7
    assert {name: rows.released for name, rows in result.corpora.items()} == {
        name: sum(part.rows for part in recipe.select.parts if part.corpus == name) for name in recipe.corpora
    }
    assert [row["group"] for _, row in read_jsonl(result.release / "frozen-test.jsonl")]
    remarks = curation.sql(tmp_path / "run", "select count(*) from release where split = 'train'").rows
    assert remarks == [(wanted["train"],)]
    card = (result.release / "README.md").read_text()
    assert "Affectnet and faba may share pictures" in card
    assert "Raf_au and raf_db may share pictures" in card


@pytest.mark.xdist_group("fea20k")
def test_too_small_a_reserve_ends_short_and_says_where(copies: dict[str, Path], tmp_path: Path) -> None:
    gates = [*(gate.model_dump() for gate in DEFAULT_GATES), {"name": "drill", "params": {"share": 0.9}}]
    with pytest.raises(GateFailed, match="quotas could not be filled") as caught:
        curation.build(small(copies, gates=gates), tmp_path / "run")
    assert caught.value.exit_code == 3


@pytest.mark.xdist_group("fea20k")
def test_a_missing_corpus_is_a_table_and_exit_code_3_before_anything_runs(
    copies: dict[str, Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    given = [f"--with={name}={root}" for name, root in copies.items() if name not in ("bp4d", "faba")]
    done = cli("build", FEA20K, "--out", "run", *given, cwd=tmp_path)
    assert done.returncode == 3
    assert "2 of 8 corpora of the recipe are missing, and with them 8,487 of 20,315 rows" in done.stderr
    assert "--with bp4d=DIR" in done.stderr
    assert any("bp4d" in line and "2,000" in line and "absent" in line for line in done.stdout.splitlines())
    assert not (tmp_path / "run").exists()


@pytest.mark.xdist_group("fea20k")
def test_allow_short_builds_without_the_missing_corpus(
    copies: dict[str, Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    recipe = small(copies).model_dump(mode="json")
    recipe["corpora"]["bp4d"]["root"] = None
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(recipe))
    refused = cli("build", "small.yaml", "--out", "run", cwd=tmp_path)
    assert refused.returncode == 3
    done = cli("build", "small.yaml", "--out", "run", "--allow-short", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if "bp4d/train" in line)
    assert line.split()[1:] == ["50", "0", "0", "50"]


def test_the_candidates_of_a_dry_run_hold_those_of_the_build_in_their_order(
    copies: dict[str, Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    recipe = {
        "name": "one",
        "corpora": {"raf_db": {"root": str(copies["raf_db"])}},
        "select": {"parts": [{"corpus": "raf_db", "split": "train", "rows": 140, "balance": "label"}]},
    }
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(recipe))
    dry = cli("build", "one.yaml", "--dry-run", "--candidates", "ids", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids", "one.yaml"]
    assert cli("build", "one.yaml", "--out", "run", cwd=tmp_path).returncode == 0
    tasks = [row["id"] for _, row in read_jsonl(tmp_path / "run" / "2-tasks" / "tasks.jsonl")]
    listed = (tmp_path / "ids" / "raf_db.txt").read_text().split()
    assert [name for name in listed if name in set(tasks)] == tasks
    assert len(tasks) < len(listed) < 2 * len(tasks)
