"""``facial-r1 corpora``: what is known, whether a copy is complete, and synthetic stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facial_r1.cli.show import Quiet, Workers, options_of, out, progress, table
from facial_r1.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from datasets_builders.common.corpus import Check

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="What corpora are known; check a copy; make a synthetic stand-in.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A corpus, see `facial-r1 corpora list`.")]


@app.command("list")
def list_corpora() -> None:
    """List the corpora that can be read, their layouts, options and licences."""
    from datasets_builders import corpus, corpus_names

    for name in corpus_names():
        found = corpus(name)
        out.print(f"\n{name}: {found.title}", style="bold")
        out.print((found.__doc__ or "").strip())
        if found.options:
            out.print("    options: " + ", ".join(f"{key} (default {value!r})" for key, value in found.options.items()))
        out.print(f"    licence: {found.licence.terms} {found.licence.url}")


@app.command()
def check(
    copies: Annotated[list[str], typer.Argument(metavar="NAME=DIR…", help="Corpora and the folders of your copies.")],
    variant: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the (only) corpus.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Compare copies with the published counts. Opens no picture, writes nothing; exit code 3 when one differs."""
    from datasets_builders.common.checking import check as check_copy
    from facial_r1.cli.show import roots

    found, options = roots(copies, "corpora check"), options_of(variant)
    if options and len(found) > 1:
        raise UsageError("--option is for one corpus at a time", found=", ".join(found), do="check each by itself")
    checks = []
    for name, root in found.items():
        with progress(quiet) as bar:
            result = check_copy(name, root, progress=bar, **options)
        checks.append(result)
        if result.differences:
            rows = [(d.what, d.expected, d.found) for d in result.differences]
            table(f"{name}: differences from the published counts", ("count", "published", "found"), rows)
        for gap in result.gaps:
            out.print(f"{name}: gap: {gap}")
    table(
        "",
        ("corpus", "rows", "differences", "verdict"),
        [(c.corpus, c.counts.get("rows", 0), len(c.differences), _short(c)) for c in checks],
    )
    if any(c.differences or not c.usable for c in checks):
        raise GateFailed(
            "not every copy equals the published corpus",
            do="compare the differences above with your download; a partial copy can still be used",
        )


def _short(check: Check) -> str:
    """The verdict without the gaps, which stand above the table."""
    return "usable with gaps" if check.usable and check.gaps else check.verdict


@app.command()
def make(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; a new or empty folder.")],
    rows: Annotated[int | None, typer.Option(min=1, help="About how many rows; default: the published size.")] = None,
    labels_only: Annotated[bool, typer.Option("--labels-only", help="Write label files, no pictures.")] = False,
    only: Annotated[Path | None, typer.Option(help="A file of sample ids: render pictures only for these.")] = None,
    seed: int = 0,
    variant: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="A layout option of this corpus.")
    ] = None,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """Write a synthetic stand-in in the official layout: rendered faces, invented labels, published counts."""
    from datasets_builders import synthetic

    options = options_of(variant)
    with progress(quiet) as bar:
        made = synthetic.make(
            name,
            folder,
            seed=seed,
            rows=rows,
            labels_only=labels_only,
            only=only,
            workers=workers,
            progress=bar,
            **options,
        )
    state = "written" if made.fresh else "was there already, unchanged"
    out.print(f"{made.root}: {made.rows:,} synthetic rows of {name}, {state}")
