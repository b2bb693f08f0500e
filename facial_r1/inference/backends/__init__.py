"""Backends: one file per kind. Each module of this folder defines ``create(**options) -> Backend``.

The module's name with ``-`` for ``_`` is the backend's name in recipes; it is imported when it is created, so that
what it needs (torch, a provider's client) is loaded only then.

>>> create("template").model
'template-1'
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from facial_r1.errors import UsageError
from facial_r1.inference.protocol import Backend

__all__ = ["backend_names", "create"]


@cache
def backend_names() -> tuple[str, ...]:
    """The names of all backends, alphabetical."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def create(name: str, /, **options: Any) -> Backend:
    """The backend called ``name``.

    Raises:
        UsageError: for a name that has no file in this folder, an option that the backend does not have, one that it
            needs and was not given, or a value of another type.
    """
    if name not in backend_names():
        raise UsageError("unknown backend", found=name, expected=f"one of {', '.join(backend_names())}")
    function = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").create
    known = inspect.signature(function).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        expected = f"only {', '.join(known)}" if known else "no options"
        raise UsageError(f"unknown option of the backend {name}", found=unknown[0], expected=expected)
    needed = [one.name for one in known.values() if one.default is one.empty and one.name not in options]
    if needed:
        do = f"give --{needed[0].replace('_', '-')}, or name it under `options` in the recipe"
        raise UsageError(f"the backend {name} needs the option {needed[0]}", found="none", do=do)
    _check_types(name, function, options)
    backend: Backend = function(**options)
    return backend


def _check_types(name: str, function: Callable[..., Backend], options: Mapping[str, Any]) -> None:
    """Options come from YAML, in which a number may well have become a word; they enter keys as they were written."""
    types = get_type_hints(function)
    config = ConfigDict(strict=True, allow_inf_nan=False)
    for option, value in options.items():
        try:
            TypeAdapter(types.get(option, Any), config=config).validate_python(value)
        except ValidationError as error:
            expected = function.__annotations__[option]
            what = f"the option {option} of the backend {name} does not take this value"
            raise UsageError(what, found=repr(value), expected=expected) from error
