"""Builders: one module per corpus, a folder where it takes several files. Each defines ``CORPUS`` and is found by name.

>>> from datasets_builders import corpus
>>> corpus("fer2013").title
'FER2013'
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from datasets_builders.common.corpus import Corpus
from facial_r1.errors import NotThisCorpus, UsageError

__all__ = ["corpus", "corpus_names", "load_corpus", "looks_like", "require"]

_TOOLS = ("common", "synthetic")
"""What lies here and is no corpus."""


@cache
def corpus_names() -> tuple[str, ...]:
    """The names of all corpora, alphabetical."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _TOOLS))


@cache
def corpus(name: str) -> Corpus:
    """The corpus called ``name``.

    Raises:
        UsageError: for a name that has no file in this package.
    """
    if name not in corpus_names():
        raise UsageError("unknown corpus", found=name, expected=f"one of {', '.join(corpus_names())}")
    found: Corpus = importlib.import_module(f"datasets_builders.{name}").CORPUS
    return found


def looks_like(root: Path) -> str | None:
    """The corpus whose layout ``root`` has, or None."""
    return next((name for name in corpus_names() if root.is_dir() and corpus(name).recognises(root)), None)


def require(name: str, root: Path) -> Corpus:
    """The corpus called ``name``, once ``root`` is known to hold it.

    Raises:
        NotThisCorpus: saying what is missing, or which corpus the folder looks like instead.
    """
    wanted = corpus(name)
    if not root.is_dir():
        do = f"give the folder of your copy: --with {name}=DIR, the recipe's corpora.{name}.root, or the variable "
        raise NotThisCorpus(f"{wanted.title}: there is no such folder", path=root, do=f"{do}FACIAL_R1_{name.upper()}")
    if not wanted.recognises(root):
        other = looks_like(root)
        listing = ", ".join(sorted(p.name for p in root.iterdir())[:8])
        found = wanted.lookalike(root) or (f"a copy of {corpus(other).title}" if other else listing)
        raise NotThisCorpus(
            f"this folder is not {wanted.title}",
            path=root,
            found=found or "an empty folder",
            expected=(wanted.__doc__ or "").strip().splitlines()[0],
            do=f"give the folder that `facial-r1 corpora list` describes for {name}",
        )
    return wanted


def load_corpus(name: str, data_dir: Path | str, **how: Any) -> Any:
    """A corpus as a Hugging Face data set; see :func:`datasets_builders.common.hub.load_corpus`.

    >>> rows = load_corpus("fer2013", "/data/fer2013", split="train")  # doctest: +SKIP
    """
    from datasets_builders.common import hub

    return hub.load_corpus(name, data_dir, **how)
