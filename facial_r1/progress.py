"""How long work tells how far it is: library code calls :class:`Progress`, the command line draws it."""

from __future__ import annotations

__all__ = ["Progress"]


class Progress:
    """Receives progress and shows nothing; the command line's subclass draws bars or writes log lines."""

    def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
        """``done`` of ``total`` (None: not known) units of ``what`` are finished; ``note`` is free text.

        Called often and from one thread; must be cheap.
        """

    def say(self, text: str) -> None:
        """One line that the user should see once, such as a remark of a scan."""
