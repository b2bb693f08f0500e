"""The grammar of a reply: its two blocks, and the reason codes of what breaks it.

Exactly one ``<think>…</think>``, then exactly one ``<answer>…</answer>``, both non-empty, tags in lower case and
without attributes, and nothing but white space around and between.
"""

from __future__ import annotations

import re

__all__ = ["FAULTS", "read_blocks"]

FAULTS: dict[str, str] = {
    "no_think": "there is no think block",
    "two_thinks": "there is more than one think tag of a kind",
    "no_answer": "there is no answer block",
    "two_answers": "there is more than one answer tag of a kind",
    "unclosed_tag": "a block is opened and never closed",
    "unopened_tag": "a block is closed and never opened",
    "wrong_order": "the answer comes before the reasoning, or a closing tag before its opening one",
    "nested_tags": "one block begins inside another",
    "empty_think": "the think block is blank",
    "empty_answer": "the answer block is blank",
    "text_outside": "there is text before, between or after the blocks",
}
"""Reason code → what it means, in the order in which they are reported."""

_TAG = re.compile(r"<(/?)(think|answer)>")
_FLAWLESS = [("", "think"), ("/", "think"), ("", "answer"), ("/", "answer")]


def read_blocks(text: str) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The text of each block, stripped (None when missing or ambiguous), and the faults in the order of :data:`FAULTS`.

    >>> read_blocks("<think>a</think><answer>b")
    ({'think': 'a', 'answer': 'b'}, ('unclosed_tag',))
    """
    tags = list(_TAG.finditer(text))
    blocks = {kind: _block(text, tags, kind) for kind in ("think", "answer")}
    faults = set() if [tag.groups() for tag in tags] == _FLAWLESS else set(_tag_faults(tags))
    faults |= {f"empty_{kind}" for kind, block in blocks.items() if block == ""}
    if _outside(text, tags):
        faults.add("text_outside")
    return blocks, tuple(code for code in FAULTS if code in faults)


def _block(text: str, tags: list[re.Match[str]], kind: str) -> str | None:
    """What stands in the one block of this kind; a lone opening or closing tag reaches to its neighbour tag."""
    mine = [i for i, tag in enumerate(tags) if tag[2] == kind]
    marks = [tags[i][1] for i in mine]
    if marks not in (["", "/"], [""], ["/"]):
        return None
    if marks == ["/"]:
        begin = tags[mine[0] - 1].end() if mine[0] else 0
        return text[begin : tags[mine[0]].start()].strip()
    after = mine[0] + 1
    return text[tags[mine[0]].end() : tags[after].start() if after < len(tags) else len(text)].strip()


def _tag_faults(tags: list[re.Match[str]]) -> set[str]:
    faults = set()
    order = [f"{tag[1]}{tag[2]}" for tag in tags]
    for kind in ("think", "answer"):
        opened, closed = order.count(kind), order.count(f"/{kind}")
        if not opened and not closed:
            faults.add(f"no_{kind}")
        if opened > 1 or closed > 1:
            faults.add(f"two_{kind}s")
        if opened > closed:
            faults.add("unclosed_tag")
        if closed > opened:
            faults.add("unopened_tag")
        if opened == closed == 1 and order.index(f"/{kind}") < order.index(kind):
            faults.add("wrong_order")
    if "think" in order and "answer" in order and order.index("answer") < order.index("think"):
        faults.add("wrong_order")
    closing, inside = {tag for tag in order if tag.startswith("/")}, None
    for tag in order:
        if tag.startswith("/"):
            inside = None if inside == tag[1:] else inside
        elif inside is None:
            inside = tag
        elif f"/{inside}" in closing:
            faults.add("nested_tags")
    return faults


def _outside(text: str, tags: list[re.Match[str]]) -> bool:
    """Whether anything but white space stands outside every block."""
    position, inside = 0, False
    for tag in tags:
        if not inside and not tag[1] and text[position : tag.start()].strip():
            return True
        position, inside = tag.end(), not tag[1]
    return not inside and bool(text[position:].strip())
