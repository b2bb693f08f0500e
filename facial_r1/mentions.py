"""Finding Action Units in prose: which numbers a text names, and whether it affirms, denies or doubts them.

Spellings: ``AU 4``, ``AU04``, ``au4``, ``AU-4``, ``Action Unit 4``, ``AD19``, ``AUAD19``; sides ``AUL12``,
``AU L12``, ``AU12L``; intensities ``AU6C``, ``AU6c``; lists ``AUs 6, 12 and 25``, ``AU6+12``, ``AU6/12``; ranges
``AU25-27``. Without the word AU only ``L12``/``R12`` and ``M51``-``M66`` are read (capitals, registered numbers).

How far a list goes: joined by ``+``, ``/``, ``&`` or an unspaced dash, a bare number always belongs to it. After
the plural ("AUs 6, 12 and …") it belongs unless it counts something ("and 25 other lines") or is no FACS number
and a word follows ("and 3 people"). After the singular ("AU6, 12 …") the bare tail stands or falls together: only
registered numbers, and then the text must pause or go on with a verb of :data:`_COPULA`. A percentage or a decimal
is never an AU, nor is the number of a list item (a line that begins with "1. "). A dash is a range when it ascends
over at most six numbers, else it joins two AUs; a range skips numbers that FACS does not have, such as 3.

Whether a mention is denied or doubted is read by :mod:`facial_r1.polarity`. Every pattern is bounded, so time grows
linearly with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from facial_r1.facs import BY_NUMBER
from facial_r1.polarity import polarities

__all__ = ["Mention", "find_mentions"]


class Mention(NamedTuple):
    """One Action Unit named in a text.

    Attributes:
        number: the FACS number as written.
        code: its canonical code, None when FACS has no such number.
        side: ``L``, ``R``, ``T``, ``B``, ``U`` or two of them, as written.
        intensity: ``A`` to ``E``.
        negated: the text denies it.
        uncertain: its clause doubts.
        start, end: the slice of the text that names it; the numbers of a range share the slice of the range.
    """

    number: int
    code: str | None
    side: str | None
    intensity: str | None
    negated: bool
    uncertain: bool
    start: int
    end: int


_ORDINAL = r"(?!(?:(?<=\n)|(?<=\n\s))[0-9]{1,2}[.)]\s)"
_SIDE = r"(?P<side>[LRTBU]{1,2})?\s?"
_SUFFIX = r"(?:(?P<intensity>[A-E])?(?P<after>(?-i:[LR]))?(?![^\W_]))?"
_HEAD = re.compile(
    rf"""[AaLRM](?<![^\W_].)(?:
        (?<=[Aa]) (?i: (?: ction[\s-]{{1,3}}(?:unit|descriptor) | U | (?-i:(?<=A)D) ) (?P<plural>['’]?s)?
            (?:\s{{1,3}}numbers?)? \s{{0,3}} [:\#(\[_-]? \s{{0,3}} (?-i:AD|M)? {_SIDE} {_ORDINAL}
            (?P<number>[0-9]{{1,9}})(?![0-9]) {_SUFFIX} )
      | (?: (?<=(?P<bare_side>[LR]))(?P<bare>[0-9]{{1,2}})(?P<bare_intensity>[A-E])? | (?<=M)(?P<head>[56][0-9]) )
            (?![^\W_])
    )""",
    re.VERBOSE,
)
"""The letters it can begin with come first, so that a search passes over all others."""
_MORE = re.compile(
    rf"""(?: (?P<tight>[+/&]|(?P<dash>[-–—])) (?=(?:AU\s?)?[0-9LRTBU])
       | (?:\s?\([^()0-9]{{0,40}}\))? \s{{0,3}}
         (?: [,;/&+](?:\s{{0,3}}(?:and|or|nor)\b)? | \b(?:and|or|nor|plus)\b | (?P<to>[-–—]|\bto\b|\bthrough\b) )
         \s{{0,3}}
    ) (?P<item> (?(tight)(?:AU\s?)?) {_SIDE} {_ORDINAL} (?P<number>[0-9]{{1,2}})(?![0-9]|\s?%|\.[0-9]) {_SUFFIX})
       (?![^\W_])""",
    re.IGNORECASE | re.VERBOSE,
)
_NEXT_WORD = re.compile(r"\s{1,3}([a-z]{1,20})\b", re.IGNORECASE)
_COUNTED = frozenset(
    {"of", "per", "percent", "other", "others", "more", "further", "additional", "different", "out", "people"}
    | {"faces", "places", "times", "years", "points", "degrees", "seconds", "frames", "lines", "wrinkles", "folds"}
    | {"persons", "muscles", "signs", "features", "cues", "units", "movements"}
)
"""What follows a plain number that counts things."""
_COPULA = frozenset(
    {"is", "are", "was", "were", "both", "together", "appear", "combine", "form", "indicate", "point", "show"}
    | {"signal", "suggest"}
)
"""What follows a list that goes on as the subject of a sentence."""
_LONGEST_RANGE = 6
_CODES = {number: unit.code for number, unit in BY_NUMBER.items()}


def find_mentions(text: str) -> tuple[Mention, ...]:
    """All Action Units that ``text`` names, in order of appearance.

    >>> [m.code for m in find_mentions("raised cheeks (AU06) and AUs 12, 25-27; L14B")]
    ['AU6', 'AU12', 'AU25', 'AU26', 'AU27', 'AU14']
    >>> [(m.code, m.negated) for m in find_mentions("without AU4, the lips part (AU25)")]
    [('AU4', True), ('AU25', False)]
    >>> [(m.number, m.code) for m in find_mentions("AU123 in 2 places")]
    [(123, None)]
    """
    mentions = tuple(_named(text))
    flags = polarities(text, [(mention.start, mention.end) for mention in mentions]) if mentions else ()
    return tuple(
        mention._replace(negated=negated, uncertain=uncertain) if negated or uncertain else mention
        for mention, (negated, uncertain) in zip(mentions, flags, strict=True)
    )


def _named(text: str) -> Iterator[Mention]:
    """The Action Units that are named, as if all were affirmed."""
    position = 0
    while head := _HEAD.search(text, position):
        position = head.end()
        if head["number"]:
            first = _mention(head, head.start())
            if tail := _tail(text, position, plural=head["plural"] is not None):
                yield from _expand(first, tail)
                position = tail[-1].end()
            else:
                yield first
        elif (code := _CODES.get(number := int(head["bare"] or head["head"]))) is not None:
            yield Mention(number, code, head["bare_side"], head["bare_intensity"], False, False, head.start(), position)


def _mention(match: re.Match[str], start: int) -> Mention:
    digits, side, after, intensity = match.group("number", "side", "after", "intensity")
    number, side = int(digits), side or after
    side, intensity = side.upper() if side else None, intensity.upper() if intensity else None
    return Mention(number, _CODES.get(number), side, intensity, False, False, start, match.end())


def _tail(text: str, position: int, *, plural: bool) -> list[re.Match[str]]:
    """The bare numbers that continue a list, as the module's text says."""
    tail = []
    while more := _MORE.match(text, position):
        tail.append(more)
        position = more.end()
    while tail and not tail[-1]["tight"] and not _belongs(text, tail[-1], plural=plural):
        tail.pop()
        while tail and not plural and not tail[-1]["tight"]:
            tail.pop()
    return tail


def _belongs(text: str, more: re.Match[str], *, plural: bool) -> bool:
    word = _NEXT_WORD.match(text, more.end())
    known = int(more["number"]) in _CODES
    if plural:
        return word is None or (known and word[1].lower() not in _COUNTED)
    return known and (word is None or word[1].lower() in _COPULA)


def _expand(first: Mention, tail: list[re.Match[str]]) -> Iterator[Mention]:
    """The members of a list, its ranges written out."""
    last = first
    for more in tail:
        here = _mention(more, more.start("item"))
        if (more["dash"] or more["to"]) and last.number < here.number < last.number + _LONGEST_RANGE:
            span = (n for n in range(last.number, here.number) if n == last.number or n in _CODES)
            yield from (Mention(n, _CODES.get(n), None, None, False, False, last.start, here.end) for n in span)
            here = here._replace(start=last.start)
        else:
            yield last
        last = here
    yield last
