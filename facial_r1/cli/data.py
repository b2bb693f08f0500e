"""Commands about files: ``validate`` a JSONL, ``sql`` over a run, ``doctor`` for the installation."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from facial_r1.cli.show import out, table
from facial_r1.errors import FacialR1Error

__all__ = ["doctor", "sql", "validate"]


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.jsonl…", help="Files in the published schema.")],
    image_folder: Annotated[
        Path | None, typer.Option("--image-folder", help="The folder that `image` is relative to; checks pictures too.")
    ] = None,
    label_set: Annotated[
        list[str] | None, typer.Option("--label", metavar="WORD", help="A further label to allow; may be repeated.")
    ] = None,
) -> None:
    """Check JSONL files line by line; every bad line is named. Exit code 1 when there is one."""
    from curation.validate import validate as validate_file

    bad = 0
    for file in files:
        result = validate_file(file, image_folder, label_set=label_set or ())
        for error in result.errors:
            sys.stderr.write(f"{error}\n")
        for remark in result.remarks:
            sys.stderr.write(f"remark: {remark}\n")
        bad += result.bad
        out.print(f"{file}: {result.rows:,} rows, {result.bad:,} bad", markup=False)
    if bad:
        raise typer.Exit(1)


def sql(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory, a release, or a JSONL file.")],
    statement: Annotated[str, typer.Argument(help='For example "select dataset, count(*) from samples group by 1".')],
) -> None:
    """Ask a run anything in SQL: the views samples, tasks, cells, answers, verdicts, dropped and release."""
    from curation.query import sql as query

    columns, rows = query(run, statement)
    table("", columns, rows)


def doctor() -> None:
    """Say what is installed, what is missing for which purpose, and which corpora are set up."""
    from datasets_builders import corpus_names

    rows = [("Python", platform.python_version(), "ok" if sys.version_info >= (3, 11) else "3.11 or newer is needed")]
    rows += [(name, *_installed(name, purpose)) for name, purpose in _PACKAGES.items()]
    rows.append(("GPU", *_gpu()))
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    rows.append(("free disk here", f"{free:,.0f} GB", "ok" if free > 10 else "little: pictures need space"))
    for name in corpus_names():
        variable = f"FACIAL_R1_{name.upper()}"
        folder = os.environ.get(variable)
        rows.append((variable, folder or "not set", _usable(name, folder)))
    table("", ("what", "found", "verdict"), rows)


_PACKAGES = {
    "datasets": "core",
    "duckdb": "core",
    "great-expectations": "core",
    "opencv-python-headless": "core",
    "av": "core",
    "openai": "core",
    "torch": "extra `train`",
    "transformers": "extra `train`",
    "trl": "extra `train`",
    "deepspeed": "extra `train`",
    "gradio": "extra `viewer`",
    "vllm": "extra `vllm` (needs a GPU)",
}


def _installed(name: str, purpose: str) -> tuple[str, str]:
    try:
        return importlib.metadata.version(name), f"ok ({purpose})"
    except importlib.metadata.PackageNotFoundError:
        return "–", f"not installed: {purpose}"


def _gpu() -> tuple[str, str]:
    try:
        import torch
    except ImportError:
        return "–", "torch is not installed; building data needs no GPU"
    if not torch.cuda.is_available():
        return "none", "building data and the tiny models need none"
    return torch.cuda.get_device_name(0), "ok"


def _usable(name: str, folder: str | None) -> str:
    from datasets_builders import require

    if folder is None:
        return "optional: --with and recipes also set it"
    try:
        require(name, Path(folder))
    except FacialR1Error as error:
        return str(error)
    return "ok"
