"""One tree of errors, each of them readable by a person.

Every error a user can meet names the place (file and line), what was found, what was expected and what to do
about it. The command line prints ``str(error)`` and exits with ``error.exit_code``; a traceback is a bug.

Exit codes: 0 done, 1 error, 2 wrong usage (arguments, recipe), 3 a gate or check failed.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "CorruptState",
    "FacialR1Error",
    "GateFailed",
    "InputError",
    "MissingExtra",
    "NotThisCorpus",
    "UsageError",
    "clip",
]


def clip(value: object, limit: int = 80) -> str:
    """``repr(value)`` cut to ``limit`` characters, so that a huge field cannot flood an error message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}… ({len(text)} characters)"


class FacialR1Error(Exception):
    """Root of the tree.

    Args:
        what: one sentence that says what is wrong.
        path: the file or folder concerned.
        line: 1-based line number in ``path``.
        found: what stood there.
        expected: what should have stood there.
        do: the next step for the reader.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        found: object = None,
        expected: str | None = None,
        do: str | None = None,
    ) -> None:
        self.what, self.path, self.line = what, path, line
        self.found, self.expected, self.do = found, expected, do
        super().__init__(str(self))

    def __str__(self) -> str:
        place = "" if self.path is None else f"{self.path}: " if self.line is None else f"{self.path}:{self.line}: "
        parts = [f"{place}{self.what.rstrip('.')}."]
        if self.found is not None:
            parts.append(f"Found: {self.found if isinstance(self.found, str) else clip(self.found)}.")
        if self.expected is not None:
            parts.append(f"Expected: {self.expected.rstrip('.')}.")
        if self.do is not None:
            parts.append(f"What to do: {self.do.rstrip('.')}{'' if self.do.endswith('?') else '.'}")
        return " ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only fields: without this an error raised in a worker process cannot travel back.
        return (_rebuild, (type(self), self.what, self.path, self.line, self.found, self.expected, self.do))


def _rebuild(cls: type[FacialR1Error], what: str, *rest: object) -> FacialR1Error:
    names = ("path", "line", "found", "expected", "do")
    return cls(what, **dict(zip(names, rest, strict=True)))  # type: ignore[arg-type]


class InputError(FacialR1Error, ValueError):
    """A file the user gave cannot be used as it is."""


class NotThisCorpus(InputError):
    """A folder does not hold the corpus it was said to hold; the message names the one it looks like."""


class UsageError(FacialR1Error):
    """Wrong arguments or an invalid recipe."""

    exit_code = 2


class MissingExtra(FacialR1Error):
    """An optional dependency is needed; the message names the extra to install."""


class CorruptState(FacialR1Error):
    """A run directory contradicts itself: a done-marker disagrees with the files it vouches for."""


class GateFailed(FacialR1Error):
    """A gate or check failed; the work is kept and the message names the rows."""

    exit_code = 3
