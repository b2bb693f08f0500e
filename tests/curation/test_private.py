"""A path of a machine is found wherever it stands in a row; prose that looks like one is not taken for it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from curation.checks.private import private_fields


def extra(value: Any) -> dict[str, Any]:
    return {"meta_info": {"extra": orjson.dumps({"note": value}).decode()}}


@pytest.mark.parametrize(
    "row",
    [
        {"meta_info": {"source": "/data/faces.csv:1"}},
        {"description": "see C:\\faces\\1.png"},
        extra("C:\\temp\\faces"),
        extra(["fine", "/home/me/faces"]),
        extra({"deep": "file://server/faces"}),
        {"meta_info": {"extra": "no JSON, /home/me"}},
    ],
)
def test_a_path_is_found(row: dict[str, Any]) -> None:
    assert len(list(private_fields(row))) == 1


@pytest.mark.parametrize(
    "row",
    [
        extra("what can be made out is this:\n\n1. AU6"),
        extra("part a:\nthe brows and/or the lids"),
        {"description": "The face shows: fear/surprise.", "image": "/kept/for/its/own/check"},
    ],
)
def test_prose_is_no_path(row: dict[str, Any]) -> None:
    assert list(private_fields(row)) == []


def test_what_must_not_be_said_is_found_inside_extra() -> None:
    assert list(private_fields(extra("made in runs/mine"), ["runs/mine"]))
    assert not list(private_fields(extra("made elsewhere"), ["runs/mine"]))
