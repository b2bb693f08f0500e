"""Predicting a data set: the blind question, resumption, the control with shuffled pictures, and what may be sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_server import Stub

from facial_r1.errors import FacialR1Error, InputError, UsageError
from facial_r1.evaluation import evaluate, find_data, load_predictions, predict
from facial_r1.evaluation.predict import estimated, questions, shuffled
from facial_r1.files import read_jsonl, sha256_file
from facial_r1.inference.backends import create
from facial_r1.inference.budget import Budget
from facial_r1.inference.prices import price_of
from facial_r1.inference.protocol import Backend
from facial_r1.prompt import default_question
from facial_r1.sample import Meta, Sample

from .conftest import Make

Written = Callable[[Sequence[Sample]], Path]


@pytest.fixture
def rows(sample: Make) -> list[Sample]:
    """Four rows of three tasks."""
    return [
        sample("a", aus=["AU1"], group="s1"),
        sample("b", aus=[], group="s2"),
        sample("c", labels=["fear"], annotated=(), dataset="expw"),
        sample("d", labels=["anger"], annotated=(), dataset="expw"),
    ]


def backend(stub: Stub) -> Backend:
    return create("openai", model="gpt-4o-mini", base_url=stub.url)


def test_each_row_is_asked_its_tasks_question_with_its_picture(
    rows: list[Sample], on_disk: Written, stub: Stub, tmp_path: Path
) -> None:
    data = find_data(on_disk(rows))
    done = predict(data, backend(stub), tmp_path / "p.jsonl")
    lines = [row for _, row in read_jsonl(tmp_path / "p.jsonl")]
    assert [line["id"] for line in lines] == ["a", "b", "c", "d"]
    assert {line["model"] for line in lines} == {"gpt-4o-mini"}
    assert {line["pictures"] for line in lines} == {None}
    assert done.stats.asked == 4
    texts = {part["text"] for body in stub.bodies for part in body["messages"][0]["content"] if part["type"] == "text"}
    assert len(texts) == 2
    assert all("Known facts" not in text for text in texts)
    assert all(body["messages"][0]["content"][0]["type"] == "image_url" for body in stub.bodies)
    asked = {one.sample_id: one for one in questions(data, backend(stub))}
    assert asked["a"].image is not None
    assert asked["a"].image_sha256 == sha256_file(asked["a"].image)
    assert asked["a"].facts is None


def test_a_text_that_goes_beyond_the_truth_is_asked_for_as_in_training(
    on_disk: Written, stub: Stub, sample: Make
) -> None:
    beyond = sample("a", aus=["AU1"], pseudo_label="fear")
    beyond.question = default_question("au")
    (asked,) = questions(find_data(on_disk([beyond])), backend(stub))
    assert asked.prompt.startswith(default_question("au+emotion"))
    assert "one word from this list: anger" in asked.prompt


def test_a_stopped_run_goes_on_where_it_was(rows: list[Sample], on_disk: Written, stub: Stub, tmp_path: Path) -> None:
    data, out = find_data(on_disk(rows)), tmp_path / "p.jsonl"
    with pytest.raises(FacialR1Error, match="could pass --max-requests 2"):
        predict(data, backend(stub), out, budget=Budget(max_requests=2), concurrency=1)
    assert not out.exists()
    first = predict(data, backend(stub), out)
    assert (first.stats.asked, first.stats.reused) == (2, 2)
    content = out.read_bytes()
    assert predict(data, backend(stub), out).stats.asked == 0
    assert out.read_bytes() == content
    assert sum(stub.counts.values()) == 4


def test_a_dry_run_counts_what_is_left(rows: list[Sample], on_disk: Written, stub: Stub, tmp_path: Path) -> None:
    data, out, price = find_data(on_disk(rows)), tmp_path / "p.jsonl", price_of("gpt-4o-mini")
    found = estimated(data, backend(stub), out, price)
    assert (found.requests, found.pictures) == (4, 4 * 2833)
    predict(data, backend(stub), out)
    assert estimated(data, backend(stub), out, price).requests == 0


def test_a_dry_run_of_the_control_counts_its_own_pictures(
    on_disk: Written, stub: Stub, tmp_path: Path, sample: Make
) -> None:
    rows = [sample(name, labels=["fear"], annotated=(), dataset="expw") for name in "abc"]
    for row in rows:
        row.question = f"What does {row.id} feel?"
    data, out = find_data(on_disk(rows)), tmp_path / "p.jsonl"
    predict(data, backend(stub), out)
    assert [estimated(data, backend(stub), out, shuffle=seed).requests for seed in (None, 1)] == [0, 3]


def test_refusals_and_failures_are_written_as_such(on_disk: Written, stub: Stub, tmp_path: Path, sample: Make) -> None:
    rows = [sample(name, labels=["fear"], annotated=(), dataset="expw") for name in "abc"]
    for row, program in zip(rows, ("⟦refusal⟧", "⟦400:x:y⟧", "⟦length⟧"), strict=True):
        row.question = program
    predict(find_data(on_disk(rows)), backend(stub), tmp_path / "p.jsonl")
    lines = [row for _, row in read_jsonl(tmp_path / "p.jsonl")]
    assert [line["outcome"] for line in lines] == ["refusal", "failed", "cut_off"]
    coverage = evaluate(rows, load_predictions([tmp_path / "p.jsonl"], rows)).coverage
    assert (coverage.refused, coverage.failed, coverage.answered, coverage.cut_off) == (1, 1, 1, 1)


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4)), min_size=1, max_size=30), st.integers(0, 5))
def test_every_row_is_shown_somebody_else_of_its_corpus(keys: list[tuple[str, int]], seed: int) -> None:
    samples = [
        Sample(str(at), corpus, f"{corpus}/{at // 2}-{group}.png", meta_info=Meta(group=f"g{group}"))
        for at, (corpus, group) in enumerate(keys)
    ]
    groups: dict[str, set[int]] = {}
    for corpus, group in keys:
        groups.setdefault(corpus, set()).add(group)
    if min(map(len, groups.values())) < 2:
        with pytest.raises(InputError, match="cannot be exchanged"):
            shuffled(samples, seed)
        return
    shown = shuffled(samples, seed)
    for own, other in zip(samples, shown, strict=True):
        assert own.dataset == other.dataset
        assert own.meta_info.group != other.meta_info.group
    assert shown == shuffled(samples, seed)


def test_pictures_are_spread_and_follow_from_the_seed() -> None:
    samples = [Sample(str(at), "x", f"{at}.png", meta_info=Meta(group=str(at))) for at in range(50)]
    orders = [[one.id for one in shuffled(samples, seed)] for seed in (1, 2)]
    assert set(Counter(orders[0]).values()) == {1}
    assert orders[0] != orders[1]
    assert shuffled(samples[::-1], 1)[::-1] == shuffled(samples, 1)


def test_the_control_asks_with_other_pictures_and_says_so(
    rows: list[Sample], on_disk: Written, stub: Stub, tmp_path: Path
) -> None:
    data = find_data(on_disk(rows))
    predict(data, backend(stub), tmp_path / "own.jsonl")
    predict(data, backend(stub), tmp_path / "control.jsonl", shuffle=7)
    asked = {one.sample_id: one for one in questions(data, backend(stub), shuffle=7)}
    assert asked["a"].image == data.images / "disfa/b.png"  # type: ignore[operator]
    own, control = (load_predictions([tmp_path / name], rows) for name in ("own.jsonl", "control.jsonl"))
    assert {one.pictures for one in control} == {"shuffled:7"}
    found = evaluate(rows, own, control=control)
    assert found.control is not None
    assert found.control.differences["accuracy"].value == 0.0
    assert not any("do not say" in text for text in found.warnings)
    swapped = evaluate(rows, own, control=own)
    assert "The control's predictions do not say that their pictures were shuffled." in swapped.warnings


def test_pictures_leave_the_machine_only_with_a_reason(
    rows: list[Sample], on_disk: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    file = on_disk(rows)
    remote = create("openai", model="gpt-4o-mini", base_url="https://api.example/v1")
    with pytest.raises(UsageError, match=r"pictures of disfa, expw would leave this machine.*--allow-send NAME="):
        predict(find_data(file), remote, tmp_path / "p.jsonl")
    assert not (tmp_path / "p.jsonl.journal").exists()
    (file.parent / "manifest.json").write_text(json.dumps({"corpora": {"disfa": {"synthetic": True}}}))
    with pytest.raises(UsageError, match="pictures of expw would leave"):
        predict(find_data(file), remote, tmp_path / "p.jsonl")


def test_the_template_is_told_the_truth(rows: list[Sample], on_disk: Written, tmp_path: Path) -> None:
    predict(find_data(on_disk(rows)), create("template"), tmp_path / "p.jsonl")
    found = evaluate(rows, load_predictions([tmp_path / "p.jsonl"], rows))
    assert found.emotions is not None
    assert found.aus is not None
    assert (found.emotions.accuracy, found.aus.micro) == (1.0, 1.0)


def test_data_that_cannot_be_predicted(sample: Make, on_disk: Written, stub: Stub, tmp_path: Path) -> None:
    file = on_disk([sample("a", labels=["fear"], annotated=(), dataset="expw")])
    with pytest.raises(InputError, match=r"no such data set. Found: \['test.jsonl'\]"):
        find_data(file.parent, split="val")
    (file.parent / "images" / "expw" / "a.png").unlink()
    with pytest.raises(InputError, match="the picture of a is not there"):
        predict(find_data(file), backend(stub), tmp_path / "p.jsonl")
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="folder of the pictures is not known"):
        predict(find_data(bare), backend(stub), tmp_path / "p.jsonl")
    nothing = on_disk([sample("a", annotated=())], "nothing")  # type: ignore[call-arg]
    with pytest.raises(InputError, match="nothing is known of the row a"):
        predict(find_data(nothing), backend(stub), tmp_path / "p.jsonl")
    twice = on_disk([sample("a"), sample("a")], "twice")  # type: ignore[call-arg]
    with pytest.raises(InputError, match="1 ids of the data set stand twice"):
        predict(find_data(twice), backend(stub), tmp_path / "p.jsonl")
    assert not stub.counts
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(InputError, match="no rows"):
        find_data(empty)
