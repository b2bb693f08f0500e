"""Published numbers, as data, with the protocol of each as far as it is known; and ours beside them.

Source: the result tables of Facial-R1 (arXiv 2511.10254, withdrawn by its authors later), which quote most of the other
methods; EmoLA's REGE is that of FABA-Bench. A number says nothing about another protocol: DISFA over eight Action Units
of 130,814 frames in three parts and DISFA over twelve of a few hundred chosen frames share a name only.
"""

from __future__ import annotations

from dataclasses import dataclass

from facial_r1.evaluation.headline import Figure, Result, figures
from facial_r1.evaluation.protocols import PROTOCOLS

__all__ = ["NOTES", "OWN", "PUBLISHED", "Published", "beside_published", "published_for"]

OWN = "Facial-R1's own"
"""The protocol of numbers that its authors computed on their own copies; what is known of it is in :data:`NOTES`."""


@dataclass(frozen=True, slots=True)
class Published:
    """One number.

    Attributes:
        method: who.
        benchmark: as the table names it.
        metric: ``AU F1``, ``accuracy``, ``REGE``, ``ROUGE-L`` or ``GPT score``.
        value: in per cent; REGE 0-200; GPT score 1-10.
        protocol: the id of :data:`facial_r1.evaluation.protocols.PROTOCOLS` it follows, or :data:`OWN`.
        rerun: computed by the authors of Facial-R1 with the method's code.
    """

    method: str
    benchmark: str
    metric: str
    value: float
    protocol: str
    rerun: bool = False


# method | values in the order of the header; - is not given; * rerun by the authors; a method named here computed its
# numbers on the authors' own copies
_OWN_METHODS = ("GPT-4o", "LLaVA-Next", "InternVL", "Qwen2.5-VL", "Facial-R1")

_AU = """
method|DISFA|BP4D|RAF-AU|FABA
GPT-4o|56.5|59.5|51.2|47.2
LLaVA-Next|23.7|21.4|18.8|24.1
InternVL|41.3|30.7|43.4|45.2
Qwen2.5-VL|22.1|16.9|20.7|26.3
FMAE|70.1|67.1|63.2|61.9*
Norface|67.0|69.3|-|-
JAA-Net|56.0|60.0|-|-
Exp-BLIP|-|65.0|69.5|-
Face-LLaVA|72.9|65.8|-|-
EmoLA|65.1|64.2|44.6*|56.3
Facial-R1|73.1|67.4|70.2|68.3
"""
_EMOTION = """
method|FER2013|AffectNet|RAF-DB|FABA
GPT-4o|61.1|48.9|62.7|64.2
LLaVA-Next|21.6|7.7|21.4|28.3
InternVL|56.3|43.6|56.3|62.7
Qwen2.5-VL|24.3|32.6|34.3|63.0
FMAE|68.3*|64.8|93.4|63.3*
Norface|-|68.6|92.9|-
S2D|-|63.8|92.6|-
QCS|69.7*|64.4|93.0|64.7*
ExpLLM|59.8*|62.9|91.0|63.7*
EmoLA|59.7*|39.7*|92.1|64.5
Facial-R1|69.8|65.2|92.1|67.8
"""
_REASONING = """
method|REGE|ROUGE-L|GPT score
GPT-4o|79.8|32.3|5.80
LLaVA-Next|44.6|19.5|2.83
InternVL|60.7|26.7|5.41
Qwen2.5-VL|46.4|28.0|4.60
MiniGPT4-v2|77.8|22.6|4.52
mPLUG-Owl2|82.0|24.5|5.30
Shikra|94.6|29.7|5.72
EmoLA|96.2|30.1|5.66
Facial-R1|95.5|37.3|6.09
"""

_PROTOCOL = {
    ("AU F1", "DISFA"): "DISFA-8",
    ("AU F1", "BP4D"): "BP4D-12",
    ("AU F1", "RAF-AU"): OWN,
    ("AU F1", "FABA"): "FABA-12",
    ("accuracy", "FER2013"): "FER2013-7",
    ("accuracy", "AffectNet"): "AffectNet-8",
    ("accuracy", "RAF-DB"): "RAF-DB-7",
    ("accuracy", "FABA"): "FABA-12",
}
"""The protocol that papers of the field follow; RAF-AU has no split that two of them share."""

NOTES: dict[str, str] = {
    "DISFA": "Facial-R1 and the models it ran: twelve AUs on one selection of frames, most of which show an AU.",
    "BP4D": "Facial-R1 and the models it ran: 27 AUs on one split that looks random, so subjects may be on both sides.",
    "RAF-AU": "853 of 4,344 pictures, drawn at random; which ones is not known.",
    "FABA": "Facial-R1 and the models it ran: its own 314 (or 311) rows that have both AUs and an emotion.",
    "AffectNet": "Facial-R1 and the models it ran: a test set whose classes are uneven, not the official 4,000.",
    "REGE": "The emotion score of FABA-Bench. Some rows are lower than their accuracy alone, which cannot be.",
    "ROUGE-L": "rouge_score with stemming, on texts with their tags, mean over rows; empty references count 0.",
    "GPT score": "gpt-4o-mini, one score, a Chinese prompt, failed calls count 0; of the family that wrote references.",
    "AU F1": "Whether Facial-R1's own numbers are macro or micro F1 is not known: its code changed twice.",
}
"""Benchmark or metric → what is known about how its published numbers were computed."""


def _read(table: str, metric: str | None) -> list[Published]:
    head, *lines = (line.split("|") for line in table.strip().splitlines())
    found = []
    for method, *values in lines:
        for column, text in zip(head[1:], values, strict=True):
            if text == "-":
                continue
            rerun, own = text.endswith("*"), method in _OWN_METHODS or text.endswith("*")
            if metric is None:
                protocol = "FABA-12" if column == "REGE" and not own else OWN
                benchmark = "FABA" if column == "REGE" else "FEA-20K"
                found.append(Published(method, benchmark, column, float(text), protocol))
            else:
                protocol = OWN if own and column not in ("FER2013", "RAF-DB") else _PROTOCOL[metric, column]
                found.append(Published(method, column, metric, float(text.rstrip("*")), protocol, rerun))
    return found


PUBLISHED: tuple[Published, ...] = (
    *_read(_AU, "AU F1"),
    *_read(_EMOTION, "accuracy"),
    *_read(_REASONING, None),
)
"""Every number of the three tables."""

_BENCHMARKS = {
    "DISFA-8": "DISFA",
    "DISFA-12": "DISFA",
    "BP4D-12": "BP4D",
    "RAF-AU": "RAF-AU",
    "FABA-12": "FABA",
    "FEA-20K": "FEA-20K",
    "FER2013-7": "FER2013",
    "AffectNet-8": "AffectNet",
    "RAF-DB-7": "RAF-DB",
}


def published_for(protocol: str) -> list[Published]:
    """The published numbers on the corpus of a protocol (by its id), whatever protocol they follow themselves.

    >>> [(one.method, one.value, one.protocol) for one in published_for("DISFA-8") if one.method == "JAA-Net"]
    [('JAA-Net', 56.0, 'DISFA-8')]
    """
    return [one for one in PUBLISHED if one.benchmark == _BENCHMARKS.get(protocol)]


_OURS = {
    "AU F1": "AU F1 macro_benchmark",
    "accuracy": "accuracy (WAR)",
    "REGE": "REGE emotion (faba)",
    "ROUGE-L": "rougeL_rs_stem",
    "GPT score": "judge score",
}
"""Metric of a published number → the figure of a result that stands beside it."""


def beside_published(result: Result) -> list[tuple[Published, Figure, str]]:
    """Published numbers with ours, and why the two may not be compared; an empty reason means that they may.

    The reason names whatever differs: the protocol, the rows, the coverage.
    """
    found = []
    known = {figure.name: figure for figure in figures(result) if figure.value is not None}
    for one in published_for(result["protocol"]):
        ours = known.get(_OURS[one.metric])
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
