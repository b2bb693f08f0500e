"""What a backend receives and gives back, and the key that makes an answer reusable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from facial_r1.errors import FacialR1Error
from facial_r1.files import canonical_json, sha256_bytes
from facial_r1.progress import Progress

__all__ = [
    "OUTCOMES",
    "Answer",
    "Backend",
    "Connected",
    "Facts",
    "Overloaded",
    "Request",
    "Stateful",
    "TransientError",
]

OUTCOMES: tuple[str, ...] = ("ok", "refusal", "filtered", "cut_off", "failed")
"""``ok`` a text came; ``refusal`` the model declined; ``filtered`` the provider blocked it; ``cut_off`` the token limit
ended it; ``failed`` a permanent error. None of them is a zero; only ``failed`` has no text."""


class TransientError(FacialR1Error):
    """Raised by a backend when the same call may succeed later: a rate limit, a timeout, a server's hiccup.

    Args:
        what: the provider's words.
        retry_after: seconds the provider asked to wait, when it said so; then every call waits, not only this one.
        paid: the provider may have charged for the call, as for an answer that was cut off on its way.
    """

    def __init__(self, what: str, *, retry_after: float = 0.0, paid: bool = False) -> None:
        super().__init__(what)
        self.retry_after, self.paid = retry_after, paid


class Overloaded(TransientError):
    """The provider has too much to do, or had too many calls of ours.

    It is not the request's fault and does not use up its tries: fewer calls at once are what heals it.
    """


@dataclass(frozen=True, slots=True)
class Facts:
    """What the corpus knows about the picture; a truth-conditioned prompt states it, the template teacher uses it.

    Attributes:
        task: ``au+emotion``, ``au`` or ``emotion``.
        aus: codes that are present, sorted by number.
        labels: canonical nouns.
    """

    task: str
    aus: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model about one picture.

    Attributes:
        sample_id: the row's id, for people and for journals; not part of the key.
        prompt: the user message as text.
        prompt_hash: hash of the prompt text.
        facts: what the prompt was conditioned on, or None for a blind question.
        image: picture file, or None.
        image_sha256: its hash; part of the key.
        params: what shapes the answer beside the prompt, such as ``{"temperature": 1.0, "max_tokens": 512}``: the
            backend's ``params``, and what the caller changes in them.
        attempt: 0 for the first; a retry that should draw anew raises it.
    """

    sample_id: str
    prompt: str
    prompt_hash: str
    facts: Facts | None = None
    image: Path | None = None
    image_sha256: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0

    def key(self, model: str) -> str:
        """Content key: model, parameters, prompt hash, image hash and attempt; never the row's position."""
        parts = [model, dict(self.params), self.prompt_hash, self.image_sha256, self.attempt]
        return sha256_bytes(canonical_json(parts))


@dataclass(slots=True)
class Answer:
    """What came back for a request; the raw text is kept whatever a parser or a gate says later.

    Attributes:
        key: :meth:`Request.key` of the question.
        sample_id: the row it was asked for.
        outcome: one of :data:`OUTCOMES`.
        text: the raw text, None only when ``failed``.
        model: who answered.
        usage: token counts as the provider reported them, such as ``{"input": 10, "output": 5}``.
        detail: the provider's words for a refusal or an error.
    """

    key: str
    sample_id: str
    outcome: str
    text: str | None
    model: str
    attempt: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    detail: str | None = None


class Backend(Protocol):
    """Something that answers requests; the runner decides how many at once."""

    name: str
    """The backend's name in recipes, such as ``template``."""
    model: str
    """The model id that enters the key."""
    batch: int
    """How many requests one call takes (1 for a web API, many for an engine)."""
    params: Mapping[str, Any]
    """What its options say about sampling; callers put it into :attr:`Request.params`, so that it enters the key."""
    endpoint: str | None
    """The URL to which prompts and pictures are sent; None when nothing leaves this process."""

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order. A permanent error is a ``failed`` answer.

        Raises:
            TransientError: when the whole call may be tried again.
        """
        ...


@runtime_checkable
class Connected(Protocol):
    """A backend that holds connections."""

    async def close(self) -> None:
        """Close them. Called in the runner's event loop when a run ends; another run may follow."""
        ...


@runtime_checkable
class Stateful(Protocol):
    """A backend whose work goes on without this process, such as a provider's batches.

    The runner makes one call at a time, and Ctrl-C drops it at once: what the next run needs is in the folder.
    """

    def open(self, folder: Path, progress: Progress) -> None:
        """Called before the first request of a run.

        Args:
            folder: the journal's; the backend keeps its state in a folder of its own below it.
            progress: told what is waited for.
        """
        ...
