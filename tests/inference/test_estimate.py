"""The dry run: requests exact, tokens near what the server counts, cost an upper bound."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from stub_server import Stub

from facial_r1.emotions import EMOTIONS
from facial_r1.facs import MAIN_CODES, sort_codes
from facial_r1.inference.backends import create
from facial_r1.inference.budget import Budget
from facial_r1.inference.estimate import Estimate, estimate
from facial_r1.inference.journal import Journal
from facial_r1.inference.prices import TABLE, Price
from facial_r1.inference.protocol import Answer, Facts, Request
from facial_r1.inference.runner import ask
from facial_r1.prompt import default_question, teacher_prompt
from facial_r1.sample import TASKS

MINI = TABLE["gpt-4o-mini"]


def test_it_agrees_with_the_run(stub: Stub, journal: Journal, about: Callable[..., Request]) -> None:
    backend = create("openai", model="gpt-4o-mini", base_url=stub.url, max_tokens=60)
    requests = [about(backend, f"What does this face show, and why? Row {i % 20}.") for i in range(30)]
    ask(backend, requests[:5], journal)
    before = stub.counts.total()
    plan = estimate(requests, backend.model, MINI, journal)
    stats = ask(backend, requests, journal, budget=Budget(MINI))
    assert plan.requests == stub.counts.total() - before == 15
    assert plan.text + plan.pictures == pytest.approx(stats.usage["input"], rel=0.05)
    assert plan.pictures == 15 * 2833
    assert plan.measured == 5
    assert plan.output == 15 * 60 >= stats.usage["output"]
    assert plan.online is not None
    assert plan.online >= (stats.cost or 0)
    assert plan.batch == pytest.approx(plan.online / 2)


def test_without_a_price_there_are_requests_and_text_only(stub: Stub, about: Callable[..., Request]) -> None:
    backend = create("openai", model="mine", base_url=stub.url, max_tokens=60)
    assert estimate([about(backend, "x" * 40)], backend.model) == Estimate(1, 17, 0, 60)
    assert estimate([], "m", MINI) == Estimate(0, 0, 0, 0, 0.0, 0.0)


def test_what_a_server_counted_corrects_the_rest(stub: Stub, journal: Journal, about: Callable[..., Request]) -> None:
    """A model of one's own: nobody knows what its pictures cost until it has answered a few."""
    backend = create("openai", model="mine", base_url=stub.url)
    requests = [about(backend, f"What does this face show? Row {i}.") for i in range(40)]
    blind = estimate(requests, backend.model, None, journal)
    ask(backend, requests[:10], journal)
    plan = estimate(requests, backend.model, None, journal)
    stats = ask(backend, requests, journal)
    assert blind.measured == 0
    assert plan.text + plan.pictures == pytest.approx(stats.usage["input"], rel=0.01)
    assert plan.pictures == pytest.approx(30 * 2833, rel=0.01)
    assert blind.text < 0.01 * stats.usage["input"]


Count = Callable[[str], int]


@pytest.fixture(scope="module")
def count(tmp_path_factory: pytest.TempPathFactory) -> Count:
    """Tokens of a user message by a real tokenizer, which needs 1.3 times as many as the rule of thumb says."""
    pytest.importorskip("torch")
    from transformers import AutoTokenizer

    from facial_r1.inference.local.tiny import make_tiny

    tokenizer = AutoTokenizer.from_pretrained(make_tiny(tmp_path_factory.mktemp("models") / "tiny"))

    def tokens(text: str) -> int:
        return len(tokenizer.apply_chat_template([{"role": "user", "content": text}], return_dict=True)["input_ids"])

    return tokens


def questions(task: str, rows: int, image: Path | None = None) -> list[Request]:
    """What a teacher is asked about rows of one task; the prompts of the tasks differ in length by up to a half."""
    dice, asked = random.Random(task), []
    for row in range(rows):
        aus = tuple(sort_codes(dice.sample(MAIN_CODES, dice.randint(1, 6)))) if task != "emotion" else ()
        facts = Facts(task, aus, (dice.choice(EMOTIONS),) if task != "au" else ())
        prompt = teacher_prompt(task, default_question(task), MAIN_CODES[:12], EMOTIONS, facts)
        number = f"{prompt.text} {task} {row}"
        asked.append(Request(f"{task}{row}", number, number, facts, image, None, {"detail": "low"}))
    return asked


def answered(journal: Journal, requests: list[Request], count: Count, picture: int = 0) -> None:
    counted = [(request, {"input": count(request.prompt) + picture}) for request in requests]
    journal.append([Answer(one.key("m"), one.sample_id, "ok", "", "m", usage=usage) for one, usage in counted])


@pytest.mark.parametrize("price", [None, Price(1, 1, 2833)], ids=["unpriced", "priced"])
@pytest.mark.parametrize("tokens", [None, 64, 2833], ids=["words", "small picture", "large picture"])
def test_each_task_is_corrected_by_its_own_answers(
    journal: Journal, picture: Path, count: Count, tokens: int | None, price: Price | None
) -> None:
    """Most answers are of one task, most of what is to come of another; one correction for all is 8 % off."""
    image = picture if tokens else None
    asked = {task: questions(task, rows, image) for task, rows in zip(TASKS, (250, 20, 300), strict=True)}
    done = {"au+emotion": 230, "au": 10, "emotion": 5}
    cost = tokens or 0
    for task, rows in done.items():
        answered(journal, asked[task][:rows], count, cost)
    plan = estimate((request for task in TASKS for request in asked[task]), "m", price, journal)
    waiting = [request for task in TASKS for request in asked[task][done[task] :]]
    assert plan.requests == len(waiting) == 20 + 10 + 295
    assert plan.text + plan.pictures == pytest.approx(sum(count(one.prompt) + cost for one in waiting), rel=0.01)
    assert plan.measured == 200 + 10 + 5  # of the first task as many as make a difference
    assert plan.unlike == 0


def test_a_task_without_answers_is_corrected_by_the_others_and_said_to_be(journal: Journal, count: Count) -> None:
    known, unknown = questions("au", 20), questions("emotion", 30)
    answered(journal, known[:10], count)
    plan = estimate([*known, *unknown], "m", None, journal)
    true = sum(count(request.prompt) for request in [*known[10:], *unknown])
    assert (plan.requests, plan.unlike) == (40, 30)
    assert estimate([*known[10:], *unknown], "m").text < 0.8 * true
    assert plan.text == pytest.approx(true, rel=0.1)
