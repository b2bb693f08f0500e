"""Which rows are trained on, why the others are not, how long each is, and as what TRL takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from learning import ANNOTATED, row, write_pictures
from PIL import Image

from facial_r1.errors import InputError, UsageError
from facial_r1.files import write_jsonl
from facial_r1.inference.local.processor import load_processor
from facial_r1.pictures import PictureError
from training.columns import grpo_columns, sft_columns
from training.data import Lesson, Lessons, lessons
from training.lengths import Lengths
from training.prepare import prepare
from training.recipe import Data

LONG = f"<think>{'word ' * 600}</think><answer>{row(7)['labels'][0]}</answer>"
Plain = Callable[..., Lessons]


def characters(prompt: str, text: str | None, size: tuple[int, int] | None) -> int:
    """A length that needs no model: one token a character, and four for a picture."""
    return len(prompt) + len(text or "") + (0 if size is None else 4)


def read(*, answer: int | None = None, **data: Any) -> Lessons:
    return lessons(Data(**data), characters, answer=answer)  # type: ignore[arg-type]


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    """The lessons of plain rows, whose pictures lie beside them."""

    def made(rows: list[dict[str, Any]], /, **options: Any) -> Lessons:
        write_jsonl(tmp_path / "rows.jsonl", rows)
        write_pictures(tmp_path / "images", [one["image"] for one in rows if one.get("image")])
        folders = (tmp_path / "images",)
        return read(files=(tmp_path / "rows.jsonl",), image_folders=folders, **{"prompt": "question", **options})

    return made


def test_a_release_and_plain_files_give_the_same_rows(release: Path) -> None:
    found = read(release=release)
    assert found.rows == read(files=(release / "train.jsonl",), image_folders=(release / "images",)).rows
    assert Counter(one.form for one in found.rows) == {"au+emotion": 32, "au": 8, "emotion": 8}
    assert not found.dropped


def test_several_files_have_a_folder_each_or_one_for_all(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder, numbers in ((first, (0, 1)), (second, (2,))):
        write_jsonl(folder / "rows.jsonl", [row(number) for number in numbers])
        write_pictures(folder, [f"faces/{number}.png" for number in numbers])
    files = (first / "rows.jsonl", second / "rows.jsonl")
    found = read(files=files, image_folders=(first, second)).rows
    assert [lesson.picture for lesson in found] == [
        first / "faces/0.png",
        first / "faces/1.png",
        second / "faces/2.png",
    ]
    write_pictures(first, ["faces/2.png"])
    assert len(read(files=files, image_folders=(first,)).rows) == 3


def test_every_row_that_is_left_out_has_its_reason(plain: Plain) -> None:
    wrong = row(5)["description"].replace(f"<answer>{row(5)['labels'][0]}", "<answer>contempt")
    rows = [
        row(0),
        row(1, description="She looks sad."),
        row(2, AUs=[], labels=[], meta_info={}),
        row(3, dataset="other"),
        row(4, "emotion"),
        row(5, description=wrong),
        row(6, AUs=["AU15"]),
        row(7, description=LONG, AUs=[]),
    ]
    found = plain(rows, corpora=("corpus-a", "corpus-b"), tasks=("au+emotion",), max_length=1000)
    assert [one.sample.id for one in found.rows] == ["row-0"]
    assert found.dropped == {
        "no text of the right form": 1,
        "no truth is known": 1,
        "of another corpus": 1,
        "of another task": 1,
        "the text's emotion is not the true one": 1,
        "the text's Action Units are not the true ones": 1,
        "longer than 1000 tokens": 1,
    }
    assert found.rows[0].sample.description == row(0)["description"], "nothing is cut"


def test_what_a_release_holds_has_passed_its_gates(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [row(0, AUs=["AU15"])])
    write_pictures(tmp_path / "images", ["faces/0.png"])
    assert len(read(release=tmp_path).rows) == 1


def test_grpo_needs_truth_and_a_picture_but_no_text(plain: Plain) -> None:
    rows = [row(0, description=""), row(1, image=""), row(2, AUs=[], labels=[], meta_info={})]
    found = plain(rows, answer=50)
    assert [one.sample.id for one in found.rows] == ["row-0"]
    assert found.rows[0].tokens == len(row(0)["question"]) + 4 + 50
    assert found.dropped == {"no picture": 1, "no truth is known": 1}


def test_a_row_of_text_alone_is_learnt_without_a_picture(plain: Plain) -> None:
    bare = row(1)
    del bare["image"]
    found = plain([row(0), bare])
    assert [one.picture is None for one in found.rows] == [False, True]
    assert found.rows[1].sample.image == ""


def test_rows_that_do_not_say_what_was_scored_are_asked_about_aus_only_on_demand(plain: Plain) -> None:
    """*Unknown is not absent*, unless the user says so."""
    rows = [
        row(1, meta_info=None),
        row(2, meta_info={}),
        row(3, dataset="words", AUs=[], meta_info={}),
        row(4, dataset="scored", AUs=["AU1"]),
    ]
    forms = {one.sample.id: one.form for one in plain(rows, answer=9).rows}
    assert forms == {"row-1": "emotion", "row-2": "emotion", "row-3": "emotion", "row-4": "au+emotion"}
    scored = {
        one.sample.id: one.sample.meta_info.au_annotated for one in plain(rows, assume_scored=True, answer=9).rows
    }
    both = sorted({*row(1)["AUs"], *row(2)["AUs"]}, key=ANNOTATED.index)
    assert scored == {"row-1": both, "row-2": both, "row-3": [], "row-4": ANNOTATED}


def test_a_text_with_numbers_that_nobody_scored_is_not_learnt_and_the_way_out_is_said(plain: Plain) -> None:
    """The published schema alone: ``meta_info`` holds nothing, and a prompt without scored units asks for words."""
    published = [row(number, meta_info={}) for number in range(3)] + [row(3, "au", meta_info={})]
    for chosen in ({}, {"tasks": ("au+emotion",)}):
        match = r"no row is left.*Action Units are named, and not which were scored: 4.*data\.assume_scored=true"
        with pytest.raises(InputError, match=match):
            plain(published, **chosen)
    assert {one.form for one in plain(published, assume_scored=True).rows} == {"au+emotion", "au"}
    words = row(4, "emotion")
    found = plain([*published, {**words, "AUs": ["AU6"]}, {**words, "description": row(4)["description"]}])
    assert [one.form for one in found.rows] == ["emotion"]
    assert found.dropped == {"Action Units are named, and not which were scored": 5}
    assert found.unscored == 1


def test_a_number_of_rows_is_drawn_by_their_ids(plain: Plain) -> None:
    rows = [row(number) for number in range(30)]
    some, more = ([one.sample.id for one in plain(rows, rows=count).rows] for count in (10, 20))
    assert more[:10] == some != sorted(some)
    assert [one.sample.id for one in plain(rows[::-1], rows=10).rows] == some, "whatever their order in the file"


def test_labels_beyond_the_eight_need_the_recipe(plain: Plain) -> None:
    text = "<think>The inner brows rise (AU1), the cheeks too (AU6).</think><answer>confusion</answer>"
    odd = row(0, labels=["confusion"], description=text)
    with pytest.raises(InputError, match=r"rows\.jsonl:1: .*unknown emotion.*confusion.*label_set"):
        plain([odd])
    assert plain([odd], label_set=["confusion"]).rows[0].sample.labels == ["confusion"]


def test_the_source_changes_with_the_file_and_not_with_its_place(plain: Plain, tmp_path: Path) -> None:
    before = plain([row(0)]).source
    (tmp_path / "rows.jsonl").rename(tmp_path / "moved.jsonl")
    assert read(files=(tmp_path / "moved.jsonl",), image_folders=(tmp_path / "images",)).source == before
    assert plain([row(0), row(0)]).source != before


def test_bad_places_are_one_clear_error_each(release: Path, tmp_path: Path) -> None:
    def refused(kind: type[Exception], message: str, **places: Any) -> None:
        with pytest.raises(kind, match=message):
            read(**places)

    train = release / "train.jsonl"
    refused(UsageError, r"say which rows to train on", prompt="question")
    refused(UsageError, r"say which rows to train on", release=release, files=(train,))
    refused(UsageError, r"a release has pictures of its own", release=release, image_folders=(release,))
    refused(UsageError, r"2 files, 3 folders.*one folder, or as many", files=(train,) * 2, image_folders=(release,) * 3)
    refused(UsageError, r"1 files, 0 folders", files=(train,))
    refused(InputError, r"this release has no split test\. Found: the splits train, val", release=release, split="test")
    refused(InputError, r"no split train\. Found: no split at all.*5-release of a run", release=tmp_path)
    refused(InputError, r"there is no such release.*--release", release=tmp_path / "nowhere")
    refused(InputError, r"there is no such file", files=(tmp_path / "none.jsonl",), image_folders=(release,))


def test_a_missing_or_broken_picture_is_one_clear_error(plain: Plain, tmp_path: Path) -> None:
    plain([row(0), row(1)])
    given = {"files": (tmp_path / "rows.jsonl",), "image_folders": (tmp_path / "images",)}
    picture = tmp_path / "images" / "faces" / "1.png"
    picture.write_bytes(picture.read_bytes()[:-20])
    with pytest.raises(PictureError, match=r"faces/1\.png: the picture is cut off"):
        read(**given)
    picture.write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"faces/1\.png"):
        read(**given)
    picture.unlink()
    with pytest.raises(InputError, match=r"1\.png: the picture of row-1 is not there.*rows\.jsonl.*What to do"):
        read(**given)


def test_when_no_row_is_left_the_reasons_are_said(plain: Plain) -> None:
    with pytest.raises(InputError, match=r"no row is left to train on.*no text of the right form: 2"):
        plain([row(0, description=""), row(1, description="")])
    with pytest.raises(InputError, match=r"no row is left to train on.*the file is empty"):
        plain([])


# Lengths


@pytest.fixture(scope="module")
def processor(tiny: Path) -> Any:
    return load_processor(tiny)


@how(max_examples=25, deadline=None)
@given(width=st.integers(8, 300), height=st.integers(8, 300), text=st.text(max_size=40))
def test_a_row_is_as_long_as_trl_makes_it(processor: Any, width: int, height: int, text: str) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    example = {
        "prompt": [{"role": "user", "content": "What is it?"}],
        "completion": [{"role": "assistant", "content": f"a{text}"}],
    }
    picture = Image.new("RGB", (width, height))
    counted = Lengths(processor)
    shown = collate([{**example, "images": [picture]}])
    assert counted("What is it?", f"a{text}", (width, height)) == shown["input_ids"].shape[1]
    assert counted("What is it?", f"a{text}", None) == collate([{**example, "images": []}])["input_ids"].shape[1]


def test_the_rows_of_every_task_are_as_long_as_the_collator_makes_them(release: Path, processor: Any) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    found = lessons(Data(release=release), Lengths(processor)).rows
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    made = sft_columns(found)
    for index in range(0, 48, 5):
        assert collate([made[index]])["input_ids"].shape == (1, found[index].tokens)


@pytest.mark.parametrize("size", [(28, 28), (30, 500), (640, 480), (113, 97)])
def test_a_prompt_is_as_long_as_the_processor_makes_it(processor: Any, size: tuple[int, int]) -> None:
    chat = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which?"}]}],
        add_generation_prompt=True,
    )
    made = processor(images=[Image.new("RGB", size)], text=[chat], return_tensors="pt")["input_ids"].shape[1]
    assert Lengths(processor)("Which?", None, size) == made


def test_smaller_pictures_take_fewer_tokens(sft_recipe: Any, tmp_path: Path) -> None:
    large = prepare(sft_recipe(), tmp_path / "a")
    small = prepare(sft_recipe(max_pixels=56 * 56), tmp_path / "b")
    saved = [before.tokens - after.tokens for before, after in zip(large.train.rows, small.train.rows, strict=True)]
    assert min(saved) == 0, "56 × 56 was small enough"
    assert max(saved) >= 8, "84 × 112 were 12 tokens, and no picture takes more than 4"
    assert large.recipe.hash() != small.recipe.hash()


# Columns


def test_the_columns_of_sft(release: Path) -> None:
    rows = sft_columns(read(release=release).rows)
    assert sorted(rows.column_names) == ["completion", "images", "prompt"]
    first = rows[0]
    assert first["prompt"][0]["role"] == "user"
    assert first["completion"] == [{"role": "assistant", "content": row(0)["description"]}]
    assert [(picture.size, picture.mode) for picture in first["images"]] == [((56, 56), "RGB")]  # it was grey
    assert rows.num_rows == 48


def test_the_columns_of_grpo_are_the_truth_and_no_text(release: Path) -> None:
    rows = grpo_columns(read(release=release, answer=20).rows)
    assert sorted(rows.column_names) == ["AUs", "au_annotated", "form", "id", "image", "labels", "prompt"]
    known = {name: rows[0][name] for name in ("id", "AUs", "au_annotated", "labels", "form")}
    assert known == {
        "id": "row-0",
        "AUs": ["AU1", "AU6"],
        "au_annotated": ANNOTATED,
        "labels": row(0)["labels"],
        "form": "au+emotion",
    }
    emotion = rows[47]
    assert (emotion["AUs"], emotion["au_annotated"]) == ([], []), "unknown, and so nothing is scored"


def test_the_prompt_is_the_student_s_or_the_question_alone(release: Path) -> None:
    whole, question = (read(release=release, prompt=name).rows[0].prompt for name in ("student", "question"))
    assert question == row(0)["question"]
    assert question in whole
    assert "Action Units:" in whole
    assert len(whole) > 5 * len(question)


def test_pictures_of_all_modes_reach_the_model_upright_and_in_colour(tmp_path: Path, release: Path) -> None:
    """The reference lets a small picture shrink all later ones of its batch, and opens grey ones as they are."""
    found = read(release=release, rows=3, answer=1)
    rows = []
    for number, (mode, one) in enumerate(zip(["L", "RGBA", "P"], found.rows, strict=True)):
        path = tmp_path / f"{mode}.png"
        Image.new("RGB", (20 + 60 * number, 90)).convert(mode).save(path)
        rows.append(Lesson(one.sample, path, one.prompt, one.form, one.tokens))
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    Image.new("RGB", (40, 90)).save(tmp_path / "turned.jpg", exif=turned)
    rows.append(Lesson(found.rows[0].sample, tmp_path / "turned.jpg", "?", "au", 1))
    shown = grpo_columns(rows)[:]["image"]
    assert [(one.mode, one.size) for one in shown] == [
        *(("RGB", (20 + 60 * number, 90)) for number in range(3)),
        ("RGB", (90, 40)),
    ]
