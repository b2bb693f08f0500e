"""Reading recipes of any kind: where a key belongs, whatever the models look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from facial_r1.errors import UsageError
from facial_r1.yamls import checked, override, read_mapping


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Leaf(_Strict):
    colour: str = "green"


class Branch(_Strict):
    leaves: tuple[Leaf, ...] = ()
    length: float = 1.0


class Tree(_Strict):
    name: str = ""
    branches: dict[str, Branch] = {}
    crown: Branch | None = None


class Bush(_Strict):
    thorns: int = 0


def advice(raw: dict[str, object]) -> str:
    with pytest.raises(UsageError) as caught:
        checked(Tree, raw, path=None, what="the tree", others={"a bush": Bush})
    return str(caught.value)


def test_a_key_in_the_wrong_place_is_told_where_it_belongs() -> None:
    assert "it belongs at `name`" in advice({"crown": {"name": "oak"}})
    assert "it belongs at `branches.NAME.length` or `crown.length`" in advice({"length": 3})
    found = advice({"branches": {"low": {"leaves": [{"length": 3}]}}})
    assert "unknown key `branches.low.leaves.0.length` in the tree" in found
    assert "it belongs in a bush" in advice({"thorns": 9})


def test_a_misspelt_key_is_told_the_nearest_beside_it_and_else_the_nearest_anywhere() -> None:
    assert "did you mean `colour`?" in advice({"crown": {"leaves": [{"color": "red"}]}})
    anywhere = "did you mean `branches.NAME.leaves.N.colour` or `crown.leaves.N.colour`?"
    assert anywhere in advice({"color": "red"})
    assert advice({"xyzzy": 1}).endswith("What to do: remove it or correct its name.")


def test_a_value_is_told_with_its_place_and_a_missing_one_is_asked_for() -> None:
    assert "`crown.length` in the tree: input should be a valid number" in advice({"crown": {"length": "long"}})

    class Named(_Strict):
        name: str

    with pytest.raises(UsageError, match=r"`name` in the recipe: field required\. What to do: add it\.$"):
        checked(Named, {}, path=None)


def test_set_makes_what_is_missing_and_replaces_what_is_there() -> None:
    raw = {"crown": None, "name": "oak", "branches": [{"length": 1}]}
    override(raw, ["crown.length=2", "branches.0.length=3", "new.deep=[1]"], example="name=elm")
    assert raw == {"crown": {"length": 2}, "name": "oak", "branches": [{"length": 3}], "new": {"deep": [1]}}


@pytest.mark.parametrize("key", ["name.first", "branches.7.length", "branches.-1", "branches.x"])
def test_set_makes_no_place_in_a_value_or_a_list(key: str) -> None:
    raw = {"name": "oak", "branches": [{"length": 1}]}
    with pytest.raises(UsageError, match=rf"a place that the recipe does not have\. Found: {key}"):
        override(raw, [f"{key}=1"], example="name=elm")


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    """YAML would take the last one and say nothing."""
    path = tmp_path / "odd.yaml"
    for text, place in (("lr: 1\nlr: 2\n", 2), ("a: 1\n\nb: {lr: 1, lr: 2}\n", 3)):
        path.write_text(text)
        with pytest.raises(UsageError, match=rf"odd\.yaml:{place}: .*`lr` is given twice"):
            read_mapping(path, keys="`name:`")
    path.write_text("a: &one {lr: 1}\nb: {<<: *one, lr: 2}\n")
    assert read_mapping(path, keys="`name:`")["b"] == {"lr": 2}


def test_an_error_of_yaml_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("a: [\nb: 1\n")
    with pytest.raises(UsageError, match=r"odd\.yaml:\d: this recipe is not YAML \(while parsing a flow") as caught:
        read_mapping(tmp_path / "odd.yaml", keys="`name:`")
    assert "\n" not in str(caught.value)
