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

from facial_r1.cli.checks import show_checks
from facial_r1.cli.show import Quiet, out, progress, table
from facial_r1.errors import FacialR1Error, UsageError

__all__ = ["doctor", "sql", "validate"]


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE.jsonl|RELEASE…", help="Files in the published schema, or releases.")
    ],
    image_folder: Annotated[
        Path | None, typer.Option("--image-folder", help="The folder that `image` is relative to; checks pictures too.")
    ] = None,
    label_set: Annotated[
        list[str] | None, typer.Option("--label", metavar="WORD", help="A further label to allow; may be repeated.")
    ] = None,
    frozen_test: Annotated[
        Path | None,
        typer.Option(help="With a release: frozen-test.jsonl of an earlier one; nothing of it may stand outside test."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Check JSONL files line by line, and releases as a whole; everything bad is named.

    Exit code 1 when a line is bad, 3 when a check of a release failed.
    """
    from curation.validate import validate as validate_file

    releases = [file.is_dir() for file in files]
    if frozen_test is not None and not any(releases):
        raise UsageError("--frozen-test is for a release", do="give the folder of a release, or leave it out")
    if (image_folder is not None or label_set) and all(releases):
        do = "leave them out: a release knows its pictures and labels"
        raise UsageError("--image-folder and --label are for files", do=do)
    codes = set()
    for file in files:
        with progress(quiet or not file.is_dir()) as bar:
            result = validate_file(file, image_folder, label_set=label_set or (), frozen=frozen_test, progress=bar)
        for error in () if result.checks else result.errors:  # the checks show the rows that fail them
            sys.stderr.write(f"{error}\n")
        for remark in result.remarks:
            sys.stderr.write(f"remark: {remark}\n")
        if result.checks:
            show_checks(result.checks)
        what = "checks failed" if result.checks else "bad"
        out.print(f"{file}: {result.rows:,} rows, {result.bad:,} {what}")
        codes.add(result.exit_code)
    raise typer.Exit(max(codes))


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
    rows += [(variable, folder, _companion(folder)) for variable in _COMPANIONS if (folder := os.environ.get(variable))]
    table("", ("what", "found", "verdict"), rows)


_COMPANIONS = ("FACIAL_R1_RAFML", "FACIAL_R1_RAFCE")
"""Folders of corpora that only lend their labels to another."""

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


def _companion(folder: str) -> str:
    return "ok" if Path(folder).is_dir() else "there is no such folder"


def _usable(name: str, folder: str | None) -> str:
    from datasets_builders import require

    if folder is None:
        return "optional: --with and recipes also set it"
    try:
        require(name, Path(folder))
    except FacialR1Error as error:
        return str(error)
    return "ok"
