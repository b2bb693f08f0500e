"""The recipe: unknown keys are errors, roots come from three places, and only what matters enters the hash."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from facial_r1.errors import UsageError
from facial_r1.recipe import Recipe, load_recipe

PART = {"corpus": "fer2013", "split": "train", "rows": 10}
PLAIN: dict[str, Any] = {"name": "mine", "corpora": {"fer2013": {}}, "select": {"parts": [PART]}}


def recipe(**changes: Any) -> Recipe:
    return load_recipe({**PLAIN, **changes})


def written(folder: Path, content: Any) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_small_recipe_has_the_defaults_of_the_paper_trail() -> None:
    found = recipe()
    assert (found.seed, found.allow_short, found.unknown_truth, found.label_rule) == (0, False, "omit", "any")
    assert (found.select.reserve, found.select.frame_gap) == (0.25, 10)
    assert (found.teacher.backend, found.teacher.attempts) == ("template", 1)
    assert " ".join(gate.name for gate in found.gates) == (
        "grammar task_rules au_set label vocabulary "
        "au_words words repetition leak refusal language plausibility reviews"
    )
    assert found.corpora["fer2013"].crop == "none"


def test_the_resolved_recipe_loads_back_to_an_equal_one(tmp_path: Path) -> None:
    found = recipe(corpora={"fer2013": {"root": "/data/fer", "crop": "box"}}, label_set=["awe"], seed=7)
    assert load_recipe(written(tmp_path, found.to_yaml())) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"synthesis": {"sample": 2}}, r"unknown key `synthesis\.sample` in the recipe.*did you mean `samples`"),
        ({"synthesis": {"min_agreement": 0.5}}, "synthesis.min_agreement needs synthesis.blind"),
        ({"synthesis": {"blind": 1}, "teacher": {"pictures": False}}, "need teacher.pictures"),
        ({"synthesis": {"conditioned": False}, "teacher": {"pictures": False}}, "need teacher.pictures"),
        ({"selct": 1}, "unknown key `selct` in the recipe.*did you mean `select`"),
        ({"select": {"parts": [{**PART, "row": 3}]}}, r"unknown key `select\.parts\.0\.row`.*did you mean `rows`"),
        ({"corpora": {"fer2013": {"xyz": 1}}}, r"unknown key `corpora\.fer2013\.xyz`"),
        ({"select": {"parts": [{**PART, "rows": 0}]}}, r"`select\.parts\.0\.rows`.*greater than 0.*Found: 0"),
        ({"select": {"parts": []}}, r"`select\.parts`.*at least 1 item"),
        ({"select": {"parts": [{**PART, "split": "dev"}]}}, r"'train', 'val' or 'test'.*Found: dev"),
        ({"select": {"parts": [{**PART, "official": ["Training"]}]}}, r"official\.0`.*Found: Training"),
        ({"select": {"parts": [{**PART, "official": []}]}}, r"official`.*at least 1 item"),
        ({"select": {"parts": [PART], "reserve": -1}}, r"`select\.reserve`.*greater than or equal to 0"),
        ({"teacher": {"attempts": 99}}, r"`teacher\.attempts`.*less than or equal to 10"),
        ({"name": "My Data"}, "`name` in the recipe.*pattern"),
        ({"corpora": {"fer2013": {"crop": "tight"}}}, "'none', 'box' or 'landmarks'"),
        ({"corpora": {"fer2013": 3}}, r"`corpora\.fer2013`.*dictionary"),
        ({"corpora": [1]}, "`corpora` in the recipe.*dictionary"),
        ({"unknown_truth": "guess"}, "`unknown_truth` in the recipe.*'omit' or 'pseudo'"),
        ({3: 1}, "in the recipe"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[Any, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe({**PLAIN, **change})
    assert caught.value.exit_code == 2


def test_a_part_of_a_corpus_that_is_not_listed_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"select\.parts\.1\.corpus is `expw`, which is not among .* \(fer2013\)"):
        recipe(select={"parts": [PART, {**PART, "corpus": "expw"}]})
    with pytest.raises(UsageError, match=r"select\.subjects\.disfa is `disfa`, which is not among"):
        recipe(select={"parts": [PART], "subjects": {"disfa": {"train": ["SN001"]}}})


def test_a_subject_in_two_splits_is_an_error() -> None:
    subjects = {"fer2013": {"train": ["SN001", "SN002"], "test": ["SN002"]}}
    with pytest.raises(UsageError, match=r"select\.subjects\.fer2013 lists SN002 more than once"):
        recipe(select={"parts": [PART], "subjects": subjects})
    with pytest.raises(UsageError, match="'train', 'val' or 'test'"):
        recipe(select={"parts": [PART], "subjects": {"fer2013": {"dev": ["SN001"]}}})


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [", "is not YAML"), ("- 1", "is no mapping"), ("", "is no mapping"), (b"\xff\xfe\x00", "is not YAML")],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recipe"):
        load_recipe(tmp_path / "none.yaml")


def test_set_overrides_one_value_and_leaves_the_source_alone() -> None:
    source = copy.deepcopy(PLAIN)
    sets = ("select.reserve=0.5", "select.parts.0.rows=3", "teacher.backend=openai", "label_set=[awe]", "seed=4")
    found = load_recipe(source, sets=sets)
    assert (found.select.reserve, found.select.parts[0].rows, found.seed) == (0.5, 3, 4)
    assert (found.teacher.backend, found.label_set) == ("openai", ("awe",))
    assert source == PLAIN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed", "--set needs KEY=VALUE. Found: seed"),
        ("=3", "--set needs KEY=VALUE"),
        ("seed=[1", r"the value of --set is not YAML. Found: seed=\[1"),
        ("select.parts.7.rows=1", "a place that the recipe does not have"),
        ("name.first=x", "a place that the recipe does not have"),
        ("select.parts.-1=1", "a place that the recipe does not have"),
        ("sed=1", "unknown key `sed`"),
        ("seed=many", "`seed` in the recipe"),
    ],
)
def test_a_wrong_set_is_a_usage_error(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe(PLAIN, sets=(text,))


def test_roots_come_from_the_call_then_the_recipe_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACIAL_R1_FER2013", str(tmp_path / "environment"))
    assert recipe().corpora["fer2013"].root == tmp_path / "environment"
    own = {**PLAIN, "corpora": {"fer2013": {"root": str(tmp_path / "recipe")}}}
    assert load_recipe(own).corpora["fer2013"].root == tmp_path / "recipe"
    given = {"fer2013": tmp_path / "call"}
    assert load_recipe(own, roots=given).corpora["fer2013"].root == tmp_path / "call"
    monkeypatch.delenv("FACIAL_R1_FER2013")
    assert recipe().corpora["fer2013"].root is None


def test_roots_in_a_file_are_relative_to_it_and_others_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = written(tmp_path / "recipes", {**PLAIN, "corpora": {"fer2013": {"root": "../data"}}})
    assert load_recipe(path).corpora["fer2013"].root == tmp_path / "recipes" / ".." / "data"
    assert load_recipe(path, roots={"fer2013": Path("x")}).corpora["fer2013"].root == tmp_path / "here" / "x"


def test_a_companion_corpus_is_given_like_any_other(tmp_path: Path) -> None:
    raw = {**PLAIN, "corpora": {"fer2013": {"joins": {"rafml": None}, "options": {"ties": "first"}}}}
    assert load_recipe(raw).corpora["fer2013"].arguments == {"ties": "first"}
    joined = load_recipe(raw, roots={"rafml": tmp_path}).corpora["fer2013"]
    assert joined.arguments == {"ties": "first", "rafml": tmp_path}


def test_a_root_for_an_unused_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a corpus that the recipe does not use\. Found: expw\. Expected: .*fer2013"):
        load_recipe(PLAIN, roots={"expw": tmp_path})


def test_the_hash_knows_what_shapes_the_data_and_not_where_copies_lie(tmp_path: Path) -> None:
    plain = recipe().hash()
    assert load_recipe(PLAIN, roots={"fer2013": tmp_path}).hash() == plain
    assert recipe(seed=1).hash() != plain
    assert recipe(corpora={"fer2013": {"crop": "box"}}).hash() != plain
    joins = {"fer2013": {"joins": {"rafml": None}}}
    joined = [load_recipe({**PLAIN, "corpora": joins}, roots={"rafml": tmp_path / name}).hash() for name in "ab"]
    assert joined[0] == joined[1] != load_recipe({**PLAIN, "corpora": joins}).hash()


def test_a_recipe_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="frozen"):
        recipe().seed = 3
