"""Errors that a person can act on: place, what was found, what was expected, what to do."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1 import errors
from facial_r1.errors import (
    CorruptState,
    FacialR1Error,
    GateFailed,
    InputError,
    MissingExtra,
    NotThisCorpus,
    UsageError,
    clip,
)
from facial_r1.files import parse_json

_TREE = (FacialR1Error, InputError, NotThisCorpus, UsageError, MissingExtra, CorruptState, GateFailed)


def test_a_full_message_reads_as_sentences() -> None:
    error = InputError(
        "unknown label", path=Path("a/b.csv"), line=12, found="9", expected="0 to 6", do="correct the row"
    )
    expected = "a/b.csv:12: unknown label. Found: 9. Expected: 0 to 6. What to do: correct the row."
    assert str(error) == expected
    assert error.args == (expected,)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FacialR1Error("broken"), "broken."),
        (FacialR1Error("broken."), "broken."),
        (FacialR1Error("broken", path="x"), "x: broken."),
        (FacialR1Error("broken", line=3), "broken."),  # a line without a file is no place
        (FacialR1Error("broken", found=0), "broken. Found: 0."),  # 0, False and "" are findings, None is not
        (FacialR1Error("broken", found=False), "broken. Found: False."),
        (FacialR1Error("broken", found=["a", 1]), "broken. Found: ['a', 1]."),
        (FacialR1Error("broken", expected="a dot."), "broken. Expected: a dot."),
        (FacialR1Error("broken", do="mend it."), "broken. What to do: mend it."),
        (FacialR1Error("broken", do="is the disk full?"), "broken. What to do: is the disk full?"),
    ],
)
def test_absent_parts_are_left_out(error: FacialR1Error, message: str) -> None:
    assert str(error) == message


def test_a_huge_finding_is_cut() -> None:
    message = str(InputError("bad field", found=["x" * 1_000_000]))
    assert len(message) < 150
    assert message.endswith("… (1000004 characters).")


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(2, 100))
def test_clip_never_exceeds_its_limit_by_more_than_the_count(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    whole = repr(text)
    if len(whole) <= limit:
        assert clipped == whole
    else:
        assert clipped == f"{whole[: limit - 1]}… ({len(whole)} characters)"
    assert "\n" not in clipped  # one message stays one line


def test_exit_codes_tell_errors_wrong_usage_and_failed_gates_apart() -> None:
    codes = {cls.__name__: cls.exit_code for cls in _TREE}
    assert codes == {
        "FacialR1Error": 1,
        "InputError": 1,
        "NotThisCorpus": 1,
        "UsageError": 2,
        "MissingExtra": 1,
        "CorruptState": 1,
        "GateFailed": 3,
    }


def test_the_tree_has_one_root_and_every_branch_is_public() -> None:
    assert all(issubclass(cls, FacialR1Error) for cls in _TREE)
    assert issubclass(InputError, ValueError)
    assert issubclass(NotThisCorpus, InputError)
    assert set(errors.__all__) == {cls.__name__ for cls in _TREE} | {"clip"}


def _all_parts(cls: type[FacialR1Error]) -> FacialR1Error:
    return cls("what", path=Path("p"), line=1, found={"a": 1}, expected="e", do="d?")


@pytest.mark.parametrize("cls", _TREE)
def test_errors_survive_pickling_with_all_their_parts(cls: type[FacialR1Error]) -> None:
    error = _all_parts(cls)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    parts = ("what", "path", "line", "found", "expected", "do")
    assert [getattr(copy, part) for part in parts] == [getattr(error, part) for part in parts]


def test_an_error_raised_in_a_worker_process_arrives_whole() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        error = pool.submit(parse_json, b"{", "rows.jsonl", 5).exception(timeout=120)
    assert isinstance(error, InputError)
    assert str(error).startswith("rows.jsonl:5: this line is not JSON")
    assert error.line == 5
