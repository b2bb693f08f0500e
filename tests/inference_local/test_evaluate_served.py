"""Predicting and evaluating with models that really answer: the tiny checkpoint, and the server in front of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from facial_r1.evaluation import evaluate, find_data, load_predictions, predict, save
from facial_r1.files import read_jsonl, to_line
from facial_r1.inference.backends import create
from facial_r1.sample import Meta, Sample

pytest.importorskip("transformers")

TEXT = "<think>The lip corners rise (AU12).</think><answer>happiness</answer>"


@pytest.fixture
def data(tmp_path: Path, pictures: list[Path]) -> Path:
    """Three rows of each task, with pictures of noise."""
    known = ["AU4", "AU6", "AU12"]
    lines = []
    for at in range(9):
        task = ("au+emotion", "au", "emotion")[at % 3]
        meta = Meta(group=str(at), split="test", au_annotated=known if task != "emotion" else [])
        image = tmp_path / "images" / f"{at}.png"
        image.parent.mkdir(exist_ok=True)
        with Image.open(pictures[at % len(pictures)]) as opened:
            opened.rotate(at).save(image)
        labels = ["happiness"] if task != "au" else []
        aus = ["AU12"] if task != "emotion" else []
        lines.append(to_line(Sample(f"r{at}", "raf_au", image.name, "", aus, labels, TEXT, meta).to_json()))
    file = tmp_path / "test.jsonl"
    file.write_bytes(b"".join(lines))
    return file


@pytest.mark.parametrize("kind", ["transformers", "openai"])
def test_an_untrained_model_is_predicted_and_evaluated(
    data: Path, tiny: Path, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    options = {"base_url": request.getfixturevalue("server")} if kind == "openai" else {"temperature": 0.0}
    backend = create(kind, model=str(tiny), max_tokens=8, **options)
    found, out = find_data(data), tmp_path / "p.jsonl"
    done = predict(found, backend, out, concurrency=2)
    assert done.stats.asked == 9
    assert done.sent == {}
    assert predict(found, backend, out).stats.asked == 0
    lines = [row for _, row in read_jsonl(out)]
    assert {line["outcome"] for line in lines} <= {"ok", "cut_off"}
    assert all(line["text"] is not None for line in lines)
    result = evaluate(found.samples, load_predictions([out], found.samples))
    coverage = result.coverage
    assert (coverage.rows, coverage.answered, coverage.malformed) == (9, 9, 9)  # it knows nothing
    assert result.emotions is not None
    assert result.emotions.invalid == 6
    assert result.aus is not None
    assert result.aus.macro_present == 0.0
    save(result, tmp_path / "e")
    assert json.loads((tmp_path / "e" / "result.json").read_text())["model"] == backend.model
