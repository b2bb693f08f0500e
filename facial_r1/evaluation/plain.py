"""Results as text: Markdown for a repository, LaTeX for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from facial_r1.evaluation.headline import Figure, Result, figures, identity, run_table, spreads
from facial_r1.evaluation.published import beside_published
from facial_r1.stats.tables import markdown_table, markdown_text

__all__ = ["latex", "markdown"]


def markdown(result: Result, beside: Sequence[Result] = ()) -> str:
    """The report of a run as Markdown, with earlier runs in its table."""
    lines = [
        f"# {markdown_text(result['model'])} under {result['protocol']}",
        "",
        f"{markdown_text(identity(result))}.",
        "",
    ]
    lines += [f"> **Warning.** {markdown_text(text)}\n" for text in result["warnings"]]
    lines += [f"- {markdown_text(text)}" for text in result["remarks"]]
    head = ["metric", "value [95 % interval]", "rows", "lower bound over all rows"]
    lines += ["", markdown_table(head, [_figure_row(one) for one in figures(result)])]
    if result["aus"] is not None:
        lines += ["", "## Action Units", "", markdown_table(*_au_table(result))]
    if result["emotions"] is not None:
        lines += ["", "## Emotions (rows: truth)", "", markdown_table(*_confusion(result))]
    if beside:
        lines += ["", "## Runs", "", markdown_table(*run_table([result, *beside]))]
    for model, metrics in spreads([result, *beside]).items():
        rows = [[one.metric, f"{one.mean:.2f}", f"{one.deviation:.2f}", str(len(one.values))] for one in metrics]
        head = ["metric", "mean", "standard deviation", "runs"]
        lines += ["", f"## Spread of {markdown_text(model)}", "", markdown_table(head, rows)]
    published = beside_published(result)
    if published:
        rows = [
            [one.method, one.metric, f"{one.value:g}", one.protocol, str(ours), reason or "comparable"]
            for one, ours, reason in published
        ]
        head = ["method", "metric", "published", "its protocol", "ours", "comparable?"]
        lines += ["", "## Published numbers", "", markdown_table(head, rows)]
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
