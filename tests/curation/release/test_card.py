"""The data card: true to the manifest, and front matter that opens the release whatever its first rows are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

import facial_r1
from curation.card import card
from curation.manifest import Census, facts
from curation.release import release
from curation.run import Run
from curation.verdicts import gate
from datasets_builders.synthetic import MARKER
from facial_r1.files import write_jsonl
from facial_r1.recipe import Recipe, load_recipe
from facial_r1.sample import Sample

Maker = Callable[..., Sample]


@pytest.fixture
def recipe() -> Recipe:
    part = {"corpus": "disfa", "split": "train", "rows": 2}
    return load_recipe({"name": "small", "corpora": {"disfa": {}, "fer2013": {}}, "select": {"parts": [part]}})


@pytest.fixture
def found(recipe: Recipe, sample: Maker) -> dict[str, Any]:
    """Facts of a release of 1,200 rows."""
    census = Census()
    for number in range(1_000):
        census.add(sample(number, model="gpt-x", AUs=["AU2", "AU12"] if number % 2 else []))
    for number in range(200):
        census.add(sample(number, "fer2013", model="gpt-x", split="test", labels=["fear" if number < 50 else "anger"]))
    cell = {"cell": "disfa/train", "corpus": "disfa", "split": "train", "quota": 1000, "tried": 1100}
    cells = [{**cell, "accepted": 1050, "released": 1000, "short": 0}]
    return facts(recipe, census, cells, ["train", "test"])


def front_matter(text: str) -> dict[str, Any]:
    head = text.split("---\n")[1]
    return dict(yaml.safe_load(head))


def test_the_front_matter_names_files_and_types(found: dict[str, Any]) -> None:
    head = front_matter(card(found))
    assert head["license"] == "other"
    assert head["pretty_name"] == "small"
    files = [{"split": "train", "path": "train.jsonl"}, {"split": "test", "path": "test.jsonl"}]
    assert head["configs"] == [{"config_name": "default", "data_files": files}]
    from datasets import Features

    assert Features._from_yaml_list(head["dataset_info"]["features"]) == facial_r1.FEATURES


@pytest.mark.parametrize(
    "line",
    [
        "1,200 rows of facial emotion analysis",
        "| DISFA | no | train | au | 1,000 |",
        "| FER2013 | no | test | emotion | 200 |",
        "| AU2 outer brow raiser | 500 |",
        "| anger | 150 |\n| fear | 50 |",
        "backend `template`, model `gpt-x`",
        "Gates passed by every row: grammar, task_rules, au_set, label, vocabulary, au_words, words, ",
        "**Do not upload this data set.** As far as we know, the terms of DISFA, FER2013 do not",
        "| DISFA | no | no | no | no |",
        "- DISFA: By request to the owner. <https://example.org>",
        'load_dataset("path/to/this/folder", split="train")',
        "arXiv 2511.10254 (Facial-R1); the authors later withdrew the entry",
    ],
)
def test_the_body_says(found: dict[str, Any], line: str) -> None:
    assert line in card(found)


def test_aus_are_in_order_of_their_number(found: dict[str, Any]) -> None:
    text = card(found)
    assert text.index("| AU2 ") < text.index("| AU12 ")


def test_full_quotas_and_real_faces_need_no_word(found: dict[str, Any]) -> None:
    text = card(found)
    assert "Short quotas" not in text
    assert "Synthetic" not in text
    assert "synthetic" not in front_matter(text)["tags"]


def test_synthetic_corpora_are_marked_and_carry_no_terms(found: dict[str, Any]) -> None:
    found["corpora"]["disfa"]["synthetic"] = True
    text = card(found)
    assert "**Synthetic.** The faces and labels of DISFA were rendered" in text
    assert "synthetic" in front_matter(text)["tags"]
    assert "| DISFA | no | no | no | no |" not in text
    found["corpora"]["fer2013"]["synthetic"] = True
    assert "All faces and labels are synthetic" in card(found)
    assert "Do not upload" not in card(found)


def test_a_synthetic_companion_makes_a_corpus_synthetic(sample: Maker, tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("{}")
    source = {"root": str(tmp_path / "real"), "joins": {"rafml": str(tmp_path)}}
    part = {"corpus": "disfa", "split": "train", "rows": 2}
    recipe = load_recipe({"name": "small", "corpora": {"disfa": source}, "select": {"parts": [part]}})
    census = Census()
    census.add(sample(1))
    assert facts(recipe, census, [], ["train"])["corpora"]["disfa"]["synthetic"] is True


def test_a_corpus_that_may_be_passed_on_is_not_warned_about(found: dict[str, Any]) -> None:
    for kind in ("pictures", "labels", "texts"):
        found["corpora"]["disfa"]["licence"][kind] = True
    text = card(found)
    assert "the terms of FER2013 do not" in text
    assert "| DISFA | yes | yes | yes | no |" in text


def test_a_bar_cannot_break_a_table(found: dict[str, Any]) -> None:
    found["corpora"]["disfa"]["title"] = "A|B"
    assert "| A\\|B | no | train |" in card(found)


def test_the_card_is_the_same_every_time(found: dict[str, Any]) -> None:
    assert card(found) == card(orjson.loads(orjson.dumps(found)))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    datasets.disable_progress_bars()


@pytest.mark.usefixtures("offline")
def test_a_release_opens_by_its_folder(small_run: Run, tmp_path: Path) -> None:
    from datasets import load_dataset

    gate(small_run)
    folder = release(small_run)
    data = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(part) for split, part in data.items()} == {"train": 3, "val": 1, "test": 1}
    for split, part in data.items():
        assert part.features == facial_r1.FEATURES
        assert list(part) == [orjson.loads(line) for line in (folder / f"{split}.jsonl").read_bytes().splitlines()]


@pytest.fixture
def large(tmp_path: Path, recipe: Recipe, sample: Maker) -> Path:
    """A release of 60,000 rows: AU-only rows first, rows with labels and with all that DISFA lacks only at the end."""
    folder = tmp_path / "large"
    first = sample(1, model="m", au_intensity=[{"au": "AU6", "value": 3}], frame=7)
    more = {"box": [1, 2, 3, 4], "origin_ids": ["rafml:0001"], "fold": 2, "extra": '{"tie": true}'}
    last = sample(2, "fer2013", model="m", au_side=[{"au": "AU10", "value": "L"}], attempts=1, **more)
    last.meta_info.label_conditioned = True
    census = Census()
    for row, count in ((first, 59_000), (last, 1_000)):
        for _ in range(count):
            census.add(row)
    lines = (
        (first if n < 59_000 else last).to_line().replace(b"-0001" if n < 59_000 else b"-0002", f"-{n:05d}".encode())
        for n in range(60_000)
    )
    write_jsonl(folder / "train.jsonl", lines)
    (folder / "README.md").write_text(card(facts(recipe, census, [], ["train"])))
    pictures = folder / "images" / "disfa"
    pictures.mkdir(parents=True)
    for number in range(3_000):
        (pictures / f"disfa-{number:05d}.png").touch()
    return folder


@pytest.mark.usefixtures("offline")
def test_sixty_thousand_rows_open_whatever_comes_first(large: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    by_folder = load_dataset(str(large), cache_dir=str(tmp_path / "a"), split="train")
    files, features = str(large / "train.jsonl"), facial_r1.FEATURES
    by_features = load_dataset(
        "json", data_files=files, features=features, cache_dir=str(tmp_path / "b"), split="train"
    )
    expected = orjson.loads((large / "train.jsonl").read_bytes().splitlines()[-1])
    for data in (by_folder, by_features):
        assert len(data) == 60_000
        assert data.features == facial_r1.FEATURES
        assert data[59_999] == expected
        assert data[0]["meta_info"]["au_intensity"] == [{"au": "AU6", "value": 3}]
