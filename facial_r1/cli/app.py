"""The list of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from facial_r1.cli import (
    corpora,
    data,
    demo,
    duplicates,
    evaluate,
    iterate,
    judge,
    report,
    stages,
    teachers,
    train,
    view,
)

app = typer.Typer(
    name="facial-r1",
    help="Build, check and look at facial-emotion reasoning data from your own licensed corpora.\n\n"
    "New here: `facial-r1 demo`. Exit codes: 0 done, 1 error, 2 usage, 3 a gate failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)

app.command()(demo.demo)
app.command()(stages.build)
app.command()(stages.unify)
app.command()(stages.select)
app.command()(teachers.generate)
app.command()(teachers.synthesize)
app.command()(stages.gate)
app.command()(stages.release)
app.command()(judge.judge)
app.command()(duplicates.duplicates)
app.command()(report.report)
app.command()(report.stats)
app.command()(report.compare)
app.command()(data.validate)
app.command()(data.sql)
app.command()(data.doctor)
app.command(cls=train.Spread)(train.train)
app.command()(iterate.iterate)
app.command()(evaluate.predict)
app.command()(evaluate.evaluate)
app.command()(view.view)
app.add_typer(corpora.app, name="corpora")


def _version(show: bool) -> None:
    if show:
        from facial_r1 import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Build, check and look at facial-emotion reasoning data from your own licensed corpora."""
