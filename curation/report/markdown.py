"""The report in a few lines of Markdown, for the card of a release; it names no row and shows no picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from curation.checks.check import Check
from curation.report.checked import check_lines
from curation.report.facts import Facts
from curation.report.pages import STAGES, acceptance_lines, loss_lines, waterfall_lines
from facial_r1.facs import au_name
from facial_r1.stats.panels import percent
from facial_r1.stats.tables import markdown_table

__all__ = ["summary"]


def summary(facts: Facts, checks: Sequence[Check]) -> str:
    """A section ``## Quality control``: rows per stage, reasons, what was accepted of what, and checks by result."""
    rows = [(name, *counts) for name, counts in waterfall_lines(facts)]
    stages = markdown_table(("corpus", *(name for name, _ in STAGES)), rows)
    parts = ["## Quality control", stages, "; ".join(f"*{name}*: {what}" for name, what in STAGES) + "."]
    columns, lines = loss_lines(facts)
    if lines:
        parts += ["Left out, by reason:", markdown_table(columns, lines)]
    accepted = facts.acceptance["accepted"]
    answers = accepted + sum(facts.acceptance["rejected"].values())
    if answers:
        parts.append(
            f"{accepted:,} of {answers:,} answers were accepted ({percent(accepted, answers)}).{_hardest(facts)}"
        )
    if checks:
        results = Counter(result for _, result, *_ in check_lines(checks))
        parts.append(f"Checks of the release: {', '.join(f'{n} {result}' for result, n in results.items())}.")
    return "\n\n".join(parts) + "\n"


def _hardest(facts: Facts) -> str:
    """Where the gates took most: the emotion and the Action Unit with the lowest acceptance."""
    said = []
    for key, name in (("label", str), ("au", au_name)):
        lines = acceptance_lines(facts.acceptance[key])
        worst = min(lines, key=lambda line: line[1] / line[2], default=("", 0, 0))
        if len(lines) > 1 and worst[1] < worst[2]:
            said.append(f"{name(worst[0])} {percent(worst[1], worst[2])}")
    return f" Lowest acceptance: {', '.join(said)}." if said else ""
