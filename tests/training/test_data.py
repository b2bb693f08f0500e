"""Which rows are trained on, why the others are not, how long each is, and in which order they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from PIL import Image

from facial_r1.errors import InputError, UsageError
from facial_r1.pictures import PictureError
from facial_r1.sample import Meta, Sample
from training.data import Lesson, Lessons, lessons
from training.order import MOST, Grouped, balanced
from training.recipe import Data

SCORED = ["AU1", "AU4", "AU6", "AU12"]
Row = Callable[..., dict[str, Any]]
Plain = Callable[..., Lessons]


def no_length(prompt: str, text: str | None, size: tuple[int, int] | None) -> int:
    return len(prompt) + len(text or "") + (0 if size is None else 4)


@pytest.fixture
def plain(tmp_path: Path, write: Any) -> Plain:
    """The lessons of plain files."""

    def read(rows: list[dict[str, Any]], *, answer: int | None = None, **options: Any) -> Lessons:
        file = write(tmp_path / "rows.jsonl", rows, tmp_path / "images")
        data = Data(files=(file,), image_folders=(tmp_path / "images",), prompt="question", **options)
        return lessons(data, no_length, answer=answer)  # type: ignore[arg-type]

    return read


def test_a_release_and_plain_files_give_the_same_rows(toy: Path) -> None:
    release = lessons(Data(release=toy), no_length)  # type: ignore[arg-type]
    files = Data(files=(toy / "train.jsonl",), image_folders=(toy / "images",))
    assert release.rows == lessons(files, no_length).rows  # type: ignore[arg-type]
    assert len(release.rows) == 22
    assert release.rows[0].form == "au+emotion"
    assert "Action Units:" in release.rows[0].prompt
    assert not release.dropped


def test_several_files_have_a_folder_each_or_one_for_all(toy: Path) -> None:
    both = (toy / "train.jsonl", toy / "val.jsonl")
    for folders in ((toy / "images",), (toy / "images", toy / "images")):
        assert len(lessons(Data(files=both, image_folders=folders), no_length).rows) == 28  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"2 files, 3 folders.*one folder, or as many"):
        lessons(Data(files=both, image_folders=(toy,) * 3), no_length)  # type: ignore[arg-type]


def test_every_row_that_is_left_out_has_its_reason(row: Row, plain: Plain) -> None:
    rows = [
        row(0),
        row(1, description="She looks sad."),
        row(2, labels=[], meta_info={}),
        row(3, dataset="other"),
        row(4, AUs=[], meta_info={}),
        row(5, description="<think>At rest.</think><answer>anger</answer>"),
        row(6, AUs=["AU6"]),
        row(7, description=f"<think>{'word ' * 300}</think><answer>sadness</answer>", AUs=[]),
    ]
    found = plain(rows, corpora=("toy",), tasks=("au+emotion",), max_length=400)
    assert [one.sample.id for one in found.rows] == ["train000"]
    assert found.dropped == {
        "no text of the right form": 1,
        "no truth is known": 1,
        "of another corpus": 1,
        "of another task": 1,
        "the text's emotion is not the true one": 1,
        "the text's Action Units are not the true ones": 1,
        "longer than 400 tokens": 1,
    }


def test_what_a_release_holds_has_passed_its_gates(toy: Path, tmp_path: Path, row: Row, write: Any) -> None:
    write(tmp_path / "train.jsonl", [row(0, AUs=["AU6"])], tmp_path / "images")
    assert len(lessons(Data(release=tmp_path), no_length).rows) == 1  # type: ignore[arg-type]


def test_grpo_needs_truth_and_a_picture_but_no_text(row: Row, plain: Plain) -> None:
    found = plain([row(0, description=""), row(1, image=""), row(2, labels=[], meta_info={})], answer=50)
    assert [one.sample.id for one in found.rows] == ["train000"]
    assert found.rows[0].tokens == len("Which emotion is it?") + 4 + 50
    assert found.dropped == {"no picture": 1, "no truth is known": 1}


def test_a_row_of_text_alone_is_learnt_without_a_picture(row: Row, plain: Plain) -> None:
    bare = row(1)
    del bare["image"]
    found = plain([row(0), bare])
    assert [one.picture is None for one in found.rows] == [False, True]
    assert found.rows[1].sample.image == ""


def test_rows_that_do_not_say_what_was_scored_are_asked_about_aus_only_on_demand(row: Row, plain: Plain) -> None:
    rows = [row(0, meta_info=None), row(2, meta_info={}), row(1, dataset="words", AUs=[], meta_info={})]
    assert {one.form for one in plain(rows).rows} == {"emotion"}
    found = plain(rows, assume_scored=True, answer=9)
    scored = {one.sample.id: one.sample.meta_info.au_annotated for one in found.rows}
    assert scored == {"train000": ["AU6", "AU12"], "train002": ["AU6", "AU12"], "train001": []}


def test_a_number_of_rows_is_drawn_by_their_ids(toy: Path, tmp_path: Path, row: Row, write: Any) -> None:
    drawn = [one.sample.id for one in lessons(Data(release=toy, rows=7), no_length).rows]  # type: ignore[arg-type]
    write(tmp_path / "train.jsonl", [row(number) for number in reversed(range(22))], tmp_path / "images")
    again = lessons(Data(release=tmp_path, rows=7), no_length).rows  # type: ignore[arg-type]
    assert drawn == [one.sample.id for one in again]
    assert drawn != sorted(drawn)


def test_bad_places_are_one_clear_error_each(toy: Path, tmp_path: Path) -> None:
    def refused(kind: type[Exception], message: str, **places: Any) -> None:
        with pytest.raises(kind, match=message):
            lessons(Data(**places), no_length)  # type: ignore[arg-type]

    refused(UsageError, r"say which rows to train on", prompt="question")
    refused(UsageError, r"say which rows to train on", release=toy, files=(toy / "train.jsonl",))
    refused(InputError, r"this release has no split dev\. Found: the splits train, val", release=toy, split="dev")
    refused(InputError, r"no split train\. Found: no split at all", release=tmp_path)
    refused(InputError, r"there is no such file", files=(tmp_path / "none.jsonl",), image_folders=(toy,))


def test_a_missing_or_broken_picture_is_one_clear_error(tmp_path: Path, row: Row, write: Any) -> None:
    file = write(tmp_path / "rows.jsonl", [row(0), row(1)], tmp_path / "images")
    data = Data(files=(file,), image_folders=(tmp_path / "images",))
    picture = tmp_path / "images" / "toy" / "train001.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PictureError, match=r"train001.png: the picture is cut off"):
        lessons(data, no_length)  # type: ignore[arg-type]
    picture.unlink()
    with pytest.raises(InputError, match=r"train001.png: the picture of train001 is not there.*rows.jsonl.*What to do"):
        lessons(data, no_length)  # type: ignore[arg-type]


def test_when_no_row_is_left_the_reasons_are_said(row: Row, plain: Plain) -> None:
    with pytest.raises(InputError, match=r"no row is left to train on.*no text of the right form: 2"):
        plain([row(0, description=""), row(1, description="")])


# --- lengths


@pytest.fixture(scope="session")
def counted(tiny: Path) -> Any:
    from facial_r1.inference.local.checkpoints import open_checkpoint
    from facial_r1.inference.local.processor import load_processor
    from training.lengths import Lengths

    return Lengths(load_processor(open_checkpoint(tiny)))


@how(max_examples=25, deadline=None)
@given(width=st.integers(8, 300), height=st.integers(8, 300), text=st.text(max_size=40))
def test_a_row_is_as_long_as_trl_makes_it(counted: Any, width: int, height: int, text: str) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    collate = DataCollatorForVisionLanguageModeling(counted.processor, completion_only_loss=True)
    example = {
        "prompt": [{"role": "user", "content": "What is it?"}],
        "completion": [{"role": "assistant", "content": f"a{text}"}],
    }
    picture = Image.new("RGB", (width, height))
    shown = collate([{**example, "images": [picture]}])
    assert counted("What is it?", f"a{text}", (width, height)) == shown["input_ids"].shape[1]
    assert counted("What is it?", f"a{text}", None) == collate([{**example, "images": []}])["input_ids"].shape[1]


# --- order


def lesson(number: int, *, label: str = "fear", corpus: str = "a", aus: tuple[str, ...] = (), **more: Any) -> Lesson:
    sample = Sample(f"id{number}", corpus, AUs=list(aus), labels=[label], meta_info=Meta(au_annotated=SCORED))
    return Lesson(sample, more.get("picture", Path("a.png")), "?", "au+emotion", more.get("tokens", 10))


def test_balancing_shows_rare_rows_up_to_four_times() -> None:
    rows = [lesson(number, label="fear") for number in range(30)]
    rows += [lesson(100 + number, label="anger") for number in range(20)]
    rows += [lesson(200, label="disgust")]
    shown = Counter(one.sample.labels[0] for one in balanced(rows, "label"))
    assert shown == {"fear": 30, "anger": 30, "disgust": MOST}
    often = Counter(one.sample.id for one in balanced(rows, "label"))
    assert set(often.values()) == {1, 2, MOST}
    assert balanced(rows, "none") == rows
    assert balanced(rows, "corpus") == rows, "one corpus is balanced"


def test_a_row_counts_for_its_rarest_au() -> None:
    common = [lesson(number, aus=("AU6", "AU12")) for number in range(8)]
    rare = [lesson(50, aus=("AU6", "AU12", "AU25")), lesson(51)]
    shown = Counter(one.sample.id for one in balanced([*common, *rare], "au"))
    assert (shown["id50"], shown["id51"]) == (4, 4)
    assert {shown[f"id{number}"] for number in range(8)} == {1}


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 5), st.integers(1, 3), st.booleans(), st.integers(0, 9))
def test_no_step_holds_rows_with_and_without_a_picture(
    seen: int, bare: int, batch: int, processes: int, by_length: bool, epoch: int
) -> None:
    rows = [lesson(number, tokens=number % 7) for number in range(seen)]
    rows += [lesson(100 + number, picture=None, tokens=number % 7) for number in range(bare)]
    order = Grouped(rows, batch=batch, processes=processes, by_length=by_length, seed=1)
    order.set_epoch(epoch)
    shown = list(order)
    assert len(shown) == len(order)
    assert set(shown) == set(range(len(rows))), "every row is shown"
    assert max(Counter(shown).values(), default=0) <= batch * processes
    step = batch * processes
    for at in range(0, len(shown), step):
        assert len({rows[index].picture is None for index in shown[at : at + step]}) == 1
    assert shown == list(order), "the order follows from seed and epoch"


def test_epochs_differ_and_rows_of_like_length_stand_together() -> None:
    rows = [lesson(number, tokens=(number * 37) % 101) for number in range(400)]

    def padded(by_length: bool) -> float:
        order = list(Grouped(rows, batch=8, processes=1, by_length=by_length, seed=1))
        batches = [order[at : at + 8] for at in range(0, 400, 8)]
        real = sum(one.tokens for one in rows)
        return real / sum(8 * max(rows[index].tokens for index in batch) for batch in batches)

    assert padded(True) > 0.9 > padded(False)
    order = Grouped(rows, batch=8, processes=1, by_length=True, seed=1)
    first = list(order)
    order.set_epoch(1)
    assert list(order) != first
