"""The Arrow types: the same keys as the record, and rows of any corpus in any order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from datasets import Dataset, load_dataset

import facial_r1
from facial_r1.features import FEATURES
from facial_r1.files import write_jsonl
from facial_r1.sample import KEYS, META_KEYS, Meta, Sample

FULL = Meta(
    task="au+emotion", sample_id="a-1", subject="s", group="s", origin_ids=["rafml:0001"], split="train", fold=1,
    frame=3, frame_offset=-1, box=[1, 2, 3, 4], crop="box", au_annotated=["AU1"], au_threshold=2, au_source="human",
    au_intensity=[{"au": "AU1", "value": 3}], au_side=[{"au": "AU1", "value": "L"}], label_source="crowd",
    label_set=["fear"], pseudo_aus=["AU9"], pseudo_label="fear", source="a.csv:1", image_sha256="00", generator="t",
    model="m", prompt_hash="h", attempts=1, label_conditioned=True, extra="{}",
)  # fmt: skip


def test_the_package_gives_them_out() -> None:
    assert facial_r1.FEATURES is FEATURES


def test_they_have_the_keys_of_the_record_in_its_order() -> None:
    assert tuple(FEATURES) == KEYS
    assert tuple(FEATURES["meta_info"]) == META_KEYS


@pytest.mark.parametrize("key", META_KEYS)
def test_every_type_fits_the_record(key: str) -> None:
    """A full value and an empty one pass through Arrow unchanged."""
    assert getattr(FULL, key), "the row above must fill every key"
    rows = [Sample("a", "b", meta_info=dataclasses.replace(Meta(), **{key: getattr(m, key)})) for m in (Meta(), FULL)]
    stored = Dataset.from_list([row.to_json() for row in rows], features=FEATURES)
    assert [row["meta_info"][key] for row in stored] == [getattr(Meta(), key), getattr(FULL, key)]


def test_a_file_that_begins_with_rows_of_another_corpus_is_read(tmp_path: Path) -> None:
    bare = Sample("d-1", "disfa", "d/1.png", AUs=[], meta_info=Meta(task="au", au_annotated=["AU1"]))
    full = Sample("a-1", "a", "a/1.png", "What?", ["AU1"], ["fear"], "text", FULL)
    path = tmp_path / "train.jsonl"
    write_jsonl(path, [bare.to_line()] * 5_000 + [full.to_line()])
    stored = load_dataset("json", data_files=str(path), features=FEATURES, split="train", cache_dir=str(tmp_path))
    assert stored.num_rows == 5_001
    assert stored[0] == bare.to_json()
    assert stored[5_000] == full.to_json()
