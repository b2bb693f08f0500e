"""Recipes are YAML: reading a file, ``--set KEY=VALUE`` over it, and what is wrong with it in plain words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from facial_r1.errors import UsageError

__all__ = ["checked", "override", "read_mapping"]

_Model = TypeVar("_Model", bound=BaseModel)


class _Once(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, where YAML would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As PyYAML does it.

        Raises:
            yaml.YAMLError: naming key and line.
        """
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key.value in [before.value for before in keys[:place]]:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` is given twice", key.start_mark)
        return super().construct_mapping(node, deep=deep)


_ANY = {dict: "NAME", tuple: "N", list: "N"}
"""What stands for any key of a mapping, and for any place in a list."""


def read_mapping(path: Path, *, what: str = "recipe", keys: str) -> dict[str, Any]:
    """The mapping in a YAML file.

    Args:
        path: the file.
        what: it is called so in errors.
        keys: some that it should have, for an error.

    Raises:
        UsageError: when there is no file, or it is not YAML, or no mapping.
    """
    if not path.is_file():
        raise UsageError(f"there is no such {what}", path=path, do="check the path; `recipes/` holds examples")
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Once)
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        told = " ".join(filter(None, (error.context, error.problem)))
        raise UsageError(f"this recipe is not YAML ({told})", path=path, line=line, do="correct the YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise UsageError(f"this recipe is not YAML ({told})", path=path, do="correct the YAML") from None
    if not isinstance(raw, dict):
        raise UsageError("this recipe is no mapping", path=path, found=raw, expected=keys)
    return raw


def override(raw: dict[str, Any], sets: Sequence[str], *, example: str) -> None:
    """Change values of ``raw`` in place.

    Args:
        raw: what was read.
        sets: such as ``select.reserve=0.5`` or ``rewards.0.weight=2``; values are YAML.
        example: one of them, for an error.

    Raises:
        UsageError: for another form, or a place in a list or value that is not there.
    """
    for text in sets:
        key, equals, written = text.partition("=")
        if not (key and equals):
            raise UsageError("--set needs KEY=VALUE", found=text, do=f"for example --set {example}")
        try:
            value = yaml.safe_load(written)
        except yaml.YAMLError:
            raise UsageError("the value of --set is not YAML", found=text, do="quote it, or correct it") from None
        *parents, last = key.split(".")
        node: Any = raw
        for name in parents:
            if isinstance(node, dict) and node.get(name) is None:
                node[name] = {}
            node = node[_index(node, name, key)]
        node[_index(node, last, key)] = value


def _index(node: Any, name: str, key: str) -> str | int:
    if isinstance(node, dict):
        return name
    if isinstance(node, list) and name.isdigit() and int(name) < len(node):
        return int(name)
    raise UsageError("--set names a place that the recipe does not have", found=key)


def checked(
    kind: type[_Model],
    raw: Mapping[str, Any],
    *,
    path: Path | None,
    what: str = "the recipe",
    others: Mapping[str, type[BaseModel]] | None = None,
) -> _Model:
    """The recipe that ``raw`` is.

    Args:
        kind: what it should be.
        raw: what was read.
        path: where, for an error; None for a mapping of the caller's.
        what: it is called so in errors.
        others: other kinds of recipes by such names; a key of theirs is said to belong there.

    Raises:
        UsageError: naming the key, what was found, and of an unknown key the nearest known one or where it belongs.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        do = "; ".join(["remove it or correct its name", *_hint(kind, first["loc"], others or {})])
        raise UsageError(f"unknown key `{where}` in {what}", path=path, do=do)
    if first["type"] == "value_error":
        raise UsageError(first["msg"].removeprefix("Value error, "), path=path, do="correct the recipe")
    told = f"`{where}` in {what}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    if first["type"] == "missing":  # what pydantic found is all that stands around it
        raise UsageError(told, path=path, do="add it")
    raise UsageError(told, path=path, found=first["input"], do="correct the value")


def _hint(kind: type[BaseModel], loc: Sequence[str | int], others: Mapping[str, type[BaseModel]]) -> list[str]:
    """Where a key belongs that stands in the wrong place, or which one was meant; empty when nobody can tell."""
    *parents, key = (str(part) for part in loc)
    parts = dict(_parts(kind))

    def homes(name: str) -> str:
        return " or ".join(f"`{'.'.join([*place, name])}`" for place, known in parts.items() if name in known)

    if homes(key):
        return [f"it belongs at {homes(key)}"]
    for name, other in others.items():
        if key in other.model_fields:
            return [f"it belongs in {name}"]
    beside = [name for place, known in parts.items() if _fits(place, parents) for name in known]
    near = [f"`{name}`" for name in difflib.get_close_matches(key, beside, n=1)]
    anywhere = sorted({name for known in parts.values() for name in known})
    far = [homes(name) for name in difflib.get_close_matches(key, anywhere, n=1)]
    return [f"did you mean {meant}?" for meant in (near or far)]


def _parts(kind: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Place → keys, of a model and of all models inside it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield place, list(kind.model_fields)
        for name, field in kind.model_fields.items():
            yield from _parts(field.annotation, (*place, name))
        return
    step = _ANY.get(get_origin(kind))
    for part in get_args(kind):
        yield from _parts(part, place if step is None else (*place, step))


def _fits(place: Sequence[str], parents: Sequence[str]) -> bool:
    pairs = zip(place, parents, strict=False)
    return len(place) == len(parents) and all(one in (other, *_ANY.values()) for one, other in pairs)
