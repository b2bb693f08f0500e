"""The numbers of a data set as sections of a page; report, ``facial-r1 stats`` and viewer show the same ones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from markupsafe import Markup

from facial_r1.facs import au_name
from facial_r1.stats.charts import histogram
from facial_r1.stats.counts import AuRate, Counts, wilson
from facial_r1.stats.grids import bars, heatmap
from facial_r1.stats.rows import Stats
from facial_r1.stats.shell import Section
from facial_r1.stats.tables import table
from facial_r1.stats.texts import OPENING, REPEATED, Texts

__all__ = ["panels", "percent"]

_OPENINGS = 10
_SPLITS = ("train", "val", "test")


def percent(hits: int, of: int) -> str | None:
    """``12.3 %``, or None (shown as a dash) where there is nothing to take a share of."""
    return f"{100 * hits / of:.1f} %" if of else None


def panels(stats: Stats) -> list[Section]:
    """Composition, emotions, Action Units, both together, and texts; what the rows do not know has no section."""
    counts, texts = stats.counts, stats.texts
    sections = [_composition(counts)]
    if counts.labelled():
        sections.append(_emotions(counts))
    if counts.aus():
        sections.append(_action_units(counts))
    if counts.cooccurrence().aus:
        sections.append(_cooccurrence(counts))
    if texts.rows:
        sections += [_lengths(texts), _diversity(texts)]
    if texts.mentions:
        sections.append(_mentions(texts))
    return sections


def _composition(counts: Counts) -> Section:
    found = counts.composition()
    splits = sorted({split for _, split, _ in found}, key=lambda name: (*(name != known for known in _SPLITS), name))
    lines: list[tuple[object, ...]] = []
    for corpus, task in dict.fromkeys((corpus, task) for corpus, _, task in found):
        parts = [found.get((corpus, split, task), 0) for split in splits]
        lines.append((corpus, task, *parts, sum(parts), percent(sum(parts), counts.rows)))
    sums = [sum(n for (_, split, _), n in found.items() if split == name) for name in splits]
    lines.append(("all", "", *sums, counts.rows, None))
    body = table(("corpus", "task", *splits, "all", "share"), lines, caption="Rows by corpus, task and split")
    return Section("Composition", body)


def _emotions(counts: Counts) -> Section:
    labels, of = counts.labels(), counts.labelled()
    shares = {name: 100 * count / of for name, count in labels.items()}
    chart = bars(shares, title="Rows with each emotion", unit="%", intervals=_intervals(labels.items(), of))
    corpora = [name for name in counts.corpora if counts.labelled(name)]
    own = {corpus: counts.labels(corpus) for corpus in corpora}
    lines: list[tuple[object, ...]] = [
        (name, *(own[corpus].get(name, 0) for corpus in corpora), count) for name, count in labels.items()
    ]
    lines.append(("rows with an emotion", *(counts.labelled(corpus) for corpus in corpora), of))
    body = chart + table(("emotion", *corpora, "all"), lines, caption="Emotions by corpus")
    several = sum(count for pattern, count in counts.patterns.items() if len(pattern.labels) > 1)
    blends = f" {several:,} rows have several, and count under each." if several else ""
    return Section("Emotions", body, f"Of {of:,} rows with a known emotion; whiskers are 95 % intervals.{blends}")


def _intervals(counts: Iterable[tuple[str, int]], of: int) -> dict[str, tuple[float, float]]:
    return {name: (100 * low, 100 * high) for name, (low, high) in ((name, wilson(n, of)) for name, n in counts)}


def _action_units(counts: Counts) -> Section:
    aus = counts.aus()
    known = {code: entry for code, entry in aus.items() if entry.annotated}
    rates = {au_name(code): 100 * entry.present / entry.annotated for code, entry in known.items()}
    ends = {au_name(code): wilson(entry.present, entry.annotated) for code, entry in known.items()}
    intervals = {name: (100 * low, 100 * high) for name, (low, high) in ends.items()}
    chart = bars(rates, title="Rows that show the AU", unit="%", intervals=intervals) if rates else Markup("")
    unsure = any(entry.unsure for entry in aus.values())
    columns = ("Action Unit", "present", "annotated", "rate", *(("listed only",) if unsure else ()))
    lines = [(au_name(code), *_cells(entry, unsure)) for code, entry in aus.items()]
    note = "The rate is present of annotated: a row that nobody scored for an AU says nothing about it."
    if unsure:
        note += " Listed only: rows that name the AU without saying that it was annotated; in no rate."
    return Section("Action Units", chart + table(columns, lines, caption="Rows by Action Unit"), note)


def _cells(entry: AuRate, unsure: bool) -> tuple[object, ...]:
    rate = percent(entry.present, entry.annotated)
    return (entry.present, entry.annotated, rate, *((entry.unsure,) if unsure else ()))


def _cooccurrence(counts: Counts) -> Section:
    pairs = counts.cooccurrence()
    seen = np.flatnonzero(pairs.present.sum(axis=1))
    names = [au_name(pairs.aus[place]) for place in seen]
    charts = heatmap(
        pairs.rates[seen], names, pairs.emotions, title="Share of the rows with an emotion that show an AU"
    )
    charts += heatmap(pairs.present[seen], names, pairs.emotions, title="The same in rows")
    hidden = len(pairs.aus) - len(seen)
    note = "Over rows that have the emotion and annotate the AU; a dash where there are none."
    return Section("Action Units × emotions", charts, note + (f" AUs that never occur: {hidden}." if hidden else ""))


def _lengths(texts: Texts) -> Section:
    every = texts.lengths()
    chart = histogram(every, title="Words of the reasoning", unit="words")
    parts = {name: np.asarray(counts, dtype=np.int64) for name, counts in sorted(texts.words.items())} | {"all": every}
    lines = [
        (name, part.size, *np.percentile(part, (5, 50, 95), method="nearest").tolist(), f"{part.mean():.1f}")
        for name, part in parts.items()
    ]
    columns = ("corpus", "texts", "5 %", "median", "95 %", "mean")
    return Section("Length of the texts", chart + table(columns, lines, caption="Words of the reasoning, by corpus"))


def _diversity(texts: Texts) -> Section:
    found, total = texts.diversity(), texts.rows
    lines = [(f"distinct-{size}", f"{share:.4f}") for size, share in found.distinct.items()]
    lines.append((f"phrases of {REPEATED} words that another text has too", f"{100 * found.repeated:.1f} %"))
    lines.append(("different openings", f"{len(texts.openings):,}"))
    measures = table(("measure", "value"), lines, caption=f"Measured on {found.texts:,} of {total:,} texts")
    common = sorted(texts.openings.items(), key=lambda entry: (-entry[1], entry[0]))[:_OPENINGS]
    begins = [(f"{words} …", count, percent(count, total)) for words, count in common]
    openings = table(("opening", "texts", "share"), begins, caption=f"Most common first {OPENING} words")
    note = "Distinct-n is the share of different n-grams; it falls with the number of texts, so compare equal numbers."
    return Section("Diversity of the texts", measures + openings, note)


def _mentions(texts: Texts) -> Section:
    named = texts.named_aus()
    lines = [(au_name(code), m.present, m.absent, m.unknown, m.denied) for code, m in named.items()]
    columns = ("Action Unit", "present", "absent", "unknown", "denied in the text")
    body = table(columns, lines, caption="Rows whose reasoning names the AU, by what the row knows of it")
    note = "Absent: the text affirms an AU that the row annotates and does not show. Unknown: nobody annotated it."
    return Section("Action Units in the texts", body, note)
