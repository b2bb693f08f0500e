"""The record: generous reading, strict release, one fixed set of keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import InputError
from facial_r1.facs import REGISTRY
from facial_r1.sample import KEYS, META_KEYS, Meta, Sample, read_samples, strict_faults, task_of

SEED_LINE = (
    '{"id": "unique_sample_id_string", "dataset": "your_dataset_name", "image": "path/to/image.jpg", '
    '"question": "What is the emotion of this face?", "AUs": ["AU1", "AU4"], "labels": ["Sadness"], '
    '"description": "The inner brows are raised.", "meta_info": {"key": "value"}}'
)
ROW: dict[str, Any] = {"id": "x-1", "dataset": "x", "image": "x/1.png"}


def read(**changes: Any) -> Sample:
    return Sample.from_json({**ROW, **changes}, path="my.jsonl", line=3)


def strict(**changes: Any) -> Sample:
    """A row that may be released, with changes to it or to its ``meta_info``."""
    meta = {"sample_id": "x-1", "task": "au+emotion", "au_annotated": ["AU1", "AU4", "AU12"]}
    meta |= {key: changes.pop(key) for key in list(changes) if key in META_KEYS}
    plain = {"AUs": ["AU1", "AU4"], "labels": ["sadness"], **ROW, **changes}
    return Sample(**plain, meta_info=Meta(**meta))


def test_the_published_example_line_is_read() -> None:
    sample = Sample.from_json(orjson.loads(SEED_LINE))
    assert sample.AUs == ["AU1", "AU4"]
    assert sample.labels == ["sadness"]
    assert sample.description == "The inner brows are raised."
    assert sample.meta_info.extras() == {"key": "value"}


def test_the_published_keys_in_their_order() -> None:
    assert KEYS == ("id", "dataset", "image", "question", "AUs", "labels", "description", "meta_info")
    assert list(Sample("a", "b").to_json()) == list(KEYS)
    assert list(Sample("a", "b").to_json()["meta_info"]) == list(META_KEYS)
    assert len(META_KEYS) == 28


def test_every_meta_key_is_there_even_when_nothing_is_known() -> None:
    meta = orjson.loads(Sample("a", "b").to_line())["meta_info"]
    assert tuple(meta) == META_KEYS
    assert {key for key, value in meta.items() if value == []} == {
        "origin_ids", "au_annotated", "au_intensity", "au_side", "label_set", "pseudo_aus",
    }  # fmt: skip
    assert all(value is None or value == [] for value in meta.values())


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
METAS = st.builds(
    Meta,
    task=st.sampled_from([None, "au", "emotion", "au+emotion"]),
    sample_id=st.none() | TEXT,
    group=st.none() | TEXT,
    origin_ids=st.lists(TEXT, max_size=2),
    frame=st.none() | st.integers(0, 2**31 - 1),
    box=st.none() | st.lists(st.integers(0, 4000), min_size=4, max_size=4),
    au_annotated=st.just(["AU1", "AU12"]),
    au_intensity=st.lists(st.fixed_dictionaries({"au": st.just("AU12"), "value": st.integers(0, 5)}), max_size=2),
    label_conditioned=st.none() | st.booleans(),
    extra=st.none() | st.dictionaries(TEXT, TEXT).map(lambda value: orjson.dumps(value).decode()),
)
SAMPLES = st.builds(
    Sample,
    id=TEXT.filter(bool),
    dataset=TEXT.filter(bool),
    image=st.just("a/b.png"),
    question=TEXT,
    AUs=st.just(["AU1"]),
    labels=st.lists(st.sampled_from(["anger", "fear"]), unique=True),
    description=TEXT,
    meta_info=METAS,
)


@given(SAMPLES)
def test_a_row_survives_writing_and_reading(sample: Sample) -> None:
    row = orjson.loads(sample.to_line())
    assert row == sample.to_json()
    assert Sample.from_own(row) == sample
    assert Sample.from_json(row) == sample


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, st.lists, max_leaves=4), st.data())
def test_any_wrong_value_is_an_input_error_that_names_the_line(value: Any, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*KEYS, *META_KEYS]))
    row = {**ROW, key: value} if key in KEYS else {**ROW, "meta_info": {key: value}}
    try:
        sample: Sample | None = Sample.from_json(row, path="my.jsonl", line=3)
    except InputError as error:
        sample, message = None, str(error)
    if sample is None:
        assert message.startswith("my.jsonl:3: ")
        assert "What to do:" in message
    else:
        assert Sample.from_own(orjson.loads(sample.to_line())) == sample


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": ""}, "the key `id` is missing or empty"),
        ({"image": None}, "the key `image` is missing or empty"),
        ({"emotion": "sad"}, "unknown key 'emotion'. Expected: only id, dataset"),
        ({"question": 3}, "`question` is no string. Found: 3"),
        ({"image": "/abs/1.png"}, "`image` leaves the image folder. Found: /abs/1.png"),
        ({"image": "a/../../1.png"}, "`image` leaves the image folder"),
        ({"image": "a\\1.png"}, "`image` leaves the image folder"),
        ({"AUs": "AU1"}, "`AUs` is no list of strings"),
        ({"AUs": ["AU99"]}, "`AUs` holds an unknown Action Unit. Found: AU99"),
        ({"labels": ["bored"]}, "`labels` holds an unknown emotion. Found: bored. Expected: one of anger"),
        ({"labels": ["shocked"]}, "`labels` holds an unknown emotion"),
        ({"labels": [1]}, "`labels` is no list of strings"),
        ({"meta_info": []}, "`meta_info` is no object"),
        ({"meta_info": {"frame": "12"}}, "`meta_info.frame` has the wrong type. Found: 12. Expected: int | None"),
        ({"meta_info": {"frame": True}}, "`meta_info.frame` has the wrong type"),
        ({"meta_info": {"box": [1, 2.5]}}, "`meta_info.box` has the wrong type"),
        ({"meta_info": {"task": "both"}}, "`meta_info.task` is unknown. Found: both"),
        ({"meta_info": {"au_annotated": ["x"]}}, "`meta_info.au_annotated` holds an unknown Action Unit"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(**changes)
    assert str(caught.value).startswith(f"my.jsonl:3: {message}")


def test_reading_is_generous() -> None:
    sample = read(
        AUs=["AU12", "au04", "AU4", "AD19"],
        labels=["Happy", "happiness", " Surprised. "],
        question=None,
        description="She smiles.",
        meta_info={"camera": "left", "frame": 3, "subject": None},
    )
    assert sample.AUs == ["AU4", "AU12", "AD19"]
    assert sample.labels == ["happiness", "surprise"]
    assert sample.meta_info.frame == 3
    assert sample.meta_info.extras() == {"camera": "left"}
    assert read(AUs=None, labels=None, meta_info=None) == Sample("x-1", "x", "x/1.png")


def test_a_label_beyond_the_eight_needs_the_recipe_to_list_it() -> None:
    row = {**ROW, "labels": ["Confusion", "sad"]}
    assert Sample.from_json(row, label_set=["confusion"]).labels == ["confusion", "sadness"]
    with pytest.raises(InputError, match="unknown emotion"):
        Sample.from_json(row)


@pytest.mark.parametrize(
    ("extra", "kept"),
    [('{"a": 1}', {"a": 1}), ("a note", {"extra": "a note"}), ("[1]", {"extra": [1]}), ("", {"extra": ""})],
)
def test_an_extra_that_is_no_object_is_kept_as_a_note(extra: str, kept: dict[str, Any]) -> None:
    assert read(meta_info={"extra": extra}).meta_info.extras() == kept
    assert read(meta_info={"extra": extra, "more": 2}).meta_info.extras() == {**kept, "more": 2}


def test_reading_a_file_stops_at_the_first_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    path.write_bytes(SEED_LINE.encode() + b"\n\n" + b'{"id": "2"}\n')
    rows = read_samples(path)
    assert next(rows).id == "unique_sample_id_string"
    with pytest.raises(InputError, match=r"my\.jsonl:3: the key `dataset` is missing or empty"):
        next(rows)


@pytest.mark.parametrize(
    ("annotated", "labels", "task"),
    [(["AU1"], ["fear"], "au+emotion"), (["AU1"], [], "au"), ([], ["fear"], "emotion"), ([], [], None)],
)
def test_the_task_follows_from_the_truth_alone(annotated: list[str], labels: list[str], task: str | None) -> None:
    sample = Sample("1", "x", AUs=["AU12"], labels=labels, meta_info=Meta(au_annotated=annotated))
    assert task_of(sample) == task, "AUs without a list of scored AUs say nothing: unknown is not absent"


def test_a_row_without_faults_may_be_released() -> None:
    assert strict_faults(strict()) == []
    assert strict_faults(strict(id="x-1#2")) == []
    assert strict_faults(strict(labels=["awe"], label_set=["awe"])) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"id": "x-2"}, "id 'x-2' is not meta_info.sample_id"),
        ({"id": "x-1#"}, None),
        ({"image": ""}, "is no clean relative POSIX path"),
        ({"image": "/a.png"}, "is no clean relative POSIX path"),
        ({"image": "a//b.png"}, "is no clean relative POSIX path"),
        ({"image": "./b.png"}, "is no clean relative POSIX path"),
        ({"image": "a/../b.png"}, "is no clean relative POSIX path"),
        ({"image": "a\\b.png"}, "is no clean relative POSIX path"),
        ({"AUs": ["AU4", "AU1"]}, "are not canonical, sorted and unique"),
        ({"AUs": ["AU1", "AU1"]}, "are not canonical, sorted and unique"),
        ({"AUs": ["AU01"]}, "are not canonical, sorted and unique"),
        ({"AUs": ["AU25"]}, "outside meta_info.au_annotated"),
        ({"labels": ["Sad"]}, "are not canonical nouns"),
        ({"labels": ["fear", "fear"]}, "repeat"),
        ({"task": "au"}, "does not follow from the truth (au+emotion)"),
        ({"task": None}, "does not follow from the truth"),
    ],
)
def test_each_fault_keeps_a_row_out_of_a_release(changes: dict[str, Any], fault: str | None) -> None:
    faults = strict_faults(strict(**changes))
    assert (fault is None and faults == []) or (len(faults) == 1 and fault is not None and fault in faults[0])


def test_every_code_of_the_registry_can_be_released() -> None:
    codes = list(REGISTRY)
    assert strict_faults(strict(AUs=Sample.from_json({**ROW, "AUs": codes}).AUs, au_annotated=codes)) == []
