"""Worker processes that end without a word at Ctrl-C, which all processes of a terminal hear: the first one tells."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Literal

__all__ = ["Workers"]

_CTRL_C = {signal.SIGINT}


class Workers(ProcessPoolExecutor):
    """A pool of processes whose workers die at once and silently at Ctrl-C, also while they start.

    Args:
        count: how many.
        method: how they are started. Not fork where the parent may have threads (a progress bar, OpenCV): a forked
            child would inherit their locks. None is what the platform does by default.
    """

    def __init__(self, count: int, method: Literal["spawn"] | None = "spawn") -> None:
        super().__init__(count, get_context(method), initializer=_end_silently)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As :class:`ProcessPoolExecutor`; a worker that is started here does not hear Ctrl-C until it is ready."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
        try:
            return super().submit(function, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_silently() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _CTRL_C)
