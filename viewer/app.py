"""The page: filters, cards, one sample, decisions. Gradio draws it; what it draws comes from the modules beside it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr

from facial_r1.errors import FacialR1Error, UsageError
from viewer.filters import AU_MODES, SORTS, Filter
from viewer.place import Place
from viewer.reviewing import decide, mine
from viewer.session import PAGE, Session, show
from viewer.store import DECISIONS, Facets, Store

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
) -> str:
    """Serve the page from a thread of its own; returns its address.

    Only this machine can reach it unless ``host`` says otherwise, and no tunnel is ever opened.

    Args:
        place: what to view.
        host: the address to listen on.
        port: the port; the first free one from 7860 on when None.
        auth: names and passwords, without which nobody gets in.
        extras: see :func:`build`.

    Raises:
        InputError: when the rows cannot be read.
        UsageError: for an address or port that cannot be listened on.
    """
    page = build(Store(place), extras)
    fonts = ["system-ui", "sans-serif"]
    _can_listen(host, port)
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        auth=list(auth) or None,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        footer_links=[],
        enable_monitoring=False,
        show_error=True,
        theme=gr.themes.Default(font=fonts, font_mono=["ui-monospace", "monospace"]),
        css=(HERE / "page.css").read_text(),
        head=f"<script>{(HERE / 'keys.js').read_text()}</script>",
    )
    return str(address)


def _can_listen(host: str, port: int | None) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(address)
    except OSError as error:
        do = "give another --host or --port; without --port a free one is found"
        found = f"{host}:{port or 'any port'} ({error.strerror or error})"
        raise UsageError("the viewer cannot listen there", found=found, do=do) from None


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
        return run(_session(dict(zip(filters, values, strict=True))))

    def moved(step: int, now: Session) -> list[Any]:
        return run(now.at(now.spot + step, store.count(now.chosen)))

    def opened(now: Session, event: gr.EventData) -> list[Any]:
        first = now.spot // PAGE * PAGE
        shown_ids = [row["id"] for row in store.page(now.chosen, now.sort, first, PAGE)]
        spot = first + shown_ids.index(event.id) if event.id in shown_ids else now.spot
        return run(replace(now, spot=spot))

    hidden: Any = {"show_progress": "hidden", "api_visibility": "private"}
    for component in filters.values():
        component.change(filtered, list(filters.values()), shown.outputs, **hidden)
    for button, step in ((back, -1), (following, 1), (back_page, -PAGE), (next_page, PAGE)):
        button.click(partial(moved, step), [session], shown.outputs, **hidden)
    cards.select(opened, [session], shown.outputs, **hidden)
    gr.on(None, lambda: run(Session()), None, shown.outputs, **hidden)
    _decisions(store, shown, review, hidden)
    timer = gr.Timer(REFRESH)
    timer.tick(partial(_refreshed, store), [session, identifier], shown.outputs, **hidden)
    return session


def _drawn(store: Store, session: Session) -> list[Any]:
    view = show(store, session)
    return [getattr(view, name) for name in view.__slots__]


def _refreshed(store: Store, now: Session, identifier: str) -> list[Any]:
    if store.stale:
        store.reload()
    if now.version == store.version:
        return [gr.skip()] * len(_Browse.__slots__)
    drawn = _drawn(store, now)
    if drawn[_Browse.__slots__.index("identifier")] == identifier:
        drawn[-3:] = [gr.skip()] * 3  # somebody may be typing an edit
    return drawn


def _filters(facets: Facets) -> dict[str, Any]:
    """The fields of a :class:`viewer.filters.Filter` and the order: name → component."""

    def pick(label: str, values: Sequence[str]) -> Any:
        return gr.Dropdown(list(values), multiselect=True, label=label, visible=bool(values), min_width=140)

    found: dict[str, Any] = {}
    with gr.Accordion("Filter", open=False, elem_id="filter"):
        found["text"] = gr.Textbox(label="text, question or id contains", elem_id="search")
        with gr.Row():
            found["corpora"] = pick("corpus", facets.corpora)
            found["splits"] = pick("split", facets.splits)
            found["tasks"] = pick("task", facets.tasks)
        with gr.Row():
            found["labels"] = pick("emotion", facets.labels)
            found["aus"] = pick("Action Units", facets.aus)
            found["au_mode"] = gr.Radio(list(AU_MODES), value="any", label="of these", min_width=140)
        with gr.Row():
            found["verdicts"] = pick("verdict", facets.verdicts)
            found["reasons"] = pick("reason", facets.reasons)
            found["models"] = pick("model", facets.models)
            found["review"] = pick("review", DECISIONS)
        with gr.Row():
            found["subject"] = gr.Textbox(label="subject or group", min_width=140)
            for name in ("words", "score"):
                for end in ("from", "to"):
                    found[f"{name} {end}"] = gr.Number(label=f"{name} {end}", minimum=0, min_width=90)
    found["sort"] = gr.Dropdown(list(SORTS), value="file order", label="order", elem_id="sort")
    return found


def _session(values: dict[str, Any]) -> Session:
    """What the components of :func:`_filters` say; an empty field comes as None, as nothing or as 0."""
    given = {name: value for name, value in values.items() if value}
    sort = given.pop("sort", "file order")
    for name in ("words", "score"):
        given[name] = (given.pop(f"{name} from", None), given.pop(f"{name} to", None))
    return Session(Filter(**given), sort)


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


def _decisions(store: Store, shown: _Browse, review: dict[str, Any], hidden: Any) -> None:
    who, done, reason = review["who"], review["done"], review["reason"]

    def take(decision: str, now: Session, identifier: str, name: str, why: str, *edit: str) -> list[Any]:
        row = store.row(identifier)
        if row is None:
            raise gr.Error("this sample is not here any more; reload the page")
        given = dict(zip(("description", "aus", "labels"), edit, strict=False)) if decision == "edit" else {}
        try:
            decide(store.place.reviews, row, name or "", decision, reason=why or "", **given)
            store.read_reviews(identifier)
            said = f"{mine(store.place.reviews, name.strip()):,} of {store.count():,} reviewed"
        except FacialR1Error as error:
            raise gr.Error(str(error), title="not saved") from None
        stays = [row["id"] for row in store.page(now.chosen, now.sort, now.spot, 1)] == [identifier]
        step = 1 if stays and decision != "undo" else 0  # a row that left the filter made room for the next one
        return [*_drawn(store, now.at(now.spot + step, store.count(now.chosen))), said, "", name]

    takes: list[Any] = [shown.session, shown.identifier, who, reason]
    fields = [shown.text, shown.aus, shown.labels]
    outputs = [*shown.outputs, done, reason, review["named"]]
    review["accept"].click(partial(take, "accept"), takes, outputs, **hidden)
    review["undo"].click(partial(take, "undo"), takes, outputs, **hidden)
    reason.submit(partial(take, "reject"), takes, outputs, **hidden)
    review["save"].click(partial(take, "edit"), [*takes, *fields], outputs, **hidden)
    gr.on(None, lambda name: name, [review["named"]], [who], **hidden)
