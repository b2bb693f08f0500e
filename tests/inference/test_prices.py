"""Prices, tokens and the estimate: figures worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facial_r1.errors import UsageError
from facial_r1.inference.prices import DATED, TABLE, Price, price_of, stale, usd
from facial_r1.inference.protocol import Request
from facial_r1.inference.tokens import expected, most, picture_tokens, text_tokens
from facial_r1.pictures import PictureError

MINI, BIG = TABLE["gpt-4o-mini"], TABLE["gpt-4o"]


@pytest.mark.parametrize(
    ("price", "detail", "size", "tokens"),
    [
        (MINI, "low", (4000, 3000), 2833),
        (MINI, "high", (48, 48), 8500),  # one tile
        (MINI, "high", (512, 512), 8500),
        (MINI, "high", (513, 512), 2833 + 2 * 5667),
        (BIG, "low", (640, 480), 85),
        (BIG, "high", (1024, 1024), 765),  # 768 × 768: four tiles
        (BIG, "high", (2048, 4096), 1105),  # 1024 × 2048, then 768 × 1536: six tiles
        (BIG, "auto", (512, 512), 255),
    ],
)
def test_picture_tokens(price: Price, detail: str, size: tuple[int, int], tokens: int) -> None:
    assert picture_tokens(price, detail, *size) == tokens
    assert picture_tokens(price, detail, *reversed(size)) == tokens


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_a_picture_has_a_bounded_number_of_tiles(width: int, height: int) -> None:
    tiles = (picture_tokens(BIG, "high", width, height) - 85) / 170
    assert tiles == int(tiles)
    assert 1 <= tiles <= 8


def test_twenty_thousand_rows_at_low_detail_are_57_million_tokens() -> None:
    request = Request("r", "five words of some text", "h", None, Path("no such file"), None, {"detail": "low"})
    assert 20_000 * expected(request, MINI)["input"] == pytest.approx(57e6, rel=0.01)
    assert expected(request, MINI)["input"] == pytest.approx(2845, abs=3)


@given(st.text(max_size=200))
def test_the_bound_is_one(text: str) -> None:
    request = Request("r", text, "h", params={"max_tokens": 9})
    assert most(request, MINI)["input"] >= expected(request, MINI)["input"] - 1
    assert text_tokens(text) == -(-len(text) // 4)


def test_high_detail_needs_the_size_of_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    cv2.imwrite(str(path), np.zeros((1024, 1024), np.uint8))
    high = Request("r", "", "h", None, path, None, {"detail": "high", "max_tokens": 5})
    assert expected(high, BIG) == {"input": 7 + 765, "picture": 765, "output": 5}
    assert expected(high, None) == {"input": 7, "picture": 0, "output": 5}
    with pytest.raises(PictureError, match="no such file"):
        expected(Request("r", "", "h", None, tmp_path / "none", None, {}), BIG)


def test_dollars() -> None:
    usage = {"input": 1_000_000, "output": 500_000}
    assert usd(MINI, usage) == pytest.approx(0.45)
    assert usd(MINI, usage, batch=True) == pytest.approx(0.225)
    assert usd(BIG, {"input": 2_000_000}) == pytest.approx(5.0)
    assert usd(None, usage) is None
    assert usd(Price(0, 0), usage) == 0


def test_snapshots_cost_what_their_model_does_and_strangers_have_no_price() -> None:
    assert price_of("gpt-4o-mini-2024-07-18") == MINI
    assert price_of("gpt-4o-2024-08-06") == BIG
    for stranger in ("gpt-4o-audio", "ft:gpt-4o-mini:me", "my-model", "gpt-4", "2024-07-18", ""):
        assert price_of(stranger) is None


def test_corrections_are_stronger_than_the_table() -> None:
    assert price_of("gpt-4o-mini", {"gpt-4o-mini": {"input": 0.1}}) == Price(0.1, 0.60, 2833, 5667)
    assert price_of("mine", {"mine": {"input": 0, "output": 0}}) == Price(0, 0)
    assert price_of("gpt-4o", {"mine": {"input": 0, "output": 0}}) == BIG


@pytest.mark.parametrize(
    "wrong", [{"input": 1}, {"input": -1, "output": 0}, {"input": "a", "output": 1}, {"in": 1}, {"input": None}]
)
def test_a_correction_that_is_no_price(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"no price for mine.*correct `prices`"):
        price_of("mine", {"mine": wrong})


def test_the_table_says_when_it_is_old() -> None:
    assert stale(DATED + timedelta(days=180)) is None
    warning = stale(DATED + timedelta(days=181))
    assert warning is not None
    assert f"of {DATED} (181 days old)" in warning
    assert stale(date(2020, 1, 1)) is None
