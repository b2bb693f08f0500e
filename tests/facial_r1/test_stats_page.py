"""The shell, tables and thumbnails: everything is escaped, nothing reaches out, everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from facial_r1.stats import Section, bars, heatmap, histogram, lines, page, table, thumbnail
from facial_r1.stats.style import CSS
from facial_r1.stats.tables import markdown_table, number, numbers

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>&amp;\"'"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page back: its tags (which must be balanced), its attributes and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert reader.open == []
    return reader


def full_page(text: str = "words") -> str:
    charts = bars({text: 1.0, "b": -2.0}, title=text, unit=text, intervals={text: (0.5, 1.5)})
    charts += heatmap([[0.5, np.nan]], [text], [text, "c"], title=text)
    charts += histogram([1, 2, 3], title=text, unit=text) + lines({text: [(0, 1), (1, 2)]}, title=text, x=text, y=text)
    body = charts + table([text, "n"], [(text, 1)], caption=text)
    return page(text, [Section(text, body, text), Section("b", Markup("")), Section("c", Markup(""))], lead=text)


def test_hostile_text_shows_as_text_wherever_it_comes_from() -> None:
    reader = read(full_page(HOSTILE))
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "iframe", "object", "link"}
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on")]
    assert "".join(reader.text).count(HOSTILE) >= 15


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))
def test_a_table_says_what_it_was_given(text: str) -> None:
    reader = read(table(("name",), [(text,)]))
    assert "".join(reader.text) == f"name{text}"


def test_a_page_reaches_for_nothing_and_forbids_it() -> None:
    text = full_page()
    assert not re.search(r"https?:|//\w|@import|url\(|<script|<link|<iframe|srcset", text)
    policy = next(a["content"] for tag, a in read(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_the_same_sections_give_the_same_bytes() -> None:
    assert full_page() == full_page()


def test_a_page_can_be_used_without_a_mouse_and_without_eyes() -> None:
    reader = read(full_page())
    links = {a["href"] for tag, a in reader.tags if tag == "a"}
    anchors = {f"#{a['id']}" for _, a in reader.tags if a.get("id")}
    assert links <= anchors
    assert len(anchors) == 3
    headings = {f"#{a['aria-labelledby']}" for tag, a in reader.tags if tag == "section"}
    assert headings == anchors
    scrolling = [a for tag, a in reader.tags if tag == "div" and a.get("class") == "scroll" and "role" in a]
    assert all(a.get("tabindex") == "0" and a["role"] == "region" and a["aria-label"] for a in scrolling)
    assert [a["lang"] for tag, a in reader.tags if tag == "html"] == ["en"]


def test_every_drawing_has_a_name_a_description_and_its_numbers() -> None:
    text = full_page()
    drawings = text.count("<svg")
    assert drawings == text.count('role="img"') == 4
    assert len(re.findall(r"<svg[^>]*><title>[^<]+</title><desc>[^<]+</desc>", text)) == drawings
    assert text.count("<summary>Numbers</summary>") == drawings


def test_text_that_breaks_the_table_of_a_markdown_page_does_not() -> None:
    shown = markdown_table(("a", "b"), [("x|y\nz", None), (HOSTILE, 1234)])
    assert len(shown.splitlines()) == 4
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in shown.splitlines())
    assert "| 1,234 |" in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (0.1234, "0.123"),
        (5.0, "5.00"),
        (123.4, "123"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_numbers_below_each_other_have_the_same_decimals() -> None:
    assert numbers([1, 10.55, 100.04], "%") == ["1 %", "11 %", "100 %"]
    assert numbers([0.25, 9.5]) == ["0.25", "9.50"]


def test_only_columns_of_numbers_stand_to_the_right() -> None:
    shown = table(("name", "n", "share", "mixed"), [("a", 1, "1.0 %", 1), ("b", None, "–", "x")])
    assert re.findall(r"<th scope=\"col\"([^>]*)>", shown) == ["", ' class="number"', ' class="number"', ""]


def test_a_thumbnail_is_small_and_inside_the_page(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), np.full((400, 200, 3), 90, np.uint8))
    shown = thumbnail(path)
    assert 'width="56" height="112"' in shown
    assert shown.startswith('<img src="data:image/jpeg;base64,')
    assert 'width="200" height="400"' in thumbnail(path, side=1000)  # never enlarged


@pytest.mark.parametrize(
    ("content", "said"), [(None, "there is no such file"), (b"", "no bytes"), (b"<html>", "no picture")]
)
def test_a_picture_that_cannot_be_shown_says_why(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "face.png"
    if content is not None:
        path.write_bytes(content)
    assert said in thumbnail(path)
    assert "<img" not in thumbnail(path)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(paper: str, colour: str, share: float) -> str:
    def channel(place: int) -> int:
        a, b = (int(c.lstrip("#").ljust(6, c[-1])[place : place + 2], 16) for c in (paper, colour))
        return round(a + (b - a) * share)

    return "#" + "".join(f"{channel(place):02x}" for place in (0, 2, 4))


def themes() -> list[dict[str, str]]:
    blocks = re.findall(r":root\{([^}]*)\}", CSS)[:2]
    return [dict(re.findall(r"--([\w-]+):(#\w+)", block)) for block in blocks]


@pytest.mark.parametrize("theme", themes(), ids=("light", "dark"))
def test_all_text_is_readable_on_its_ground(theme: dict[str, str]) -> None:
    for name in ("ink", "soft", "accent", "warm"):
        assert contrast(theme[name], theme["paper"]) >= 4.5, name
    for name in ("green", "violet", "ochre", "grey"):  # lines, which need 3
        assert contrast(theme[name], theme["paper"]) >= 3, name


@pytest.mark.parametrize("theme", themes(), ids=("light", "dark"))
@pytest.mark.parametrize("shade", ["shade", "warm-shade"])
def test_the_numbers_of_a_grid_are_readable_on_every_shade(theme: dict[str, str], shade: str) -> None:
    from facial_r1.stats.svg import STRONG

    for step in range(101):
        ink = theme["on-strong"] if step / 100 >= STRONG else theme["on-pale"]
        assert contrast(mixed(theme["paper"], theme[shade], step / 100), ink) >= 4.2, step


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_a_browser_shows_it_without_a_request_and_without_sideways_scrolling(
    tmp_path: Path, scheme: str, width: int, browser: Callable[..., tuple[int, list[str]]]
) -> None:
    path = tmp_path / "page.html"
    path.write_text(full_page("a rather long name of a row that goes on and on"))
    wide, requests = browser(path, width, scheme)
    assert wide <= width
    assert requests == []


@pytest.fixture(scope="module")
def browser() -> Callable[..., tuple[int, list[str]]]:
    """Opens a page in chromium; returns its scroll width and the requests and complaints it caused."""
    chromium = Path("/usr/bin/chromium")
    if not chromium.is_file():
        pytest.skip("chromium is not installed (`apt-get install chromium`)")
    playwright = pytest.importorskip("playwright.sync_api")

    def show(path: Path, width: int, scheme: str) -> tuple[int, list[str]]:
        with playwright.sync_playwright() as p:
            opened = p.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
            tab = opened.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}).new_page()
            said: list[str] = []
            tab.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
            tab.on("console", lambda message: said.append(message.text))
            tab.goto(path.as_uri())
            scroll = int(tab.evaluate("document.documentElement.scrollWidth"))
            opened.close()
        return scroll, said

    return show
