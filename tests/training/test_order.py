"""In which order rows are shown, and how often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from facial_r1.sample import Meta, Sample
from training.data import Lesson
from training.order import MOST, Grouped, Replayed, balanced


def lesson(number: int, *, label: str = "fear", corpus: str = "a", aus: tuple[str, ...] = (), **more: Any) -> Lesson:
    sample = Sample(f"id{number}", corpus, AUs=list(aus), labels=[label], meta_info=Meta(au_annotated=["AU6"]))
    return Lesson(sample, more.get("picture", Path("a.png")), "?", "au+emotion", more.get("tokens", 10))


def test_balancing_shows_rare_rows_up_to_four_times() -> None:
    rows = [lesson(number, label="fear") for number in range(30)]
    rows += [lesson(100 + number, label="anger") for number in range(20)]
    rows += [lesson(200, label="disgust", corpus="b")]
    shown = Counter(one.sample.labels[0] for one in balanced(rows, "label"))
    assert shown == {"fear": 30, "anger": 30, "disgust": MOST}
    often = Counter(one.sample.id for one in balanced(rows, "label"))
    assert set(often.values()) == {1, 2, MOST}
    assert Counter(one.sample.dataset for one in balanced(rows, "corpus")) == {"a": 50, "b": MOST}
    assert balanced(rows, "none") == rows


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
    order.set_epoch(epoch + 1)
    list(order)
    order.set_epoch(epoch)
    assert shown == list(order), "the order follows from seed and epoch"


def test_epochs_and_seeds_differ_and_rows_of_like_length_stand_together() -> None:
    rows = [lesson(number, tokens=(number * 37) % 101) for number in range(400)]

    def order(*, by_length: bool = True, seed: int = 1) -> Grouped:
        return Grouped(rows, batch=8, processes=1, by_length=by_length, seed=seed)

    def real(shown: list[int]) -> float:
        batches = [shown[at : at + 8] for at in range(0, 400, 8)]
        return sum(one.tokens for one in rows) / sum(8 * max(rows[at].tokens for at in batch) for batch in batches)

    first = order()
    shown = list(first)
    assert real(shown) > 0.9 > real(list(order(by_length=False)))
    first.set_epoch(1)
    assert list(first) != shown != list(order(seed=2))


def test_the_order_of_prompts_of_a_later_epoch_needs_none_before_it() -> None:
    from trl.trainer.utils import RepeatSampler

    def start() -> RepeatSampler:
        return RepeatSampler(range(7), mini_repeat_count=2, batch_size=3, repeat_count=2, seed=4)

    trl = start()
    whole = [list(trl) for _ in range(4)]
    assert whole[0] != whole[1]
    for epoch in (3, 0, 2, 1):
        order = Replayed(start)
        order.set_epoch(epoch)
        assert list(order) == list(order) == whole[epoch]
        assert len(order) == len(whole[epoch])
