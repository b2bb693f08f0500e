"""Checking a copy: a fake corpus with published figures, then the real builders on full-size stand-ins."""

# ruff: noqa: ARG002 - the fake corpus has the signatures of the contract

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from datasets_builders import corpus
from datasets_builders.common import checking
from datasets_builders.common.checking import check
from datasets_builders.common.corpus import Corpus, Difference, Licence, Raw, Report
from datasets_builders.synthetic import make
from facial_r1.errors import InputError, NotThisCorpus, UsageError
from facial_r1.progress import Progress
from facial_r1.sample import Sample

HAND = "a happy\nb sad\nc happy\n"


class Hand(Corpus):
    """Three rows in hand.txt, `name label`."""

    name = "hand"
    title = "Hand"
    licence = Licence("own rows", "https://example.org")
    options = {"strict": False}  # noqa: RUF012

    def recognises(self, root: Path) -> bool:
        return (root / "hand.txt").is_file()

    def scan(self, root: Path, report: Report, **options: Any) -> Iterator[Sample]:
        self.settings(options)
        text = (root / "hand.txt").read_text()
        if not text:
            raise NotThisCorpus("an empty file", path=root)
        for number, line in enumerate(text.splitlines(), 1):
            try:
                name, label = line.split()
            except ValueError:
                report.fault(InputError("no name and label", path=root / "hand.txt", line=number))
                continue
            yield Sample(id=name, dataset="hand", labels=[label])
        if not (root / "pictures").is_dir():
            report.missing.append("the folder pictures")

    def raw(self, root: Path, samples: Sequence[Sample], **options: Any) -> Iterator[Raw]:
        raise AssertionError("a check opens no picture")

    def published(self, **options: Any) -> Mapping[str, int]:
        self.settings(options)
        return {"rows": 3, "happy": 2, "sad": 1}

    def count(self, samples: Iterator[Sample], report: Report) -> Counter[str]:
        counts = Counter(sample.labels[0] for sample in samples)
        counts["rows"] = counts.total()
        return counts


@pytest.fixture
def hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A copy of the fake corpus with the given rows, pictures included."""
    monkeypatch.setattr(checking, "corpus", {"hand": Hand()}.__getitem__)

    def copy(text: str) -> Path:
        (tmp_path / "hand.txt").write_text(text)
        (tmp_path / "pictures").mkdir()
        return tmp_path

    return copy


def test_a_whole_copy_has_no_difference_and_no_gap(hand: Callable[[str], Path]) -> None:
    verdict = check("hand", hand(HAND))
    assert (verdict.differences, verdict.gaps, verdict.verdict) == ([], [], "usable")
    assert verdict.counts == {"rows": 3, "happy": 2, "sad": 1}


def test_each_figure_that_is_not_reproduced_is_named(hand: Callable[[str], Path]) -> None:
    verdict = check("hand", hand("a happy\nc happy\n"))
    assert verdict.differences == [Difference("rows", 3, 2), Difference("sad", 1, 0)]
    assert verdict.usable
    assert verdict.verdict == "usable"


def test_what_is_missing_is_a_gap_and_no_difference(hand: Callable[[str], Path]) -> None:
    root = hand(HAND)
    (root / "pictures").rmdir()
    verdict = check("hand", root)
    assert verdict.differences == []
    assert verdict.verdict == "usable with gaps: the folder pictures"


def test_rows_that_cannot_be_read_are_counted_and_the_first_is_named(hand: Callable[[str], Path]) -> None:
    verdict = check("hand", hand("a happy\nb\nc happy\nd\n"))
    (gap,) = verdict.gaps
    assert gap.startswith("2 rows or files cannot be read, the first: ")
    assert "hand.txt:2" in gap
    assert Difference("rows", 3, 2) in verdict.differences


@pytest.mark.parametrize("text", ["", None], ids=["refused by the scan", "not recognised"])
def test_a_folder_that_looks_like_nothing(text: str | None, hand: Callable[[str], Path]) -> None:
    root = hand(text or "")
    if text is None:
        (root / "hand.txt").unlink()
    verdict = check("hand", root)
    assert (verdict.usable, verdict.counts, verdict.verdict) == (False, {}, "not this corpus")


def test_unknown_options_and_corpora_are_wrong_usage(hand: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown option"):
        check("hand", hand(HAND), lenient=True)


def test_an_unknown_corpus_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown corpus"):
        check("nobody", tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: FER2013: there is no such folder"):
        check("fer2013", tmp_path / "nowhere")


def test_rows_are_told_as_they_are_read(hand: Callable[[str], Path]) -> None:
    steps: list[tuple[str, int]] = []

    class Steps(Progress):
        def step(self, what: str, done: int, total: int | None, note: str = "") -> None:
            steps.append((what, done))

    check("hand", hand("a happy\n" * 20_001), progress=Steps())
    assert steps == [("Hand rows", 10_000), ("Hand rows", 20_000)]


@pytest.mark.parametrize(("name", "other"), [("fer2013", "expw"), ("expw", "raf_au"), ("raf_au", "fer2013")])
def test_another_corpus_is_named(name: str, other: str, tmp_path: Path) -> None:
    root = make(other, tmp_path / "copy", rows=20, labels_only=True).root
    verdict = check(name, root)
    assert not verdict.usable
    assert verdict.verdict == f"not this corpus (it looks like {other})"


@pytest.mark.parametrize("name", ["expw", "fer2013"])
def test_a_full_size_stand_in_has_zero_differences_until_lines_are_removed(name: str, tmp_path: Path) -> None:
    root = make(name, tmp_path / "copy", labels_only=True).root
    whole = check(name, root)
    assert whole.differences == []
    assert whole.counts["rows"] == corpus(name).published()["rows"]

    labels = next(path for path in root.rglob("*") if path.name in ("label.lst", "fer2013.csv"))
    lines = labels.read_bytes().splitlines(keepends=True)
    labels.write_bytes(b"".join(lines[:-3]))
    fewer = check(name, root)
    lost = {
        difference.what: int(str(difference.expected)) - int(str(difference.found)) for difference in fewer.differences
    }
    assert lost.pop("rows") == 3
    classes = {what: number for what, number in lost.items() if what not in ("Training", "PublicTest", "PrivateTest")}
    assert sum(classes.values()) == 3
    assert all(number > 0 for number in lost.values())


def test_labels_without_photographs_are_a_gap(tmp_path: Path) -> None:
    root = make("expw", tmp_path / "copy", rows=30).root
    assert check("expw", root).gaps == []
    for picture in (root / "image" / "origin").iterdir():
        picture.unlink()
    assert "photographs" in check("expw", root).verdict
