"""The faces of the proof: a population with known truth, as JSONL in the published schema beside its pictures.

Four parts, subjects exclusive: ``lessons`` have a reasoning text, ``pool`` has the truth only (GRPO and synthesis take
their rows from it), ``test`` reports, and ``street`` is another population altogether, from which the vision tower gets
what a real checkpoint brings along. Nothing is chosen on any of them: the settings come from runs with other seeds,
which are other people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets_builders.synthetic.face import identity, render
from datasets_builders.synthetic.population import Expression, expression
from facial_r1.facs import REGISTRY, code
from facial_r1.files import sha256_bytes, write_batch, write_jsonl
from facial_r1.sample import Meta, Sample

__all__ = ["CODES", "EMOTIONS", "QUESTION", "Sizes", "lesson", "write_faces"]

CODES: tuple[str, ...] = tuple(code(number) for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 17, 20, 25, 26))
"""The Action Units that the faces show, and all that is scored."""
EMOTIONS: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
QUESTION = "Which emotion does this face express, and by which Action Units?"
SIDE = 112
"""Pixels: 4 × 4 tokens."""

_DRAWN, _LEFT, _TOP = 150, 19, 23  # drawn larger and cut to the face, as landmark crops are
_NUMBERS = tuple(REGISTRY[name].number for name in CODES)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Subjects in each part, and pictures of each subject."""

    lessons: int = 250
    pool: int = 300
    test: int = 80
    street: int = 400
    pictures: int = 8

    def parts(self) -> dict[str, range]:
        """Part → numbers of its subjects; those of ``street`` are of a population of their own."""
        begun, found = 0, {}
        for part in ("lessons", "pool", "test"):
            found[part] = range(begun, begun + getattr(self, part))
            begun += getattr(self, part)
        return {**found, "street": range(self.street)}


def lesson(aus: list[str], emotion: str) -> str:
    """The reasoning text of a face: each Action Unit by its FACS name and number, then the emotion.

    >>> lesson(["AU6", "AU12"], "happiness")
    '<think>Cheek raiser (AU6), lip corner puller (AU12).</think><answer>happiness</answer>'
    """
    features = [f"{REGISTRY[name].name} ({name})" for name in aus] or ["face at rest"]
    said = ", ".join(features)
    return f"<think>{said[0].upper()}{said[1:]}.</think><answer>{emotion}</answer>"


def write_faces(folder: Path, seed: int, sizes: Sizes) -> None:
    """Write ``<part>.jsonl`` and ``images/`` below ``folder``; equal arguments give equal bytes."""
    for part, subjects in sizes.parts().items():
        people = 2 * seed + (part == "street")
        made = [pair for subject in subjects for pair in _subject(part, people, subject, sizes.pictures)]
        write_batch(folder / "images", {sample.image: picture for sample, picture in made})
        write_jsonl(folder / f"{part}.jsonl", (sample.to_json() for sample, _ in made))


def _subject(part: str, people: int, subject: int, pictures: int) -> Iterator[tuple[Sample, bytes]]:
    who = identity(people, subject)
    rng = np.random.default_rng([people, subject])
    for number in range(pictures):
        emotion = EMOTIONS[int(rng.integers(len(EMOTIONS)))]
        shown = expression(rng, emotion=emotion, allowed=_NUMBERS)
        drawn = render(who, shown.intensities, _DRAWN, seed=number)
        picture = _png(drawn[_TOP : _TOP + SIDE, _LEFT : _LEFT + SIDE])
        yield _sample(part, f"{people}-{subject:05}-{number:02}", shown, picture), picture


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def _sample(part: str, name: str, shown: Expression, picture: bytes) -> Sample:
    aus, emotion, subject = list(shown.aus()), shown.emotion or "", name.rsplit("-", 1)[0]
    return Sample(
        id=name,
        dataset="synthetic",
        image=f"{subject}/{name}.png",
        question=QUESTION,
        AUs=aus,
        labels=[emotion],
        description=lesson(aus, emotion) if part == "lessons" else "",
        meta_info=Meta(
            task="au+emotion",
            sample_id=name,
            subject=subject,
            group=subject,
            split="test" if part == "test" else "train",
            au_annotated=list(CODES),
            label_set=list(EMOTIONS),
            image_sha256=sha256_bytes(picture),
            extra='{"synthetic":true}',
        ),
    )
