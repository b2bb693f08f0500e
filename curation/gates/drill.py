"""A rehearsal: what becomes of the quotas when a share of all answers is turned down?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from curation.gates.registry import Candidate, Ruling, gate
from facial_r1.files import canonical_json, sha256_bytes

__all__ = ["drill"]


@gate
def drill(candidate: Candidate, share: Annotated[float, Field(ge=0, le=1)] = 0.3) -> Ruling:
    """Rejects a share of the answers, whatever they say; the same answer to the same row always fares alike.

    For a build with the template teacher, before the real one is paid: it shows whether reserve and attempts suffice to
    fill every quota. The value is the answer's place between 0 and 1; below ``share`` it is rejected.
    """
    response = candidate.response
    words = canonical_json([candidate.sample.id, response.think, response.answer])
    place = int(sha256_bytes(words)[:8], 16) / 2**32
    return Ruling(False, "drill", f"{place:.3f} < {share}", place) if place < share else Ruling(True, value=place)
