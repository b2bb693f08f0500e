"""What the tests of the evaluation share: small data sets made by hand, and predictions on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facial_r1.evaluation.predictions import Prediction
from facial_r1.files import to_line
from facial_r1.sample import Meta, Sample

DISFA = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26")
Make = Callable[..., Sample]
Say = Callable[..., Prediction]


@pytest.fixture(scope="session")
def sample() -> Make:
    """``sample("a", aus=["AU1"], labels=["fear"], dataset="disfa", subject="SN001", …)``."""

    def make(identity: str, *, aus: Sequence[str] = (), labels: Sequence[str] = (), **more: Any) -> Sample:
        annotated = more.pop("annotated", DISFA if not labels else ())
        dataset, description = more.pop("dataset", "disfa"), more.pop("description", "")
        image = more.pop("image", f"{dataset}/{identity}.png")
        meta = Meta(sample_id=identity, au_annotated=list(annotated), **{"group": identity, "split": "test", **more})
        return Sample(identity, dataset, image, "", list(aus), list(labels), description, meta)

    return make


@pytest.fixture(scope="session")
def says() -> Say:
    """``says("a", "AU1, AU4")``: a prediction for the task ``au``, or the whole text."""

    def make(identity: str, text: str | None, outcome: str = "ok", **more: Any) -> Prediction:
        if text is not None and "<" not in text:
            text = f"<think>A face.</think><answer>{text}</answer>"
        return Prediction(identity, text, outcome, **more)

    return make


@pytest.fixture
def on_disk(tmp_path: Path) -> Callable[[Sequence[Sample]], Path]:
    """Write rows and a picture for each, as a release has them; the JSONL."""

    def write(samples: Sequence[Sample], name: str = "data") -> Path:
        folder = tmp_path / name
        for number, one in enumerate(samples):
            picture = folder / "images" / one.image
            picture.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(picture), np.full((32, 32), 3 * number % 256, np.uint8))
        file = folder / "test.jsonl"
        file.write_bytes(b"".join(to_line(one.to_json()) for one in samples))
        return file

    return write
