"""``view``: look at samples and review them in a browser."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from facial_r1.cli.backends import BaseUrl, Model, Options, backend_of
from facial_r1.cli.show import out
from facial_r1.errors import UsageError

__all__ = ["view"]


def view(
    place: Annotated[Path, typer.Argument(help="A run, a release, or a JSONL file in the published schema.")],
    image_folder: Annotated[Path | None, typer.Option(help="The folder that `image` is relative to.")] = None,
    reviews: Annotated[Path | None, typer.Option(help="Where decisions are kept, if not in the usual file.")] = None,
    compare: Annotated[Path | None, typer.Option(help="A second run, release or file to compare with.")] = None,
    backend: Annotated[str | None, typer.Option(help="A backend to try on your own picture, such as openai.")] = None,
    model: Model = None,
    base_url: BaseUrl = None,
    option: Options = None,
    host: Annotated[str, typer.Option(help="The address to listen on; only this machine can reach the usual one.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port; the first free one from 7860.")] = None,
    auth: Annotated[list[str] | None, typer.Option(help="NAME:PASSWORD that may enter; may be repeated.")] = None,
) -> None:
    """Look at samples, see why each was accepted or not, and review them, in a browser. Ctrl-C ends it.

    Nothing but the reviews is written, nothing is sent anywhere, and the page works offline.
    """
    from viewer.place import find_place

    found = find_place(place, image_folder, reviews)
    entries = [_entry(text) for text in auth or ()]
    try:
        from viewer.app import Tab, launch
        from viewer.tabs import compare_tab, reviewers_tab, statistics_tab, try_tab
    except ModuleNotFoundError as error:
        do = "pip install 'facial-r1[viewer]'"
        raise UsageError("the viewer needs the extra `viewer`", found=f"no {error.name}", do=do) from None
    extras: list[Tab] = [reviewers_tab, statistics_tab]
    if compare is not None:
        extras.insert(0, compare_tab(find_place(compare)))
    if backend is not None:
        extras.append(try_tab(backend_of(backend, model, base_url, option)))
    address = launch(found, host=host, port=port, auth=entries, extras=extras)
    out.print(f"open {address} in a browser; Ctrl-C ends it")
    out.print(f"reviews are kept in {found.reviews}", soft_wrap=True)
    try:
        Event().wait()
    except KeyboardInterrupt:
        out.print("ended")


def _entry(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not colon or not name or not password:
        raise UsageError("--auth takes NAME:PASSWORD", found=text.partition(":")[0])
    return name, password
