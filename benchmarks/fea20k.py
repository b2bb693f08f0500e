"""How long FEA-20K takes to build, stage by stage, with how much memory, and how both grow.

    .venv/bin/python benchmarks/fea20k.py [--shares 0.01 0.1] [--copies DIR]

The copies are synthetic stand-ins; pictures are rendered only for the rows that can be chosen (that takes far longer
than the build and is not counted; the published size needs about half an hour on two cores). ``--copies DIR`` keeps the
stand-ins there and uses those that are there already. The teacher is the template, and the gate `drill` turns down
30 % of all answers. Each size is built in a process of its own, with two workers.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "fea20k.yaml"
ROWS = {
    "affectnet": 420_299,
    "bp4d": 146_847,
    "disfa": 130_814,
    "expw": 91_793,
    "faba": 19_877,
    "fer2013": 35_887,
    "raf_au": 4_601,
    "raf_db": 15_339,
}
GATES = ("grammar", "task_rules", "au_set", "label", "vocabulary")
WORKERS = 2
SECONDS, MEMORY = 600, 2048


def recipe_for(share: float, roots: dict[str, Path]) -> Any:
    """The recipe with every quota in proportion; small stand-ins have fewer people, hence no published lists."""
    from facial_r1.recipe import load_recipe

    raw = yaml.safe_load(RECIPE.read_text())
    raw["gates"] = [*({"name": name} for name in GATES), {"name": "drill", "params": {"share": 0.3}}]
    if share < 1:
        for part in raw["select"]["parts"]:
            part["rows"] = max(1, int(part["rows"] * share))
        del raw["select"]["subjects"]
        raw["select"] |= {"frame_gap": 1, "reserve": 1.0}
    return load_recipe(raw, roots=roots)


def copies(share: float, folder: Path) -> dict[str, Path]:
    """Stand-ins in which the pictures of all candidates can be seen."""
    import curation
    from datasets_builders.synthetic import make

    rows = {name: None if share == 1 else round(full * share) for name, full in ROWS.items()}
    labels = {name: make(name, folder / "labels" / name, rows=rows[name], labels_only=True).root for name in ROWS}
    chosen = curation.plan(recipe_for(share, {**labels, "rafml": labels["raf_au"] / "RAF-ML"}), spare=0.1).candidates
    roots = {}
    for name in ROWS:
        roots[name] = folder / "pictures" / name
        make(name, roots[name], rows=rows[name], only=chosen[name], workers=WORKERS)
    return {**roots, "rafml": roots["raf_au"] / "RAF-ML"}


def build(share: float, folder: Path) -> None:
    """Build once and print rows, seconds per stage and peak memory as JSON."""
    import curation
    from curation.run import Run

    roots = {name: folder / "pictures" / name for name in ROWS}
    recipe = recipe_for(share, {**roots, "rafml": roots["raf_au"] / "RAF-ML"})
    with tempfile.TemporaryDirectory(dir=folder) as out:
        run = Run.create(Path(out), recipe)
        stages: dict[str, Callable[[], object]] = {
            "unify": lambda: curation.unify(run, workers=WORKERS),
            "select": lambda: curation.select(run, workers=WORKERS),
            "generate": lambda: curation.generate(run),
            "gate": lambda: curation.gate(run),
            "release": lambda: curation.release(run),
        }
        seconds = {}
        for name, stage in stages.items():
            begun = time.perf_counter()
            stage()
            seconds[name] = time.perf_counter() - begun
        found = curation.results(run)
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({"splits": found.splits, "short": found.short, "seconds": seconds, "peaks": peaks}))


def main() -> None:
    """Print one row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.1])
    parser.add_argument("--copies", type=Path)
    parser.add_argument("--build", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build is not None:
        build(options.build, options.copies)
        return
    stages = ("unify", "select", "generate", "gate", "release")
    head = ("size", "corpus rows", *(f"{stage} s" for stage in stages), "all s", "peak MB: main, a worker", "released")
    print(f"| {' | '.join(head)} | short | goal |\n|{'---|' * (len(head) + 2)}")
    with tempfile.TemporaryDirectory() as temporary:
        for share in options.shares:
            folder = (options.copies or Path(temporary)) / f"{share:g}"
            folder.mkdir(parents=True, exist_ok=True)
            copies(share, folder)
            command = [sys.executable, __file__, "--build", str(share), "--copies", str(folder)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            total = sum(found["seconds"].values())
            met = total <= SECONDS and sum(found["peaks"]) <= MEMORY
            cells = (
                f"{share:.0%}",
                f"{sum(ROWS.values()) * share:,.0f}",
                *(f"{found['seconds'][stage]:.1f}" for stage in stages),
                f"{total:.1f}",
                ", ".join(f"{peak:,.0f}" for peak in found["peaks"]),
                ", ".join(f"{split} {rows:,}" for split, rows in found["splits"].items()),
                str(found["short"]),
                "–" if share < 1 else "met" if met else "missed",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
