"""The tabs beside browsing: two places compared, numbers, reviewers, and a model to try."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from facial_r1.emotions import EMOTIONS
from facial_r1.errors import FacialR1Error
from facial_r1.facs import MAIN_CODES
from facial_r1.files import sha256_file
from facial_r1.inference.protocol import Backend, Connected, Request
from facial_r1.prompt import student_prompt
from facial_r1.reviews import read_reviews
from facial_r1.stats import bars, histogram, table
from viewer.compare import Differences, differences, draw
from viewer.filters import Filter
from viewer.markup import reasoning
from viewer.place import Place
from viewer.reviewing import agreement, read_sheet, sheet
from viewer.session import Session
from viewer.store import Store

__all__ = ["compare_tab", "reviewers_tab", "statistics_tab", "try_tab"]

SHOWN = 20
"""Differing rows on a page."""


def compare_tab(other: Place) -> Callable[[Store, gr.State], None]:
    """Compare with another run, release or file."""
    second = Store(other)

    def tab(store: Store, _session: gr.State) -> None:
        with gr.Tab("Compare"):
            gr.HTML(Markup("<p>{} → {}</p>").format(store.place.root.name, other.root.name))
            page = gr.Number(1, label=f"page of {SHOWN}", precision=0, minimum=1, elem_id="compare-page")
            out = gr.HTML(elem_id="differences")

            @lru_cache(maxsize=1)
            def found(_versions: tuple[int, int]) -> Differences:
                return differences(store, second)

            def look(number: float | None) -> str:
                offset = (int(number or 1) - 1) * SHOWN
                return draw(found((store.version, second.version)), store, second, offset=offset, limit=SHOWN)

            gr.on(None, look, [page], [out], show_progress="hidden", api_visibility="private")

    return tab


def reviewers_tab(store: Store, _session: gr.State) -> None:
    """Agreement of reviewers, and the review sheet out and in."""
    with gr.Tab("Reviewers"):
        kappas = gr.HTML(elem_id="agreement")
        fresh = gr.Button("refresh", size="sm")
        gr.Markdown("A review sheet is a CSV: fill `decision` (accept, reject, edit), `reason` and what is new.")
        with gr.Row():
            with gr.Column():
                make = gr.Button("make a sheet of the rows not reviewed yet", size="sm", elem_id="make-sheet")
                made = gr.File(label="sheet", interactive=False, elem_id="sheet", height=120)
            with gr.Column():
                who = gr.Textbox(label="who filled it", elem_id="sheet-reviewer")
                filled = gr.File(
                    label="filled sheet", file_types=[".csv"], type="filepath", elem_id="filled", height=120
                )
        said = gr.HTML(elem_id="sheet-said")

        def look() -> str:
            found = agreement(read_reviews(store.place.reviews))
            if not found:
                return Markup("<p>Two reviewers who share rows are needed before they can be compared.</p>")
            shown = [(a.first, a.second, a.rows, a.same, "–" if a.kappa is None else a.kappa) for a in found]
            columns = ("first", "second", "rows", "same", "Cohen's kappa")
            return Markup('<div class="sample">{}</div>').format(table(columns, shown, caption="Agreement"))

        def write() -> str:
            rows = store.page(Filter(review=["unreviewed"]), "file order", 0, store.count())
            path = Path(tempfile.mkdtemp()) / f"{store.place.root.stem}-review.csv"
            path.write_text(sheet(rows), encoding="utf-8-sig")
            return str(path)

        def read(path: str | None, name: str) -> str:
            if path is None:
                return ""
            try:
                count = read_sheet(Path(path), store.rows, name or "", store.place.reviews)
            except FacialR1Error as error:
                return Markup('<p class="problem">{}</p>').format(error)
            store.read_reviews()
            return Markup("<p>{:,} decisions taken.</p>").format(count)

        quiet: Any = {"show_progress": "hidden", "api_visibility": "private"}
        gr.on(None, look, None, [kappas], **quiet)
        fresh.click(look, None, [kappas], **quiet)
        make.click(write, None, [made], **quiet)
        filled.upload(read, [filled, who], [said], **quiet)


def statistics_tab(store: Store, session: gr.State) -> None:
    """Numbers about the rows that pass the filter of the first tab."""
    with gr.Tab("Statistics") as tab:
        out = gr.HTML(elem_id="statistics")

        def look(now: Session) -> str:
            counts, lengths = store.counts(now.chosen), store.lengths(now.chosen)
            parts = [Markup("<p>{:,} samples pass the filter.</p>").format(counts.rows)]
            composed = [(*key, rows) for key, rows in counts.composition().items()]
            parts.append(table(("corpus", "split", "task", "rows"), composed, caption="Rows"))
            labels, rates = counts.labels(), counts.aus()
            if labels:
                shares = {name: float(rows) for name, rows in labels.items()}
                parts.append(bars(shares, title="Emotions, rows"))
            if rates:
                shown = {code: 100 * rate.rate for code, rate in rates.items() if rate.rate is not None}
                parts.append(bars(shown, title="Action Units, present of annotated", unit="%"))
            if lengths:
                parts.append(histogram(lengths, title="Length of the texts", unit="words"))
            return Markup('<div class="sample charts">{}</div>').format(
                Markup("").join(Markup("<div>{}</div>").format(part) for part in parts)
            )

        tab.select(look, [session], [out], show_progress="hidden", api_visibility="private")


def try_tab(backend: Backend) -> Callable[[Store, gr.State], None]:
    """Show a picture to a model: uploaded, or from the webcam."""

    def tab(_store: Store, _session: gr.State) -> None:
        with gr.Tab("Try"):
            where = "stays in this process" if backend.endpoint is None else f"is sent to {backend.endpoint}"
            gr.HTML(Markup("<p>{} of {}; the picture {}.</p>").format(backend.model, backend.name, where))
            with gr.Row():
                picture = gr.Image(sources=["upload", "webcam"], type="filepath", label="a face", elem_id="try-picture")
                with gr.Column():
                    ask = gr.Button("ask", variant="primary", elem_id="try-ask")
                    out = gr.HTML(elem_id="try-answer")

            def answer(path: str | None) -> str:
                if path is None:
                    return Markup('<p class="problem">Choose a picture first.</p>')
                try:
                    said = asyncio.run(_ask(backend, Path(path)))
                except FacialR1Error as error:
                    return Markup('<p class="problem">{}</p>').format(error)
                if said.text is None:
                    return Markup('<p class="problem">{}: {}</p>').format(said.outcome, said.detail or "no text")
                return Markup('<div class="sample">{}</div>').format(reasoning(said.text, (), ()))

            ask.click(answer, [picture], [out], api_visibility="private")

    return tab


async def _ask(backend: Backend, path: Path) -> Any:
    prompt = student_prompt("au+emotion", "", MAIN_CODES, EMOTIONS)
    request = Request("try", prompt.text, prompt.hash, None, path, sha256_file(path), backend.params)
    try:
        return (await backend.answer([request]))[0]
    finally:
        if isinstance(backend, Connected):
            await backend.close()
