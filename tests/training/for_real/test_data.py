"""Rows as TRL takes them: columns, lengths known beforehand, what is left out and why, and every error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from faces_to_learn import ANNOTATED, row, write_pictures

from facial_r1.errors import InputError, UsageError
from facial_r1.files import write_jsonl
from facial_r1.inference.local.processor import load_processor
from training.columns import grpo_columns, sft_columns
from training.data import Lessons, lessons
from training.lengths import Lengths
from training.order import Grouped, balanced
from training.recipe import Data


class Words:
    """Counts words, and one token for 28 × 28 pixels."""

    def __call__(self, prompt: str, text: str | None, size: tuple[int, int] | None) -> int:
        width, height = size or (0, 0)
        return len(prompt.split()) + len((text or "").split()) + width * height // 784


def read(lengths: Any = None, *, with_text: bool = True, **data: Any) -> Lessons:
    return lessons(Data(**data), lengths or Words(), answer=None if with_text else 20)


@pytest.fixture
def plain(tmp_path: Path) -> Callable[[Sequence[dict[str, Any]], str], tuple[Path, Path]]:
    """``plain(rows, "a")``: ``a.jsonl`` and the folder of its pictures."""

    def make(rows: Sequence[dict[str, Any]], name: str) -> tuple[Path, Path]:
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
        write_pictures(tmp_path / name, [one["image"] for one in rows])
        return tmp_path / f"{name}.jsonl", tmp_path / name

    return make


def test_the_columns_of_sft(release: Path) -> None:
    rows = sft_columns(read(release=release).rows)
    assert sorted(rows.column_names) == ["completion", "images", "prompt"]
    first = rows[0]
    assert first["prompt"][0]["role"] == "user"
    assert first["completion"] == [{"role": "assistant", "content": row(0)["description"]}]
    assert [(picture.size, picture.mode) for picture in first["images"]] == [((56, 56), "RGB")]  # it was grey
    assert rows.num_rows == 48


def test_the_columns_of_grpo_are_the_truth_and_no_text(release: Path) -> None:
    rows = grpo_columns(read(release=release, with_text=False).rows)
    assert sorted(rows.column_names) == ["AUs", "au_annotated", "form", "id", "image", "labels", "prompt"]
    known = {name: rows[0][name] for name in ("id", "AUs", "au_annotated", "labels", "form")}
    assert known == {
        "id": "row-0",
        "AUs": ["AU1", "AU6"],
        "au_annotated": ANNOTATED,
        "labels": row(0)["labels"],
        "form": "au+emotion",
    }
    assert Counter(rows["form"]) == {"au+emotion": 32, "au": 8, "emotion": 8}
    emotion = rows[47]
    assert (emotion["AUs"], emotion["au_annotated"]) == ([], [])  # unknown, and so nothing is scored


def test_the_prompt_is_the_student_s_or_the_question_alone(release: Path) -> None:
    whole, question = read(release=release).rows[0].prompt, read(release=release, prompt="question").rows[0].prompt
    assert question == row(0)["question"]
    assert question in whole
    assert len(whole) > 5 * len(question)


def test_lengths_are_those_the_collator_makes(release: Path, tiny: Path) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    processor = load_processor(tiny)
    found = read(Lengths(processor), release=release, prompt="question")
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    made = sft_columns(found.rows)
    for index in range(0, 48, 3):  # every size of picture and every task
        assert collate([made[index]])["input_ids"].shape == (1, found.rows[index].tokens)


@pytest.mark.parametrize("size", [(28, 28), (30, 500), (640, 480), (113, 97)])
def test_the_tokens_of_any_picture_are_counted_as_the_processor_makes_them(tiny: Path, size: tuple[int, int]) -> None:
    from PIL import Image

    processor = load_processor(tiny)
    chat = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which?"}]}],
        add_generation_prompt=True,
    )
    made = processor(images=[Image.new("RGB", size)], text=[chat], return_tensors="pt")["input_ids"].shape[1]
    assert Lengths(processor)("Which?", None, size) == made


def test_what_is_too_long_is_left_out_whole_with_its_reason_and_number(release: Path) -> None:
    all_rows = read(release=release)
    limit = sorted(one.tokens for one in all_rows.rows)[30]
    some = read(release=release, max_length=max(64, limit))
    fitting = [one for one in all_rows.rows if one.tokens <= max(64, limit)]
    assert [one.sample.id for one in some.rows] == [one.sample.id for one in fitting]
    assert some.dropped == {f"longer than {max(64, limit)} tokens": 48 - len(fitting)}
    assert all(one.sample.description in (lesson.sample.description for lesson in some.rows) for one in fitting)


def test_smaller_pictures_take_fewer_tokens(sft_recipe: Any, tmp_path: Path) -> None:
    from training.prepare import prepare

    large = prepare(sft_recipe(), tmp_path / "a")
    small = prepare(sft_recipe(max_pixels=56 * 56), tmp_path / "b")
    saved = [before.tokens - after.tokens for before, after in zip(large.train.rows, small.train.rows, strict=True)]
    assert min(saved) == 0  # 56 × 56 was small enough
    assert max(saved) >= 8  # 84 × 112 were 12 tokens, and no picture takes more than 4
    assert large.recipe.hash() != small.recipe.hash()


def test_rows_are_chosen_by_corpus_task_and_hash_of_the_id(release: Path) -> None:
    assert {one.sample.dataset for one in read(release=release, corpora=["corpus-b"]).rows} == {"corpus-b"}
    found = read(release=release, tasks=["au"])
    assert {one.form for one in found.rows} == {"au"}
    assert found.dropped == {"of another task": 40}
    some, more = read(release=release, rows=10), read(release=release, rows=20)
    assert len(some.rows) == 10
    assert [one.sample.id for one in more.rows][:10] == [one.sample.id for one in some.rows]


def test_rows_without_a_text_of_the_right_form_teach_sft_nothing(plain: Any) -> None:
    rows = [row(0), row(1, description=""), row(2, description="A smile: happiness.")]
    file, folder = plain(rows, "a")
    given = {"files": [file], "image_folders": [folder]}
    found = read(**given)
    assert [one.sample.id for one in found.rows] == ["row-0"]
    assert found.dropped == {"no text of the right form": 2}
    assert len(read(with_text=False, **given).rows) == 3


def test_rows_without_truth_teach_nothing(plain: Any) -> None:
    file, folder = plain([row(0), row(1, AUs=[], labels=[], meta_info={})], "a")
    found = read(with_text=False, files=[file], image_folders=[folder])
    assert (len(found.rows), found.dropped) == (1, {"no truth is known": 1})


def test_plain_files_with_a_folder_each_or_one_for_all(plain: Any, tmp_path: Path) -> None:
    (one, first), (two, second) = plain([row(0), row(1)], "a"), plain([row(2)], "b")
    found = read(files=[one, two], image_folders=[first, second])
    assert [lesson.picture for lesson in found.rows] == [
        first / "faces/0.png",
        first / "faces/1.png",
        second / "faces/2.png",
    ]
    write_pictures(first, ["faces/2.png"])
    assert len(read(files=[one, two], image_folders=[first]).rows) == 3
    with pytest.raises(UsageError, match=r"do not fit together.*2 files, 3 folders"):
        read(files=[one, two], image_folders=[first, second, tmp_path])
    with pytest.raises(UsageError, match="do not fit together"):
        read(files=[one])


def test_labels_beyond_the_eight_need_the_recipe(plain: Any) -> None:
    text = "<think>The inner brows rise (AU1), the cheeks too (AU6).</think><answer>confusion</answer>"
    file, folder = plain([row(0, labels=["confusion"], description=text)], "a")
    with pytest.raises(InputError, match=r"a\.jsonl:1: .*unknown emotion.*confusion.*label_set"):
        read(files=[file], image_folders=[folder])
    assert read(files=[file], image_folders=[folder], label_set=["confusion"]).rows[0].sample.labels == ["confusion"]


def test_balance_repeats_rare_classes_at_most_four_times(plain: Any) -> None:
    rows = [row(n, labels=["fear"], dataset="big") for n in range(9)]
    rows += [row(9 + n, labels=["anger"], dataset="big") for n in range(3)] + [row(12, labels=["disgust"], dataset="b")]
    file, folder = plain(rows, "a")
    given = {"with_text": False, "files": [file], "image_folders": [folder]}
    found = read(**given).rows
    by_label = Counter(one.sample.labels[0] for one in balanced(found, "label"))
    assert by_label == {"fear": 9, "anger": 9, "disgust": 4}
    assert Counter(one.sample.dataset for one in balanced(found, "corpus")) == {"big": 12, "b": 4}
    assert balanced(found, "none") == found


def test_the_source_changes_with_the_file_and_not_with_its_place(plain: Any, release: Path) -> None:
    file, folder = plain([row(0)], "a")
    before = read(files=[file], image_folders=[folder]).source
    assert before == read(files=[file], image_folders=[folder]).source != read(release=release).source
    write_jsonl(file, [row(0), row(0)])
    assert read(files=[file], image_folders=[folder]).source != before


def test_errors_before_anything_is_loaded(release: Path, plain: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a release, or files"):
        read()
    with pytest.raises(UsageError, match="a release, or files"):
        read(release=release, files=[release / "train.jsonl"])
    with pytest.raises(InputError, match=r"no split test.*Found: the splits train, val"):
        read(release=release, split="test")
    with pytest.raises(InputError, match=r"no split train.*Found: no split at all.*5-release of a run"):
        read(release=tmp_path)
    with pytest.raises(InputError, match=r"nowhere\.jsonl: there is no such file"):
        read(files=[tmp_path / "nowhere.jsonl"], image_folders=[tmp_path])
    file, folder = plain([row(0), row(1)], "a")
    (folder / "faces/1.png").unlink()
    with pytest.raises(InputError, match=r"faces/1\.png: the picture of row-1 is not there.*a\.jsonl"):
        read(files=[file], image_folders=[folder])
    with pytest.raises(InputError, match=r"no row is left.*of another corpus: 2"):
        read(files=[file], image_folders=[folder], corpora=["other"])
    (folder / "faces/1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"faces/1\.png"):
        read(files=[file], image_folders=[folder])


def test_plain_texts_that_contradict_their_truth_are_left_out(plain: Any) -> None:
    wrong_label = row(0)["description"].replace(f"<answer>{row(0)['labels'][0]}", "<answer>fear")
    rows = [row(0, description=wrong_label), row(1, AUs=["AU1"]), row(2)]
    file, folder = plain(rows, "a")
    found = read(files=[file], image_folders=[folder])
    assert [one.sample.id for one in found.rows] == ["row-2"]
    assert found.dropped == {
        "the text's emotion is not the true one": 1,
        "the text's Action Units are not the true ones": 1,
    }


def test_rows_that_do_not_say_what_was_scored_can_be_assumed_to(plain: Any) -> None:
    """*Unknown is not absent*, unless the user says so."""
    file, folder = plain([row(0, meta_info={}), row(1, meta_info={})], "a")
    given = {"with_text": False, "files": [file], "image_folders": [folder]}
    assert [one.sample.meta_info.au_annotated for one in read(**given).rows] == [[], []]
    assumed = read(assume_scored=True, **given).rows
    assert {one.sample.dataset: one.sample.meta_info.au_annotated for one in assumed} == {
        "corpus-b": ["AU1", "AU6"],
        "corpus-a": ["AU2", "AU12"],
    }


def test_rows_of_text_alone_are_in_steps_of_their_own(plain: Any, tmp_path: Path) -> None:
    rows = [row(number) for number in range(13)]
    file, folder = plain(rows, "a")
    bare = [{key: value for key, value in one.items() if key != "image"} for one in rows[:5]]
    write_jsonl(tmp_path / "b.jsonl", bare)
    found = read(files=[file, tmp_path / "b.jsonl"], image_folders=[folder])
    assert sum(one.picture is None for one in found.rows) == 5
    for by_length in (True, False):
        order = Grouped(found.rows, batch=2, processes=2, by_length=by_length, seed=0)
        shown = list(order)
        assert len(shown) == len(order) == 16 + 8  # thirteen and five, each filled to whole steps of four
        assert set(shown) == set(range(18))
        for start in range(0, len(shown), 4):
            assert len({found.rows[index].picture is None for index in shown[start : start + 4]}) == 1
        order.set_epoch(1)
        assert list(order) != shown
        order.set_epoch(0)
        assert list(order) == shown
    assert read(with_text=False, files=[tmp_path / "b.jsonl", file], image_folders=[folder]).dropped == {
        "no picture": 5
    }


def test_like_lengths_are_together_and_every_seed_has_its_order(plain: Any) -> None:
    rows = [row(number) for number in range(40)]
    file, folder = plain(rows, "a")
    found = read(files=[file], image_folders=[folder]).rows

    def spread(by_length: bool) -> int:
        order = list(Grouped(found, batch=4, processes=1, by_length=by_length, seed=0))
        lengths = [[found[index].tokens for index in order[at : at + 4]] for at in range(0, 40, 4)]
        return sum(max(batch) - min(batch) for batch in lengths)

    assert spread(True) < spread(False) / 2
    assert list(Grouped(found, batch=4, processes=1, by_length=True, seed=1)) != list(
        Grouped(found, batch=4, processes=1, by_length=True, seed=0)
    )
