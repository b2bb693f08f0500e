"""The learning proof: a tiny Qwen2.5-VL learns synthetic faces on the CPU, through our own trainers.

    .venv/bin/python -m benchmarks.proof [--seeds 0 1 2] [--out runs/proof] [--date 2026-01-31]

Some ten minutes a seed. Stop it when you like: the same command goes on with the stage that was under way.
``--date`` writes the table and the figures to ``benchmarks/results``. docs/proof.md tells what it shows and what not.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import orjson

from benchmarks.proof.faces import Sizes
from benchmarks.proof.stages import Plan, SeedRun
from benchmarks.proof.table import report, verdicts
from facial_r1.files import write_atomic

RESULTS = Path(__file__).parents[1] / "results"
SMALL = Plan(Sizes(200, pool=150, test=60, street=300), 1000, sft=600, grpo=120, retrained=0, hearsay=0)
"""For the tests: stages 1 and 2."""
PACKAGES = ("torch", "transformers", "trl")
REMARK = "Synthetic faces: it proves the code, not the method."


def main() -> int:
    """Run the seeds and print the table; 0 when everything that was required holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/proof"))
    parser.add_argument("--date", help="YYYY-MM-DD; writes benchmarks/results/DATE-proof.md and .json")
    parser.add_argument("--small", action="store_true", help="stages 1 and 2 alone, on fewer faces")
    options = parser.parse_args()
    plan = SMALL if options.small else Plan()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    seeds = [SeedRun(options.out / f"seed-{seed}", seed, plan, say).results() for seed in options.seeds]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    machine = f"{platform.machine()}, Python {platform.python_version()}, {versions}"
    text = f"# The learning proof\n\n{REMARK} {machine}; seeds {', '.join(map(str, options.seeds))}.\n\n{report(seeds)}"
    print(text)
    figures = orjson.dumps(seeds, option=orjson.OPT_INDENT_2)
    write_atomic(options.out / "proof.json", figures)
    if options.date:
        write_atomic(RESULTS / f"{options.date}-proof.md", text.replace("proof\n", f"proof, {options.date}\n", 1))
        write_atomic(RESULTS / f"{options.date}-proof.json", figures)
    return 0 if all(verdicts(seeds).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
