"""One sample as HTML: picture, reasoning, schematic face, truth, attempts with their verdicts, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from markupsafe import Markup

from facial_r1.facs import sort_codes
from facial_r1.response import parse
from viewer.face import face
from viewer.markup import STATES, explain, reasoning, state_of
from viewer.pictures import data_uri

__all__ = ["card", "sample"]

SIDE, THUMB = 640, 144
"""Longer side of the large picture and of a thumbnail, in pixels."""

_PROVENANCE = (
    ("source", "source"),
    ("subject", "subject"),
    ("group", "group"),
    ("frame", "frame"),
    ("box", "box"),
    ("crop", "crop"),
    ("label_source", "labels by"),
    ("au_source", "AUs by"),
    ("generator", "generator"),
    ("model", "model"),
    ("attempts", "attempts"),
    ("label_conditioned", "told the labels"),
    ("image_sha256", "picture SHA-256"),
    ("prompt_hash", "prompt SHA-256"),
)


def card(row: Mapping[str, Any], images: Path, *, chosen: bool) -> Markup:
    """A thumbnail with its words, as a button that opens the sample."""
    uri, fault = data_uri(images, row["image"] or "", THUMB)
    picture = Markup('<img src="{}" alt="" loading="lazy">').format(uri) if uri else Markup("<i>{}</i>").format(fault)
    words = " and ".join(row["labels"]) or ", ".join(row["AUs"]) or ("none" if row["au_annotated"] else "no truth")
    mark = {"accept": "✓", "reject": "✗", "edit": "✎"}.get(row["review"], "")
    return Markup(
        '<button type="button" class="card {}" data-id="{}" aria-pressed="{}" aria-label="{}">{}'
        '<span class="words">{}</span><span class="mark">{}</span></button>'
    ).format(
        row["verdict"] or "", row["id"], "true" if chosen else "false", f"{row['id']}: {words}", picture, words, mark
    )


def sample(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], images: Path, prompt: str | None) -> Markup:
    """Everything about one row."""
    uri, fault = data_uri(images, row["image"] or "", SIDE)
    picture = (
        Markup('<img class="large" src="{}" alt="the picture of this sample">').format(uri)
        if uri
        else Markup('<p class="fault">{}: {}</p>').format(row["image"] or "no image", fault)
    )
    text = row["description"] or ""
    claims = _claims(row)
    parts = [
        Markup('<header><h2>{}</h2><p class="chips">{}</p></header>').format(row["id"], _chips(row)),
        Markup('<div class="seen">{}{}</div>').format(picture, face(claims)),
        Markup('<section class="text"><h3>Question</h3><p>{}</p><h3>Reasoning</h3>{}{}</section>').format(
            row["question"] or "", reasoning(text, row["AUs"], row["au_annotated"], row["label_set"]), _legend()
        ),
        _truth(row),
        _attempts(row, attempts),
        _provenance(row, prompt),
    ]
    return Markup('<article class="sample">{}</article>').format(Markup("").join(parts))


def _claims(row: Mapping[str, Any]) -> dict[str, str]:
    response = parse(row["description"] or "", label_set=row["label_set"])
    claimed = {*response.claimed_aus, *response.answer_aus}
    present, annotated = row["AUs"], row["au_annotated"]
    states = {code: state_of(code, present, annotated) for code in claimed}
    states |= {code: "missed" for code in present if code not in claimed}
    return {code: states[code] for code in sort_codes(states)}


def _chips(row: Mapping[str, Any]) -> Markup:
    values = [row["dataset"], row["split"], row["task"], row["verdict"], row["reason"]]
    reviewed = row["review"] if row["review"] != "unreviewed" else None
    return Markup(" ").join(Markup('<span class="chip">{}</span>').format(one) for one in (*values, reviewed) if one)


def _legend() -> Markup:
    items = [(name, meaning) for name, meaning in STATES.items()] + [("denied", "denied in the text")]
    shown = Markup("").join(Markup('<li><mark class="au {}">AU</mark> {}</li>').format(*item) for item in items)
    return Markup('<ul class="legend">{}<li><kbd>?</kbd> shows the keys</li></ul>').format(shown)


def _truth(row: Mapping[str, Any]) -> Markup:
    response = parse(row["description"] or "", label_set=row["label_set"])
    scored = row["au_annotated"]
    true_aus = ", ".join(row["AUs"]) or ("none of those annotated" if scored else "unknown: not annotated")
    claimed = sort_codes({*response.claimed_aus, *response.answer_aus})
    lines = [
        (
            "emotion",
            " and ".join(row["labels"]) or "unknown: not labelled",
            " and ".join(response.answer_labels) or "–",
        ),
        ("Action Units", true_aus, ", ".join(claimed) or "–"),
    ]
    if row["pseudo_aus"] or row["pseudo_label"]:
        lines.append(("beyond the truth", "–", ", ".join([*row["pseudo_aus"], *filter(None, [row["pseudo_label"]])])))
    body = Markup("").join(Markup("<tr><th>{}</th><td>{}</td><td>{}</td></tr>").format(*line) for line in lines)
    units = Markup("").join(Markup("<li>{}</li>").format(explain(code)) for code in row["AUs"])
    known = Markup("<p class='note'>annotated: {}</p>").format(", ".join(scored)) if scored else Markup("")
    return Markup(
        "<section><h3>Truth and answer</h3><table><tr><th></th><th>truth</th><th>text</th></tr>{}</table>{}<ul>{}</ul>"
        "</section>"
    ).format(body, known, units)


def _attempts(row: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> Markup:
    if not attempts:
        return Markup("")
    parts = []
    for one in attempts:
        said = "accepted" if one["accepted"] else one["reason"] or one["outcome"]
        verdicts = Markup("").join(
            Markup('<tr class="{}"><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>').format(
                {True: "passed", False: "failed", None: "none"}[verdict["ok"]],
                verdict["gate"],
                {True: "passed", False: verdict["reason"], None: "does not apply"}[verdict["ok"]],
                "" if verdict["value"] is None else f"{verdict['value']:.3g}",
                verdict["detail"] or "",
            )
            for verdict in one["verdicts"] or ()
        )
        text = reasoning(one["text"] or "", row["AUs"], row["au_annotated"], row["label_set"])
        parts.append(
            Markup(
                "<details><summary>attempt {}: <b>{}</b>, {}</summary>{}<table class='verdicts'>{}</table></details>"
            ).format(one["attempt"] + 1, said, one["model"], text, verdicts)
        )
    return Markup("<section><h3>All {} answers and their verdicts</h3>{}</section>").format(
        len(attempts), Markup("").join(parts)
    )


def _provenance(row: Mapping[str, Any], prompt: str | None) -> Markup:
    facts = [(name, row[key]) for key, name in _PROVENANCE if row.get(key) not in (None, "", [])]
    body = Markup("").join(Markup("<tr><th>{}</th><td>{}</td></tr>").format(*fact) for fact in facts)
    raw = orjson.dumps(dict(row), option=orjson.OPT_INDENT_2).decode()
    shown = Markup("<details><summary>prompt</summary><pre>{}</pre></details>").format(prompt) if prompt else ""
    return Markup(
        "<section><h3>Provenance</h3><table>{}</table>{}<details><summary>raw record</summary><pre>{}</pre></details>"
        "</section>"
    ).format(body, shown, raw)
