"""What an evaluation found, ready to be written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from facial_r1.evaluation.au import AuScores
from facial_r1.evaluation.compare import Comparison
from facial_r1.evaluation.emotion import EmotionScores
from facial_r1.evaluation.faithfulness import Faithfulness
from facial_r1.evaluation.measures import Mean
from facial_r1.evaluation.rege import Rege
from facial_r1.evaluation.rows import Row
from facial_r1.evaluation.settings import Settings

__all__ = ["Coverage", "Evaluation"]


@dataclass(slots=True)
class Coverage:
    """What became of the rows; none of this is hidden in a score.

    Attributes:
        rows: of the benchmark, as far as the data set has them.
        answered, refused, failed, missing: they add up to ``rows``.
        cut_off: answered, but ended by the token limit.
        malformed: answered, but not in the grammar (for readers that ask for one).
        no_label: labelled rows whose answer holds no label.
        no_aus: rows with annotated Action Units whose answer has no place for them.
        invented: claims of numbers that FACS does not have.
        outside: claims of Action Units that are not annotated for their row.
        by_corpus: corpus → status → rows.
    """

    rows: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    missing: int = 0
    cut_off: int = 0
    malformed: int = 0
    no_label: int = 0
    no_aus: int = 0
    invented: int = 0
    outside: int = 0
    by_corpus: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Evaluation:
    """The result.

    Attributes:
        model: who answered.
        protocol, split: ids; equal ones are the same benchmark on the same rows.
        readers: how the answers were read.
        coverage: see :class:`Coverage`.
        aus, emotions: of answered rows; None where nothing of the kind is known.
        aus_of_all, emotions_of_all: lower bounds in which a row without an answer claims nothing; None when every row
            is answered.
        texts: ROUGE implementation → mean over answered rows with a reference.
        rege: REGE scores, where ``rougeL_pltrdy`` was computed (always for FABA-12).
        judge: criterion → mean verdict.
        faithfulness: see :mod:`facial_r1.evaluation.faithfulness`.
        groups: attribute → group → hits, rows and interval of the accuracy.
        control: the model with shuffled pictures, against this.
        comparisons: other evaluations, against this.
        remarks: what a reader should know; warnings: what makes the numbers doubtful.
        settings, about: how it was made, and from what.
        rows: the scored rows.
    """

    model: str
    protocol: str
    split: str
    readers: tuple[str, ...]
    coverage: Coverage
    aus: AuScores | None = None
    emotions: EmotionScores | None = None
    aus_of_all: AuScores | None = None
    emotions_of_all: EmotionScores | None = None
    texts: dict[str, Mean] = field(default_factory=dict)
    rege: list[Rege] = field(default_factory=list)
    judge: dict[str, Mean] = field(default_factory=dict)
    faithfulness: Faithfulness = field(default_factory=Faithfulness)
    groups: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    control: Comparison | None = None
    comparisons: list[Comparison] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    about: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the rows."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "rows"}
        return {name: _plain(value) for name, value in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
