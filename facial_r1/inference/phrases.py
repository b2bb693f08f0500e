"""What the template teacher says, as data: phrasings of every Action Unit, glosses of emotions, sentence frames.

Every phrasing of a code holds one of its ``signs`` (:data:`facial_r1.facs.REGISTRY`), states what is seen and neither
denies nor doubts. They are our own words for the descriptions of the Facial Action Coding System.
"""

from __future__ import annotations

from dataclasses import dataclass

from facial_r1.facs import BY_NUMBER

__all__ = [
    "AU_PREDICATES",
    "EMOTION_PREDICATES",
    "FRAMES",
    "GLOSSES",
    "LINKS",
    "OPENINGS",
    "PART_OPENINGS",
    "PHRASES",
    "REGIONS",
    "REST",
    "REST_CLOSINGS",
    "SINGLE_SUBJECTS",
    "SUBJECTS",
    "Phrases",
]


@dataclass(frozen=True, slots=True)
class Phrases:
    """How one Action Unit can be said.

    Attributes:
        clauses: finite clauses, such as "the inner brow corners rise".
        nouns: noun phrases that follow a verb such as "shows", such as "raised inner brows".
    """

    clauses: tuple[str, ...]
    nouns: tuple[str, ...]


REGIONS: dict[str, tuple[int, ...]] = {
    "brows": (1, 2, 4),
    "eyes": (5, 7, 41, 42, 43, 44, 45, 46),
    "cheeks": (6, 33, 34, 35),
    "nose": (9, 11, 38, 39),
    "mouth": (8, 10, 12, 13, 14, 15, 16, 18, 19, 20, 22, 23, 24, 25, 28, 32, 36, 37),
    "jaw": (26, 27, 29, 30, 31),
    "chin": (17,),
    "neck": (21,),
    "head": (51, 52, 53, 54, 55, 56, 57, 58),
    "gaze": (61, 62, 63, 64, 65, 66),
}
"""Part of the face → FACS numbers, from top to bottom; every number of the registry is in one part."""

# number | clauses | noun phrases
_TABLE = """
1|the inner ends of the brows move up; the inner brow corners rise; the inner brows are lifted towards the middle of \
the forehead; the brows slant upwards at their inner ends|raised inner brows; an upward pull at the inner brow \
corners; brows lifted at their inner ends; inner brow ends that climb the forehead
2|the outer ends of the brows move up; the outer brows are raised into an arch; the outer brow ends climb; the brows \
arch high at their outer ends|raised outer brows; an arch at the outer ends of the brows; outer brow ends pulled up; \
brows lifted at their tails
4|the brows are drawn down and together; a furrow forms between the lowered brows; the brows knit into a frown; the \
brow is lowered and creased in the middle|lowered brows; a furrow between the brows; brows drawn together; a frown \
that pulls the brows down
5|the upper lids are lifted; the eyes are opened wide by raised upper lids; more white shows above the iris; the upper \
eyelids are pulled up|raised upper lids; eyes opened wide; white visible above the iris; upper eyelids lifted high
6|the cheeks are lifted; the cheeks rise and crow's feet form beside the eyes; raised cheeks push up under the eyes; \
crow's feet gather above the raised cheeks|raised cheeks; crow's feet beside the eyes; cheeks pushed up towards the \
eyes; lifted cheeks below narrowed eyes
7|the lids are tightened; the lower lids are tense and straight; the eyelids narrow the eyes; the lower eyelids are \
raised and firm|tightened lids; tense lower eyelids; eyes narrowed by firm lids; a squint of the lower lids
8|the lips are drawn towards each other; the lips move towards one another over an open jaw; both lips come together \
in front of the teeth|lips drawn towards each other; lips that close in on one another; a narrowing of the lips over \
the teeth
9|the nose is wrinkled; the skin along the nose is drawn up in wrinkles; wrinkles form across the bridge of the nose; \
the wings of the nose are pulled up|a wrinkled nose; wrinkles along the nose; a nose scrunched at its bridge; nasal \
skin drawn upwards
10|the upper lip is raised; the upper lip is pulled up and the nasolabial fold deepens; the middle of the upper lip \
lifts; the upper lip curls upwards|a raised upper lip; an upper lip pulled upwards; an upper lip lifted off the teeth; \
an upper lip that curls
11|the nasolabial fold deepens in its upper part; the upper nasolabial furrows are pulled deep; a deep fold forms \
beside the nose|a deepened nasolabial fold; nasolabial furrows drawn deep; a strong fold beside the nose
12|the lip corners are pulled up and outwards; the corners of the mouth rise; a smile lifts the lip corners; the mouth \
widens into a smile|raised lip corners; mouth corners drawn up and back; a smile; lip corners pulled towards the \
cheeks
13|the lip corners are pulled up sharply; the corners of the mouth rise steeply; a sharp pull lifts the lip corners \
straight up|sharply raised lip corners; a steep lift of the mouth corners; lip corners drawn straight up
14|the lip corners are tightened inwards; a dimple forms beside the mouth; the corners of the mouth are pressed \
inwards; dimples show where the mouth corners tighten|tightened lip corners; a dimple beside the mouth; mouth corners \
tucked inwards; dimples at the mouth corners
15|the lip corners are pulled down; the corners of the mouth sink; the mouth corners turn downwards; the lip corners \
droop towards the chin|lowered lip corners; mouth corners turned down; a downward pull at the lip corners; mouth \
corners that sag
16|the lower lip is pulled down; the lower lip drops and bares lower teeth; a downward pull flattens the lower lip|a \
lowered lower lip; a lower lip pulled down; lower teeth bared below the lip
17|the chin is pushed up; the chin boss rises and wrinkles; the skin of the chin bunches up under the lower lip; the \
raised chin pushes the lower lip up|a raised chin; a chin pushed upwards; a wrinkled chin boss; a bunched chin under \
the lower lip
18|the lips pucker; the lips are pursed and pushed forward; the mouth is rounded into a pucker|puckered lips; a pursed \
mouth; a rounded, forward mouth
19|the tongue shows between the lips; the tongue is visible; the tongue comes forward out of the mouth|a visible \
tongue; a tongue put forward; a tongue between the lips
20|the lips are stretched sideways; the lip corners are pulled straight back; the mouth is stretched flat and wide; \
the lips are drawn back towards the ears|stretched lips; a flat, sideways stretch of the mouth; lips pulled straight \
back; lips drawn wide and flat
21|the neck tightens; cords stand out on the neck; the skin of the neck is pulled taut|a tightened neck; visible cords \
of the neck; taut skin on the neck
22|the lips are funneled outwards; the lips flare like a funnel; both lips flare forward and outwards|funneled lips; a \
funnel shape of the lips; lips flared outwards
23|the lips are tightened; the lips become thin and tense; the red of the lips is narrowed by tight muscles; the lips \
roll in slightly and look thin|tightened lips; thin, tense lips; a tight mouth; lips made thin by tension
24|the lips are pressed together; the lips press firmly against each other; the mouth is pressed shut; pressure \
flattens both lips|pressed lips; lips pressed together; a firmly pressed mouth; lips pushed against each other
25|the lips part; the lips are parted; a gap opens between the lips; an opening between the lips shows the \
teeth|parted lips; a gap between the lips; an opening between the upper and the lower lip; lips apart
26|the jaw drops; the jaw is lowered; the jaw hangs loosely open; the lower jaw sinks|a dropped jaw; a lowered jaw; a \
loose, open jaw; a jaw that hangs relaxed
27|the mouth is stretched wide open; the mouth gapes; the jaw is pulled far down and the mouth opens wide; the mouth \
is opened to its full height|a wide open mouth; a mouth stretched open; a gaping mouth; a jaw pulled far down
28|the lips are sucked into the mouth; the lips are drawn in over the teeth; the lips disappear into the mouth|lips \
sucked in; lips drawn in over the teeth; lips rolled into the mouth
29|the jaw is pushed forward; the lower jaw juts out; the jaw is thrust in front of the upper teeth|a forward jaw; a \
jutting jaw; a jaw thrust to the front
30|the jaw is shifted to one side; the lower jaw slides sideways; the jaw moves off the middle line|a jaw shifted \
sideways; a sideways jaw; a jaw moved to one side
31|the jaw is clenched; a muscle bulges at the angle of the jaw; the teeth are clenched and the jaw hardens|a clenched \
jaw; a bulge at the angle of the jaw; clenched teeth
32|the teeth bite the lip; the lip is bitten; the upper teeth are biting on the lower lip|a bitten lip; teeth biting \
the lip; a bite on the lower lip
33|the cheeks are blown out as air passes the lips; air blows through the lips and rounds the cheeks; the cheeks swell \
while air is blown out|blown cheeks; cheeks rounded by blowing; cheeks swollen by passing air
34|the cheeks are puffed out; air fills both cheeks; the cheeks balloon|puffed cheeks; cheeks filled with air; \
ballooned cheeks
35|the cheeks are sucked in; the cheeks hollow inwards; both cheeks are drawn between the teeth|sucked-in cheeks; \
hollowed cheeks; cheeks drawn inwards
36|the tongue bulges inside the cheek; a bulge from the tongue shows under the lip; the tongue pushes the skin \
outwards from inside|a tongue bulge; a bulge made by the tongue; a tongue pushed against the cheek
37|the tongue wipes over the lips; the lips are wiped by the tongue; the tongue glides along the lips|a tongue wiping \
the lips; a lip wipe; a tongue that moves over the lips
38|the nostrils widen; the nostrils are dilated; the wings of the nostrils spread|widened nostrils; dilated nostrils; \
spread nostrils
39|the nostrils narrow; the nostrils are compressed; the wings of the nostrils are drawn together|narrowed nostrils; \
compressed nostrils; nostrils drawn together
41|the upper lids droop; the upper eyelids hang low; the lids sink over the eyes|drooping lids; low upper eyelids; \
heavy lids
42|the eyes are narrowed to slits; the lids leave a slit; the eyes are slits|eyes narrowed to slits; slit eyes; lids \
that leave a slit
43|both eyes are closed; the lids are shut over the eyes; the closed eyelids cover the eyes|closed eyes; shut eyelids; \
lids lowered over both eyes
44|the eyes squint; the lids are squeezed into a squint; a squint narrows the eyes|a squint; squinting eyes; lids \
squeezed together
45|the eyes blink; the lids close briefly in a blink; a blink lowers the eyelids|a blink; blinking eyes; lids caught \
in a blink
46|one eye is closed in a wink; the face winks; one eye shuts while the other looks on|a wink; one eye closed; one eye \
winking
51|the head is turned to its left; the head rotates towards its left shoulder|a head turned to its left; a leftward \
turn of the head
52|the head is turned to its right; the head rotates towards its right shoulder|a head turned to its right; a \
rightward turn of the head
53|the head is raised; the head tips upwards|a raised head; an upward tip of the head
54|the head is lowered; the head tips downwards|a lowered head; a downward tip of the head
55|the head is tilted to its left; the head leans towards its left shoulder|a head tilted to its left; a leftward tilt \
of the head
56|the head is tilted to its right; the head leans towards its right shoulder|a head tilted to its right; a rightward \
tilt of the head
57|the head is pushed forward; the head moves to the front|a forward head; a head pushed to the front
58|the head is drawn back; the head pulls away to the rear|a head drawn back; a backward pull of the head
61|the eyes look to the left; the gaze turns to the left|a gaze to the left; eyes turned left
62|the eyes look to the right; the gaze turns to the right|a gaze to the right; eyes turned right
63|the eyes look up; the gaze is raised|a raised gaze; eyes turned upwards
64|the eyes look down; the gaze is lowered|a lowered gaze; eyes turned downwards
65|the eyes point away from each other; the gaze of the two eyes drifts apart|eyes that point apart; a gaze that \
diverges
66|the eyes point towards each other; the gaze of both eyes crosses|crossed eyes; a gaze that converges
"""


def _read(table: str) -> dict[str, Phrases]:
    phrases = {}
    for row in table.strip().replace("\\\n", "").splitlines():
        number, clauses, nouns = row.split("|")
        phrases[BY_NUMBER[int(number)].code] = Phrases(tuple(clauses.split("; ")), tuple(nouns.split("; ")))
    return phrases


PHRASES: dict[str, Phrases] = _read(_TABLE)
"""Canonical code → how it can be said."""

GLOSSES: dict[str, tuple[str, ...]] = {
    "anger": (
        "a tense, confronting mood",
        "hostility held under pressure",
        "irritation and strain",
        "a hard, hot mood",
    ),
    "contempt": ("a distant superiority", "cool disdain", "a dismissive mood", "scorn for what is seen"),
    "disgust": ("a strong aversion", "revulsion", "the wish to push something away", "repulsion and distaste"),
    "fear": ("alarm", "a sense of threat", "fright and tension", "a tense, threatened watchfulness"),
    "happiness": ("warmth and pleasure", "open delight", "a friendly, cheerful mood", "joy and ease"),
    "neutral": ("an even, resting mood", "calm composure", "a settled state", "quiet and balance"),
    "sadness": ("sorrow", "a heavy, downcast mood", "grief and low energy", "a quiet, subdued mood"),
    "surprise": ("sudden astonishment", "a startled attention", "amazement", "wide-open attention to something new"),
}
"""Canonical emotion → what it feels like, in a few words."""

OPENINGS: tuple[str, ...] = (
    *("", "", "In this face, ", "On this face, ", "Here, ", "At first sight, ", "Most visibly, ", "To begin with, "),
    *("As a first cue, ", "Across the face, ", "Seen from the front, ", "Looked at closely, "),
)
"""Before the first statement; a statement follows in lower case."""

PART_OPENINGS: tuple[str, ...] = (
    *("Beginning with the {part}, ", "As for the {part}, ", "With a look at the {part}, "),
    *("Starting at the {part}, ", "To take the {part} first, "),
)
"""The same, for a first statement about a part of the face."""

LINKS: tuple[str, ...] = (
    *("", "", "In addition, ", "At the same time, ", "Alongside this, ", "Meanwhile, ", "Further, ", "Also, "),
    *("Beside that, ", "Likewise, ", "Added to this, "),
)
"""Before every later sentence."""

FRAMES: dict[int, tuple[str, ...]] = {
    1: ("{c}", "{c}", "the expression shows {n}", "the viewer sees {n}", "one can see {n}"),
    2: (
        *("{c}, and {c}", "{c}, while {c}", "{c}; {c}", "{c}, together with {n}", "{c}, accompanied by {n}"),
        *("the expression combines {n} with {n}", "the viewer sees {n} and {n}", "the expression unites {n} and {n}"),
    ),
    3: (
        *("{c}, {c}, and {c}", "{c}, while {c} and {c}", "{c}, together with {n} and {n}", "{c}; {c}, and {c}"),
        *("the viewer sees {n}, {n}, and {n}", "the expression unites {n}, {n}, and {n}"),
    ),
}
"""Sentences that hold one to three Action Units: ``{c}`` takes a clause, ``{n}`` a noun phrase."""

SUBJECTS: tuple[str, ...] = (
    *("Together, these signs in the {parts}", "Taken together, the movements of the {parts}"),
    *("As a group, the cues from the {parts}", "Combined, these changes in the {parts}"),
    *("Seen jointly, the signals of the {parts}", "In combination, the actions of the {parts}"),
    *("Read as one, the features of the {parts}", "In their sum, the traits of the {parts}"),
)
"""How the last sentence begins after several statements."""

SINGLE_SUBJECTS: tuple[str, ...] = (
    *("The visible signs in the {parts}", "The changed lines of the {parts}", "Such signals of the {parts}"),
    *("The traits of the {parts}", "These cues from the {parts}", "The muscles of the {parts}"),
    *("The shape and the tension of the {parts}", "The looks of the {parts}"),
)
"""How it begins after a single one."""

EMOTION_PREDICATES: tuple[str, ...] = (
    *("convey {gloss} and lead to {emotion}", "express {gloss}, the mark of {emotion}"),
    *("add up to {emotion}, felt as {gloss}", "form an expression of {gloss}, hence of {emotion}"),
    *("point to {emotion}, with {gloss}", "speak of {gloss} and thus of {emotion}"),
    *("show {emotion}, marked by {gloss}", "carry {gloss}, so that the face reads as {emotion}"),
)
"""How it ends when an emotion follows."""

AU_PREDICATES: tuple[str, ...] = (
    *("make up the visible activity", "carry the movement of this face", "shape what is seen", "define the expression"),
    *("form the visible action", "account for the movement", "give the face its present form", "set the expression"),
)
"""How it ends when Action Units are all that is known."""

REST: tuple[tuple[str, ...], ...] = (
    (
        *("the brows lie level", "the brows rest in their natural line", "the forehead is smooth"),
        *("the brows keep a relaxed arch", "the forehead and the brows are at ease"),
    ),
    (
        *("the eyes are open at ease", "the eyelids sit in their usual place", "the eyes look on calmly"),
        *("the lids are relaxed", "the eyes are quietly open"),
    ),
    (
        *("the mouth is at ease", "the mouth is relaxed", "the cheeks and the mouth are soft"),
        *("the mouth keeps its natural line", "the lower face is calm"),
    ),
)
"""A face at rest: statements on brows, eyes and mouth; one of each is taken."""

REST_CLOSINGS: tuple[str, ...] = (
    *("The face rests at its baseline.", "All of it belongs to a face at rest.", "The muscles are at rest."),
    *("This is the face in its resting state.", "The whole face stays at its baseline.", "Every part is at ease."),
)
"""What follows them."""
