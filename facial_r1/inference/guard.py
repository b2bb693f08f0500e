"""Faces stay put: pictures go to another machine only where the recipe says why they may.

The judgement is about the endpoint as it is written. A client must not undo it: it follows no redirect, and for a
loopback address it takes no proxy from the environment (:mod:`facial_r1.inference.backends.openai`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from facial_r1.errors import UsageError

__all__ = ["guard", "is_loopback"]


def is_loopback(endpoint: str) -> bool:
    """Whether ``endpoint``, a URL, names this machine: ``localhost``, 127.0.0.0/8 or ::1. In doubt it does not."""
    try:
        host = urlsplit(endpoint).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guard(corpora: Mapping[str, str | None], endpoint: str | None) -> dict[str, str]:
    """Let pictures of ``corpora`` go to ``endpoint``, or stop before the first request.

    Args:
        corpora: corpus of every picture to be sent → the reason for which the recipe allows it, or None.
        endpoint: where a backend sends them; None when nothing leaves this process.

    Returns:
        Corpus → reason, of what leaves this machine, for the manifest; empty when nothing does.

    Raises:
        UsageError: naming the corpora without a reason, and the endpoint.
    """
    if endpoint is None or is_loopback(endpoint):
        return {}
    reasons = {name: (reason or "").strip() for name, reason in corpora.items()}
    silent = sorted(name for name, reason in reasons.items() if not reason)
    if silent:
        entry = ", ".join(f'{name}: "why the licence allows it"' for name in silent)
        raise UsageError(
            f"pictures of {', '.join(silent)} would leave this machine",
            found=f"the endpoint {_shown(endpoint)}",
            expected=f"a loopback address, or `allow_send: {{{entry}}}` in the recipe",
            do="take a server on this machine, teach without pictures (--labels-only), or state the reason",
        )
    return reasons


def _shown(endpoint: str) -> str:
    """The endpoint without a user name or password in it."""
    scheme, found, rest = endpoint.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{found}{host.rpartition('@')[2]}{slash}{path}" if found else endpoint
