"""The page in a real browser: look, filter, use the keyboard, review, and lose nothing."""

from __future__ import annotations

import csv
import json
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stub_server import Stub

from facial_r1.files import read_jsonl
from facial_r1.reviews import read_reviews, standing, text_hash

Serve = Callable[..., Any]
Window = Callable[..., Any]


def title(page: Any) -> str:
    return str(page.inner_text(".sample h2"))


def total(page: Any) -> int:
    found = re.search(r"of ([\d,]+) ·|^0 of", page.inner_text("#status"))
    assert found is not None
    return int((found[1] or "0").replace(",", ""))


def press(page: Any, key: str) -> None:
    """Press a key and wait until another sample is shown."""
    before = title(page)
    page.keyboard.press(key)
    page.wait_for_function("before => document.querySelector('.sample h2').innerText !== before", arg=before)


def call_oneself(page: Any, name: str) -> None:
    page.fill("#reviewer input, #reviewer textarea", name)
    page.keyboard.press("Escape")


def rows_of(run: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row["sample"] for _, row in read_jsonl(run / "2-tasks" / "tasks.jsonl")}


def test_look_filter_and_walk(run: Path, serve: Serve, window: Window) -> None:
    rows = rows_of(run)
    with serve(run) as (url, _):
        page = window(url)
        assert total(page) == len(rows)
        first = title(page)
        press(page, "j")
        press(page, "ArrowLeft")
        assert title(page) == first
        page.click(".card >> nth=3")
        page.wait_for_function("before => document.querySelector('.sample h2').innerText !== before", arg=first)
        assert title(page) == page.get_attribute(".card >> nth=3", "data-id")
        assert page.get_attribute(".card >> nth=3", "aria-pressed") == "true"
        page.keyboard.press("/")
        page.fill("#search input, #search textarea", "raf_au") if page.is_visible("#search") else None
        if not page.is_visible("#search"):
            page.click("#filter button >> nth=0")
            page.fill("#search input, #search textarea", "raf_au")
        page.wait_for_function("() => document.querySelector('.sample h2').innerText.startsWith('raf_au')")
        assert total(page) == sum(name.startswith("raf_au") for name in rows)
        page.fill("#search input, #search textarea", "no text holds this")
        page.wait_for_function("() => document.querySelector('#status').innerText.startsWith('0 of')")
        assert "Nothing passes" in page.inner_text("#cards")


def test_a_sample_shows_why(run: Path, serve: Serve, window: Window) -> None:
    """Marks coloured by truth, explained on hover and by keyboard; verdicts of each attempt; provenance."""
    rows = rows_of(run)
    with serve(run) as (url, _):
        page = window(url)
        page.click("#filter button >> nth=0")
        page.fill("#search input, #search textarea", "raf_au")
        page.wait_for_function("() => document.querySelector('.sample h2').innerText.startsWith('raf_au')")
        page.wait_for_selector(".think mark.au")
        row = rows[title(page)]
        marked = {
            re.sub(r"\D", "", mark.text_content()): mark.get_attribute("class")
            for mark in page.query_selector_all(".think mark.au")
        }
        for number, classes in marked.items():
            assert ("true" in classes) == (f"AU{number}" in row["AUs"] or f"AD{number}" in row["AUs"])
        tip = page.get_attribute(".think mark.au >> nth=0", "data-tip")
        assert re.search(r"^A[UD]\d+ [a-z ]+: .+ — present, says the corpus$", tip)
        page.focus(".think mark.au >> nth=0")
        shown = "getComputedStyle(document.querySelector('.think mark.au'), '::after').content"
        assert page.evaluate(shown).strip('"') == tip
        assert page.locator("svg.face .spot").count() > 0
        page.click(".sample details summary >> nth=0")
        assert "au_set" in page.inner_text("table.verdicts")
        assert row["meta_info"]["source"] in page.inner_text(".sample")


def test_review_by_keyboard_and_undo(run: Path, serve: Serve, window: Window) -> None:
    with serve(run) as (url, _):
        page = window(url)
        page.keyboard.press("a")
        page.wait_for_selector("text=who reviews?")
        assert not (run / "reviews.jsonl").exists()
        call_oneself(page, "ada")
        accepted = title(page)
        press(page, "a")
        rejected = title(page)
        page.keyboard.press("r")
        page.keyboard.type("the brows are wrong")
        page.keyboard.press("Enter")
        page.wait_for_function("before => document.querySelector('.sample h2').innerText !== before", arg=rejected)
        edited = title(page)
        page.fill("#new-labels input, #new-labels textarea", "contempt")
        page.keyboard.press("Escape")
        press(page, "s")
        undone = title(page)
        press(page, "a")
        press(page, "k")
        assert title(page) == undone
        page.keyboard.press("u")
        page.wait_for_function("() => document.querySelector('#done').innerText.startsWith('3 of')")
        found = {name: by["ada"] for name, by in standing(read_reviews(run / "reviews.jsonl")).items()}
        assert {name: review.decision for name, review in found.items()} == {
            accepted: "accept",
            rejected: "reject",
            edited: "edit",
        }
        assert found[rejected].reason == "the brows are wrong"
        assert found[edited].labels == ("contempt",)
        answers = {row["id"]: row["text"] for _, row in read_jsonl(run / "3-answers" / "answers.jsonl")}
        assert found[accepted].text_sha256 == text_hash(answers[accepted])
        page.reload()
        page.wait_for_selector(".card")
        assert page.inner_text(f".card[data-id='{accepted}'] .mark") == "✓"
        assert page.inner_text(f".card[data-id='{rejected}'] .mark") == "✗"
        assert page.input_value("#reviewer input, #reviewer textarea") == "ada", "the browser remembers who reviews"


def test_a_killed_server_loses_nothing(run: Path, serve: Serve, window: Window) -> None:
    with serve(run) as (url, process):
        page = window(url)
        call_oneself(page, "ada")
        for _ in range(4):
            press(page, "a")
        process.kill()
        process.wait()
    assert len(read_reviews(run / "reviews.jsonl")) == 4
    with serve(run) as (url, _):
        page = window(url)
        call_oneself(page, "ada")
        assert page.locator(".card .mark", has_text="✓").count() == 4
        page.click(".card >> nth=4")
        page.wait_for_function("() => document.querySelector('#status').innerText.startsWith('sample 5 ')")
        press(page, "a")
    assert len(standing(read_reviews(run / "reviews.jsonl"))) == 5


def test_two_browsers_at_once(run: Path, serve: Serve, window: Window) -> None:
    """Each keeps its own place; no decision of either is lost, and both are compared."""
    with serve(run) as (url, _):
        one, two = window(url), window(url)
        call_oneself(one, "ada")
        call_oneself(two, "bob")
        for _ in range(5):
            press(one, "a")
            press(two, "a")
        press(one, "j")
        assert title(one) != title(two)
        by_row = standing(read_reviews(run / "reviews.jsonl"))
        assert [set(by) for by in by_row.values()] == [{"ada", "bob"}] * 5
        one.get_by_role("tab", name="Reviewers").click()
        one.get_by_role("button", name="refresh").click()
        one.wait_for_selector("#agreement >> text=bob")


def test_texts_are_texts_and_broken_pictures_are_said(run: Path, serve: Serve, window: Window) -> None:
    path = run / "5-release" / "train.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    attack = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>{{value}}${value}"
    lines[0]["description"] = f"<think>{attack} (AU12)</think><answer>fear</answer>"
    lines[0]["question"] = attack
    lines[1]["description"] = "word " * 60_000
    lines[2]["image"] = "../../etc/passwd"
    lines[3]["image"] = "not/there.png"
    (run / "5-release" / "images" / lines[4]["image"]).unlink()
    (run / "5-release" / "images" / lines[4]["image"]).write_bytes(b"no picture")
    copy = run.parent / "mine.jsonl"
    copy.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with serve(copy, "--image-folder", run / "5-release" / "images") as (url, _):
        page = window(url)
        assert attack in page.inner_text(".sample .think")
        assert attack in page.inner_text(".sample section.text")
        press(page, "j")
        assert "280,000 more characters" in page.inner_text(".sample").replace("279,999", "280,000")
        press(page, "j")
        assert "not a path inside the image folder" in page.inner_text(".sample .fault")
        press(page, "j")
        assert "not in the image folder" in page.inner_text(".sample .fault")
        press(page, "j")
        assert page.locator(".sample .fault").count() == 1
        assert page.evaluate("window.broken") is None


def test_no_file_can_be_fetched(run: Path, serve: Serve) -> None:
    with serve(run) as (url, _):
        picture = next((run / "2-tasks" / "images").rglob("*.png"))
        asked = ("/etc/passwd", str(picture), str(run / "recipe.yaml"), f"{run}/2-tasks/images/../../recipe.yaml")
        for path in asked:
            for route in ("gradio_api/file=", "file=", "gradio_api/proxy="):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(f"{url}{route}{path}", timeout=5)
                assert caught.value.code in (400, 401, 403, 404, 405)


def test_who_has_no_password_sees_nothing(run: Path, serve: Serve, browser: Any) -> None:
    with serve(run, "--auth", "ada:lovelace") as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("input[type=password]")
        assert page.locator(".card").count() == 0
        page.close()


def test_a_run_that_goes_on_is_shown_again(run: Path, serve: Serve, window: Window, tmp_path: Path) -> None:
    answers, verdicts = run / "3-answers" / "answers.jsonl", run / "4-verdicts" / "verdicts.jsonl"
    shutil.move(verdicts, tmp_path / "verdicts")
    shutil.move(answers, tmp_path / "answers")
    with serve(run) as (url, _):
        page = window(url)
        assert "not asked" in page.inner_text(".sample .chips")
        shutil.move(tmp_path / "answers", answers)
        page.wait_for_function("() => document.querySelector('.sample .chips').innerText.includes('not judged')")
        assert page.inner_text(".sample .answer")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_and_the_dark(run: Path, serve: Serve, window: Window, scheme: str) -> None:
    """Nothing sticks out at 400 pixels; text stands out from its ground by a contrast of 4.5 at least."""
    contrast = """() => {
      const rgb = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
      const light = (c) => { const [r, g, b] = rgb(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const text = getComputedStyle(document.querySelector('.sample .think, .sample pre.raw')).color;
      const ground = getComputedStyle(document.body).backgroundColor;
      const [a, b] = [light(text), light(ground)].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05); }"""
    with serve(run) as (url, _):
        page = window(url, viewport={"width": 400, "height": 800}, color_scheme=scheme)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert page.evaluate(contrast) >= 4.5


def test_two_places_are_compared(run: Path, serve: Serve, window: Window, tmp_path: Path) -> None:
    before = run / "5-release" / "train.jsonl"
    lines = [json.loads(line) for line in before.read_text().splitlines()]
    lines[2]["description"] = lines[2]["description"].replace("</think>", " Quite so.</think>")
    after = tmp_path / "after.jsonl"
    after.write_text("".join(json.dumps(line) + "\n" for line in lines[:-1]))
    images = ("--image-folder", run / "5-release" / "images")
    with serve(before, *images, "--compare", after) as (url, _):
        page = window(url)
        page.get_by_role("tab", name="Compare").click()
        page.wait_for_selector("#differences ins")
        words = page.inner_text("#differences")
        assert f"{len(lines) - 2:,} equal, 1 differ, 1 only in the first, 0 only in the second" in words
        assert "Quite so." in page.inner_text("#differences ins.diff")
        assert lines[2]["id"] in words


def test_deciding_walks_through_what_is_not_reviewed(run: Path, serve: Serve, window: Window) -> None:
    """A row that leaves the filter makes room for the next one: none is passed over."""
    with serve(run) as (url, _):
        page = window(url)
        call_oneself(page, "ada")
        page.click("#filter button >> nth=0")
        page.click("[aria-label='review']")
        page.get_by_role("option", name="unreviewed").click()
        page.keyboard.press("Escape")
        page.wait_for_timeout(500)
        order = [card.get_attribute("data-id") for card in page.query_selector_all(".card")][:5]
        for expected in order:
            assert title(page) == expected
            press(page, "a")
    assert list(standing(read_reviews(run / "reviews.jsonl"))) == order


def test_every_browser_is_shown_what_was_added(run: Path, serve: Serve, window: Window, tmp_path: Path) -> None:
    answers, verdicts = run / "3-answers" / "answers.jsonl", run / "4-verdicts" / "verdicts.jsonl"
    shutil.move(verdicts, tmp_path / "verdicts")
    with serve(run) as (url, _):
        pages = [window(url), window(url)]
        assert all("not judged" in page.inner_text(".sample .chips") for page in pages)
        pages[0].fill("#new-text textarea", "half an edit")
        shutil.move(tmp_path / "verdicts", verdicts)
        for page in pages:
            page.wait_for_function("() => /accepted|rejected/.test(document.querySelector('.sample .chips').innerText)")
        assert pages[0].input_value("#new-text textarea") == "half an edit", "what is being typed is kept"
    assert answers.is_file()


def test_a_sheet_goes_out_and_comes_back_through_the_page(
    run: Path, serve: Serve, window: Window, tmp_path: Path
) -> None:
    with serve(run) as (url, _):
        page = window(url, accept_downloads=True)
        page.get_by_role("tab", name="Reviewers").click()
        page.click("#make-sheet")
        with page.expect_download() as got:
            page.click("#sheet a >> nth=0")
        sheet = tmp_path / "sheet.csv"
        got.value.save_as(sheet)
        with open(sheet, encoding="utf-8-sig", newline="") as handle:
            lines = list(csv.DictReader(handle))
        assert len(lines) == len(rows_of(run))
        lines[0] |= {"decision": "reject", "reason": "the lids"}
        with open(sheet, "w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
        page.fill("#sheet-reviewer textarea, #sheet-reviewer input", "bob")
        page.set_input_files("#filled input[type=file]", sheet)
        page.wait_for_selector("#sheet-said >> text=1 decisions taken")
    (review,) = read_reviews(run / "reviews.jsonl")
    assert (review.reviewer, review.decision, review.reason) == ("bob", "reject", "the lids")


def test_a_model_can_be_tried(run: Path, serve: Serve, window: Window, stub: Stub) -> None:
    """A real request over a socket with the uploaded picture; what comes back is shown with its marks."""
    picture = next((run / "2-tasks" / "images").rglob("*.jpg"))
    backend = ("--backend", "openai", "--model", "gpt-4o-mini", "--base-url", stub.url)
    with serve(run, *backend) as (url, _):
        page = window(url)
        page.get_by_role("tab", name="Try").click()
        assert stub.url in page.inner_text("body"), "it says where the picture goes"
        page.click("#try-ask")
        page.wait_for_selector("#try-answer >> text=Choose a picture first")
        page.set_input_files("#try-picture input[type=file]", picture)
        page.wait_for_selector("#try-picture img")
        page.click("#try-ask")
        page.wait_for_selector("#try-answer .think, #try-answer pre.raw")
    assert sum(stub.counts.values()) == 1


def test_a_port_that_is_taken_is_one_error(run: Path, serve: Serve, cli: Callable[..., Any]) -> None:
    with serve(run) as (url, _):
        port = url.rstrip("/").rpartition(":")[2]
        done = cli("view", run, "--port", port)
    assert done.returncode == 2
    assert re.search(
        rf"error: the viewer cannot listen there\. Found: 127\.0\.0\.1:{port} .*another --host", done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 1, "there is nothing to view"),
        (("{run}", "--auth", "ada"), 2, "--auth takes NAME:PASSWORD"),
        (("{run}", "--compare", "nowhere"), 1, "there is nothing to view"),
        (("{run}", "--backend", "magic"), 2, "unknown"),
        (("{run}", "--backend", "openai", "--model", "a", "--option", "model=b", "--base-url", "x"), 2, "no address"),
        (("{run}/2-tasks/tasks.jsonl",), 1, "these are no samples"),
        (("{run}/recipe.yaml",), 1, "the rows cannot be read"),
    ],
)
def test_a_mistake_is_one_error(
    run: Path, cli: Callable[..., Any], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = cli("view", *(text.format(run=run) for text in arguments))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words in done.stderr
