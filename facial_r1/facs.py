"""The one registry of Action Units (AU), Action Descriptors (AD) and head and eye codes, as data.

Names and muscles follow the Facial Action Coding System (Ekman, Friesen & Hager 2002) as tabulated in
PMC7264164, Table 1, and py-feat's AU reference; the descriptions of what is seen are our own words. AU13 is the
*sharp lip puller* (older lists call it cheek puffer; that is AD34). 19 and 29-37 are descriptors, hence ``AD``.

``signs`` are lower-case word stems of the region and movement: the words that may stand beside the number in a
description. They serve the template teacher, the prompt and the prose-number gate alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from facial_r1.errors import InputError

__all__ = [
    "ANTAGONISTS",
    "BY_NUMBER",
    "EXCLUSIVE",
    "MAIN_CODES",
    "MOVES",
    "PROTOTYPES",
    "REGISTRY",
    "ActionUnit",
    "Token",
    "au_name",
    "code",
    "number",
    "parse_token",
    "sort_codes",
]


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One code of FACS.

    Attributes:
        number: the FACS number, 1-66.
        kind: ``AU`` or ``AD``.
        name: the FACS name, lower case.
        muscles: the muscles that move; empty for descriptors, head and gaze.
        description: what is seen, neutral in tone.
        signs: stems that may stand beside the number in a text.
    """

    number: int
    kind: str
    name: str
    muscles: str
    description: str
    signs: tuple[str, ...]

    @property
    def code(self) -> str:
        """The canonical code, such as ``AU12`` or ``AD19``."""
        return f"{self.kind}{self.number}"


# number | kind | name | muscles | description | signs
_TABLE = """
1|AU|inner brow raiser|frontalis, pars medialis|the inner ends of the brows move up|inner brow,inner end,\
inner corner,brow,forehead
2|AU|outer brow raiser|frontalis, pars lateralis|the outer ends of the brows move up and arch|outer brow,outer end,\
brow,forehead
4|AU|brow lowerer|corrugator and depressor supercilii, procerus|the brows are drawn down and together, with a furrow \
between them|brow,furrow,frown,glabella,forehead,scowl,knit
5|AU|upper lid raiser|levator palpebrae superioris|the upper lids are lifted and more white shows above the iris|\
upper lid,upper eyelid,eyelid,lid,eyes wide,wide eye,widened eye,white,sclera,\
eye
6|AU|cheek raiser|orbicularis oculi, pars orbitalis|the cheeks are lifted and crow's feet form beside narrowed eyes|\
cheek,crow,crinkl,squint,narrow,around the eye,under the eye,corners of the eye,eye corner
7|AU|lid tightener|orbicularis oculi, pars palpebralis|the lids are tense and the lower lid is straight and raised|\
lid,eyelid,narrow,squint,eye
8|AU|lips toward each other|orbicularis oris|the lips are drawn towards each other over an open jaw|lips toward,lip
9|AU|nose wrinkler|levator labii superioris alaeque nasi|the skin along the nose wrinkles and the nostril wings rise|\
nose,nasal,nostril
10|AU|upper lip raiser|levator labii superioris|the upper lip is lifted and the nasolabial fold deepens|upper lip,\
nasolabial,sneer,lip curl,curled lip,lip rais,raised lip
11|AU|nasolabial deepener|zygomaticus minor|the upper middle part of the nasolabial fold deepens|nasolabial,fold
12|AU|lip corner puller|zygomaticus major|the lip corners are pulled up and outwards|corner,smile,smiling,grin,\
upturned,lips curve,mouth curve,curved lip
13|AU|sharp lip puller|levator anguli oris|the lip corners are lifted sharply and the cheeks bulge above them|\
corner,sharp
14|AU|dimpler|buccinator|the lip corners are tightened inwards and a dimple forms|dimple,corner,smirk
15|AU|lip corner depressor|depressor anguli oris|the lip corners are pulled down|corner,downturned,mouth turn,\
lips turn,frown
16|AU|lower lip depressor|depressor labii inferioris|the lower lip is pulled down and lower teeth come into \
view|lower lip,lower teeth
17|AU|chin raiser|mentalis|the chin boss and the lower lip are pushed up|chin,lower lip,pout
18|AU|lip pucker|incisivii labii|the lips are pushed forward and rounded|pucker,purse,lips forward,rounded
19|AD|tongue show||the tongue is visible|tongue
20|AU|lip stretcher|risorius, platysma|the lip corners are pulled straight back|stretch,lips back,straight back,lip,\
mouth
21|AU|neck tightener|platysma|cords of the neck become visible|neck
22|AU|lip funneler|orbicularis oris|the lips are flared outwards like a funnel|funnel,flare
23|AU|lip tightener|orbicularis oris|the lips are thin and tense|tight,lip,thin,mouth
24|AU|lip pressor|orbicularis oris|the lips are pressed together|press,lip,mouth
25|AU|lips part|depressor labii, or relaxed mentalis or orbicularis oris|a gap opens between the lips|lips part,\
parted,gap,lips open,open lips,lips apart,opening between,teeth,mouth open,open mouth,open
26|AU|jaw drop|relaxed masseter|the jaw is lowered|jaw,mouth,agape
27|AU|mouth stretch|pterygoids, digastric|the mouth is stretched wide open|mouth,jaw,agape
28|AU|lip suck|orbicularis oris|the lips are drawn into the mouth|suck,lips in,drawn in,into the mouth
29|AD|jaw thrust|pterygoids, masseter|the jaw is pushed forward|jaw
30|AD|jaw sideways|pterygoids, masseter|the jaw is shifted to one side|jaw
31|AD|jaw clencher|masseter|a muscle bulges at the angle of the jaw|jaw,clench
32|AD|lip bite||the teeth bite the lip|bite,biting,bitten
33|AD|cheek blow|buccinator|the cheeks are blown out with air passing the lips|cheek
34|AD|cheek puff|buccinator|the cheeks are puffed out|cheek
35|AD|cheek suck|buccinator|the cheeks are sucked in|cheek
36|AD|tongue bulge||the tongue bulges inside the cheek or lip|tongue,bulge
37|AD|lip wipe||the tongue wipes over the lips|tongue,wipe
38|AU|nostril dilator|nasalis, pars alaris|the nostrils widen|nostril
39|AU|nostril compressor|nasalis, pars transversa|the nostrils narrow|nostril
41|AU|lid droop|relaxed levator palpebrae|the upper lids droop|lid,droop
42|AU|slit|orbicularis oculi|the eyes are slits|slit,lid,eye
43|AU|eyes closed|relaxed levator palpebrae superioris|both eyes are closed|eyes closed,closed eye,lid,eye
44|AU|squint|orbicularis oculi, pars palpebralis|the eyes squint|squint,lid,eye
45|AU|blink|relaxed levator palpebrae, orbicularis oculi|the eyes close briefly|blink,lid,eye
46|AU|wink|relaxed levator palpebrae, orbicularis oculi|one eye is closed|wink,one eye
51|AU|head turn left||the head is turned to its left|head
52|AU|head turn right||the head is turned to its right|head
53|AU|head up||the head is raised|head
54|AU|head down||the head is lowered|head
55|AU|head tilt left||the head is tilted to its left|head
56|AU|head tilt right||the head is tilted to its right|head
57|AU|head forward||the head is pushed forward|head
58|AU|head back||the head is drawn back|head
61|AU|eyes turn left||the eyes look to the left|eye,gaze
62|AU|eyes turn right||the eyes look to the right|eye,gaze
63|AU|eyes up||the eyes look up|eye,gaze
64|AU|eyes down||the eyes look down|eye,gaze
65|AU|walleye||the eyes point away from each other|eye,gaze
66|AU|cross-eye||the eyes point towards each other|eye,gaze
"""


def _read(table: str) -> dict[str, ActionUnit]:
    units = {}
    for row in table.strip().replace("\\\n", "").splitlines():
        num, kind, name, muscles, description, signs = row.split("|")
        unit = ActionUnit(int(num), kind, name, muscles, description, tuple(signs.split(",")))
        units[unit.code] = unit
    return units


REGISTRY: dict[str, ActionUnit] = _read(_TABLE)
"""Canonical code → unit, in order of number."""

MAIN_CODES: tuple[str, ...] = tuple(
    unit.code for unit in REGISTRY.values() if unit.kind == "AU" and (unit.number <= 28 or unit.number == 43)
)
"""The Action Units of the face proper, by number: what a teacher may name where a corpus scored none."""

BY_NUMBER: dict[int, ActionUnit] = {unit.number: unit for unit in REGISTRY.values()}
"""FACS number → unit; every number has one kind only."""

_UP = "rais-,rise,rises,rising,rose,lift-,up,upward-,upturned,climb-,arch-,high-,elevat-"
_DOWN = "down,downward-,downturned,lowered,lowers,lowering,droop-,sag-,sink-,sunk-,depress-"
_OPEN = "part,parts,parted,parting,apart,open-,gap-,agape,wide,widely"
_SHUT = "press-,clos-,seal-,shut,shuts,clench-"
_TENSE = "tight-,tens-,narrow-,squeez-,firm-,contract-"

_MOVES: dict[int, tuple[str, str]] = {
    1: (f"{_UP},slant-,oblique-", f"{_DOWN},furrow-,frown-,knit-"),
    2: (_UP, f"{_DOWN},furrow-,frown-,knit-"),
    4: (f"{_DOWN},lower,draw-,together,furrow-,frown-,knit-,creas-,{_TENSE}", _UP),
    5: (f"{_UP},{_OPEN},white,widen-", f"{_DOWN},narrow-,clos-,shut,squint-,squeez-"),
    6: (f"{_UP},crow,crinkl-,squint-,narrow-,push-,bunch-,wrinkl-", "puff-,suck-,hollow-,blow-"),
    7: (f"{_TENSE},squint-,rais-,straight-", "wide,widely,widen-,droop-,relax-"),
    9: (f"{_UP},wrinkl-,scrunch-,crinkl-", "smooth-,relax-"),
    10: (f"{_UP},curl-,deep-,sneer-,bare,bares", _DOWN),
    12: (f"{_UP},smil-,grin-,outward-,back,curv-,stretch-", _DOWN),
    13: (f"{_UP},sharp-", _DOWN),
    15: (f"{_DOWN},frown-", f"{_UP},smil-,grin-"),
    16: (f"{_DOWN},drop-,bare,bares,flatten-", "rais-,rise,rises,lift-,up,upward-"),
    17: (f"{_UP},push-,bunch-,wrinkl-,pout-", "down,downward-,droop-"),
    18: ("pucker-,purs-,round-,forward", "stretch-,flatten-"),
    20: (f"stretch-,straight,sideway-,back,flat-,wide,widen-,later-,{_TENSE}", "pucker-,purs-,round-,funnel-"),
    23: (f"{_TENSE},thin-,roll-,press-,compress-", f"{_OPEN},relax-,flare-,pucker-"),
    24: (f"{_SHUT},{_TENSE},compress-,together", f"{_OPEN},relax-"),
    25: (_OPEN, f"{_SHUT},together"),
    26: (f"{_DOWN},{_OPEN},drop-,fall-,fell,hang-,hung,loose-,slack-,lower", "clench-,shut,tight-,rais-,up"),
    27: (f"{_DOWN},{_OPEN},stretch-,drop-,fall-", f"{_SHUT},tight-"),
    38: ("widen-,wide,dilat-,flar-,spread-,open-", "narrow-,compress-,pinch-"),
    39: ("narrow-,compress-,pinch-,together,drawn", "widen-,wide,dilat-,flar-,spread-"),
    43: (f"{_SHUT},lower,{_DOWN}", "open-,wide,widely,widen-"),
}
MOVES: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = {
    au: (tuple(own.split(",")), tuple(contrary.split(","))) for au, (own, contrary) in _MOVES.items()
}
"""FACS number → words of its movement, and words of the opposite one, for the units that have an opposite.

A word with a hyphen behind it is a stem; *lower* and *deep* in a region's name are no movement, hence the full forms.
"""

PROTOTYPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "happiness": ((6, 12), (6, 12, 25), (12, 25)),
    "sadness": ((1, 4, 15), (4, 15), (1, 4, 15, 17)),
    "surprise": ((1, 2, 5, 26), (1, 2, 5, 25, 26), (1, 2, 25, 27), (1, 2, 26)),
    "fear": ((1, 2, 4, 5, 20, 25), (1, 2, 4, 5, 20, 26), (1, 4, 20, 25), (5, 20)),
    "anger": ((4, 5, 7, 23), (4, 5, 7, 24), (4, 7, 17, 23), (4, 7, 10, 24)),
    "disgust": ((9,), (9, 15, 16), (9, 17), (10, 17), (4, 10, 17)),
    "contempt": ((14,), (12, 14)),
    "neutral": ((),),
}
"""Emotion → AU combinations described for it (FACS investigator's guide, Table 11-1; Cohn 2005; Du et al. 2014).

A *soft* prior: faces in the wild often differ, so nothing is ever rejected for missing its prototype.
"""

EXCLUSIVE: frozenset[frozenset[int]] = frozenset(
    frozenset(pair)
    for pair in (
        *((51, 52), (53, 54), (55, 56), (57, 58), (61, 62), (63, 64), (65, 66)),
        *((61, 65), (61, 66), (62, 65), (62, 66)),
        *((5, 43), (43, 45), (43, 46), (45, 46), (26, 27), (24, 25), (24, 27), (33, 34), (33, 35), (34, 35)),
    )
)
"""Pairs that one face cannot show at once: FACS manual, Table 9-1 (head and gaze), and plain geometry."""

ANTAGONISTS: frozenset[frozenset[int]] = frozenset(
    frozenset(pair) for pair in ((12, 15), (18, 20), (12, 18), (22, 23), (22, 24), (16, 24), (9, 10))
)
"""Pairs that work against or mask each other but do occur together in controlled expressions."""


@dataclass(frozen=True, slots=True)
class Token:
    """A parsed AU token: canonical ``code`` (or None for an unknown number), side and intensity letter."""

    number: int
    code: str | None
    side: str | None
    intensity: str | None


_TOKEN = re.compile(
    r"\s*(?:AU|AD|M)?\s*[-_]?\s*([LRTBU]{1,2})?\s*(?:AU|AD)?\s*0*([0-9]{1,3})\s*([A-Ea-e])?\s*", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def parse_token(text: str) -> Token | None:
    """Read one AU token with its affixes, or return None when it is none.

    Accepts what the corpora hold: ``12``, ``AU04``, ``AU 4``, ``L10`` (left), ``R2``, ``T24`` (top), ``B22``
    (bottom), ``U14`` (unilateral), ``AD19``, ``AUAD19``, ``AURB18`` (right bottom), ``AU6c`` (intensity C).

    >>> parse_token("L10")
    Token(number=10, code='AU10', side='L', intensity=None)
    >>> parse_token("AU6c").intensity
    'C'
    >>> parse_token("99").code is None and parse_token("smile") is None
    True
    """
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    side, digits, letter = match.groups()
    unit = BY_NUMBER.get(int(digits))
    side = side.upper() if side else None
    return Token(int(digits), unit.code if unit else None, side, letter.upper() if letter else None)


def code(value: str | int) -> str:
    """The canonical code of a number or a token without affixes: ``4``, ``"AU04"``, ``"au 4"`` → ``"AU4"``.

    Raises:
        InputError: when it is no code of the registry.
    """
    token = parse_token(str(value))
    if token is None or token.code is None:
        raise InputError("unknown Action Unit", found=str(value), expected="a FACS number such as AU12 or AD19")
    return token.code


def number(canonical: str) -> int:
    """The FACS number of a canonical code: ``"AU12"`` → 12."""
    return REGISTRY[canonical].number


def au_name(canonical: str) -> str:
    """A canonical code with its name: ``"AU12"`` → ``AU12 lip corner puller``."""
    return f"{canonical} {REGISTRY[canonical].name}"


def sort_codes(codes: Iterable[str]) -> list[str]:
    """Canonical codes sorted by number, each once (AU2 before AU10)."""
    return sorted(set(codes), key=number)
