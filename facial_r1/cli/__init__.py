"""The command line; the only room that may import every other, and it does so lazily.

Every command is the twin of a Python function of the same name; here it only reads arguments and shows results.
"""

from __future__ import annotations

import errno
import sys

__all__ = ["main"]

INTERRUPTED = 130
"""What Typer exits with after Ctrl-C."""


def main() -> None:
    """Entry point ``facial-r1``: run the command, turn errors into one message and the documented exit code."""
    from facial_r1.cli.app import app
    from facial_r1.errors import FacialR1Error

    try:
        app()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            sys.stderr.write("stopped: what was finished is kept; the same command goes on (`train` with --resume)\n")
        raise
    except FacialR1Error as error:
        _stop(str(error), error.exit_code)
    except BrokenPipeError:
        # `facial-r1 sql … | head` closes our output; that is no error.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            do = "free some space and run the same command again: nothing that was finished is lost"
            _stop(f"{error.filename or 'a file'}: the disk is full. What to do: {do}.", 1)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            _stop(f"{error.filename}: {error.strerror}. What to do: choose a folder you may write to with --out.", 1)
        path = error.filename2 or error.filename
        if path and error.errno in (errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG):
            _stop(f"{path}: {error.strerror}. What to do: give another path.", 1)
        raise


def _stop(message: str, code: int) -> None:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)
