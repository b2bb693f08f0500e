"""How DuckDB reads the JSONL files of a run: the types of columns are always given, never guessed from first rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_type_hints

from facial_r1.sample import Meta

__all__ = [
    "ANSWER_TYPES",
    "META_TYPES",
    "PROMPT_TYPES",
    "REVIEW_TYPES",
    "SAMPLE_TYPES",
    "TASK_TYPES",
    "VERDICT_TYPES",
    "fault_in",
    "read_lines",
    "struct",
]

_TYPES = {
    "str | None": "VARCHAR",
    "int | None": "INTEGER",
    "bool | None": "BOOLEAN",
    "list[str]": "VARCHAR[]",
    "list[int] | None": "INTEGER[]",
}
_PAIRS = {"au_intensity": "STRUCT(au VARCHAR, value INTEGER)[]", "au_side": "STRUCT(au VARCHAR, value VARCHAR)[]"}


def struct(columns: Mapping[str, str]) -> str:
    """The DuckDB type of an object with these keys.

    >>> struct({"au": "VARCHAR", "value": "DOUBLE"})
    'STRUCT("au" VARCHAR, "value" DOUBLE)'
    """
    return "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in columns.items()) + ")"


META_TYPES: dict[str, str] = {
    name: _PAIRS.get(name) or _TYPES[str(hint)] for name, hint in get_type_hints(Meta).items()
}
"""Key of ``meta_info`` → DuckDB type."""

SAMPLE_TYPES: dict[str, str] = {
    **dict.fromkeys(("id", "dataset", "image", "question"), "VARCHAR"),
    **dict.fromkeys(("AUs", "labels"), "VARCHAR[]"),
    "description": "VARCHAR",
    "meta_info": struct(META_TYPES),
}
"""Key of a row → DuckDB type."""

TASK_TYPES = {"id": "VARCHAR", "cell": "VARCHAR", "rank": "INTEGER", "sample": struct(SAMPLE_TYPES)}
"""Of ``2-tasks/tasks.jsonl``."""

ANSWER_TYPES = {
    **dict.fromkeys(("key", "id", "outcome", "text", "model", "prompt_hash", "detail"), "VARCHAR"),
    "attempt": "INTEGER",
    "conditioned": "BOOLEAN",
    "usage": "MAP(VARCHAR, BIGINT)",
}
"""Of ``3-answers/answers.jsonl`` and ``blind.jsonl``."""

PROMPT_TYPES = {"hash": "VARCHAR", "text": "VARCHAR"}
"""Of ``3-answers/prompts.jsonl``."""

REVIEW_TYPES = {
    **dict.fromkeys(("id", "reviewer", "time", "decision", "text_sha256", "reason", "description"), "VARCHAR"),
    **dict.fromkeys(("AUs", "labels"), "VARCHAR[]"),
}
"""Of ``reviews.jsonl``, see :mod:`facial_r1.reviews`."""

_RULING = {"gate": "VARCHAR", "ok": "BOOLEAN", "reason": "VARCHAR", "detail": "VARCHAR", "value": "DOUBLE"}
VERDICT_TYPES = {
    **dict.fromkeys(("id", "key", "cell", "reason"), "VARCHAR"),
    **dict.fromkeys(("attempt", "rank"), "INTEGER"),
    "accepted": "BOOLEAN",
    "verdicts": f"{struct(_RULING)}[]",
    "edit": struct(REVIEW_TYPES),
}
"""Of ``4-verdicts/verdicts.jsonl``."""


def read_lines(path: Path, columns: Mapping[str, str], what: str = "*") -> str:
    """The query that reads a JSONL file: key → DuckDB type, and what to select of them."""
    file = _quoted(re.sub(r"([*?\[])", r"[\1]", str(path)))  # a name is a name, no pattern
    types = ", ".join(f'"{name}": {_quoted(kind)}' for name, kind in columns.items())
    return f"SELECT {what} FROM read_json({file}, format = 'newline_delimited', columns = {{{types}}})"


def fault_in(error: Exception) -> str:
    """What DuckDB says of a file that does not fit, in one line; its line numbers are counted another way than ours."""
    first = next(iter(str(error).splitlines()), "")
    return re.sub(r",? at byte \d+ in line \d+", "", first).strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
