"""``duplicates``: pictures of a data set that are copies of one another although their bytes differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facial_r1.cli.show import Quiet, Workers, out, progress, table

__all__ = ["duplicates"]


def duplicates(
    place: Annotated[
        Path,
        typer.Argument(metavar="RUN|RELEASE|FILE.jsonl", help="A run, a release folder, or a JSONL file."),
    ],
    image_folder: Annotated[
        Path | None,
        typer.Option("--image-folder", help="The folder that `image` is relative to; a release has its own."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Also copies within one split of one corpus.")] = False,
    rendered: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1, help="Also two faces that synthetic corpora drew, which look alike, from this on."
        ),
    ] = None,
    radius: Annotated[int, typer.Option(min=0, max=24, help="Bits in which hashes of compared pictures differ.")] = 12,
    similarity: Annotated[float, typer.Option(min=0.01, max=1, help="From this similarity on it is a copy.")] = 0.96,
    label_set: Annotated[
        list[str] | None, typer.Option("--label", metavar="WORD", help="A further label to allow; may be repeated.")
    ] = None,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """List copies across splits and corpora: compressed, resized, cropped, mirrored or turned pictures of another row.

    Faces of one group, such as the frames of a video, are not compared.
    """
    from curation.duplicates.places import copies_in
    from facial_r1.recipe import Duplicates

    rules = Duplicates(radius=radius, similarity=similarity, rendered=rendered)
    with progress(quiet) as bar:
        folder, count, pairs = copies_in(
            place, image_folder, rules, within=every, label_set=label_set or (), workers=workers, progress=bar
        )
    rows = [
        (f"{pair.similarity:.3f}", *(text for face in (pair.first, pair.second) for text in (face.id, face.split)))
        for pair in pairs
    ]
    if rows:
        table("", ("similarity", "row", "split", "copy", "split"), rows)
        for pair in pairs:
            names = (face.path.relative_to(folder).as_posix() for face in (pair.first, pair.second))
            out.print("  " + "  ".join(names), soft_wrap=True)
    out.print(f"{len(pairs):,} pairs among {count:,} pictures")
