"""Rows and pictures to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facial_r1.emotions import EMOTIONS
from facial_r1.files import sha256_bytes
from facial_r1.inference.backends.template import write
from facial_r1.inference.protocol import Facts

ANNOTATED = ["AU1", "AU2", "AU4", "AU6", "AU12", "AU15", "AU25"]


def row(number: int, task: str = "au+emotion", **changes: Any) -> dict[str, Any]:
    """A published row with a text of the template teacher."""
    aus = [] if task == "emotion" else [ANNOTATED[number % 7], ANNOTATED[(number + 3) % 7]]
    labels = [] if task == "au" else [sorted(EMOTIONS)[number % len(EMOTIONS)]]
    facts = Facts(task, tuple(sorted(aus, key=ANNOTATED.index)), tuple(labels))
    made = {
        "id": f"row-{number}",
        "dataset": "corpus-a" if number % 4 else "corpus-b",
        "image": f"faces/{number}.png",
        "question": "Which Action Units are active, and which emotion?",
        "AUs": list(facts.aus),
        "labels": labels,
        "description": write(facts, sha256_bytes(b"%d" % number)),
        "meta_info": {"task": task, "au_annotated": [] if task == "emotion" else ANNOTATED},
    }
    return {**made, **changes}


def write_pictures(folder: Path, names: list[str]) -> None:
    """Noise of 56 × 56 to 112 × 84 pixels, one in four grey."""
    noise = np.random.default_rng(3)
    for place, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (56 + 28 * (place % 2), 56 + 28 * (place % 3))
        shape = size if place % 4 == 0 else (*size, 3)
        Image.fromarray(noise.integers(0, 256, shape, dtype=np.uint8)).save(path)
