"""Reviews: what was acknowledged is there after any crash, two writers lose nothing, and undo takes back."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facial_r1.errors import FacialR1Error, InputError
from facial_r1.progress import Progress
from facial_r1.reviews import DECISIONS, Review, append_review, read_reviews, reviews_of, standing, text_hash

TEXT = "<think>The cheeks rise (AU6).</think><answer>happiness</answer>"
NOON = "2026-01-31T12:00:00+00:00"

WRITER = """
import sys
from pathlib import Path
from facial_r1.reviews import Review, append_review, text_hash
for number in range(int(sys.argv[3])):
    review = Review(f"row-{number}", sys.argv[2], "2026-01-31T12:00:00Z", "reject", text_hash("x"), reason="r" * 200)
    append_review(Path(sys.argv[1]), review)
    print(number, flush=True)
"""


def review(row: str = "a", reviewer: str = "mia", decision: str = "accept", **more: Any) -> Review:
    return Review(row, reviewer, NOON, decision, text_hash(TEXT), **more)


class Remarks(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_reviews_are_read_back_whole_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "run" / "reviews.jsonl"
    edit = review("b", "Ömer", "edit", description="ein „Text“ 🙂\nzweite Zeile", AUs=("AU12", "AU6"), labels=("fear",))
    given_ = [review(reason="good"), edit, review(decision="undo")]
    for one in given_:
        append_review(path, one)
    assert read_reviews(path) == given_
    assert edit.AUs == ("AU6", "AU12")
    assert read_reviews(tmp_path / "none.jsonl") == []


def test_the_hash_names_the_description_without_white_space_around_it() -> None:
    assert text_hash(f"\n{TEXT} ") == text_hash(TEXT)
    assert text_hash(TEXT) != text_hash(TEXT.lower())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": " "}, "`id` of this review"),
        ({"reviewer": ""}, "`reviewer` of this review"),
        ({"decision": "maybe"}, "one of accept, reject, edit, undo"),
        ({"time": "yesterday"}, "ISO-8601 in UTC"),
        ({"time": "2026-01-31T12:00:00"}, "ISO-8601 in UTC"),
        ({"time": "2026-01-31T12:00:00+02:00"}, "ISO-8601 in UTC"),
        ({"text_sha256": "ABC"}, "64 hexadecimal digits"),
        ({"reason": None}, "`reason` of this review"),
        ({"reason": "\ud83d"}, "UTF-8"),
        ({"description": "a new text"}, "in an edit, and in nothing else"),
        ({"decision": "edit"}, "in an edit, and in nothing else"),
        ({"decision": "edit", "description": "  "}, "`description` of this review"),
        ({"decision": "edit", "AUs": ("AU99",)}, "`AUs` of this review"),
        ({"decision": "edit", "AUs": "AU12"}, "`AUs` of this review"),
        ({"decision": "edit", "labels": ("happy",)}, "`labels` of this review"),
    ],
)
def test_a_field_that_is_not_valid_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(review(), **change)


def test_an_edit_may_say_that_no_action_unit_is_left_and_use_a_label_of_the_recipe() -> None:
    assert review(decision="edit", AUs=()).AUs == ()
    assert review(decision="edit", labels=("confusion",)).labels == ("confusion",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"id": "a"}', "no reviewer, time, decision, text_sha256"),
        ('{"id": "a", "mood": 1}', "unknown key of a review. Found: mood"),
        ('{"id": "a", "reviewer": "m", "time": "x", "decision": "accept", "text_sha256": "y"}', "text_sha256"),
    ],
)
def test_a_bad_line_is_an_error_that_names_it(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "reviews.jsonl"
    append_review(path, review())
    with open(path, "a", encoding="utf-8") as handle:
        handle.write(f"\n{line}\n")
    with pytest.raises(InputError) as error:
        read_reviews(path)
    assert f"{path}:3: " in str(error.value)
    assert said in str(error.value)


def test_a_torn_last_line_is_left_out_and_said_and_the_next_review_cuts_it(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    append_review(path, review("a"))
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 2):
        path.write_bytes(whole + whole[:cut])
        remarks = Remarks()
        assert read_reviews(path, remarks) == [review("a")]
        assert remarks.lines == [f"{path}: the last line is torn ({cut} bytes); it is left out."]
    append_review(path, review("b"))
    assert [one.id for one in read_reviews(path)] == ["a", "b"]
    assert path.read_bytes().startswith(whole)


def test_a_torn_line_longer_than_a_block_is_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    append_review(path, review("a"))
    with open(path, "ab") as handle:
        handle.write(b'{"id": "' + b"x" * 200_000)
    append_review(path, review("b"))
    assert [one.id for one in read_reviews(path)] == ["a", "b"]


def test_a_whole_last_line_without_line_feed_counts(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    append_review(path, review("a"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert read_reviews(path) == [review("a")]
    append_review(path, review("b"))
    assert [one.id for one in read_reviews(path)] == ["a", "b"]


def test_two_processes_append_at_once_and_lose_nothing(tmp_path: Path) -> None:
    path, count = tmp_path / "reviews.jsonl", 60
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen([*command, who, str(count)], stdout=subprocess.DEVNULL, text=True) for who in ("mia", "tom")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    rows = read_reviews(path)
    for who in ("mia", "tom"):
        assert [one.id for one in rows if one.reviewer == who] == [f"row-{number}" for number in range(count)]


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "mia", "100000"], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    append_review(path, review("after"))
    found = [one.id for one in read_reviews(path)]
    assert found[: len(said)] == [f"row-{number}" for number in said]
    assert found[-1] == "after"


def test_a_full_disk_is_one_clear_error() -> None:
    with pytest.raises(FacialR1Error, match="could not be written: No space left"):
        append_review(Path("/dev/full"), review())


def test_standing_is_the_latest_decision_of_each_reviewer() -> None:
    given_ = [review(), review(reviewer="tom", decision="reject"), review(decision="reject", reason="AU6 is missing")]
    assert standing(given_) == {"a": {"mia": given_[2], "tom": given_[1]}}


def test_undo_takes_back_one_decision_of_its_own_reviewer_on_its_own_row() -> None:
    accept, reject, undo = review(), review(decision="reject"), review(decision="undo")
    other, tom = review("b"), review(reviewer="tom")
    assert standing([other, tom, accept, reject, undo]) == {"a": {"mia": accept, "tom": tom}, "b": {"mia": other}}
    assert standing([other, accept, reject, undo, undo]) == {"b": {"mia": other}}
    assert standing([undo, accept]) == {"a": {"mia": accept}}


@settings(max_examples=60, deadline=None)
@given(
    reviews=st.lists(
        st.builds(
            review,
            row=st.sampled_from("abc"),
            reviewer=st.sampled_from(["mia", "tom"]),
            decision=st.sampled_from([one for one in DECISIONS if one != "edit"]),
            reason=st.text(st.characters(codec="utf-8"), max_size=20),
        ),
        max_size=12,
    )
)
def test_the_decisions_of_one_reviewer_never_touch_another(reviews: list[Review]) -> None:
    everyone = standing(reviews)
    for who in ("mia", "tom"):
        alone = standing(one for one in reviews if one.reviewer == who)
        assert {row: by[who] for row, by in everyone.items() if who in by} == {r: by[who] for r, by in alone.items()}
    assert all(one.decision != "undo" for by in everyone.values() for one in by.values())


def test_the_usual_place_of_a_run_a_release_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("run/recipe.yaml", "run/5-release/test.jsonl", "published/test.jsonl"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    places = {
        "run": "run/reviews.jsonl",
        "run/5-release": "run/reviews.jsonl",
        "published": "published.reviews.jsonl",
        "published/test.jsonl": "published/test.reviews.jsonl",
    }
    assert {name: reviews_of(tmp_path / name) for name in places} == {n: tmp_path / f for n, f in places.items()}
    monkeypatch.chdir(tmp_path / "published")
    assert reviews_of(Path()) == tmp_path / "published.reviews.jsonl"
