"""Whether the words beside an Action Unit's number describe that Action Unit.

"The lip corners are pulled up (AU12)" does, "the lips are parted (AU12)" describes another one, "the lip corners are
pulled down (AU12)" the opposite movement, and "this face (AU12)" nothing. The words are those of the registry:
:attr:`~facial_r1.facs.ActionUnit.signs` name region and movement, :data:`~facial_r1.facs.MOVES` the direction.

Where the words stand: before a number in brackets, from the number before it or the beginning of the sentence on, and
behind the number within its brackets; on both sides of a number without brackets. Numbers that are listed together
share their words. What is denied is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Literal, NamedTuple

from facial_r1.facs import MOVES, REGISTRY
from facial_r1.mentions import Mention
from facial_r1.wording import lowered

__all__ = ["Described", "described"]

Fit = Literal["own", "other", "contrary", "bare"]


class Described(NamedTuple):
    """A mention, and what the words beside it describe.

    Attributes:
        code: the canonical code of the mention.
        fit: ``own`` this Action Unit; ``other`` not this one but another; ``contrary`` its region in the opposite
            movement; ``bare`` none at all.
        words: the words that were looked at, in lower case.
    """

    code: str
    fit: Fit
    words: str


class _Place(NamedTuple):
    before: str
    after: str
    bracketed: bool

    @property
    def words(self) -> str:
        return f"{self.before} , {self.after}" if self.after else self.before


_SIDE_BY_SIDE = re.compile(
    r"(?:[)\]][\s,;&+/]{0,4}(?:(?:and|or|plus)\s)?[(\[]|[\s,;&+/–-]{0,6}(?:(?:and|or|plus)\b\s{0,3})?)"
)
_CLAUSE = re.compile(r",|;|\b(?:and|while|whereas|with|as|but)\b")
_STOPS = ".;:!?\n"
_CLOSING = re.compile(r"[)\]]")
_STOP = re.compile(rf"[{_STOPS}]")


def described(text: str, mentions: Sequence[Mention]) -> Iterator[Described]:
    """How each affirmed mention of a registered code in ``text`` is described, in order of appearance.

    >>> from facial_r1.mentions import find_mentions
    >>> text = "The lip corners rise (AU12), the lips part (AU6), and the mouth corners sink (AU12). AU4!"
    >>> [(one.code, one.fit) for one in described(text, find_mentions(text))]
    [('AU12', 'own'), ('AU6', 'other'), ('AU12', 'contrary'), ('AU4', 'bare')]
    """
    text = lowered(text)
    groups = _groups(text, mentions)
    begin = 0
    for index, group in enumerate(groups):
        end = group[-1].end
        until = groups[index + 1][0].start if index + 1 < len(groups) else len(text)
        place = _place(text, begin, group[0].start, end, until)
        begin = end
        for mention in group:
            if mention.code and not mention.negated:
                yield Described(mention.code, _fit(mention.code, place), place.words.strip(" ,)]"))


def _groups(text: str, mentions: Sequence[Mention]) -> list[list[Mention]]:
    """Mentions that are listed together."""
    groups: list[list[Mention]] = []
    end = -1
    for mention in mentions:
        if end >= 0 and (mention.start <= end or _SIDE_BY_SIDE.fullmatch(text, end, mention.start)):
            groups[-1].append(mention)
        else:
            groups.append([mention])
        end = mention.end
    return groups


def _place(text: str, begin: int, start: int, end: int, until: int) -> _Place:
    """The words around the numbers in ``text[start:end]``, none of them beyond ``begin`` and ``until``."""
    for stop in _STOPS:
        begin = max(begin, text.rfind(stop, begin, start) + 1)
    before, after = text[begin:start].strip(), text[end:until]
    if before.endswith(("(", "[")) or _is_open(before):
        inside = "" if after.startswith((")", "]")) else _CLOSING.split(after, 1)[0].strip(" ,:")
        return _Place(before.strip("([ "), inside, bracketed=True)
    after = after.lstrip()
    if after.startswith(("(", "[")):  # "AU12 (lip corner puller)"
        return _Place("", _CLOSING.split(after, 1)[0].strip(" ([,:"), bracketed=True)
    return _Place(before.lstrip(")] "), _STOP.split(after, 1)[0].strip(), bracketed=False)


def _is_open(before: str) -> bool:
    """Whether a bracket in these words is still open at their end."""
    return max(before.rfind("("), before.rfind("[")) > max(before.rfind(")"), before.rfind("]"))


def _fit(code: str, place: _Place) -> Fit:
    signs, words = _signs(code), place.words
    if signs.search(words):
        moves = _moves(code)
        return "contrary" if moves and moves[1].search(words) and _is_contrary(words, signs, *moves) else "own"
    if not place.bracketed:
        words = _CLAUSE.split(place.before)[-1]
    return "other" if _any_sign().search(words) else "bare"


def _is_contrary(words: str, signs: re.Pattern[str], own: re.Pattern[str], contrary: re.Pattern[str]) -> bool:
    """Whether the clause of the last sign speaks of the opposite movement and not of the own one."""
    *_, last = signs.finditer(words)
    begin = max((cut.end() for cut in _CLAUSE.finditer(words, 0, last.start())), default=0)
    clause = words[begin:]
    return bool(contrary.search(clause)) and not own.search(clause)


@cache
def _signs(code: str) -> re.Pattern[str]:
    """The registry's signs of a unit, its name and its muscles; an eyebrow is no eye."""
    unit = REGISTRY[code]
    muscles = {word for word in re.findall(r"[a-z]{5,}", unit.muscles) if word != "relaxed"}
    return _pattern({*unit.signs, unit.name, *muscles})


@cache
def _any_sign() -> re.Pattern[str]:
    return _pattern(sign for unit in REGISTRY.values() for sign in unit.signs)


@cache
def _moves(code: str) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
    pair = MOVES.get(REGISTRY[code].number)
    return None if pair is None else (_words(pair[0]), _words(pair[1]))


def _pattern(signs: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(set(signs), key=lambda sign: (-len(sign), sign))
    choices = (re.escape(sign).replace(r"\ ", r"\w{0,3}\s{1,3}") for sign in longest_first)
    plain = (f"{choice}(?!brow|lid)" if choice.endswith("eye") else choice for choice in choices)
    return re.compile(rf"\b(?:eye(?=brow|lid))?(?:{'|'.join(plain)})")


def _words(words: Iterable[str]) -> re.Pattern[str]:
    choices = (f"{re.escape(word[:-1])}\\w*" if word.endswith("-") else re.escape(word) for word in words)
    return re.compile(rf"\b(?:{'|'.join(choices)})\b")
