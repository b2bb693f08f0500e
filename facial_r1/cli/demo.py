"""``facial-r1 demo``: the whole way once, on synthetic stand-ins or on real copies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from facial_r1.cli.report import write_report
from facial_r1.cli.results import show_build
from facial_r1.cli.show import Quiet, With, Workers, out, progress, roots

__all__ = ["demo"]

STAND_INS = {"fer2013": 800, "expw": 700, "disfa": 1620, "raf_au": 800}
"""Corpus → about how many rows its stand-in gets; enough for the quotas of demo.yaml."""


def demo(
    run: Annotated[Path, typer.Option("--out", help="The run directory to write.")] = Path("demo"),
    corpora: With = None,
    seed: int = 0,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Raw corpora in, a data set out, in under two minutes: synthetic faces, template reasoning, gates, release."""
    import curation
    from datasets_builders import synthetic
    from facial_r1.recipe import load_recipe

    begun = time.monotonic()
    folders = roots(corpora)
    with progress(quiet) as bar:
        for name, rows in STAND_INS.items():
            if name not in folders:
                folders[name] = run / "0-corpora" / name
                synthetic.make(name, folders[name], seed=seed, rows=rows, workers=workers, progress=bar)
        if "rafml" not in folders and (companion := folders["raf_au"] / "RAF-ML").is_dir():
            folders["rafml"] = companion
        recipe = load_recipe(Path(__file__).with_name("demo.yaml"), sets=(f"seed={seed}",), roots=folders)
        result = curation.build(recipe, run, workers=workers, progress=bar)
        write_report(result.run, bar)
    show_build(result)
    out.print(f"\n{time.monotonic() - begun:.0f} s. What next:")
    for command, why in (
        (f"facial-r1 view {run}", "look at it in a browser"),
        (f'facial-r1 sql {run} "select dataset, split, count(*) from release group by all order by all"', "ask it"),
        (f'facial-r1 sql {run} "select reason, count(*) from dropped group by all"', "what was dropped and why"),
        (f"facial-r1 validate {run}/5-release/train.jsonl --image-folder {run}/5-release/images", "check any JSONL"),
        ("facial-r1 corpora list", "which corpora, which licences"),
        (f"facial-r1 demo --out {run}-mine --with fer2013=DIR", "the same with your own copy"),
    ):
        out.print(f"  {command}   # {why}", soft_wrap=True)
