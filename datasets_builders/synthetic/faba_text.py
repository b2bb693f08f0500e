"""Prose as FABA-Instruct has it: a list of Action Units with explanations, and a short paragraph on the emotion.

Everything that makes the real texts hard to read occurs: items whose list number stands right behind the word AUs,
other spellings (AU04, AU5B, AU6c), AUs that are denied, numbers that FACS does not have, texts without any AU; and
emotions that are listed because they are absent, that are only described, or that come in twos.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facial_r1.facs import BY_NUMBER

__all__ = ["KINDS", "au_text", "bare_text", "emotion_text"]

KINDS: dict[str, float] = {"plain": 0.86, "soft": 0.04, "bare": 0.04, "absent": 0.02, "several": 0.04}
"""Kinds of emotion texts and how often each comes: one class word, a softer word, none, absent emotions, several."""

_DENIABLE = (9, 12, 15, 20, 25, 27, 43)
_ODD = 0.06
"""Share of AUs in another spelling."""

_INTROS = (
    "Looking closely at this photograph, the face shows movements that can be written down with the Facial Action "
    "Coding System. The following action units (AUs) stand out, from the forehead down to the chin:",
    "In this picture the face of the person is seen from the front and fills most of the frame. Judging by the visible "
    "muscle movements, these are the AUs:",
    "The expression is made of a few movements that belong together. Described in terms of facial action units, what "
    "can be made out in the image is this:",
    "Several muscles of the face are at work here, and each leaves a trace on brows, eyes, nose or mouth. The "
    "discernible AUs:",
)
_BECAUSE = (
    "The movement is easy to make out when the face is compared with its relaxed state, and both sides take part.",
    "Light and shadow around this part of the face make the change visible even in a small picture like this one.",
    "It shapes this region of the face and goes along with the other movements that are named in this description.",
    "Small folds of the skin next to it point in the same direction, which supports the reading given here.",
    "The contraction looks moderate and lends the expression much of the character it has for an onlooker.",
)
_OUTROS = (
    "Taken together, these movements form one expression that most onlookers would take in at a single glance.",
    "How they are to be understood also depends on the situation, which a single photograph does not show.",
    "The upper and the lower half of the face fit each other, as they do in most spontaneous expressions.",
    "Head position and lighting were left aside, since they say little about what the muscles are doing.",
    "A trained coder with a video of the moment could tell more about onset, strength and duration.",
    "Please keep in mind that reading a still picture is a matter of judgement, and others might differ in details.",
    "Hair, glasses and the quality of the image may hide finer movements, for example around the eyes.",
    "The description is limited to what can be seen and makes no statement about the person behind the face.",
    "Each of the movements can occur for reasons of its own, so the combination tells more than its parts.",
    "Where a movement is only faint, it was named when its typical folds were visible as well.",
)
_EMPTY = (
    "The face is at rest and the skin is smooth from the forehead to the chin. Neither AU{0} nor AU{1} can be seen, "
    "and there is no AU{2} either.",
    "Nothing in the face moves: the features lie as they do in an unposed passport photograph. There is no AU{0}, and "
    "AU{1} and AU{2} are not visible.",
)
_BARE = (
    "The features of the person are relaxed, and naming single action units from this one picture would be mere "
    "guesswork. Brows, eyes and mouth keep the shape they usually have.",
    "The image is too dark around the mouth and the eyes to say which muscles contract, so a coding is left open.",
)

_LEADS: dict[str, tuple[str, ...]] = {
    "anger": ("anger", "an angry mood", "a rather irritated state of mind"),
    "disgust": ("disgust", "a disgusted reaction", "plain distaste"),
    "fear": ("fear", "a fearful state", "somebody who is scared"),
    "happiness": ("happiness", "a happy mood", "joy"),
    "neutral": ("a neutral mood", "a neutral state of mind", "neutrality"),
    "sadness": ("sadness", "a sad mood", "quiet sorrow"),
    "surprise": ("surprise", "a surprised reaction", "astonishment"),
}
_OPENINGS = (
    "The person in this picture seems to express {0}.",
    "What this face conveys above all is {0}.",
    "The overall impression of the expression is {0}.",
    "This looks like {0}, as far as a single photograph can tell.",
)
_CLOSINGS = (
    "The gaze is directed at something close by, and the head is held upright.",
    "These features belong together and form one clear expression.",
    "The expression appears spontaneous and of medium strength.",
    "Eyes and mouth tell the same story, which makes the reading easy.",
    "The posture of the head adds to this impression.",
    "The situation in which the picture was taken stays open.",
)
_ABSENT = (
    "There is no sign of {0}, {1} or {2}.",
    "The face does not show {0}, {1}, or {2}.",
    "Strong emotions such as {0}, {1} and {2} are missing here.",
)
_SOFT = (
    "A light smile plays around the mouth.",
    "The look is calm and attentive.",
    "The eyes have an anxious look about them.",
)
_BARE_OPENING = "The person in the picture is turned to the camera, and the features can be made out well."


def au_text(rng: np.random.Generator, codes: Sequence[int]) -> str:
    """A text of about 200 words that affirms exactly the AUs ``codes``; without any it denies a few."""
    chance = rng.random(4)
    if not codes:
        denied = rng.permutation(_DENIABLE)[:3].tolist()
        return _filled(rng, [_pick(rng, _EMPTY).format(*denied)], 110)
    style = int(np.searchsorted((0.80, 0.88, 0.94), chance[0]))
    items = [_item(rng, number, au, style) for number, au in enumerate(codes, 1)]
    if chance[1] < 0.004:
        items.append(f"{len(items) + 1}. AU0 - Neutral Face: The remaining parts of the face are at rest.")
    text = f"{_pick(rng, _INTROS)}\n\n" + "\n".join(items)
    end = []
    if chance[2] < 0.3:
        others = [au for au in rng.permutation(_DENIABLE).tolist() if au not in codes]
        end.append(f"There is no AU{others[0]} in this picture, and AU{others[1]} is not visible.")
    return f"{text}\n\n{_filled(rng, end, 185 - len(text.split()) + int(50 * chance[3]))}"


def bare_text(rng: np.random.Generator) -> str:
    """A text about AUs that names none."""
    return _filled(rng, [_pick(rng, _BARE)], 90)


def emotion_text(rng: np.random.Generator, emotion: str, codes: Sequence[int], kind: str) -> str:
    """A text of about 50 words on the ``emotion`` of a face that shows ``codes``, of one of :data:`KINDS`."""
    others = [noun for noun in rng.permutation(sorted(_LEADS)).tolist() if noun not in (emotion, "neutral")]
    opening = _pick(rng, _OPENINGS)
    described = [f"{BY_NUMBER[au].description.capitalize()}." for au in codes[:2]]
    if kind == "several":
        parts = [opening.format(f"a mixture of {_pick(rng, _LEADS[emotion])} and {others[0]}"), *described]
    elif kind == "plain":
        parts = [opening.format(_pick(rng, _LEADS[emotion])), *described]
    else:
        parts = [_BARE_OPENING, *([_pick(rng, _SOFT)] if kind == "soft" else []), *described]
    if kind == "absent" or (kind == "plain" and rng.random() < 0.3):
        parts.append(_pick(rng, _ABSENT).format(*others[1:4]))
    return _filled(rng, parts, 40 + int(rng.integers(14)), _CLOSINGS)


def _item(rng: np.random.Generator, number: int, au: int, style: int) -> str:
    unit = BY_NUMBER[au]
    name, seen = unit.name.title(), unit.description.capitalize()
    odd = rng.random()
    code = f"AU{au}" if odd >= _ODD else (f"AU{au:02d}", f"AU{au}B", f"AU{au}c")[int(odd / _ODD * 3)]
    head = (
        f"{number}. {code} - {name}:",
        f"{number}. **{code} ({name})**:",
        f"- {code}, {name}:",
        f"{number}) {code.replace('AU', 'Action Unit ')} ({name}):",
    )[style]
    return f"{head} {seen}. {_pick(rng, _BECAUSE)}"


def _filled(rng: np.random.Generator, parts: list[str], words: int, sentences: Sequence[str] = _OUTROS) -> str:
    """``parts`` and further ``sentences`` in a random order, until there are so many words."""
    count = sum(len(part.split()) for part in parts)
    chosen = list(parts)
    for at in rng.permutation(len(sentences)).tolist():
        if chosen and count >= words:
            break
        chosen.append(sentences[at])
        count += len(sentences[at].split())
    return " ".join(chosen)


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
