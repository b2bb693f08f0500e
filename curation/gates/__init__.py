"""Gates: one small function each, giving ok or a reason; a registry that knows name and parameters."""

from __future__ import annotations

from curation.gates.registry import Candidate, Ruling, Verdict, gate, gate_names, judge, rejection

__all__ = ["Candidate", "Ruling", "Verdict", "gate", "gate_names", "judge", "rejection"]
