"""The contract of a corpus: what a builder file must offer, and the records it speaks in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from facial_r1.errors import UsageError
from facial_r1.sample import Sample

__all__ = ["Check", "Corpus", "Difference", "Dropped", "Licence", "Picture", "Report"]


@dataclass(frozen=True, slots=True)
class Licence:
    """What the corpus owner's terms allow, as far as public pages say; everything unknown is a no.

    Attributes:
        terms: one sentence on how access is granted. A paraphrase, not a legal text.
        url: the page where access is asked for.
        pictures, labels, texts: whether pictures, labels, or text derived from them may be redistributed.
        send: whether pictures may be sent to a third party (an API).
    """

    terms: str
    url: str
    pictures: bool = False
    labels: bool = False
    texts: bool = False
    send: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that did not make it, and why. ``reason`` is a short code that can be counted."""

    dataset: str
    id: str | None
    reason: str
    detail: str
    source: str
    AUs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What a scan noticed on its way: rows dropped with a reason, parts that are missing, and remarks.

    With ``keep_going`` a bad row is collected in ``errors`` (as its message) and the scan goes on; without it the
    builder raises at the first one.
    """

    dropped: list[Dropped] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    keep_going: bool = False

    def fault(self, error: Exception) -> None:
        """A row or file that cannot be read: raise ``error``, or keep it when ``keep_going``."""
        if not self.keep_going:
            raise error
        self.errors.append(str(error))


@dataclass(frozen=True, slots=True)
class Difference:
    """One published figure that this copy does not reproduce."""

    what: str
    expected: object
    found: object


@dataclass(slots=True)
class Check:
    """The verdict on a copy: ``usable``, ``usable with gaps`` or ``not this corpus`` (then ``looks_like``)."""

    corpus: str
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    looks_like: str | None = None
    usable: bool = True

    @property
    def verdict(self) -> str:
        """One line for people."""
        if not self.usable:
            return f"not this corpus (it looks like {self.looks_like})" if self.looks_like else "not this corpus"
        return f"usable with gaps: {'; '.join(self.gaps)}" if self.gaps else "usable"


@dataclass(frozen=True, slots=True)
class Picture:
    """The result of materializing one row: its file relative to the image folder, or why there is none."""

    sample_id: str
    image: str | None
    sha256: str | None
    width: int = 0
    height: int = 0
    box: tuple[int, int, int, int] | None = None
    reason: str | None = None
    detail: str = ""


class Corpus(ABC):
    """One corpus in its official layouts. A module of this package defines one instance named ``CORPUS``.

    ``scan`` opens no picture; ``raw`` yields undecoded or decoded source pictures for chosen rows only. Neither ever
    writes below ``root``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[Licence]
    label_set: ClassVar[tuple[str, ...]] = ()
    au_set: ClassVar[tuple[str, ...]] = ()
    """The codes that this corpus can contain; the prompt lists only these."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Option name → default, such as ``{"threshold": 2}`` or ``{"rafml": None}``; a recipe may set only these."""
    tolerances: ClassVar[Mapping[str, int]] = {}
    """Name of a published count → how far a whole copy may be from it, where the sources of the count disagree."""

    @abstractmethod
    def recognises(self, root: Path) -> bool:
        """Whether ``root`` holds a layout of this corpus (cheap: looks at names and first lines only)."""

    def lookalike(self, root: Path) -> str | None:  # noqa: ARG002
        """A relative of this corpus that ``root`` holds instead, in words for the error; None when there is none."""
        return None

    def settings(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options of this corpus: the defaults, and over them what was given.

        Raises:
            UsageError: for an option that this corpus does not have.
        """
        unknown = sorted(options.keys() - self.options.keys())
        if unknown:
            expected = f"only {', '.join(self.options)}" if self.options else "no option"
            raise UsageError(f"{self.title}: unknown option", found=unknown[0], expected=expected)
        return {**self.options, **options}

    @abstractmethod
    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        """Yield every labelled row in a fixed order, without opening a picture.

        Raises:
            NotThisCorpus: when ``root`` is something else (the registry adds what it looks like).
            InputError: for the first bad line, unless ``report.keep_going``.
        """

    @abstractmethod
    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        """Yield the source picture of each of ``samples`` (in any order that reads the source once, sequentially)."""

    def variant(self, root: Path, **options: Any) -> Mapping[str, Any]:  # noqa: ARG002
        """The options with which :meth:`published` speaks of the very copy at ``root``.

        A corpus that was distributed in several sizes fills in here what the copy itself shows, such as
        ``{"layout": "csv"}``; all others leave ``options`` as they are. Cheap: looks at names, as :meth:`recognises`.
        """
        return options

    @abstractmethod
    def published(self, **options: Any) -> Mapping[str, int]:
        """Published count by name, such as ``{"rows": 35887, "Training/anger": 3995}``; see :meth:`count`."""

    @abstractmethod
    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        """Count a scan under the names of :meth:`published`."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A source picture on its way to the image folder.

    Exactly one of ``path`` (a picture file as the corpus has it), ``pixels`` (uint8 array, H×W grey or H×W×3 RGB),
    ``later`` (a picklable function that gives the same row with one of the others, for what is costly to unpack: the
    worker that makes the picture calls it) and ``problem`` (``(reason, detail)``: it could not be read) is set. ``box``
    is the face box in source pixels and ``points`` are landmarks (N×2, x and y in pixels), for ``crop: box`` and
    ``crop: landmarks``.
    """

    sample_id: str
    path: Path | None = None
    pixels: Any = None
    later: Callable[[], Raw] | None = None
    problem: tuple[str, str] | None = None
    box: tuple[int, int, int, int] | None = None
    points: Any = None
