"""A text as HTML: every Action Unit that the parser reads in it marked, explained, and held against the truth."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from facial_r1.facs import REGISTRY
from facial_r1.mentions import Mention
from facial_r1.response import parse

__all__ = ["STATES", "explain", "reasoning", "state_of"]

STATES = {
    "true": "present, says the corpus",
    "false": "absent, says the corpus",
    "unknown": "not annotated: unknown",
    "invented": "no code of FACS",
}
"""How a claimed Action Unit stands to the truth of its row."""

LONGEST = 20_000
"""Characters of a text that are shown; the rest is counted."""


def state_of(code: str | None, present: Iterable[str], annotated: Iterable[str]) -> str:
    """A key of :data:`STATES`.

    >>> state_of("AU12", ["AU12"], ["AU6", "AU12"]), state_of("AU6", ["AU12"], ["AU6", "AU12"])
    ('true', 'false')
    >>> state_of("AU25", [], ["AU12"]), state_of(None, [], [])
    ('unknown', 'invented')
    """
    if code is None:
        return "invented"
    if code not in set(annotated):
        return "unknown"
    return "true" if code in set(present) else "false"


def explain(code: str | None) -> str:
    """Name, visible sign and muscles of a code, in one line."""
    if code is None:
        return "FACS has no such number"
    unit = REGISTRY[code]
    muscles = f" · {unit.muscles}" if unit.muscles else ""
    return f"{unit.code} {unit.name}: {unit.description}{muscles}"


def reasoning(text: str, present: Iterable[str], annotated: Iterable[str], label_set: Iterable[str] = ()) -> Markup:
    """``<think>`` with its marks and ``<answer>``, or the text as it came where the grammar is broken.

    Whatever the text holds is shown as text.
    """
    clipped = text[:LONGEST]
    response = parse(clipped, label_set=label_set)
    rest = len(text) - len(clipped)
    more = Markup('<p class="note">… and {:,} more characters.</p>').format(rest) if rest else Markup("")
    if response.think is None or response.answer is None or not response.well_formed:
        faults = ", ".join(response.faults)
        note = Markup('<p class="note">grammar: {}</p>').format(faults) if text.strip() and not rest else Markup("")
        body = clipped or "(no text)"
        return Markup('<pre class="raw">{}</pre>{}{}').format(body, note, more)
    think = _marked(response.think, response.mentions, tuple(present), tuple(annotated))
    return Markup('<p class="think">{}</p><p class="answer">{}</p>').format(think, response.answer)


def _marked(text: str, mentions: Iterable[Mention], present: tuple[str, ...], annotated: tuple[str, ...]) -> Markup:
    parts, done = [], 0
    for mention in mentions:
        if mention.start < done:  # further numbers of one range share its slice
            continue
        state = state_of(mention.code, present, annotated)
        if mention.negated:
            state, said = "denied", "denied in the text"
        else:
            said = STATES[state]
        parts.append(escape(text[done : mention.start]))
        parts.append(
            Markup('<mark class="au {}" tabindex="0" data-tip="{}" aria-label="{}">{}</mark>').format(
                state,
                f"{explain(mention.code)} — {said}",
                f"{text[mention.start : mention.end]}, {said}",
                text[mention.start : mention.end],
            )
        )
        done = mention.end
    parts.append(escape(text[done:]))
    return Markup("").join(parts)
