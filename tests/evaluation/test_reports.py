"""What is written: result, rows, Markdown, LaTeX and the page; several runs side by side."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation import Settings, against, evaluate, find_protocol, load_result, save
from facial_r1.evaluation.headline import figures, spreads
from facial_r1.evaluation.plain import latex
from facial_r1.evaluation.predictions import Prediction
from facial_r1.evaluation.published import beside_published
from facial_r1.evaluation.result import Evaluation
from facial_r1.evaluation.rows import read_rows
from facial_r1.sample import Sample

from .conftest import Make

HOSTILE = "<script>alert(1)</script>|`&_x"
TEXT = "<think>Wide eyes show {0}.</think><answer>{0}</answer>"


@pytest.fixture(scope="module")
def rows(sample: Make) -> list[Sample]:
    labels = ["fear", "anger", "happiness"] * 12
    return [
        sample(f"r{at}", labels=[label], dataset="fer2013", annotated=(), description=TEXT.format(label))
        for at, label in enumerate(labels)
    ]


def run(rows: list[Sample], every: int, model: str, protocol: str = "FER2013-7") -> Evaluation:
    """A model that is wrong about one row in ``every``."""
    said = [
        Prediction(one.id, TEXT.format("neutral" if at % every == 0 else one.labels[0]), model=model)
        for at, one in enumerate(rows)
    ]
    return evaluate(rows, said, find_protocol(protocol), settings=Settings(resamples=300))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.names.append(tag)


def test_everything_is_written_and_can_be_read_again(rows: list[Sample], tmp_path: Path) -> None:
    found = run(rows, 4, "mine")
    save(found, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html", "report.md", "result.json", "rows.jsonl", "table.tex",
    ]  # fmt: skip
    assert read_rows(tmp_path / "rows.jsonl") == found.rows
    result = load_result(tmp_path)
    assert result == json.loads(json.dumps(found.to_json()))
    accuracy = next(one for one in figures(result) if one.name == "accuracy (WAR)")
    assert str(accuracy) == "75.0 [58.9, 86.2]"
    page = (tmp_path / "report.html").read_text()
    assert "75.0" in page
    assert "http" not in re.sub(r"http-equiv", "", page)
    names = [path.name for path in tmp_path.iterdir()]
    contents = {name: (tmp_path / name).read_bytes() for name in names}
    save(run(rows, 4, "mine"), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names} == contents


def test_hostile_names_do_no_harm(rows: list[Sample], tmp_path: Path) -> None:
    save(run(rows, 4, HOSTILE), tmp_path)
    parser = Tags()
    parser.feed((tmp_path / "report.html").read_text())
    assert "script" not in parser.names
    assert {"table", "svg", "section"} <= set(parser.names)
    table = (tmp_path / "report.md").read_text()
    assert "<script>" not in table
    tex = (tmp_path / "table.tex").read_text()
    body = tex[tex.index(r"\begin") :]
    assert r"\&\_x" in body
    assert r"\textbackslash{}" not in body


def test_a_paired_test_against_an_earlier_run(rows: list[Sample], tmp_path: Path) -> None:
    save(run(rows, 3, "weak"), tmp_path / "weak")
    strong = run(rows, 12, "strong")
    earlier = against(strong, [tmp_path / "weak"])
    (found,) = strong.comparisons
    assert (found.other, found.rows) == ("weak", 36)
    accuracy = found.differences["accuracy"]
    assert accuracy.value == pytest.approx(9 / 36)
    assert found.values["accuracy"] == (pytest.approx(24 / 36), pytest.approx(33 / 36))
    assert accuracy.p < 0.02
    save(strong, tmp_path / "strong", earlier)
    page = (tmp_path / "strong" / "report.html").read_text()
    assert "Against weak" in page
    assert "Runs side by side" in page
    assert (tmp_path / "strong" / "table.tex").read_text().count(r"\\") == 3
    assert "| weak |" in (tmp_path / "strong" / "report.md").read_text()


def test_runs_of_other_rows_are_shown_but_not_tested_against(rows: list[Sample], tmp_path: Path) -> None:
    save(run(rows[:30], 3, "few"), tmp_path / "few")
    found = run(rows, 3, "all")
    against(found, [tmp_path / "few"])
    assert found.comparisons == []
    assert any(text.startswith("few was evaluated under FER2013-7 on split") for text in found.remarks)


def test_another_truth_is_refused(rows: list[Sample], tmp_path: Path) -> None:
    save(run(rows, 3, "one"), tmp_path / "one")
    lines = (tmp_path / "one" / "rows.jsonl").read_text().replace('"labels":["anger"]', '"labels":["fear"]')
    (tmp_path / "one" / "rows.jsonl").write_text(lines)
    with pytest.raises(UsageError, match="disagree on the truth of 12 rows"):
        against(run(rows, 3, "two"), [tmp_path / "one"])


def test_seeds_of_one_model_are_spread(rows: list[Sample]) -> None:
    results = [run(rows, every, "seeds").to_json() for every in (3, 4, 6)]
    (spread,) = spreads(results).values()
    accuracy = next(one for one in spread if one.metric == "accuracy (WAR)")
    values = [100 * 24 / 36, 75.0, 100 * 30 / 36]
    assert accuracy.values == pytest.approx(values)
    assert accuracy.mean == pytest.approx(sum(values) / 3)
    assert accuracy.deviation == pytest.approx(8.3333, abs=1e-3)
    assert spreads(results[:1]) == {}


def test_published_numbers_stand_beside_ours_with_what_differs(rows: list[Sample], sample: Make) -> None:
    published = {one.method: (one, ours, reason) for one, ours, reason in beside_published(run(rows, 4, "m").to_json())}
    one, ours, reason = published["Facial-R1"]
    assert (one.value, one.protocol, ours.value) == (69.8, "FER2013-7", 75.0)
    assert reason == "36 rows, the benchmark has 3,589"
    faces = [sample("a", aus=["AU1"], au_threshold=2)]
    found = evaluate(faces, [Prediction("a", "<think>x</think><answer>AU1</answer>")], find_protocol("DISFA-12"))
    reasons = {one.method: why for one, _, why in beside_published(found.to_json())}
    assert reasons["JAA-Net"] == "protocol DISFA-8, ours DISFA-12"
    assert reasons["Facial-R1"].startswith("Facial-R1 and the models it ran: twelve AUs")


def test_latex_is_a_table_with_its_identity_in_comments(rows: list[Sample]) -> None:
    text = latex([run(rows, 4, "50% & more").to_json()])
    first, *rest = text.splitlines()
    assert first.startswith("% protocol FER2013-7; split ")
    assert rest[0] == r"\begin{tabular}{lrrrrrrrr}"
    assert r"50\% \& more & 100.0 \% & 75.0 [58.9, 86.2]" in text


def test_what_is_no_evaluation(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result of an evaluation"):
        load_result(tmp_path)
    for content in ("{", "[]", '{"model": "x"}'):
        (tmp_path / "result.json").write_text(content)
        with pytest.raises(InputError, match=r"result.json"):
            load_result(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(InputError, match="no row of an evaluation"):
        read_rows(tmp_path / "rows.jsonl")


def test_a_result_that_lacks_something_is_no_result(rows: list[Sample], tmp_path: Path) -> None:
    save(run(rows, 3, "weak"), tmp_path)
    whole = load_result(tmp_path)
    for key in whole:
        (tmp_path / "result.json").write_text(json.dumps({name: one for name, one in whole.items() if name != key}))
        with pytest.raises(InputError, match="no result of an evaluation"):
            load_result(tmp_path)


def test_several_runs_of_a_model_are_drawn(rows: list[Sample], tmp_path: Path) -> None:
    for every in (3, 4):
        save(run(rows, every, "seeds"), tmp_path / str(every))
    last = run(rows, 6, "seeds")
    save(last, tmp_path / "last", against(last, [tmp_path / "3", tmp_path / "4"]))
    page = (tmp_path / "last" / "report.html").read_text()
    assert "seeds: mean of 3 runs, lowest to highest" in page
    assert "Spread of seeds" in (tmp_path / "last" / "report.md").read_text()
