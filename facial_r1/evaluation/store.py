"""An evaluation on disk: its result, its rows, and its tables, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation.compare import compare
from facial_r1.evaluation.headline import Result
from facial_r1.evaluation.pages import html
from facial_r1.evaluation.plain import latex, markdown
from facial_r1.evaluation.protocols import PROTOCOLS
from facial_r1.evaluation.result import Evaluation
from facial_r1.evaluation.rows import read_rows
from facial_r1.files import write_atomic, write_jsonl

__all__ = ["RESULT", "ROWS", "against", "check_folder", "load_result", "save"]

RESULT, ROWS = "result.json", "rows.jsonl"
_KEYS = set(Evaluation.__slots__) - {"rows"}


def load_result(folder: Path) -> dict[str, Any]:
    """The stored result of an earlier evaluation.

    Raises:
        InputError: when there is none, or the file is none.
    """
    path = folder / RESULT if folder.is_dir() else folder
    do = "give the folder that `facial-r1 evaluate --out` wrote"
    if not path.is_file():
        raise InputError("there is no result of an evaluation", path=path, do=do)
    try:
        result = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InputError(f"this is not JSON ({error.msg})", path=path, do=do) from None
    if not isinstance(result, dict) or _KEYS - result.keys():
        raise InputError("this JSON is no result of an evaluation of this version", path=path, do=do)
    return result


def against(evaluation: Evaluation, folders: Sequence[Path]) -> list[Result]:
    """Compare an evaluation with earlier ones: the paired tests go into ``evaluation.comparisons``.

    Args:
        evaluation: the new one.
        folders: of the earlier ones. Those of another protocol or other rows stand in the tables, with a remark, and
            are not tested against.

    Returns:
        The earlier results.

    Raises:
        InputError: for a folder without a result.
        UsageError: when the truth of the rows differs.
    """
    results: list[Result] = []
    for folder in folders:
        result = load_result(folder)
        results.append(result)
        if (result["protocol"], result["split"]) != (evaluation.protocol, evaluation.split):
            evaluation.remarks.append(
                f"{result['model']} was evaluated under {result['protocol']} on split {result['split']}: its numbers "
                "are not comparable with these, and no test was made."
            )
            continue
        others = read_rows((folder if folder.is_dir() else folder.parent) / ROWS)
        protocol = PROTOCOLS[evaluation.protocol]
        aus = () if evaluation.aus is None else evaluation.aus.aus
        evaluation.comparisons.append(
            compare(result["model"], others, evaluation.rows, protocol, aus, evaluation.settings)
        )
    return results


def check_folder(folder: Path) -> None:
    """Raise a :class:`UsageError` for the folder of a run or a release, whose files are vouched for."""
    if any((folder / name).exists() for name in ("manifest.json", "recipe.yaml", "done.json")):
        raise UsageError("this folder holds a run or a release", path=folder, do="give results a folder of their own")


def save(evaluation: Evaluation, folder: Path, beside: Sequence[Result] = ()) -> None:
    """Write ``result.json``, ``rows.jsonl``, ``report.html``, ``report.md`` and ``table.tex``.

    Args:
        evaluation: the new one.
        folder: made when missing.
        beside: earlier results that the tables show as well.

    Raises:
        UsageError: as :func:`check_folder`.
    """
    check_folder(folder)
    result = evaluation.to_json()
    write_jsonl(folder / ROWS, (row.to_json() for row in evaluation.rows))
    write_atomic(folder / RESULT, orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    write_atomic(folder / "report.md", markdown(result, beside))
    write_atomic(folder / "table.tex", latex([result, *beside]))
    write_atomic(folder / "report.html", html(result, evaluation.rows, beside))
