"""Results as text: Markdown for a repository, LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from facial_r1.evaluation.headline import Figure, Result, comparable_value, figures, spreads
from facial_r1.evaluation.protocols import PROTOCOLS
from facial_r1.evaluation.published import NOTES, OWN, Published, published_for

__all__ = ["beside_published", "identity", "latex", "markdown", "run_table"]


def identity(result: Result) -> str:
    """The sentence without which a number means nothing: protocol, split, rows, lists, readers."""
    coverage = result["coverage"]
    parts = [
        f"protocol {result['protocol']}",
        f"split {result['split']}",
        f"{coverage['answered']:,} of {coverage['rows']:,} rows answered",
    ]
    if result["aus"] is not None:
        parts.append(f"{len(result['aus']['aus'])} AUs ({', '.join(result['aus']['aus'])})")
    if result["emotions"] is not None:
        parts.append(f"{len(result['emotions']['classes'])} classes ({', '.join(result['emotions']['classes'])})")
    parts.append(f"read as {' and '.join(result['readers']) or 'nothing'}")
    return "; ".join(parts)


def run_table(results: Sequence[Result]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table across runs: a run a row, a metric a column."""
    tables = [{one.name: one for one in figures(result)} for result in results]
    names = list(dict.fromkeys(name for table in tables for name in table))
    head = ["model", "protocol", "split", "rows", "answered", *names]
    rows = [
        [
            result["model"],
            result["protocol"],
            result["split"],
            f"{result['coverage']['rows']:,}",
            f"{_share(result):.1f} %",
            *(str(table[name]) if name in table else "–" for name in names),
        ]
        for result, table in zip(results, tables, strict=True)
    ]
    return head, rows


def _share(result: Result) -> float:
    return float(100 * result["coverage"]["answered"] / max(1, result["coverage"]["rows"]))


def beside_published(result: Result) -> list[tuple[Published, Figure, str]]:
    """Published numbers with ours, and why the two may not be compared; an empty reason means that they may.

    The reason names whatever differs: the protocol, the rows, the coverage.
    """
    found = []
    for one in published_for(result["protocol"]):
        ours = comparable_value(result, one.metric)
        if ours is not None:
            found.append((one, ours, _why_not(result, one, ours)))
    return found


def _why_not(result: Result, one: Published, ours: Figure) -> str:
    reasons = []
    if one.protocol == OWN:
        reasons.append(NOTES.get(one.benchmark) or NOTES.get(one.metric) or "protocol not known")
    elif one.protocol != result["protocol"]:
        reasons.append(f"protocol {one.protocol}, ours {result['protocol']}")
    whole = PROTOCOLS[result["protocol"]].rows
    if whole is not None and result["coverage"]["rows"] != whole:
        reasons.append(f"{result['coverage']['rows']:,} rows, the benchmark has {whole:,}")
    if ours.rows < ours.of:
        reasons.append(f"{ours.of - ours.rows:,} rows without a value")
    if result["settings"]["part"] is not None:
        reasons.append(f"part {result['settings']['part']} alone")
    return "; ".join(reasons)


def markdown(result: Result, beside: Sequence[Result] = ()) -> str:
    """The report of a run as Markdown, with earlier runs in its table."""
    lines = [f"# {_md(result['model'])} under {result['protocol']}", "", f"{_md(identity(result))}.", ""]
    lines += [f"> **Warning.** {_md(text)}\n" for text in result["warnings"]]
    lines += [f"- {_md(text)}" for text in result["remarks"]]
    head = ["metric", "value [95 % interval]", "rows", "lower bound over all rows"]
    lines += ["", *_grid(head, [_figure_row(one) for one in figures(result)])]
    if result["aus"] is not None:
        lines += ["", "## Action Units", "", *_grid(*_au_table(result))]
    if result["emotions"] is not None:
        lines += ["", "## Emotions (rows: truth)", "", *_grid(*_confusion(result))]
    if beside:
        lines += ["", "## Runs", "", *_grid(*run_table([result, *beside]))]
    for model, metrics in spreads([result, *beside]).items():
        rows = [[one.metric, f"{one.mean:.2f}", f"{one.deviation:.2f}", str(len(one.values))] for one in metrics]
        lines += ["", f"## Spread of {_md(model)}", "", *_grid(["metric", "mean", "standard deviation", "runs"], rows)]
    published = beside_published(result)
    if published:
        rows = [
            [one.method, one.metric, f"{one.value:g}", one.protocol, str(ours), reason or "comparable"]
            for one, ours, reason in published
        ]
        lines += ["", "## Published numbers", ""]
        lines += _grid(["method", "metric", "published", "its protocol", "ours", "comparable?"], rows)
    return "\n".join(lines) + "\n"


def _figure_row(one: Figure) -> list[str]:
    return [one.name, str(one), f"{one.rows:,} of {one.of:,}", "" if one.lower is None else f"{one.lower:.1f}"]


def _au_table(result: Result) -> tuple[list[str], list[list[str]]]:
    aus = result["aus"]
    rows = [
        [
            code,
            *(_percent(aus[key][code]) for key in ("f1", "precision", "recall")),
            *(f"{aus[key][code]:,}" for key in ("support", "claimed", "annotated")),
        ]
        for code in aus["aus"]
    ]
    return ["AU", "F1", "precision", "recall", "present", "claimed", "annotated rows"], rows


def _confusion(result: Result) -> tuple[list[str], list[list[str]]]:
    emotions = result["emotions"]
    rows = [
        [name, *(f"{count:,}" for count in counts), _percent(emotions["recall"][name])]
        for name, counts in zip(emotions["classes"], emotions["confusion"], strict=True)
    ]
    return ["", *emotions["columns"], "recall"], rows


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    line = "| {} |"
    body = [line.format(" | ".join(_md(cell) for cell in row)) for row in rows]
    return [line.format(" | ".join(_md(name) for name in head)), f"|{'---|' * len(head)}", *body]


def _md(text: str) -> str:
    """Text that comes from files, harmless inside a Markdown table."""
    for letter in "\\`*_{}[]<>|":
        text = text.replace(letter, f"\\{letter}")
    return " ".join(text.split())


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def latex(results: Sequence[Result]) -> str:
    """The table across runs for ``booktabs``; what makes a number comparable stands in the comment above it."""
    head, rows = run_table(results)
    keep = [0, *range(4, len(head))]
    lines = [f"% {identity(result)}" for result in results]
    lines += [rf"\begin{{tabular}}{{l{'r' * (len(keep) - 1)}}}", r"\toprule"]
    lines.append(" & ".join(_tex(head[at]) for at in keep) + r" \\")
    lines.append(r"\midrule")
    lines += [" & ".join(_tex(row[at]) for at in keep) + r" \\" for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)
