"""Whether a text affirms, denies or doubts the things it names.

A denial reaches *forwards* from its word to the end of the clause: a full stop, semicolon, line item, or a word that
turns (*but*, *while*, *however* …). A comma or *and* ends it too, unless what follows directly is the next thing of
the list ("no AU1, AU2 or AU4") and no subject of its own ("without AU4, AU12 **is** strong"); *or* and *nor* carry it
on. After a noun's denial (*no*, *without*, *absence of*) *and* carries it on until a new subject begins ("no furrow
and **the** lips part"), and so do the commas of a list that ends in ", or".

It reaches *backwards* from a predicate to the things joined right before it: "AU4 is not present", "AU1 and AU2 are
absent"; but not from "AU6 is not accompanied by AU12" or "AU4 is not strong". *Not only*, *no doubt* and *without
doubt* deny nothing.

Doubt covers the whole clause its word stands in, before and behind.

Neither reaches beyond a full stop or semicolon, so only sentences that hold such a word are read word by word.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence

from facial_r1.wording import NEGATIVE_WORDS, UNCERTAIN_WORDS, Cue, any_of, cues, lowered, plain

__all__ = ["polarities"]

_OF_VERBS = ("not", "never", "cannot", "hardly", "scarcely", *(word for word in NEGATIVE_WORDS if word.endswith("n't")))
_TURNS = ("but", "while", "whereas", "although", "though", "however", "yet", "because")
_KINDS = {
    **{",": "comma", "and": "and"},
    **dict.fromkeys(NEGATIVE_WORDS, "noun"),
    **dict.fromkeys(_OF_VERBS, "verb"),
    **dict.fromkeys(UNCERTAIN_WORDS, "doubt"),
}
"""What a word does to the clause it stands in; the turns and line items, which are not listed, end it."""
_EVENT = re.compile(
    rf"""(?P<word> , | \n[ \t]*[\n*•-] | {any_of(("and", *_TURNS, *NEGATIVE_WORDS, *UNCERTAIN_WORDS))} )
        (?P<idiom> (?<=\bnot) \s{{1,3}} (?:only|just|merely|simply)\b
          | (?:(?<=\bno)|(?<=\bwithout)) \s{{1,3}} (?:an?\s|any\s)? (?:doubt|question)\b
        )?""",
    re.VERBOSE,
)
_FULL_STOP = re.compile(r"[.;!?](?!(?<=\.)[0-9])")
_LEAD_IN = re.compile(r"[\s(]{0,4}(?:(?:and|or|nor)\b[\s(]{0,4})?")
_CONJUNCTION = re.compile(r"\s{0,3}(?:or|nor|and)\b")
_LIST_END_AHEAD = re.compile(r"[^.;!?]{0,80}?,\s{0,3}n?or\b")
_NEW_SUBJECT = re.compile(r"\s{0,3}(?:the|both|an?|there|it|he|she|they|this|these|his|her|their)\b")
_SUBJECT_OF = re.compile(r"[)\]]?\s{1,3}(?:is|are|was|were|shows?|appears?|stays?|remains?|stands?)\b")
_JOINED = re.compile(r"[\s(),&+/]{0,4}(?:and|or)?[\s(]{0,4}")

_BE = r"(?:is|are|was|were|does|do|did|has|have|can|could)"
_ADVERB = r"(?:(?:\w{2,12}ly|also|both|all|still)\s{1,3})?"
_COMPANION = r"(?:accompanied|joined|paired|combined|coupled|followed|matched|only|just|merely|simply)"
_DEGREE = r"(?:very|too|so|as|the|an?|strong|intense|extreme|fully)"
_PRESENT = r"(?:present|visible|seen|active|activated|evident|observed|shown|detected|appear)"
_PREDICATE = re.compile(
    rf"""[)\]]? (?:\s{{0,3}}\([^()]{{0,60}}\))? [\s:=(–-]{{0,3}} (?:
        (?:{_BE}|remains?|seems?|appears?|stays?) \s{{1,3}} {_ADVERB} (?:absent|missing|inactive|lacking)\b
      | (?:{_BE}\s{{1,3}} {_ADVERB} (?:not|never) | cannot | (?:{_BE}|ca)n['’]t)\b
            (?!\s{{1,3}}(?:{_COMPANION}|{_DEGREE})\b)
      | (?:not|never)\b (?=\s{{1,3}}{_PRESENT})
      | (?:absent|inactive)\b
    )""",
    re.VERBOSE,
)


def polarities(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[bool, bool]]:
    """``(denied, doubted)`` for each of ``spans``: ``(start, end)`` slices of ``text`` in ascending order.

    >>> text = "no AU1 or AU2, but AU4; perhaps AU6"
    >>> polarities(text, [(3, 6), (10, 13), (19, 22), (32, 35)])
    [(True, False), (True, False), (False, False), (False, True)]
    """
    found = cues(text)
    if not found:
        return [(False, False)] * len(spans)
    text = lowered(text)
    denied, used = _denied_by_predicate(text, spans)
    doubted = [False] * len(spans)
    starts = [start for start, _ in spans]
    listable = {start for start, end in spans if not _SUBJECT_OF.match(text, end)}
    for begin, end in _sentences(text, found):
        first = bisect_left(starts, begin)
        inside = starts[first : bisect_left(starts, end)]
        for index, (reached, doubt) in enumerate(_reach(text, begin, end, inside, listable, used), first):
            denied[index] = denied[index] or reached
            doubted[index] = doubt
    return list(zip(denied, doubted, strict=True))


def _sentences(text: str, found: Sequence[Cue]) -> set[tuple[int, int]]:
    """The slices of the sentences in which a word denies or doubts."""
    bounds = [0, *(stop.start() for stop in _FULL_STOP.finditer(text)), len(text)]
    return {(bounds[index - 1], bounds[index]) for index in (bisect_right(bounds, cue.start) for cue in found)}


def _reach(
    text: str, begin: int, end: int, starts: Sequence[int], listable: Collection[int], used: Collection[int]
) -> list[tuple[bool, bool]]:
    """Whether a denial reaches forwards to, and a doubt covers, each of ``starts`` in the sentence ``[begin, end)``."""
    if not starts:
        return []
    scope: str | None = None  # "noun" or "verb" while a denial reaches on
    clause, doubted = 0, set()
    changes, states = [], [(clause, False)]
    for event in _EVENT.finditer(text, begin, end):
        kind = "idiom" if event["idiom"] else _KINDS.get(plain(event["word"]), "stop")
        if kind == "doubt":
            doubted.add(clause)
        elif kind in ("verb", "noun"):
            scope = scope if event.end() in used else kind
        elif kind != "idiom":
            listed = kind in ("comma", "and") and _after_lead_in(text, event.end()) in listable
            clause += kind != "and" and not listed
            if scope and not listed and not _carries_on(text, kind, event.end(), scope):
                scope = None
        changes.append(event.start())
        states.append((clause, scope is not None))
    here = [states[bisect_right(changes, start)] for start in starts]
    return [(reached, at in doubted) for at, reached in here]


def _after_lead_in(text: str, position: int) -> int:
    lead_in = _LEAD_IN.match(text, position)
    return lead_in.end() if lead_in else position


def _carries_on(text: str, kind: str, after: int, scope: str) -> bool:
    """Whether a denial of this ``scope`` outlives a stop, comma or *and* that no listed thing follows."""
    if kind == "comma":
        list_goes_on = scope == "noun" and _LIST_END_AHEAD.match(text, after)
        return bool(_CONJUNCTION.match(text, after) or list_goes_on)
    return kind == "and" and scope == "noun" and not _NEW_SUBJECT.match(text, after)


def _denied_by_predicate(text: str, spans: Sequence[tuple[int, int]]) -> tuple[list[bool], Collection[int]]:
    """Which spans a predicate behind them denies, and where the denying words end (they reach no further)."""
    denied, used = [False] * len(spans), set()
    for index, (_, end) in enumerate(spans):
        predicate = _PREDICATE.match(text, end)
        if predicate is None:
            continue
        used.add(predicate.end())
        first = index
        while first > 0 and _JOINED.fullmatch(text, spans[first - 1][1], spans[first][0]):
            first -= 1
        denied[first : index + 1] = [True] * (index + 1 - first)
    return denied, used
