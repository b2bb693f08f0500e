"""The options of commands that ask a model: who it is, how fast, how far; and what it will cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facial_r1.cli.show import options_of, out

if TYPE_CHECKING:
    from facial_r1.inference.estimate import Estimate
    from facial_r1.inference.protocol import Backend
    from facial_r1.inference.runner import Stats

__all__ = [
    "BaseUrl",
    "Concurrency",
    "DryRun",
    "MaxCost",
    "MaxRequests",
    "Model",
    "Options",
    "RetryFailed",
    "Rpm",
    "Tpm",
    "backend_of",
    "named_options",
    "show_asked",
    "show_estimate",
]

Model = Annotated[str | None, typer.Option(help="Its model.")]
BaseUrl = Annotated[str | None, typer.Option(help="Its server, such as http://127.0.0.1:8000/v1.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="A further option of the backend, such as temperature=0."),
]
Concurrency = Annotated[int, typer.Option(min=1, help="Requests in flight at once, at most.")]
Rpm = Annotated[float | None, typer.Option(min=1, help="Requests a minute, at most.")]
Tpm = Annotated[float | None, typer.Option(min=1, help="Tokens a minute, at most.")]
MaxCost = Annotated[float | None, typer.Option(help="Stop before this many USD could be passed.")]
MaxRequests = Annotated[int | None, typer.Option(help="Stop after this many requests.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Ask again what ended in a permanent error.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print requests, tokens and cost; ask nothing.")]


def named_options(model: str | None, base_url: str | None, written: list[str] | None) -> dict[str, Any]:
    """What --model, --base-url and --option say, as options of a backend."""
    named = {"model": model, "base_url": base_url}
    return {**{name: value for name, value in named.items() if value}, **options_of(written)}


def backend_of(
    name: str,
    model: str | None,
    base_url: str | None,
    written: list[str] | None,
    defaults: Mapping[str, Any] | None = None,
) -> Backend:
    """The backend that the options name; ``defaults`` are what they do not say.

    Raises:
        UsageError: as :func:`facial_r1.inference.backends.create`.
    """
    from facial_r1.inference.backends import create

    return create(name, **{**(defaults or {}), **named_options(model, base_url, written)})


def show_asked(stats: Stats) -> None:
    """What a run of requests came to."""
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(stats.outcomes.items()))
    cost = "" if stats.cost is None else f", {stats.cost:.4f} USD"
    out.print(f"asked {stats.asked:,}, reused {stats.reused:,}: {outcomes or 'nothing'}{cost}")


def show_estimate(found: Estimate, to: str = "teacher") -> None:
    """What a run would ask at least, and what that costs at most; ``to`` is who is asked."""
    out.print(f"requests to the {to}: {found.requests:,}{', when every answer is accepted' if to == 'teacher' else ''}")
    source = f"corrected by {found.measured:,} answers of the journal" if found.measured else "by rule of thumb"
    if found.unlike:
        source += f"; {found.unlike:,} requests are unlike any of them"
    out.print(f"tokens: {found.text:,} of text and {found.pictures:,} of pictures in ({source}), {found.output:,} out")
    if found.online is None:
        out.print("cost: the price of this model is not known (of a teacher, teacher.prices in the recipe states it)")
    else:
        out.print(f"cost at most: {found.online:.2f} USD, {found.batch:.2f} USD through the Batch API")
    out.print("nothing was asked")
