"""Prediction files, ours and those of other projects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation import evaluate, load_predictions
from facial_r1.evaluation.predictions import Prediction, read_predictions

from .conftest import Make


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_our_lines_and_plain_ones(tmp_path: Path) -> None:
    file = write(
        tmp_path / "p.jsonl",
        {
            "id": "a",
            "outcome": "ok",
            "text": "x",
            "model": "m",
            "prompt_hash": "h",
            "pictures": "shuffled:1",
            "detail": None,
        },
        {"id": "b", "outcome": "refusal", "text": "no"},
        {"id": "c", "outcome": "failed", "text": None},
        {"id": "d", "prediction": "happiness"},
        {"id": "e", "prediction": None},
    )
    found = read_predictions(file)
    assert [one.status for one in found] == ["answered", "refused", "failed", "answered", "failed"]
    assert [one.reader for one in found] == ["tags", "tags", "tags", "text", "text"]
    assert (found[0].model, found[0].pictures, found[0].place) == ("m", "shuffled:1", f"{file}:1")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prediction": "x"}, "a prediction without an id"),
        ({"id": "", "prediction": "x"}, "a prediction without an id"),
        ({"id": "a"}, "a prediction without a text"),
        ({"id": "a", "prediction": 3}, "a prediction without a text"),
        ({"id": "a", "text": "x", "outcome": "fine"}, "unknown outcome of a prediction. Found: fine"),
    ],
)
def test_a_line_that_is_no_prediction(tmp_path: Path, row: object, message: str) -> None:
    file = write(tmp_path / "p.jsonl", {"id": "z", "prediction": "x"}, row)
    with pytest.raises(InputError, match=message) as caught:
        read_predictions(file)
    assert f"{file}:2" in str(caught.value)


def test_a_row_that_is_answered_twice(tmp_path: Path, sample: Make) -> None:
    first = write(tmp_path / "1.jsonl", {"id": "a", "prediction": "x"}, {"id": "b", "prediction": "x"})
    second = write(tmp_path / "2.jsonl", {"id": "b", "prediction": "y"}, {"id": "c", "prediction": "y"})
    with pytest.raises(
        InputError, match=rf"1 rows have more than one prediction. Found: b; b at {first}:2 and {second}:1"
    ):
        load_predictions([first, second], [sample(name) for name in "abc"])
    assert [one.id for one in load_predictions([first], [])] == ["a", "b"]


def test_emolas_folder_is_matched_by_picture_and_read_its_way(tmp_path: Path, sample: Make) -> None:
    rows = [
        sample(
            "faba-x1", labels=["happiness"], dataset="faba", annotated=(), origin_ids=["affectnet:AffectNet_v2/3/x1"]
        ),
        sample("faba-x2", labels=["anger"], dataset="faba", annotated=(), image="faba/x2.jpg"),
    ]
    folder = tmp_path / "model" / "jsons"
    folder.mkdir(parents=True)
    for at, (image, text) in enumerate(
        [
            ("./data/FABAInstruct/eval/images/AffectNet/AffectNet_v2/3/x1.jpg", "A joyful look."),
            ("x/faba/x2.jpg", "Calm."),
        ]
    ):
        write(folder / f"{at}.json", {"image_path": image, "label": text, "gt": "Happiness", "rouge": 0.1})
    found = load_predictions([tmp_path / "model"], rows)
    assert [(one.id, one.reader) for one in found] == [("faba-x1", "faba"), ("faba-x2", "faba")]
    scores = evaluate(rows, found).emotions
    assert scores is not None
    assert scores.confusion[scores.classes.index("anger")] == [0, 0, 1, 0]  # neutral is another label here
    failed = tmp_path / "fail.json"
    failed.write_text(json.dumps([{"image_path": "a/x2.png", "given_label": 3, "prediction": "Stern.", "rouge": 0}]))
    assert [(one.id, one.text) for one in load_predictions([failed], rows)] == [("faba-x2", "Stern.")]


def test_facial_r1s_result_is_read_anew(tmp_path: Path, sample: Make) -> None:
    rows = [sample("a", aus=["AU4"], image="DISFA/a.jpg"), sample("b", aus=[], image="DISFA/b.jpg")]
    text = "<think>A furrow (AU 4).</think><answer>anger</answer>"
    result = {
        "au_metrics": {},
        "inference_results": [
            {"image": "DISFA/a.jpg", "question": "", "pred_AUs": [], "pred_labels": ["anger"], "description": text},
            {"image": "DISFA/b.jpg", "question": "", "pred_AUs": ["AU6"], "pred_labels": [], "description": "AU6"},
        ],
    }
    file = tmp_path / "emotion_x.json"
    file.write_text(json.dumps(result))
    found = load_predictions([file], rows)
    assert {one.reader for one in found} == {"think"}
    scores = evaluate(rows, found)
    assert scores.aus is not None
    assert (scores.aus.f1["AU4"], scores.coverage.no_aus) == (1.0, 1)
    assert load_predictions([file], rows, reader="text")[1].reader == "text"


def test_records_that_fit_no_row_or_several(tmp_path: Path, sample: Make) -> None:
    file = tmp_path / "r.json"
    for image, names, message in (
        ("z.jpg", "ab", r"no row has this picture. Found: z.jpg"),
        ("same.jpg", "ab", "several rows have this picture"),
        ("", "ab", "no row has this picture"),
        ("/", "ab", "no row has this picture"),
    ):
        file.write_text(json.dumps([{"image_path": image, "label": "x"}]))
        rows = [sample(name, image=f"{name}/same.jpg") for name in names]
        with pytest.raises(InputError, match=message):
            load_predictions([file], rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "this file is not JSON"),
        ('{"a": 1}', "holds no predictions of a known form. Found: .'a'."),
        ("[1]", "holds no predictions of a known form"),
        ('[{"image_path": 3, "label": "x"}]', "a record without `image_path`"),
        ('[{"image_path": "a", "label": null}]', "a record without `label`"),
    ],
)
def test_json_of_no_known_form(tmp_path: Path, sample: Make, content: str, message: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        load_predictions([file], [sample("a")])


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name, message in (("no.jsonl", "no such file"), ("no.json", "no such file"), (".", "no predictions")):
        with pytest.raises(InputError, match=message):
            load_predictions([tmp_path / name], [])


def test_an_unknown_reader_is_refused(sample: Make) -> None:
    with pytest.raises(UsageError, match="unknown reader"):
        evaluate([sample("a")], [Prediction("a", "x", reader="magic")])
