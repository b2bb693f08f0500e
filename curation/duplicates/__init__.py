"""Pictures that are copies of one another although their bytes differ: compressed, resized, cropped, mirrored, turned.

A hash finds candidates, pixels decide: ``looks`` reads a picture small, ``views`` hashes what copies of it would look
like, ``search`` finds all pairs of hashes within a distance, ``candidates`` keeps those whose low frequencies agree,
``confirm`` lays one picture over the other and compares them, ``leakage`` asks about a whole data set. How well it does
is measured in ``docs/duplicates.md``.
"""

from __future__ import annotations

from curation.duplicates.faces import Face, Pair

__all__ = ["Face", "Pair"]
