"""The report of an evaluation as one HTML page, on the shell that every report shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from facial_r1.evaluation.headline import Result, figures, identity, run_table, spreads
from facial_r1.evaluation.predictions import STATUSES
from facial_r1.evaluation.protocols import PROTOCOLS
from facial_r1.evaluation.published import NOTES, beside_published
from facial_r1.evaluation.rows import Row
from facial_r1.stats import Section, bars, heatmap, histogram, page, table

__all__ = ["html"]


def html(result: Result, rows: Sequence[Row] = (), beside: Sequence[Result] = ()) -> str:
    """The page.

    Args:
        result: see :meth:`facial_r1.evaluation.result.Evaluation.to_json`.
        rows: its rows, for the spread of values over them.
        beside: earlier results.
    """
    about = f"{identity(result)}. {PROTOCOLS[result['protocol']].about}"
    sections = [
        _summary(result),
        _coverage(result),
        *_aus(result),
        *_emotions(result),
        *_texts(result, rows),
        _faithfulness(result),
        *_groups(result),
        *_comparisons(result),
        *_runs(result, beside),
        *_published(result),
    ]
    return page(f"{result['model']} under {result['protocol']}", sections, lead=about)


def _summary(result: Result) -> Section:
    body = Markup("")
    if result["warnings"]:
        items = Markup("").join(Markup("<li>{}</li>").format(text) for text in result["warnings"])
        body += Markup("<div><strong>Warnings</strong><ul>{}</ul></div>").format(items)
    if result["remarks"]:
        items = Markup("").join(Markup("<li>{}</li>").format(text) for text in result["remarks"])
        body += Markup("<div><strong>Remarks</strong><ul>{}</ul></div>").format(items)
    lines = [(one.name, one.value, one.low, one.high, one.rows, one.of, one.lower) for one in figures(result)]
    columns = ("metric", "value", "from", "to", "rows", "of", "lower bound over all rows")
    body += table(columns, lines, caption="Scores with 95 % intervals")
    note = (
        "Per cent; REGE 0-200; judge 1-10. Rows without an answer are not in the scores: the last column counts them "
        "as saying nothing."
    )
    return Section("Scores", body, note)


def _coverage(result: Result) -> Section:
    coverage = result["coverage"]
    lines = [(name, *(counts[status] for status in STATUSES)) for name, counts in coverage["by_corpus"].items()]
    body = table(("corpus", *STATUSES), lines, caption="Rows by corpus and what became of them")
    counts = (
        ("answers cut off by the token limit", coverage["cut_off"]),
        ("answers outside the grammar", coverage["malformed"]),
        ("answers without a label, where one is asked for", coverage["no_label"]),
        ("answers without a place for Action Units, where they are asked for", coverage["no_aus"]),
        ("claims of numbers that FACS does not have", coverage["invented"]),
        ("claims of Action Units that nobody annotated for the row", coverage["outside"]),
    )
    body += table(("what", "number"), counts, caption="What is wrong with answers")
    return Section("Coverage", body, "Refusals, failures and missing predictions are shown here and scored nowhere.")


def _aus(result: Result) -> Iterator[Section]:
    aus = result["aus"]
    if aus is None:
        return
    body = bars(
        {code: _percent(aus["f1"][code]) for code in aus["aus"]},
        title="F1 of each Action Unit",
        unit="%",
        intervals={
            name: (100 * low, 100 * high) for name, (low, high) in aus["intervals"].items() if name in aus["f1"]
        },
    )
    lines = [
        (
            code,
            *(_percent(aus[key][code]) for key in ("f1", "precision", "recall")),
            *(aus[key][code] for key in ("support", "claimed", "annotated")),
        )
        for code in aus["aus"]
    ]
    columns = ("AU", "F1 %", "precision %", "recall %", "present", "claimed", "annotated rows")
    body += table(columns, lines, caption="Action Units")
    if aus["per_part"]:
        parts = [
            (f"part {part}", *(_percent(value) for value in means.values())) for part, means in aus["per_part"].items()
        ]
        names = next(iter(aus["per_part"].values()))
        body += table(("part", *names), parts, caption="Mean F1 of each part, per cent")
    note = f"Binary per frame over annotated Action Units only; intervals over {aus['clusters']:,} subjects or groups."
    yield Section("Action Units", body, note)


def _emotions(result: Result) -> Iterator[Section]:
    emotions = result["emotions"]
    if emotions is None:
        return
    intervals = emotions["intervals"]
    body = heatmap(emotions["confusion"], emotions["classes"], emotions["columns"], title="Truth (rows) and answer")
    body += bars(
        {name: _percent(emotions["recall"][name]) for name in emotions["classes"]},
        title="Recall of each class",
        unit="%",
        intervals={
            name: (100 * low, 100 * high) for name, (low, high) in intervals.items() if name in emotions["recall"]
        },
    )
    lines = [
        (name, *(_percent(emotions[key][name]) for key in ("recall", "precision", "f1")), emotions["support"][name])
        for name in emotions["classes"]
    ]
    body += table(("class", "recall %", "precision %", "F1 %", "rows"), lines, caption="Classes")
    yield Section("Emotions", body, "An answer that is none of the classes is wrong; it stands under other or invalid.")


def _texts(result: Result, rows: Sequence[Row]) -> Iterator[Section]:
    if not (result["texts"] or result["judge"]):
        return
    body = Markup("")
    if result["rege"]:
        lines = [
            (one["kind"], one["reader"], one["recognition"], one["generation"], one["recognition"] + one["generation"])
            for one in result["rege"]
        ]
        columns = ("REGE of", "answers read as", "recognition", "generation", "REGE")
        body += table(columns, lines, caption="REGE and its two parts")
    for name in result["texts"]:
        values = [100 * value for row in rows if (value := row.rouge.get(name)) is not None]
        if values and name.startswith("rougeL"):
            body += histogram(values, title=f"{name} over the rows", unit="%")
    for name, mean in result["judge"].items():
        verdicts = [row.judge[name] for row in rows if row.judge]
        title = f"Judge: {name} ({mean['rows']:,} of {mean['of']:,} rows judged)"
        body += histogram(verdicts, title=title, unit="1-10")
    tags = "with their tags" if result["settings"]["with_tags"] else "without tags"
    yield Section("Texts", body, f"ROUGE compares texts {tags}; a row without a reference has no score.")


def _faithfulness(result: Result) -> Section:
    found = result["faithfulness"]
    lines: list[tuple[Any, ...]] = [
        ("Action Units in the reasoning: precision", _percent(found["prose_precision"]), found["prose_rows"]),
        ("Action Units in the reasoning: recall", _percent(found["prose_recall"]), found["prose_rows"]),
        ("Action Units in the reasoning: F1", _percent(found["prose_f1"]), found["prose_rows"]),
    ]
    shares = (
        ("reasoning and answer list the same Action Units", "lists_agree"),
        ("the reasoning names the answered emotion", "names_answer"),
        ("the reasoning names only other emotions", "names_another"),
        ("the Action Units fit a prototype of the answered emotion best (soft)", "prototype"),
    )
    lines += [(name, _of(found[key]), found[key]["total"]) for name, key in shares]
    body = table(("what", "per cent", "rows"), lines, caption="Does the reasoning carry the answer?")
    if any(found["fits"].values()):
        words = {
            "own": "its own Action Unit",
            "other": "another one",
            "contrary": "the opposite movement",
            "bare": "nothing",
        }
        body += bars(
            {words[name]: float(count) for name, count in found["fits"].items()}, title="Words beside a number tell of"
        )
    base = found["baselines"]
    baselines = (
        (
            "claims every Action Unit",
            _percent(base["always"]),
            _percent(result["aus"] and result["aus"]["macro_present"]),
        ),
        (
            "claims what the answered label usually shows",
            _percent(base["label_prior"]),
            _percent(base["label_prior_model"]),
        ),
        (
            "answers the commonest class",
            _percent(base["majority"]),
            _percent(result["emotions"] and result["emotions"]["accuracy"]),
        ),
    )
    body += table(("who looks at no picture and …", "scores %", "the model %"), baselines, caption="Baselines")
    return Section("Faithfulness", body, "A model that does not beat the baselines has not looked at the face.")


def _of(share: dict[str, int]) -> float | None:
    return 100 * share["hits"] / share["total"] if share["total"] else None


def _groups(result: Result) -> Iterator[Section]:
    if not result["groups"]:
        return
    body = Markup("")
    for attribute, groups in result["groups"].items():
        body += bars(
            {f"{name} ({one['rows']:,} rows)": 100 * one["accuracy"] for name, one in groups.items()},
            title=f"Accuracy by {attribute}",
            unit="%",
            intervals={
                f"{name} ({one['rows']:,} rows)": (100 * one["interval"][0], 100 * one["interval"][1])
                for name, one in groups.items()
            },
        )
    yield Section("Groups", body, "Attributes as the corpus annotates them; Wilson's 95 % intervals.")


def _comparisons(result: Result) -> Iterator[Section]:
    named = [("Control with shuffled pictures", result["control"])] if result["control"] else []
    named += [(f"Against {one['other']}", one) for one in result["comparisons"]]
    for title, one in named:
        lines = [
            (metric, *one["values"][metric], found["value"], found["low"], found["high"], f"{found['p']:.4f}")
            for metric, found in one["differences"].items()
        ]
        columns = ("metric", "other", "this", "difference", "from", "to", "p")
        body = table(columns, lines, caption=f"{title}: this minus the other")
        note = (
            f"Over {one['rows']:,} rows that both answered; fractions, judge 1-10. p: exchanging the answers of whole "
            "subjects or groups; no correction for several metrics."
        )
        yield Section(title, body, note)


def _runs(result: Result, beside: Sequence[Result]) -> Iterator[Section]:
    if not beside:
        return
    body = table(*run_table([result, *beside]), caption="Runs side by side")
    for model, metrics in spreads([result, *beside]).items():
        lines = [
            (one.metric, one.mean, one.deviation, min(one.values), max(one.values), len(one.values)) for one in metrics
        ]
        columns = ("metric", "mean", "standard deviation", "lowest", "highest", "runs")
        body += table(columns, lines, caption=f"Spread of {model} over its runs")
        shown = [one for one in metrics if not one.metric.startswith(("judge", "REGE"))]
        body += bars(
            {one.metric: one.mean for one in shown},
            title=f"{model}: mean of {len(metrics[0].values)} runs, lowest to highest",
            unit="%",
            intervals={one.metric: (min(one.values), max(one.values)) for one in shown},
        )
    yield Section("Runs", body, "Numbers of different protocols or splits do not belong into one comparison.")


def _published(result: Result) -> Iterator[Section]:
    found = beside_published(result)
    if not found:
        return
    lines = [
        (
            f"{one.method}{' (re-run by the authors of Facial-R1)' if one.rerun else ''}",
            one.metric,
            one.value,
            one.protocol,
            str(ours),
            f"no: {reason}" if reason else "yes",
        )
        for one, ours, reason in found
    ]
    columns = ("method", "metric", "published", "its protocol", "ours", "comparable")
    metrics = sorted({one.metric for one, *_ in found} & NOTES.keys())
    note = " ".join(NOTES[metric] for metric in metrics)
    yield Section("Published numbers", table(columns, lines, caption="Published numbers beside ours"), note)


def _percent(value: float | None) -> float:
    return float("nan") if value is None else 100 * value
