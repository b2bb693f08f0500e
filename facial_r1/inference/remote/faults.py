"""What an error of an OpenAI-speaking server means: try again, wait, stop the run, or record it for this request.

The same table reads HTTP answers and the error lines of a batch. What concerns every request (key, model, address,
credit, an option the model does not have) stops the run at once: nothing was paid for, and nothing is recorded.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

from facial_r1.errors import clip

__all__ = ["Fault", "Kind", "fault_of", "retry_after"]

Kind: TypeAlias = Literal["retry", "busy", "stop", "failed", "filtered"]
"""``retry`` the same call; ``busy``: retry, slower; ``stop`` the run; ``failed``, ``filtered``: this request."""

_RETRY = {408, 409, 425}
_BUSY = {429, 503, 529}

_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota|billing[_ ]hard[_ ]limit|credit balance", re.I)
# Not just "billing": the ordinary 429 advertises a payment method.
_TOO_LARGE = re.compile(r"request too large|reduce the length|maximum context|context_length", re.I)
_FILTER = re.compile(r"content[_ ](filter|policy|management)|safety system|moderation_blocked", re.I)
_NO_PICTURES = re.compile(
    r"image_url.{0,40}(only|not) .{0,20}support|(not|n't) support.{0,20}(image|vision|picture|multi-?modal)"
    r"|not a multi-?modal|at most 0 image|invalid content type.{0,20}image_url",
    re.I | re.S,
)
_NO_MODEL = re.compile(r"model_not_found|invalid model|model.{0,80}(does not|doesn't) exist|unknown model", re.I | re.S)
_OPTION = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}

_KEY = re.compile(r"\b(sk|pk|key)-[\w*.-]{6,}")
"""Keys as providers repeat them in their errors, often half of it starred."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")


@dataclass(frozen=True, slots=True)
class Fault:
    """What to do about an error, and the provider's words."""

    kind: Kind
    detail: str
    do: str | None = None


def fault_of(status: int, error: Any, *, model: str, endpoint: str) -> Fault:
    """Judge an error.

    Args:
        status: HTTP status, 400 to 599, or of a redirect.
        error: the ``error`` object of the body (``{"message", "type", "code", "param"}``), or whatever came instead.
        model, endpoint: for the advice.
    """
    detail, code = _words(status, error)
    if status in (400, 413, 422) and not _QUOTA.search(detail):
        return _bad_request(detail, code, model)
    kind: Kind = "stop"
    do: str | None = None
    if status in (401, 403):
        do = f"check the key in OPENAI_API_KEY, and that it may use {model} at {endpoint}"
    elif status in (400, 402, 413, 422) or (status == 429 and _QUOTA.search(detail)):
        do = "add credit or raise the limit of the account, then run the same command again; no answer is asked twice"
    elif status in _BUSY:
        kind = "failed" if _TOO_LARGE.search(detail) else "busy"
    elif status in _RETRY or status >= 500:
        kind = "retry"
    elif status == 404:
        do = f"check that {model} is served at {endpoint} (base_url often ends in /v1)"
    else:
        do = f"check base_url: {endpoint} does not answer as an OpenAI API does"
    return Fault(kind, detail, do)


def _bad_request(detail: str, code: str, model: str) -> Fault:
    """An error that the request itself brought about, or that every request would."""
    if _FILTER.search(detail):
        return Fault("filtered", detail)
    if _NO_PICTURES.search(detail):
        return Fault("stop", detail, f"take a model that sees pictures, or teach without them; {model} does not")
    if _NO_MODEL.search(detail):
        return Fault("stop", detail, "correct the name of the model")
    if code in _OPTION:
        return Fault("stop", detail, f"leave this option out of the recipe (null); {model} does not have it")
    return Fault("failed", detail)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a refused caller is asked to wait; 0 when the headers do not say.

    ``Retry-After`` holds seconds or a date, ``retry-after-ms`` milliseconds; else the limit that is used up says
    when it is free again (``x-ratelimit-reset-requests: 1m30s``).
    """
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if "retry-after" in headers:
            return _seconds(headers["retry-after"])
    except ValueError:
        return 0.0  # neither a number nor a date: as if it were not there
    used_up = [name for name in ("requests", "tokens") if headers.get(f"x-ratelimit-remaining-{name}") == "0"]
    return max((_duration(headers.get(f"x-ratelimit-reset-{name}", "")) for name in used_up), default=0.0)


def _seconds(value: str) -> float:
    try:
        return max(0.0, float(value))
    except ValueError:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return 0.0
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000


def _words(status: int, error: Any) -> tuple[str, str]:
    """The provider's words for people, and its code."""
    if not isinstance(error, Mapping):
        return f"HTTP {status}: {clip(error, 200)}" if error else f"HTTP {status}", ""
    code = str(error.get("code") or error.get("type") or "")
    message = _KEY.sub("(a key)", str(error.get("message") or "no message"))
    return f"HTTP {status}{f' {code}' if code else ''}: {message[:500]}", code
