"""Repeated ids: what says the same goes once, what contradicts goes altogether, and memory stays small."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builders.common.corpus import Report
from datasets_builders.common.repeats import CONFLICT, REPEAT, without_repeats
from facial_r1.sample import Meta, Sample


def row(name: str, label: str, line: int, aus: tuple[str, ...] = ()) -> Sample:
    meta = Meta(sample_id=name, source=f"label.lst:{line}", au_annotated=list(aus))
    return Sample(id=name, dataset="expw", AUs=list(aus), labels=[label], meta_info=meta)


def kept(*samples: Sample) -> tuple[list[tuple[str, str | None]], Report]:
    """Id and source of what stays, and the report."""
    report = Report()
    lines = [orjson.loads(line) for line in without_repeats(iter(samples), report)]
    return [(line["id"], line["meta_info"]["source"]) for line in lines], report


def test_rows_that_do_not_repeat_pass_as_their_own_lines_in_their_order() -> None:
    samples = [row(name, "anger", line) for line, name in enumerate("cab", 1)]
    report = Report()
    assert list(without_repeats(samples, report)) == [sample.to_line() for sample in samples]
    assert report == Report()


def test_an_identical_repeat_is_dropped_once_and_the_first_stays() -> None:
    stays, report = kept(row("a", "anger", 1), row("b", "fear", 2), row("a", "anger", 9))
    assert stays == [("a", "label.lst:1"), ("b", "label.lst:2")]
    (dropped,) = report.dropped
    assert (dropped.dataset, dropped.id, dropped.reason) == ("expw", "a", REPEAT)
    assert (dropped.source, dropped.detail) == ("label.lst:9", "says the same as label.lst:1")
    assert dropped.labels == ("anger",)


def test_of_a_conflicting_repeat_neither_row_stays() -> None:
    stays, report = kept(row("a", "anger", 1), row("b", "fear", 2), row("a", "sadness", 9))
    assert stays == [("b", "label.lst:2")]
    assert [(d.id, d.reason, d.labels, d.source, d.detail) for d in report.dropped] == [
        ("a", CONFLICT, ("anger",), "label.lst:1", "contradicts label.lst:9"),
        ("a", CONFLICT, ("sadness",), "label.lst:9", "contradicts label.lst:1"),
    ]


def test_what_conflicted_stays_out_even_when_a_third_row_agrees_with_the_first() -> None:
    stays, report = kept(*(row("a", label, line) for line, label in enumerate(("anger", "fear", "anger"), 1)))
    assert stays == []
    assert Counter(dropped.reason for dropped in report.dropped) == {CONFLICT: 3}


def test_a_row_that_repeated_before_the_conflict_is_reported_once() -> None:
    stays, report = kept(*(row("a", label, line) for line, label in enumerate(("anger", "anger", "fear"), 1)))
    assert stays == []
    assert [(d.source, d.reason) for d in report.dropped] == [
        ("label.lst:2", REPEAT),
        ("label.lst:1", CONFLICT),
        ("label.lst:3", CONFLICT),
    ]


def test_codes_and_boxes_contradict_as_labels_do() -> None:
    stays, report = kept(row("a", "anger", 1, ("AU4",)), row("a", "anger", 2, ("AU4", "AU9")))
    assert stays == []
    assert [dropped.AUs for dropped in report.dropped] == [("AU4",), ("AU4", "AU9")]
    first, second = row("a", "anger", 1), row("a", "anger", 2)
    first.meta_info.box, second.meta_info.box = [0, 0, 9, 9], [0, 0, 9, 8]
    assert kept(first, second)[0] == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("anger", "fear"))), max_size=14))
def test_every_row_is_kept_or_reported_exactly_once(pairs: list[tuple[str, str]]) -> None:
    stays, report = kept(*(row(name, label, line) for line, (name, label) in enumerate(pairs)))
    labels = {name: {label for other, label in pairs if other == name} for name, _ in pairs}
    assert {name for name, _ in stays} == {name for name, said in labels.items() if len(said) == 1}
    firsts = list(dict.fromkeys(name for name, _ in pairs))
    assert [name for name, _ in stays] == [name for name in firsts if len(labels[name]) == 1]
    sources = [source for _, source in stays] + [dropped.source for dropped in report.dropped]
    assert sorted(map(str, sources)) == sorted(f"label.lst:{line}" for line in range(len(pairs)))
    assert {d.id for d in report.dropped if d.reason == CONFLICT} == {n for n, said in labels.items() if len(said) > 1}


MEMORY = """
    from datasets_builders.common.corpus import Report
    from datasets_builders.common.repeats import without_repeats
    from facial_r1.sample import Meta, Sample
    def resident():
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    def rows():
        for number in range(30_000):
            name = f"expw-happy_child_{number}-0"
            meta = Meta(task="emotion", sample_id=name, group=name, box=[1, 2, 300, 400], label_set=["fear"] * 7,
                        source=f"label/label.lst:{number}", extra='{"picture": "happy_child.jpg"}')
            yield Sample(id=name, dataset="expw", labels=["fear"], meta_info=meta)
    before = resident()
    held = without_repeats(rows(), Report())
    print(resident() - before, sum(1 for _ in held))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which only Linux has")
def test_rows_are_held_as_lines_of_about_a_kilobyte(tmp_path: Path) -> None:
    script = tmp_path / "memory.py"
    script.write_text(textwrap.dedent(MEMORY))
    run = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True, timeout=120)
    kilobytes, count = map(int, run.stdout.split())
    assert count == 30_000
    assert 0.5 < kilobytes / count < 3  # hence below 1 GiB for 300,000 rows
