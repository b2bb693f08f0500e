"""The sections of a report, from the figures of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

import facial_r1
from curation.report.examples import ACCEPTED, EACH, Example, render
from curation.report.facts import AFTER_GATES, Facts
from facial_r1.facs import au_name
from facial_r1.sample import Sample
from facial_r1.stats import Section, bars, page, table
from facial_r1.stats.counts import wilson
from facial_r1.stats.panels import panels, percent

__all__ = ["STAGES", "acceptance_lines", "loss_lines", "render_page", "waterfall_lines"]

STAGES: tuple[tuple[str, str], ...] = (
    ("raw", "rows in the label files"),
    ("scanned", "rows with a usable label, repeats resolved"),
    ("selected", "chosen for a quota or its reserve, picture readable"),
    ("answered", "rows that the teacher was asked about"),
    ("accepted", "rows with an answer that passed every gate"),
    ("released", "rows of the release: accepted ones up to the quota"),
)
"""Stages of the waterfall, and what is counted at each."""

_GATES_NOTE = (
    "An answer may be rejected by several gates. Gates that compare an answer with the rows kept before it judge "
    "only what no other gate rejects."
)
Picture = Callable[[Sample], Markup]


def render_page(facts: Facts, extra: Sequence[Section], picture: Picture | None) -> str:
    """The report as one page.

    Args:
        facts: the figures.
        extra: further sections, shown after the gates.
        picture: makes thumbnails; None makes the page that may be shared: no picture, nothing that names a row.
    """
    sections = [
        _waterfall(facts),
        _losses(facts),
        *_short(facts),
        _acceptance(facts),
        _gates(facts),
        *extra,
        *panels(facts.stats),
        _accepted(facts, picture),
        *_rejected(facts, picture),
        _usage(facts),
        *(_remarks(facts) if picture else ()),
    ]
    title = f"{facts.run.recipe.name}: report" if picture else f"{facts.run.recipe.name}: report without faces"
    return page(title, sections, lead=_lead(facts, shareable=picture is None))


def _lead(facts: Facts, *, shareable: bool) -> Markup:
    total = _sums(facts)
    said = [Markup("{:,} of {:,} rows were released.").format(total[-1] or 0, total[0] or 0)]
    if not facts.released:
        said = [Markup("There is no release of these verdicts yet: distributions are those of all accepted rows.")]
    if facts.synthetic:
        names = ", ".join(sorted(facts.synthetic))
        said.append(Markup("<b>Synthetic:</b> the faces and labels of {} were rendered by a program.").format(names))
    if shareable:
        said.append(Markup("This page holds no picture and nothing that names a row."))
    else:
        said.append(Markup("This page holds pictures and stays with them; <b>report-shareable.html</b> holds none."))
    made = Markup("facial-r1 {}, seed {}, recipe <code>{}</code>").format(
        facial_r1.__version__, facts.run.recipe.seed, facts.run.recipe.hash()
    )
    return Markup(" ").join(said) + Markup("<br>") + made


def waterfall_lines(facts: Facts) -> list[tuple[str, list[int | None]]]:
    """(corpus, rows per stage of :data:`STAGES`), and the sum of all corpora; released is None without a release."""
    lines: list[tuple[str, list[int | None]]] = []
    for name, rows in facts.result.corpora.items():
        released = rows.released if facts.released else None
        counts = [facts.raw.get(name, 0), rows.samples, rows.candidates, rows.tried, rows.accepted, released]
        lines.append((name, counts))
    return [*lines, ("all", _sums(facts))]


def _sums(facts: Facts) -> list[int | None]:
    rows = facts.result.corpora.values()
    released = sum(r.released for r in rows) if facts.released else None
    parts = ((r.samples, r.candidates, r.tried, r.accepted) for r in rows)
    return [sum(facts.raw.values()), *(sum(column) for column in zip(*parts, strict=True)), released]


def _waterfall(facts: Facts) -> Section:
    sums = {name: float("nan") if n is None else n for (name, _), n in zip(STAGES, _sums(facts), strict=True)}
    chart = bars(sums, title="Rows of all corpora at each stage")
    lines = [(name, *counts) for name, counts in waterfall_lines(facts)]
    body = chart + table(("corpus", *(name for name, _ in STAGES)), lines, caption="Rows by corpus and stage")
    meaning = "; ".join(f"{name}: {what}" for name, what in STAGES)
    return Section("From raw to released", body, f"{meaning}.")


def loss_lines(facts: Facts) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows of the table of reasons: stage, reason, one column a corpus, all."""
    corpora = list(facts.result.corpora)
    lines = [
        (loss.stage, loss.reason, *(loss.counts.get(name, 0) for name in corpora), sum(loss.counts.values()))
        for loss in facts.losses
    ]
    return ["stage", "reason", *corpora, "all"], lines


def _losses(facts: Facts) -> Section:
    columns, lines = loss_lines(facts)
    note = f"Rows that went no further. Under “{AFTER_GATES}” answers are counted, of which a row may have several."
    return Section("Where rows were left", table(columns, lines, caption="Reasons by corpus"), note)


def _short(facts: Facts) -> list[Section]:
    short = [cell for cell in facts.result.cells if cell.short]
    if not short:
        return []
    lines = [(cell.cell, cell.quota, cell.tried, cell.accepted, cell.short) for cell in short]
    body = table(("quota", "wanted", "answered", "accepted", "short"), lines, caption="Quotas that are short")
    return [Section("Short quotas", body)]


def acceptance_lines(entries: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """(name, accepted, answers) of one grouping of ``summary.json``; names without an answer are left out."""
    lines = ((name, e["accepted"], e["accepted"] + sum(e["rejected"].values())) for name, e in entries.items())
    return [line for line in lines if line[2]]


def _acceptance(facts: Facts) -> Section:
    body = Markup("")
    for key, title in (("corpus", "by corpus"), ("label", "by emotion"), ("au", "by Action Unit")):
        lines = acceptance_lines(facts.acceptance[key])
        if key == "au":
            lines = [(au_name(code), accepted, of) for code, accepted, of in lines]
        if not lines:
            continue
        ends = {name: wilson(accepted, of) for name, accepted, of in lines}
        shares = {name: 100 * accepted / of for name, accepted, of in lines}
        intervals = {name: (100 * low, 100 * high) for name, (low, high) in ends.items()}
        body += bars(shares, title=f"Accepted answers {title}", unit="%", intervals=intervals)
    rejected = sum(facts.acceptance["rejected"].values())
    accepted = facts.acceptance["accepted"]
    share = percent(accepted, accepted + rejected) or "none"
    note = (
        f"{accepted:,} of {accepted + rejected:,} answers were accepted ({share}). A filter that keeps what is right "
        "also skews what is kept: bars that differ say where. Whiskers are 95 % intervals, as if answers were "
        "independent."
    )
    if reviews := facts.acceptance.get("reviews"):
        note += f" Reviews by people: {reviews['standing']:,}, of which {reviews['ignored']:,} fit no text."
    return Section("Acceptance", body, note)


def _gates(facts: Facts) -> Section:
    lines = [
        (name, g.passed, g.rejected, g.not_applicable, percent(g.rejected, g.passed + g.rejected))
        for name, g in facts.gates.items()
    ]
    columns = ("gate", "passed", "rejected", "not applicable", "rejected, of those it judged")
    body = table(columns, lines, caption="What every gate said, in the order of the recipe")
    return Section("Gates", body, _GATES_NOTE)


def _accepted(facts: Facts, picture: Picture | None) -> Section:
    chosen = facts.examples.of(ACCEPTED)
    body = _articles(facts, chosen, picture)
    return Section("Accepted examples", body, _chosen_note(len(chosen), facts.examples.seen.get(ACCEPTED, 0)))


def _rejected(facts: Facts, picture: Picture | None) -> list[Section]:
    reasons = facts.examples.reasons()
    if not reasons:
        return []
    parts = [
        Markup("<details><summary>{} ({:,} answers)</summary>{}</details>").format(
            reason, facts.examples.seen[reason], _articles(facts, facts.examples.of(reason), picture)
        )
        for reason in reasons
    ]
    note = f"At most {EACH} answers of every reason, chosen by hash. The reason is that of the first gate that rejects."
    return [Section("Rejected examples", Markup("").join(parts), note)]


def _articles(facts: Facts, chosen: Sequence[Example], picture: Picture | None) -> Markup:
    if picture is None:
        hidden = sum(example.sample.dataset not in facts.shown_texts for example in chosen)
        chosen = [example for example in chosen if example.sample.dataset in facts.shown_texts]
        remark = (
            f"{hidden} examples are left out: nothing says that texts about pictures of their corpus may be shared."
        )
        last = Markup('<p class="note">{}</p>').format(remark) if hidden else Markup("")
    else:
        last = Markup("")
    return Markup("").join(render(example, picture) for example in chosen) + last


def _chosen_note(shown: int, of: int) -> str:
    return f"{shown} of {of:,} accepted answers, chosen by hash." if of else "No answer was accepted."


def _usage(facts: Facts) -> Section:
    outcomes = table(("outcome", "answers"), sorted(facts.outcomes.items()), caption="Outcomes")
    lines = [
        (use.model, use.answers, use.told, use.input, use.output, None if use.cost is None else f"{use.cost:,.2f}")
        for use in facts.usage
    ]
    columns = ("model", "answers", "with token counts", "tokens in", "tokens out", "US dollars")
    note = (
        "Of the answers that are in use; a dash where tokens or prices are not known. Cached input is not discounted."
    )
    return Section("Teacher", outcomes + table(columns, lines, caption="Use of each model"), note)


def _remarks(facts: Facts) -> list[Section]:
    texts = [*facts.result.errors, *facts.remarks]
    items = Markup("").join(Markup("<li>{}</li>").format(text) for text in texts)
    return [Section("Remarks", Markup("<ul>{}</ul>").format(items))] if texts else []
