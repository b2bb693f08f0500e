"""Facial-R1 toolkit: the vocabulary that builders, curation, training, evaluation and viewer share.

>>> import facial_r1
>>> facial_r1.Sample(id="x", dataset="mine", image="x.jpg").labels
[]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facial_r1.sample import Meta, Sample

if TYPE_CHECKING:
    from facial_r1.features import FEATURES

__all__ = ["FEATURES", "Meta", "Sample", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # FEATURES needs `datasets`, which takes a second to import; only who asks for it pays.
    if name == "FEATURES":
        from facial_r1.features import FEATURES

        return FEATURES
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
