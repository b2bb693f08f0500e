"""The page: filters, cards, one sample, decisions. Gradio draws it; what it draws comes from the modules beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr

from facial_r1.errors import FacialR1Error
from viewer.filters import AU_MODES, SORTS, Filter
from viewer.place import Place
from viewer.reviewing import decide, mine
from viewer.session import PAGE, Session, show
from viewer.store import Store

__all__ = ["Tab", "build", "launch"]

Tab = Callable[[Store, gr.State], None]
"""Draws a further tab; the state is the :class:`viewer.session.Session` of the browser."""

HERE = Path(__file__).parent
REFRESH = 5.0
"""Seconds between two looks at whether the run went on."""
_KEYS = (
    "<details><summary>Keys</summary><p><kbd>→</kbd> <kbd>j</kbd> next · <kbd>←</kbd> <kbd>k</kbd> previous · "
    "<kbd>PgDn</kbd> <kbd>PgUp</kbd> page · <kbd>/</kbd> search · <kbd>a</kbd> accept · <kbd>r</kbd> reject: type the "
    "reason, Enter · <kbd>e</kbd> edit · <kbd>s</kbd> save the edit · <kbd>u</kbd> undo · <kbd>Esc</kbd> leave a field"
    "</p></details>"
)
_OPEN_CARD = """
element.addEventListener("click", (event) => {
  const card = event.target.closest(".card");
  if (!card) return;
  trigger("select", {id: card.dataset.id});
  if (innerWidth < 900) document.querySelector("#sample")?.scrollIntoView({behavior: "smooth"});
});
"""


@dataclass(frozen=True, slots=True)
class _Browse:
    """The components that every event of the page fills, in the order of :meth:`outputs`."""

    session: gr.State
    status: gr.HTML
    cards: gr.HTML
    sample: gr.HTML
    identifier: gr.State
    text: gr.Textbox
    aus: gr.Textbox
    labels: gr.Textbox

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, name) for name in self.__slots__]


def build(store: Store, extras: Sequence[Tab] = ()) -> gr.Blocks:
    """The page over a store.

    Args:
        store: the rows.
        extras: draw further tabs.
    """
    page: gr.Blocks
    with gr.Blocks(title=f"Facial-R1: {store.place.root.name}", analytics_enabled=False, fill_width=True) as page:
        with gr.Tab("Browse and review"):
            session = _browse(store)
        for extra in extras:
            extra(store, session)
    return page


def launch(
    place: Place,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    auth: Sequence[tuple[str, str]] = (),
    extras: Sequence[Tab] = (),
    block: bool = True,
) -> str:
    """Serve the page until it is stopped; returns its address.

    Only this machine can reach it unless ``host`` says otherwise, and no tunnel is ever opened.

    Args:
        place: what to view.
        host: the address to listen on.
        port: the port; the first free one from 7860 on when None.
        auth: names and passwords, without which nobody gets in.
        extras: see :func:`build`.
        block: wait for Ctrl-C.
    """
    page = build(Store(place), extras)
    fonts = ["system-ui", "sans-serif"]
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        auth=list(auth) or None,
        quiet=True,
        prevent_thread_lock=not block,
        ssr_mode=False,
        footer_links=[],
        enable_monitoring=False,
        show_error=True,
        theme=gr.themes.Default(font=fonts, font_mono=["ui-monospace", "monospace"]),
        css=(HERE / "page.css").read_text(),
        head=f"<script>{(HERE / 'keys.js').read_text()}</script>",
    )
    return str(address)


def _browse(store: Store) -> gr.State:
    facets = store.facets()
    session = gr.State(Session())
    identifier = gr.State("")
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            filters = _filters(facets)
            status = gr.HTML(elem_id="status")
            with gr.Row():
                back_page = gr.Button("◀ page", elem_id="previous-page", size="sm", min_width=80)
                next_page = gr.Button("page ▶", elem_id="next-page", size="sm", min_width=80)
            cards = gr.HTML(elem_id="cards", js_on_load=_OPEN_CARD)
        with gr.Column(scale=3, min_width=320):
            with gr.Row():
                back = gr.Button("◀ previous", elem_id="previous", size="sm", min_width=80)
                following = gr.Button("next ▶", elem_id="next", size="sm", min_width=80)
            decision = _decision()
            sample = gr.HTML(elem_id="sample")
            review = {**decision, **_edit()}
    gr.HTML(_KEYS, elem_id="keys")
    shown = _Browse(session, status, cards, sample, identifier, review["text"], review["aus"], review["labels"])
    run = partial(_drawn, store)

    def filtered(*values: Any) -> list[Any]:
        return run(_session(values))

    def moved(now: Session, step: int) -> list[Any]:
        return run(now.at(now.spot + step, store.count(now.chosen)))

    def opened(now: Session, event: gr.EventData) -> list[Any]:
        first = now.spot // PAGE * PAGE
        shown_ids = [row["id"] for row in store.page(now.chosen, now.sort, first, PAGE)]
        spot = first + shown_ids.index(event.id) if event.id in shown_ids else now.spot
        return run(replace(now, spot=spot))

    hidden: Any = {"show_progress": "hidden", "api_visibility": "private"}
    for component in filters:
        component.change(filtered, filters, shown.outputs, **hidden)
    for button, step in ((back, -1), (following, 1), (back_page, -PAGE), (next_page, PAGE)):
        button.click(partial(_moved, moved, step), [session], shown.outputs, **hidden)
    cards.select(opened, [session], shown.outputs, **hidden)
    gr.on(None, lambda: run(Session()), None, shown.outputs, **hidden)
    _decisions(store, shown, review, moved, hidden)
    timer = gr.Timer(REFRESH)
    timer.tick(partial(_refreshed, store), [session], shown.outputs, **hidden)
    return session


def _moved(move: Callable[[Session, int], list[Any]], step: int, now: Session) -> list[Any]:
    return move(now, step)


def _drawn(store: Store, session: Session) -> list[Any]:
    view = show(store, session)
    return [getattr(view, name) for name in view.__slots__]


def _refreshed(store: Store, now: Session) -> list[Any]:
    if not store.stale:
        return [gr.skip()] * len(_Browse.__slots__)
    store.reload()
    return _drawn(store, now)


def _filters(facets: Any) -> list[Any]:
    def pick(label: str, values: Sequence[str], shown: bool = True) -> Any:
        return gr.Dropdown(list(values), multiselect=True, label=label, visible=shown and bool(values), min_width=140)

    with gr.Accordion("Filter", open=False, elem_id="filter"):
        text = gr.Textbox(label="text, question or id contains", elem_id="search")
        with gr.Row():
            corpora, splits, tasks = (
                pick("corpus", facets.corpora),
                pick("split", facets.splits),
                pick("task", facets.tasks),
            )
        with gr.Row():
            labels, aus = pick("emotion", facets.labels), pick("Action Units", facets.aus)
            mode = gr.Radio(list(AU_MODES), value="any", label="of these", min_width=140)
        with gr.Row():
            verdicts, reasons = pick("verdict", facets.verdicts), pick("reason", facets.reasons)
            models, review = pick("model", facets.models), pick("review", ["unreviewed", "accept", "reject", "edit"])
        with gr.Row():
            subject = gr.Textbox(label="subject or group", min_width=140)
            shortest = gr.Number(label="words from", precision=0, min_width=90)
            longest = gr.Number(label="words to", precision=0, min_width=90)
            lowest = gr.Number(label="score from", minimum=0, min_width=90)
            highest = gr.Number(label="score to", minimum=0, min_width=90)
    sort = gr.Dropdown(list(SORTS), value="file order", label="order", elem_id="sort")
    return [text, corpora, splits, tasks, labels, aus, mode, verdicts, reasons, models, review, subject, shortest,
            longest, lowest, highest, sort]  # fmt: skip


def _session(values: Sequence[Any]) -> Session:
    (text, corpora, splits, tasks, labels, aus, mode, verdicts, reasons, models, review, subject, shortest, longest,
     lowest, highest, sort) = values  # fmt: skip
    chosen = Filter(
        corpora=corpora or (),
        splits=splits or (),
        tasks=tasks or (),
        labels=labels or (),
        aus=aus or (),
        au_mode=mode or "any",
        verdicts=verdicts or (),
        reasons=reasons or (),
        models=models or (),
        subject=subject or "",
        text=text or "",
        words=(shortest or None, longest or None),  # an empty field comes as None or as 0
        score=(lowest or None, highest or None),
        review=review or (),
    )
    return Session(chosen, sort or "file order")


def _decision() -> dict[str, Any]:
    with gr.Row(equal_height=True):
        accept = gr.Button("accept (a)", elem_id="accept", variant="primary", size="sm", min_width=80)
        undo = gr.Button("undo (u)", elem_id="undo", size="sm", min_width=80)
        who = gr.Textbox(placeholder="reviewer: your initials", elem_id="reviewer", show_label=False, min_width=200)
    reason = gr.Textbox(
        placeholder="reject because … (r, then Enter)", show_label=False, elem_id="reason", submit_btn="reject"
    )
    done = gr.HTML(elem_id="done")
    named = gr.BrowserState("", storage_key="facial-r1-reviewer")
    return {"accept": accept, "undo": undo, "who": who, "reason": reason, "done": done, "named": named}


def _edit() -> dict[str, Any]:
    with gr.Accordion("Edit (e)", open=True):
        text = gr.Textbox(label="text", lines=4, max_lines=14, elem_id="new-text")
        with gr.Row():
            aus = gr.Textbox(label="Action Units", elem_id="new-aus", min_width=140)
            labels = gr.Textbox(label="emotion", elem_id="new-labels", min_width=140)
        save = gr.Button("save the edit (s)", elem_id="save-edit", size="sm")
    return {"text": text, "aus": aus, "labels": labels, "save": save}


def _decisions(
    store: Store, shown: _Browse, review: dict[str, Any], moved: Callable[[Session, int], list[Any]], hidden: Any
) -> None:
    who, done, reason = review["who"], review["done"], review["reason"]

    def take(decision: str, now: Session, identifier: str, name: str, why: str, *edit: str) -> list[Any]:
        row = store.row(identifier)
        if row is None:
            raise gr.Error("this sample is not here any more; reload the page")
        given = dict(zip(("description", "aus", "labels"), edit, strict=False)) if decision == "edit" else {}
        try:
            decide(store.place.reviews, row, name or "", decision, reason=why or "", **given)
            store.read_reviews()
            said = f"{mine(store.place.reviews, name.strip()):,} of {store.count():,} reviewed"
        except FacialR1Error as error:
            raise gr.Error(str(error), title="not saved") from None
        return [*moved(now, 0 if decision == "undo" else 1), said, "", name]

    takes: list[Any] = [shown.session, shown.identifier, who, reason]
    fields = [shown.text, shown.aus, shown.labels]
    outputs = [*shown.outputs, done, reason, review["named"]]
    review["accept"].click(partial(take, "accept"), takes, outputs, **hidden)
    review["undo"].click(partial(take, "undo"), takes, outputs, **hidden)
    reason.submit(partial(take, "reject"), takes, outputs, **hidden)
    review["save"].click(partial(take, "edit"), [*takes, *fields], outputs, **hidden)
    gr.on(None, lambda name: name, [review["named"]], [who], **hidden)
