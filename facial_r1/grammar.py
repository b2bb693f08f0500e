"""The grammar of a reply: its two blocks, and the reason codes of what breaks it.

Exactly one ``<think>…</think>``, then exactly one ``<answer>…</answer>``, both non-empty, tags in lower case and
without attributes, and nothing but white space around and between.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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

_KINDS = ("think", "answer")
_TAG = re.compile(r"<(/?(?:think|answer))>")
_FLAWLESS = ["think", "/think", "answer", "/answer"]


def read_blocks(text: str) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The text of each block, stripped (None when missing or ambiguous), and the faults in the order of :data:`FAULTS`.

    >>> read_blocks("<think>a</think><answer>b")
    ({'think': 'a', 'answer': 'b'}, ('unclosed_tag',))
    """
    pieces = _TAG.split(text)
    tags, parts = pieces[1::2], [part.strip() for part in pieces[::2]]
    blocks: dict[str, str | None]
    if tags == _FLAWLESS:
        blocks, faults = {"think": parts[1], "answer": parts[3]}, set()
    else:
        blocks, faults = {kind: _block(tags, parts, kind) for kind in _KINDS}, _tag_faults(tags)
    faults |= {f"empty_{kind}" for kind, block in blocks.items() if block == ""}
    if _outside(tags, parts):
        faults.add("text_outside")
    return blocks, tuple(code for code in FAULTS if code in faults) if faults else ()


def _block(tags: Sequence[str], parts: Sequence[str], kind: str) -> str | None:
    """What stands in the one block of this kind; a lone opening or closing tag reaches to its neighbour tag.

    ``parts[i]`` stands before ``tags[i]``, the last part behind all tags.
    """
    mine = [i for i, tag in enumerate(tags) if tag.endswith(kind)]
    marks = [tags[i] for i in mine]
    if marks == [f"/{kind}"]:
        return parts[mine[0]]
    return parts[mine[0] + 1] if marks in ([kind, f"/{kind}"], [kind]) else None


def _tag_faults(tags: Sequence[str]) -> set[str]:
    faults = set()
    for kind in _KINDS:
        opened, closed = tags.count(kind), tags.count(f"/{kind}")
        if not opened and not closed:
            faults.add(f"no_{kind}")
        if opened > 1 or closed > 1:
            faults.add(f"two_{kind}s")
        if opened > closed:
            faults.add("unclosed_tag")
        if closed > opened:
            faults.add("unopened_tag")
        if opened == closed == 1 and tags.index(f"/{kind}") < tags.index(kind):
            faults.add("wrong_order")
    if "think" in tags and "answer" in tags and tags.index("answer") < tags.index("think"):
        faults.add("wrong_order")
    closing, inside = {tag for tag in tags if tag.startswith("/")}, None
    for tag in tags:
        if tag.startswith("/"):
            inside = None if inside == tag[1:] else inside
        elif inside is None:
            inside = tag
        elif f"/{inside}" in closing:
            faults.add("nested_tags")
    return faults


def _outside(tags: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether anything but white space stands outside every block."""
    within = False
    for part, tag in zip(parts, tags, strict=False):
        if part and not within and not tag.startswith("/"):
            return True
        within = not tag.startswith("/")
    return bool(parts[-1]) and not within
