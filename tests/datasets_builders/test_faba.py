"""FABA-Instruct: hand-typed records of both schemas, joined by the picture's name, and what goes wrong with them."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets_builders import corpus, looks_like, require
from datasets_builders.common.corpus import Dropped, Report
from datasets_builders.common.materialize import materialize
from datasets_builders.synthetic.pictures import jpeg
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample, strict_faults

FABA = corpus("faba")

A = "4d01" * 14
B = "93eb" * 14
C = "c0ff" * 14
D = "d00d" * 14
E = "eeee" * 14

AU_A = """\
The person shows several movements that match action units (AUs):

1. AU4 - Brow Lowerer: The brows are drawn together.
2. AU15 - Lip Corner Depressor: The corners of the lips point down, which could mean sadness.

There is no AU12, and others may see this differently."""
AU_B = (
    "1. AU06 - Cheek Raiser: lifted cheeks.\n2. AU12 - Lip Corner Puller: a smile.\n3. AU25 - Lips Part: an open mouth."
)
EMOTION_A = "The face looks sad, and the brows hint at sorrow. There is no sign of joy, anger or surprise."
EMOTION_B = "A broad smile and narrowed eyes: this person is happy."

TWENTY = [f"AU{n}" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)]
SEVEN = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]


def train(name: str, text: str, part: str = "train", folder: str = "7") -> dict[str, Any]:
    """A record as the training files have it."""
    place = f"AffectNet/AffectNet_v2/{folder}/{name}"
    return {
        "source": "AffectNet",
        "image": f"FABAInstruct/{part}/images/{place}.jpg",
        "id": place,
        "conversations": [
            {"from": "human", "value": "What can be seen?\n<image>"},
            {"from": "gpt", "value": text},
        ],
        "landmark": f"FABAInstruct/{part}/landmarks/{place}.npy",
    }


def label(name: str, value: object, text: str = "A face.") -> dict[str, Any]:
    """A record as the evaluation files have it."""
    place = f"AffectNet/AffectNet_v2/7/{name}"
    return {
        "image": f"FABAInstruct/eval/images/{place}.jpg",
        "label": value,
        "gpt4": text,
        "landmark": f"FABAInstruct/eval/landmarks/{place}.npy",
    }


def write(root: Path, name: str, *records: object) -> Path:
    path = root / name.partition("_")[0] / f"{name}_anno.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records, indent=2))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A, B with both records (in another order), C with an AU record, D with an emotion record, E for evaluation."""
    folder = tmp_path / "FABAInstruct"
    write(folder, "train_au", train(A, AU_A), train(B, AU_B), train(C, "AU27 - Mouth Stretch."))
    write(folder, "train_emotion", train(D, "She is afraid."), train(B, EMOTION_B), train(A, EMOTION_A))
    write(folder, "eval_au", label(E, "1, 4, 15", "AU1, AU4 and AU15."))
    write(folder, "eval_emotion", label(E, "Sadness", "A sad face."))
    for part, names in (("train", (A, B, C, D)), ("eval", (E,))):
        for kind, suffix in (("images", ".jpg"), ("landmarks", ".npy")):
            place = folder / part / kind / "AffectNet" / "AffectNet_v2" / "7"
            place.mkdir(parents=True)
            for name in names:
                (place / f"{name}{suffix}").touch()
    return folder


def scan(root: Path, *, keep_going: bool = False, **options: object) -> tuple[dict[str, Sample], Report]:
    report = Report(keep_going=keep_going)
    rows = list(FABA.scan(root, report, **options))
    assert len({row.id for row in rows}) == len(rows)
    return {row.id.removeprefix("faba-"): row for row in rows}, report


# --- rows -------------------------------------------------------------------------------------------------------------


def test_records_are_joined_by_the_picture_and_not_by_their_place(root: Path) -> None:
    rows, report = scan(root)
    assert {name: (row.AUs, row.labels, row.meta_info.task) for name, row in rows.items()} == {
        D: ([], ["fear"], "emotion"),
        B: (["AU6", "AU12", "AU25"], ["happiness"], "au+emotion"),
        A: (["AU4", "AU15"], ["sadness"], "au+emotion"),
        C: (["AU27"], [], "au"),
        E: (["AU1", "AU4", "AU15"], ["sadness"], "au+emotion"),
    }
    assert list(rows) == [D, B, A, C, E]
    assert report == Report()


def test_what_a_row_knows(root: Path) -> None:
    row = scan(root)[0][A]
    meta = row.meta_info
    assert (row.id, meta.sample_id, meta.group) == (f"faba-{A}", f"faba-{A}", f"faba-{A}")
    assert (row.dataset, meta.origin_ids, meta.split) == ("faba", [f"affectnet:{A}"], "train")
    assert (meta.au_annotated, meta.au_source) == (TWENTY, "text")
    assert (meta.label_set, meta.label_source) == (SEVEN, "text")
    assert meta.source == "train/train_au_anno.json:1, train/train_emotion_anno.json:3"
    assert meta.extras() == {"au_text": AU_A, "emotion_text": EMOTION_A}
    assert (meta.subject, meta.box, meta.fold, meta.au_threshold) == (None, None, None, None)


def test_what_is_not_there_is_unknown(root: Path) -> None:
    rows, _ = scan(root)
    au, emotion = rows[C].meta_info, rows[D].meta_info
    assert (au.au_annotated, au.label_set, au.label_source) == (TWENTY, [], None)
    assert (emotion.au_annotated, emotion.au_source, emotion.label_set) == ([], None, SEVEN)
    assert (au.source, emotion.source) == ("train/train_au_anno.json:3", "train/train_emotion_anno.json:1")
    assert au.extras() == {"au_text": "AU27 - Mouth Stretch."}


def test_evaluation_records_are_the_test_part_and_keep_label_and_text(root: Path) -> None:
    row = scan(root)[0][E]
    assert row.meta_info.split == "test"
    assert row.meta_info.source == "eval/eval_au_anno.json:1, eval/eval_emotion_anno.json:1"
    assert row.meta_info.extras() == {
        "au_text": "AU1, AU4 and AU15.",
        "au_label": "1, 4, 15",
        "emotion_text": "A sad face.",
        "emotion_label": "Sadness",
    }


def test_a_label_counts_and_its_text_does_not(root: Path) -> None:
    write(root, "eval_au", label(E, "2, 1", "AU9 and AU17."))
    write(root, "eval_emotion", label(E, "Fear", "A happy face."))
    row = scan(root)[0][E]
    assert (row.AUs, row.labels) == (["AU1", "AU2"], ["fear"])


@pytest.mark.parametrize(
    ("value", "noun"),
    [
        (0, "happiness"),
        (1, "sadness"),
        (2, "surprise"),
        (3, "anger"),
        (4, "neutral"),
        (5, "disgust"),
        (6, "fear"),
        ("3", "anger"),
        ("Happiness", "happiness"),
        ("Neutral", "neutral"),
        ("ANGRY", "anger"),
        (" fear ", "fear"),
    ],
)
def test_emotion_labels_are_names_or_integers_of_faba_s_own_order(root: Path, value: object, noun: str) -> None:
    write(root, "eval_emotion", label(E, value))
    assert scan(root)[0][E].labels == [noun]


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("4", ["AU4"]),
        ("15, 4, 1", ["AU1", "AU4", "AU15"]),
        ("1,4", ["AU1", "AU4"]),
        ("19, 43", ["AD19", "AU43"]),
        ("AU1, AU01, AU5B, AU6c", ["AU1", "AU5", "AU6"]),
    ],
)
def test_au_labels_are_numbers_without_au(root: Path, value: str, codes: list[str]) -> None:
    write(root, "eval_au", label(E, value))
    assert scan(root)[0][E].AUs == codes


def test_the_evaluation_files_may_have_the_schema_of_the_training_files(root: Path) -> None:
    write(root, "eval_au", train(E, AU_A, "eval"))
    write(root, "eval_emotion", train(E, EMOTION_A, "eval"))
    row = scan(root)[0][E]
    assert (row.AUs, row.labels, row.meta_info.split) == (["AU4", "AU15"], ["sadness"], "test")
    assert row.meta_info.extras() == {"au_text": AU_A, "emotion_text": EMOTION_A}


def test_the_key_conversation_is_read_as_well(root: Path) -> None:
    record = train(A, EMOTION_A)
    record["conversation"] = record.pop("conversations")
    write(root, "train_emotion", record)
    assert scan(root)[0][A].labels == ["sadness"]


def test_only_what_gpt_says_counts(root: Path) -> None:
    record = train(A, EMOTION_A)
    record["conversations"][0]["value"] = "<image>\nIs this person happy or angry?"
    write(root, "train_emotion", record)
    assert scan(root)[0][A].labels == ["sadness"]


def test_several_replies_are_one_text(root: Path) -> None:
    record = train(A, EMOTION_A)
    record["conversations"].append({"from": "gpt", "value": "Above all the person looks angry."})
    write(root, "train_emotion", record, train(B, EMOTION_B))
    assert scan(root)[0][A].labels == []


def test_every_code_that_occurs_is_annotated_in_every_row_with_an_au_record(root: Path) -> None:
    write(root, "eval_au", label(E, "18, 1"))
    write(root, "train_au", train(A, AU_A), train(C, "AU30 and AU19 are visible."))
    rows, _ = scan(root)
    wanted = [*TWENTY[:13], "AU18", "AD19", *TWENTY[13:19], "AD30", "AU43"]
    assert [rows[name].meta_info.au_annotated for name in (A, C, E)] == [wanted] * 3
    assert rows[B].meta_info.au_annotated == []


def test_the_codes_that_a_prompt_may_list() -> None:
    assert [int(code[2:]) for code in FABA.au_set] == sorted([*(int(code[2:]) for code in TWENTY), *OTHERS])
    assert FABA.label_set == tuple(SEVEN)


OTHERS = (11, 18, 19, 22, 28, 30)


def test_rows_are_as_a_release_wants_them(root: Path) -> None:
    for row in scan(root)[0].values():
        row.image = "faba/x.jpg"
        assert strict_faults(row) == []


# --- what cannot be read ----------------------------------------------------------------------------------------------


def test_a_truth_that_cannot_be_read_is_unknown_and_counted(root: Path) -> None:
    write(root, "train_au", train(A, AU_A), train(B, "A relaxed face."), train(C, AU_B))
    write(root, "train_emotion", train(A, "Lowered brows."), train(B, EMOTION_B), train(C, "Happy, or surprised."))
    rows, report = scan(root)
    assert [(rows[name].AUs, rows[name].labels, rows[name].meta_info.task) for name in (A, B, C)] == [
        (["AU4", "AU15"], [], "au"),
        ([], ["happiness"], "emotion"),
        (["AU6", "AU12", "AU25"], [], "au"),
    ]
    assert (rows[B].meta_info.au_annotated, rows[A].meta_info.label_set) == ([], [])
    assert rows[A].meta_info.extras()["emotion_text"] == "Lowered brows."
    assert report.remarks == [
        "rows of which a part is unknown (no_au_named): 1; the AU text names no Action Unit",
        "rows of which a part is unknown (no_class_word): 1; "
        "the emotion text names no emotion of the seven outside sentences that deny",
        "rows of which a part is unknown (several_class_words): 1; the emotion text names several emotions",
    ]
    assert not report.dropped


def test_a_row_without_any_truth_is_dropped_with_its_reason(root: Path) -> None:
    write(root, "train_au", train(A, AU_A), train(B, "A relaxed face."), train(C, "Nothing to see."))
    write(root, "train_emotion", train(B, "Raised brows."), train(D, "Happy or sad."))
    rows, report = scan(root)
    assert list(rows) == [A, E]
    assert report.dropped == [
        Dropped(
            "faba",
            f"faba-{B}",
            "no_class_word",
            "the AU text names no Action Unit; "
            "the emotion text names no emotion of the seven outside sentences that deny",
            "train/train_au_anno.json:2, train/train_emotion_anno.json:1",
        ),
        Dropped(
            "faba",
            f"faba-{D}",
            "several_class_words",
            "the emotion text names several emotions",
            "train/train_emotion_anno.json:2",
        ),
        Dropped("faba", f"faba-{C}", "no_au_named", "the AU text names no Action Unit", "train/train_au_anno.json:3"),
    ]
    assert report.remarks == []


def test_the_options_make_more_of_the_same_texts(root: Path) -> None:
    write(root, "train_emotion", train(A, "A sad face. Somebody might also see anger."), train(B, "A calm look."))
    assert [scan(root)[0][name].labels for name in (A, B)] == [[], []]
    assert scan(root, several="first_sentence")[0][A].labels == ["sadness"]
    assert scan(root, soft_words=True)[0][B].labels == ["neutral"]


def test_numbers_that_facs_does_not_have_are_said(root: Path) -> None:
    write(root, "train_au", train(A, "AU0 - Neutral. AU4 and AU99 as well."), train(B, "AU12 and AU0."))
    write(root, "eval_au", label(E, "0, 1"))
    rows, report = scan(root)
    assert [rows[name].AUs for name in (A, B, E)] == [["AU4"], ["AU12"], ["AU1"]]
    assert rows[A].meta_info.extras()["unknown_aus"] == [0, 99]
    assert report.remarks == ["numbers that FACS does not have are left out of the AUs: 0 (3×), 99 (1×)"]


def test_a_text_that_only_denies_says_that_no_au_is_there(root: Path) -> None:
    write(root, "train_au", train(A, "There is no AU4, and neither AU12 nor AU25 can be seen."))
    row = scan(root)[0][A]
    assert (row.AUs, row.meta_info.au_annotated, row.meta_info.task) == ([], TWENTY, "au+emotion")


def test_an_empty_label_is_unknown_and_no_absence(root: Path) -> None:
    write(root, "eval_au", label(E, ""))
    rows, report = scan(root)
    assert (rows[E].AUs, rows[E].meta_info.au_annotated, rows[E].meta_info.task) == ([], [], "emotion")
    assert report.remarks == ["rows of which a part is unknown (empty_label): 1; the label is empty"]


# --- repeats, contradictions, both splits -----------------------------------------------------------------------------


def test_the_same_record_twice_counts_once(root: Path) -> None:
    write(root, "train_au", train(A, AU_A), train(B, AU_B), train(A, "AU15, AU4."))
    rows, report = scan(root)
    assert rows[A].AUs == ["AU4", "AU15"]
    assert rows[A].meta_info.extras()["au_text"] == AU_A
    assert report.dropped == [
        Dropped(
            "faba",
            f"faba-{A}",
            "repeat",
            "says the same as train/train_au_anno.json:1",
            "train/train_au_anno.json:3",
            ("AU4", "AU15"),
        )
    ]


def test_records_that_contradict_each_other_are_dropped_all(root: Path) -> None:
    texts = [EMOTION_A, EMOTION_B, EMOTION_A]
    write(root, "train_emotion", *(train(A, text) for text in texts), train(D, EMOTION_A), train(D, EMOTION_B))
    rows, report = scan(root)
    assert (rows[A].AUs, rows[A].labels, rows[A].meta_info.task) == (["AU4", "AU15"], [], "au")
    assert D not in rows
    place = "train/train_emotion_anno.json"
    assert [(row.id, row.reason, row.detail, row.source, row.labels) for row in report.dropped] == [
        (f"faba-{A}", "conflicting_repeat", f"contradicts {place}:2", f"{place}:1", ("sadness",)),
        (f"faba-{A}", "conflicting_repeat", f"contradicts {place}:1", f"{place}:2", ("happiness",)),
        (f"faba-{A}", "conflicting_repeat", f"contradicts {place}:1", f"{place}:3", ("sadness",)),
        (f"faba-{D}", "conflicting_repeat", f"contradicts {place}:5", f"{place}:4", ("sadness",)),
        (f"faba-{D}", "conflicting_repeat", f"contradicts {place}:4", f"{place}:5", ("happiness",)),
    ]


def test_a_picture_of_the_evaluation_is_no_training_picture(root: Path) -> None:
    write(root, "train_emotion", train(A, EMOTION_A), train(E, EMOTION_B))
    (root / "eval" / "eval_emotion_anno.json").unlink()
    rows, report = scan(root)
    assert (rows[E].meta_info.split, rows[E].meta_info.task, rows[E].labels) == ("test", "au", [])
    [dropped] = report.dropped
    assert (dropped.id, dropped.reason, dropped.labels) == (f"faba-{E}", "in_test", ("happiness",))
    assert (dropped.detail, dropped.source) == (
        "the picture is also in an evaluation file",
        "train/train_emotion_anno.json:2",
    )


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_hash_is_the_same_picture_in_whatever_folder(root: Path) -> None:
    write(root, "train_emotion", train(A.upper(), EMOTION_A, folder="1194"))
    row = scan(root)[0][A]
    assert (row.labels, row.AUs) == (["sadness"], ["AU4", "AU15"])


def test_a_name_that_is_no_hash_is_unique_in_its_folder_only(root: Path) -> None:
    write(root, "train_au", train("face", AU_A, folder="1"), train("face", AU_B, folder="2"))
    rows, report = scan(root)
    assert rows["1-face"].AUs == ["AU4", "AU15"]
    assert rows["2-face"].AUs == ["AU6", "AU12", "AU25"]
    assert rows["1-face"].meta_info.origin_ids == []
    assert not report.dropped


def test_an_id_that_names_another_picture_is_said(root: Path) -> None:
    write(root, "train_emotion", {**train(A, EMOTION_A), "id": f"AffectNet/AffectNet_v2/7/{B}"})
    rows, report = scan(root)
    assert (rows[A].labels, rows[B].labels) == (["sadness"], [])
    what = "records whose `id` is not the picture in `image`, which counts: 1"
    assert report.remarks == [f"train/train_emotion_anno.json: {what}"]


# --- errors -----------------------------------------------------------------------------------------------------------

WHOLE_RECORD = json.dumps(train(B, AU_B))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (5, "record 2: this is no JSON object. Found: 5. Expected: an object with the keys `image`"),
        ([], "record 2: this is no JSON object. Found: []"),
        ({}, "record 2: the key `image` is missing or names no picture. Expected: the path"),
        ({"image": "", "label": "1"}, "record 2: the key `image` is missing or names no picture. Found: ''"),
        ({"image": 3, "label": "1"}, "record 2: the key `image` is missing or names no picture. Found: 3"),
        ({"image": "images/\x00.jpg", "label": "1"}, "record 2: `image` does not name a picture. Found: 'images/"),
        ({"image": "images/", "label": "1"}, "record 2: `image` does not name a picture"),
        ({"image": "x" * 900, "label": "1"}, "record 2: `image` does not name a picture"),
        (
            {"image": "a.jpg"},
            "record 2: there is neither a text nor a label. Found: ['image']. Expected: the keys `image`",
        ),
        ({"image": "a.jpg", "label": [1, 4]}, "record 2: the key `label` is no label. Found: [1, 4]"),
        ({"image": "a.jpg", "label": True}, "record 2: the key `label` is no label. Found: True"),
        (
            {"image": "a.jpg", "label": "smile"},
            "record 2: this is no label. Found: 'smile'. Expected: FACS numbers such",
        ),
        ({"image": "a.jpg", "label": "1 4"}, "record 2: this is no label. Found: '1 4'"),
        ({"image": "a.jpg", "label": "1, , 4"}, "record 2: this is no label. Found: '1, , 4'"),
        ({"image": "a.jpg", "label": 4}, "record 2: this is no label. Found: 4. Expected: FACS numbers such"),
        ({"image": "a.jpg", "label": "1", "gpt4": 7}, "record 2: the text of this record cannot be read"),
        (
            {"image": "a.jpg", "conversations": "AU4"},
            "record 2: the text of this record cannot be read. Found: ['image', 'conversations']. "
            "Expected: a reply `from` gpt, or `gpt4`.",
        ),
        (
            {"image": "a.jpg", "label": "1", "conversations": [{"from": "human", "value": "?"}]},
            "record 2: the text of this record cannot be read. Found: ['image', 'label', 'conversations']",
        ),
        ({"image": "a.jpg", "conversations": ["AU4"]}, "record 2: the text of this record cannot be read"),
        ({"image": "a.jpg", "conversations": [{"from": "gpt"}]}, "record 2: the text of this record cannot be read"),
    ],
)
def test_a_record_that_is_none_is_named(root: Path, record: object, message: str) -> None:
    path = write(root, "train_au", train(A, AU_A), record, train(B, AU_B))
    with pytest.raises(InputError) as caught:
        scan(root)
    assert str(caught.value).startswith(f"{path}: {message}")
    rows, report = scan(root, keep_going=True)
    assert [str(caught.value)] == report.errors
    assert (rows[A].AUs, rows[B].AUs) == (["AU4", "AU15"], ["AU6", "AU12", "AU25"])


@pytest.mark.parametrize("value", [7, -1, "7", "contempt", "shock", "Happiness and Fear", "3.0"])
def test_a_label_that_is_no_emotion_of_the_seven_is_named(root: Path, value: object) -> None:
    path = write(root, "eval_emotion", label(E, value))
    expected = (
        f"{path}: record 1: this is no label. Found: {value!r}. Expected: an emotion such as `Happiness`, "
        "or an integer: 0 happiness, 1 sadness, 2 surprise, 3 anger, 4 neutral, 5 disgust, 6 fear."
    )
    with pytest.raises(InputError) as caught:
        scan(root)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"",
            "record 1: this is not JSON (Input is a zero-length, empty document). Expected: one JSON list of records.",
        ),
        (f"[{WHOLE_RECORD}, {WHOLE_RECORD[:300]}".encode(), "record 2: this is not JSON (unexpected end of data)"),
        (f"[{WHOLE_RECORD}, {WHOLE_RECORD}, x]".encode(), "record 2: this is not JSON ("),
        (f"[{WHOLE_RECORD}, ".encode() + b'{"image": "\xff"}]', "record 2: this is no text. Found: 0xff at byte"),
        (b'{"image": "a.jpg"}', "this annotation file holds no list. Found: dict. Expected: one JSON list of records."),
        (b'"text"', "this annotation file holds no list. Found: str"),
        (b"null", "this annotation file holds no list. Found: NoneType"),
    ],
)
def test_a_broken_file_is_one_clear_error(root: Path, data: bytes, message: str) -> None:
    path = root / "train" / "train_au_anno.json"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        scan(root)
    assert str(caught.value).startswith(f"{path}: {message}")
    rows, report = scan(root, keep_going=True)
    assert report.errors == [str(caught.value)]
    assert (rows[A].labels, rows[A].AUs) == (["sadness"], [])


def test_a_file_that_is_cut_off_is_said_to_be(root: Path) -> None:
    path = root / "train" / "train_au_anno.json"
    path.write_text(f"[{WHOLE_RECORD[:200]}")
    with pytest.raises(InputError, match="copy the file again, this copy seems to be cut off here"):
        scan(root)
    path.write_text(f"[x{WHOLE_RECORD}]")
    with pytest.raises(InputError, match="take this file from the official archive again"):
        scan(root)


def test_a_byte_order_mark_does_no_harm(root: Path) -> None:
    path = root / "train" / "train_au_anno.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert scan(root)[0][A].AUs == ["AU4", "AU15"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"several": "most"}, "option several. Found: most. Expected: unknown or first_sentence"),
        ({"soft_words": 1}, "the option soft_words is a switch. Found: 1. Expected: true or false"),
        ({"split": "test"}, "unknown option. Found: split. Expected: only several, soft_words"),
    ],
)
def test_wrong_options_are_usage_errors(root: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scan(root, **options)


# --- copies -----------------------------------------------------------------------------------------------------------


def test_nested_and_differently_cased_copies_read_the_same(root: Path, tmp_path: Path) -> None:
    before = {name: (row.AUs, row.labels) for name, row in scan(root)[0].items()}
    inner = tmp_path / "deep" / "Data" / "FABA"
    (root / "train" / "train_au_anno.json").rename(root / "train" / "Train_AU_anno.JSON")
    (root / "train" / "images").rename(root / "train" / "Images")
    inner.parent.mkdir(parents=True)
    root.rename(inner)
    assert FABA.recognises(tmp_path / "deep")
    rows, report = scan(tmp_path / "deep")
    assert {name: (row.AUs, row.labels) for name, row in rows.items()} == before
    assert rows[A].meta_info.source == (
        "Data/FABA/train/Train_AU_anno.JSON:1, Data/FABA/train/train_emotion_anno.json:3"
    )
    assert report.missing == []
    counts = FABA.count(iter(rows.values()), report)
    assert (counts["au/train"], counts["emotion/train"]) == (3, 3)


def test_a_read_only_copy_behind_a_link_reads_the_same(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    before = [row.to_line() for row in scan(root)[0].values()]
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o555)
    try:
        assert [row.to_line() for row in scan(tmp_path / "link")[0].values()] == before
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(stat.S_IRWXU)


def test_parts_that_are_not_there_are_said(root: Path) -> None:
    (root / "train" / "train_au_anno.json").unlink()
    (root / "eval" / "eval_emotion_anno.json").unlink()
    rows, report = scan(root)
    assert {name: row.meta_info.task for name, row in rows.items()} == {
        A: "emotion",
        B: "emotion",
        D: "emotion",
        E: "au",
    }
    assert report.missing == ["the annotation file train_au_anno.json", "the annotation file eval_emotion_anno.json"]


def test_another_folder_is_refused(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "label").mkdir(parents=True)
    (other / "label" / "label.lst").touch()
    assert not FABA.recognises(other)
    with pytest.raises(NotThisCorpus, match=r"this folder is not FABA-Instruct.*train_au_anno"):
        require("faba", other)
    with pytest.raises(NotThisCorpus, match="this folder is not FABA-Instruct"):
        scan(other)
    assert looks_like(root) == "faba"


def test_pictures_without_annotation_files_are_told_apart(root: Path) -> None:
    for path in root.rglob("*.json"):
        path.unlink()
    assert not FABA.recognises(root)
    with pytest.raises(NotThisCorpus) as caught:
        require("faba", root)
    found = "Found: pictures as FABA-Instruct names them (eval/images), without its annotation files."
    assert found in str(caught.value)


# --- pictures ---------------------------------------------------------------------------------------------------------


def pictures(root: Path) -> dict[str, Any]:
    return {raw.sample_id.removeprefix("faba-"): raw for raw in FABA.raw(root, list(scan(root)[0].values()))}


def fill(root: Path, name: str, points: np.ndarray[Any, Any] | bytes | None, size: tuple[int, int] = (80, 40)) -> None:
    """A picture of ``size`` (width, height) and its landmark file."""
    [picture] = root.rglob(f"images/**/{name}.jpg")
    [landmarks] = root.rglob(f"landmarks/**/{name}.npy")
    picture.write_bytes(jpeg(np.full((size[1], size[0], 3), 128, np.uint8)))
    if points is None:
        landmarks.unlink()
    elif isinstance(points, bytes):
        landmarks.write_bytes(points)
    else:
        np.save(landmarks, points)


@pytest.fixture
def bare(root: Path) -> Path:
    """The copy without landmark files."""
    for path in root.rglob("*.npy"):
        path.unlink()
    return root


def test_pictures_are_found_by_the_name_in_the_record(bare: Path) -> None:
    assert {name: raw.path.relative_to(bare).as_posix() for name, raw in pictures(bare).items()} == {
        **{name: f"train/images/AffectNet/AffectNet_v2/7/{name}.jpg" for name in (A, B, C, D)},
        E: f"eval/images/AffectNet/AffectNet_v2/7/{E}.jpg",
    }


@pytest.mark.parametrize(
    "image",
    [
        f"/home/somebody/data/FABAInstruct/train/images/AffectNet/AffectNet_v2/7/{A}.jpg",
        f"../../../images/AffectNet/AffectNet_v2/7/{A}.jpg",
        rf"FABAInstruct\train\images\AffectNet\AffectNet_v2\7\{A}.jpg",
        f"images/{A}.png",
        f"{A}.JPG",
        A,
    ],
)
def test_only_the_end_of_a_path_is_trusted(bare: Path, image: str) -> None:
    write(bare, "train_au", {**train(A, AU_A), "image": image})
    raw = pictures(bare)[A]
    assert raw.path == bare / "train" / "images" / "AffectNet" / "AffectNet_v2" / "7" / f"{A}.jpg"


def test_a_path_cannot_lead_out_of_the_copy(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    write(bare, "train_au", {**train(A, AU_A), "image": str(tmp_path / "secret.jpg")}, train("x/../../secret", AU_B))
    rows, report = scan(bare)
    strange = [name for name in rows if "secret" in name]
    assert len(strange) == 2
    assert all(pictures(bare)[name].path is None for name in strange)
    assert report.missing == [f"pictures: 2 of 6 are missing: {', '.join(strange)}"]


@pytest.mark.parametrize("place", ["images/{}.png", "images/7/{}.jpeg", "Images/AffectNet/{}.JPG"])
def test_flattened_and_re_encoded_pictures_are_found(bare: Path, place: str) -> None:
    [old] = bare.rglob(f"{A}.jpg")
    new = bare / "train" / place.format(A.upper())
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
    assert pictures(bare)[A].path == new
    assert scan(bare)[1].missing == []


def test_a_missing_picture_is_said_and_has_a_reason(bare: Path) -> None:
    [path] = bare.rglob(f"{A}.jpg")
    path.unlink()
    assert scan(bare)[1].missing == [f"pictures: 1 of 5 are missing: {A}"]
    assert pictures(bare)[A].problem == ("missing", f"there is no picture {A} below a folder images")
    assert pictures(bare)[B].problem is None


def test_landmarks_are_points_of_the_whole_picture(root: Path) -> None:
    fill(root, A, np.array([-1, -1, 0, 0, 1, 1, 0.5, -0.5], np.float32))
    raw = pictures(root)[A]
    assert raw.points.tolist() == [[0, 0], [40, 20], [80, 40], [60, 10]]


def test_landmarks_in_pixels_stay_as_they_are(root: Path) -> None:
    fill(root, A, np.array([[10.0, 20.0], [30.0, 35.0]]))
    assert pictures(root)[A].points.tolist() == [[10, 20], [30, 35]]


def test_a_picture_without_landmarks_has_no_points(root: Path) -> None:
    fill(root, A, None)
    raw = pictures(root)[A]
    assert (raw.points, raw.problem) == (None, None)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("exploded",))


def test_a_pickled_landmark_file_is_a_problem_and_is_not_opened(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(root, A, np.array([Bomb()], dtype=object))
    fill(root, B, np.array([Bomb()], dtype=object).dumps())
    raws = pictures(root)
    assert not (tmp_path / "exploded").exists()
    for name, words in ((A, "a pickle, which could run any program"), (B, "no .npy file")):
        reason, detail = raws[name].problem
        assert reason == "bad_landmarks"
        assert words in detail
        assert f"{name}.npy: this landmark file cannot be read" in detail


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "this landmark file cannot be read (an empty file)"),
        (b"\x93NUMPY\x01\x00", "cannot be read"),
        (np.zeros(7), "this file holds no landmarks. Found: 7 numbers. Expected: pairs."),
        (np.zeros(0), "this file holds no landmarks. Found: 0 numbers"),
        (np.array(["left", "right"]), "this landmark file cannot be read"),
    ],
)
def test_a_landmark_file_without_points_is_a_problem(
    root: Path, content: np.ndarray[Any, Any] | bytes, words: str
) -> None:
    fill(root, A, content)
    reason, detail = pictures(root)[A].problem
    assert reason == "bad_landmarks"
    assert words in detail


def test_lost_points_do_no_harm(root: Path) -> None:
    fill(root, A, np.array([np.nan, np.nan, 0.0, 0.0], np.float32))
    assert pictures(root)[A].points[1].tolist() == [40, 20]


def test_a_broken_picture_is_left_to_whoever_opens_it(root: Path) -> None:
    fill(root, A, np.array([0.5, 0.5], np.float32))
    [path] = root.rglob(f"{A}.jpg")
    path.write_bytes(b"<html>")
    raw = pictures(root)[A]
    assert (raw.path, raw.points, raw.problem) == (path, None, None)


def test_the_face_is_cut_out_by_its_landmarks(root: Path, tmp_path: Path) -> None:
    corners = [-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5]
    fill(root, A, np.array([*corners, *[0.0] * 204], np.float32), (200, 200))  # 106 points, as there are
    rows = [row for row in scan(root)[0].values() if row.id.endswith(A)]
    [picture] = materialize(FABA, root, rows, tmp_path / "out", crop="landmarks")
    assert picture.box == (30, 30, 170, 170)  # 100 pixels of face, and a fifth of room on each side
    assert (picture.image, picture.width) == (f"faba/faba-{A}.jpg", 140)


# --- published numbers, typed here a second time ----------------------------------------------------------------------


def test_published_numbers() -> None:
    assert FABA.published() == {
        "au/train": 15838,
        "au/test": 325,
        "emotion/train": 19474,
        "emotion/test": 403,
        "pictures": 19474 + 403,
        "test/pictures": 325 + 403 - 314,
        "test/both": 314,
    }
    assert FABA.published(several="first_sentence") == FABA.published()
    assert FABA.tolerances == {"test/pictures": 11, "test/both": 11}


def test_records_count_even_when_their_row_is_dropped(root: Path) -> None:
    write(
        root, "train_emotion", train(D, "Raised brows."), train(A, EMOTION_A), train(A, EMOTION_A), train(E, EMOTION_B)
    )
    write(root, "eval_emotion", label(E, "Sadness"), label(B, 3))
    report = Report()
    counts = FABA.count(FABA.scan(root, report), report)
    assert Counter(row.reason for row in report.dropped) == {"no_class_word": 1, "repeat": 1, "in_test": 2}
    assert {name: counts[name] for name in FABA.published()} == {
        "au/train": 3,
        "au/test": 1,
        "emotion/train": 4,
        "emotion/test": 2,
        "pictures": 5,
        "test/pictures": 2,
        "test/both": 1,
    }
    assert (counts["rows"], counts["train/au+emotion"], counts["test/emotion"], counts["AU4"]) == (4, 1, 1, 2)
