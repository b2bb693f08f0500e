"""How results and progress look: bars on a terminal, plain lines elsewhere, nothing but results with ``--quiet``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from facial_r1.errors import UsageError
from facial_r1.progress import Progress

__all__ = ["Quiet", "With", "Workers", "out", "progress", "roots", "table"]

out = Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())
"""Results go to standard output, everything about the way there to standard error."""

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show results only, no progress.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes for reading and writing pictures; changes no byte.")]
With = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="NAME=DIR", help="The folder of your copy of a corpus; may be repeated."),
]


def roots(given: Sequence[str] | None, where: str = "--with") -> dict[str, Path]:
    """``NAME=DIR`` after ``where`` as a mapping.

    Raises:
        UsageError: for another form, or two folders of one name.
    """
    folders: dict[str, Path] = {}
    for text in given or ():
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise UsageError(f"{where} needs NAME=DIR", found=text, do=f"for example {where} fer2013=/data/fer2013")
        if name in folders:
            found, do = f"{folders[name]} and {folder}", "give one folder; a copy in parts can be linked into one"
            raise UsageError(f"two folders are given for {name}", found=found, do=do)
        folders[name] = Path(folder)
    return folders


def options_of(written: Sequence[str] | None) -> dict[str, Any]:
    """``--option KEY=VALUE`` as a mapping; values are YAML. Raises :class:`UsageError` for another form."""
    import yaml

    options = {}
    for text in written or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError("--option needs KEY=VALUE", found=text)
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError("the value of --option is not YAML", found=text, do="quote it, or correct it") from None
    return options


class _Bars(Progress):
    def __init__(self, bars: Bars) -> None:
        self.bars, self.tasks = bars, dict[str, TaskID]()

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=total, note=note)
        self.bars.update(self.tasks[what], completed=done, total=total, note=note)

    def say(self, text: str) -> None:
        self.bars.console.print(text, markup=False)


class _Lines(Progress):
    """A line when a step starts, when it ends, and every ten seconds between."""

    def __init__(self) -> None:
        self.started: dict[str, tuple[float, int]] = {}
        self.last: dict[str, float] = {}

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        now = time.monotonic()
        begun, before = self.started.setdefault(what, (now, done))
        if done != total and now - self.last.get(what, -60.0) < 10:
            return
        self.last[what] = now
        rate = eta = ""
        if now - begun > 0.5 and done > before:  # what was done before the first call took a time that nobody knows
            each = (now - begun) / (done - before)
            rate = f", {1 / each:,.0f}/s" if each < 1 else f", {each:,.1f} s each"
            eta = f", {each * (total - done):,.0f} s left" if total and done < total else ""
        of = f" of {total:,}" if total is not None else ""
        self.say(f"{what}: {done:,}{of}{rate}{eta}{f', {note}' if note else ''}")

    def say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """The progress display that fits: none, bars, or plain lines."""
    if quiet:
        yield Progress()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        columns = (
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Bars(*columns, console=Console(stderr=True)) as bars:
            yield _Bars(bars)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, total: bool = False) -> None:
    """Print a table: text columns to the left, numbers to the right with thousands separators.

    Args:
        title: shown above it.
        columns: the header.
        rows: the cells; None is shown as a dash.
        total: draw a rule before the last row.
    """
    body = [tuple(row) for row in rows]
    grid = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(body) and all(isinstance(row[index], int | float | None) for row in body)
        grid.add_column(name, justify="right" if numeric else "left")
    for position, row in enumerate(body):
        if total and position == len(body) - 1:
            grid.add_section()
        grid.add_row(*(_cell(value) for value in row))
    out.print(grid)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return str(value)
