"""Draw ``docs/demo.png``, the picture of the README: rendered faces and what the template teacher writes about them.

Run as ``python docs/make_demo_picture.py``; the same code gives the same pixels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from datasets_builders.synthetic.face import identity, render
from facial_r1.emotions import EMOTIONS
from facial_r1.facs import PROTOTYPES, code
from facial_r1.inference.backends.template import write
from facial_r1.inference.protocol import Facts

WIDTH, MARGIN, GAP = 1200, 26, 12
SMALL = (WIDTH - 2 * MARGIN - (len(EMOTIONS) - 1) * GAP) // len(EMOTIONS)
"""Side of a face of the sheet, pixels."""
LARGE = 184
"""Side of a face with its reasoning."""
ROW, BAND = SMALL + 56, LARGE + 20
"""Height of a row of the sheet, and of a face with its reasoning."""

PAPER, INK, FAINT, RULE = "#ffffff", "#1f2933", "#7b8794", "#d9dee4"
COLOURS = ((4, "#1668b5"), (7, "#7a3fc0"), (10, "#a86400"), (27, "#c8340c"))
"""The last AU with each colour: brows, lids and cheeks, nose and upper lip, lips and jaw."""

PEOPLE = (14, 12)
SPOKEN = (("happiness", 1, 24), ("fear", 0, 3), ("disgust", 1, 16))
"""Emotion, place of its prototype and person of the faces with reasoning."""


class Page:
    """The picture, and the pen that writes runs of text with coloured Action Units on it."""

    def __init__(self, height: int) -> None:
        self.image = Image.new("RGB", (WIDTH, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def face(self, at: tuple[int, int], person: int, units: Sequence[int], side: int) -> None:
        """Paste ``person`` with the AUs ``units``, drawn at twice its size and averaged down."""
        sides = {14: "L"}  # contempt is one-sided
        pixels = render(identity(0, person), dict.fromkeys(units, 4.5), 2 * side, sides=sides)
        self.image.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS), at)

    def text(self, at: tuple[float, float], words: str, size: int, ink: str = INK, width: float = WIDTH) -> float:
        """Write ``words`` in lines of ``width`` pixels; returns the y below them."""
        font = ImageFont.load_default(size=size)
        x, y = at
        for word in words.split():
            if x > at[0] and x + font.getlength(word) > at[0] + width:
                x, y = at[0], y + 1.45 * size
            for part in re.split(r"((?:AU)?\d+|<.+?>)", word):
                self.draw.text((x, y), part, fill=colour(part) or ink, font=font)
                x += font.getlength(part)
            x += font.getlength(" ")
        return y + 1.45 * size

    def centred(self, middle: float, y: float, words: str, size: int, ink: str = INK) -> None:
        """Write one line around ``middle``."""
        length = ImageFont.load_default(size=size).getlength(words)
        self.text((middle - length / 2, y), words, size, ink)


def colour(word: str) -> str | None:
    """The colour of an Action Unit such as ``AU12`` or ``12``, and of a tag; None for any other word."""
    match = re.fullmatch(r"(?:AU)?(\d+)", word)
    if match is None:
        return FAINT if word.startswith("<") else None
    return next(ink for last, ink in COLOURS if int(match[1]) <= last)


def sheet(page: Page, top: int) -> int:
    """Every person with every emotion; returns the y below."""
    for row, person in enumerate(PEOPLE):
        for column, emotion in enumerate(EMOTIONS):
            x, y = MARGIN + column * (SMALL + GAP), top + row * ROW
            prototypes = PROTOTYPES[emotion]
            units = prototypes[row % len(prototypes)]
            page.face((x, y), person, units, SMALL)
            page.centred(x + SMALL / 2, y + SMALL + 5, emotion, 16)
            numbers = "AU " + " ".join(map(str, units)) if units else "no AU"
            page.centred(x + SMALL / 2, y + SMALL + 26, numbers, 13, FAINT)
    return top + len(PEOPLE) * ROW


def reasoning(page: Page, top: int) -> int:
    """Faces with the teacher's text beside them; returns the y below."""
    for emotion, place, person in SPOKEN:
        units = PROTOTYPES[emotion][place]
        page.face((MARGIN, top), person, units, LARGE)
        text = write(Facts("au+emotion", tuple(map(code, units)), (emotion,)), seed=f"{person:x}")
        think, answer = text.split("</think>")
        left, width = MARGIN + LARGE + 24, WIDTH - 2 * MARGIN - LARGE - 24
        y = page.text((left, top + 2), f"{think}</think>", 21, width=width)
        page.text((left, y + 4), answer, 21, width=width)
        top += BAND
    return top


def main() -> None:
    """Write the picture beside this file."""
    page = Page(MARGIN + len(PEOPLE) * ROW + 22 + len(SPOKEN) * BAND + 34)
    y = sheet(page, MARGIN)
    page.draw.line((MARGIN, y, WIDTH - MARGIN, y), fill=RULE)
    y = reasoning(page, y + 22)
    page.text((MARGIN, y - 2), "rendered faces, template teacher", 14, FAINT)
    page.image.save(Path(__file__).with_name("demo.png"), optimize=True)


if __name__ == "__main__":
    main()
