"""The suite that every row of a release is held against: great_expectations, built from the recipe.

An ephemeral context, no telemetry, no progress bars, nothing on disk. Each expectation carries the name of its check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from curation.checks.check import SHOWN, Check, Failing, Tally
from curation.checks.rules import Rules
from facial_r1.errors import clip
from facial_r1.sample import TASKS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ROW_CHECKS", "Suite", "row_suite"]
MOST_AUS = 20
"""AUs of one face; the richest of the known corpora has 11."""

ROW_CHECKS: dict[str, str] = {
    "id_repeats": "every id once",
    "id_of_picture": "an id is its sample_id, or sample_id#k",
    "image_path": "a clean relative POSIX path without `..`",
    "dataset": "a corpus of the recipe",
    "split": "train, val or test, and that of the file",
    "task": f"one of {', '.join(TASKS)}, as the truth of the row says",
    "au_codes": "codes that FACS has",
    "au_order": "AUs sorted by number, each once",
    "au_annotated": "AUs among meta_info.au_annotated",
    "au_intensity": "0-5",
    "au_side": "L, R, T, B or U",
    "au_threshold": "1-5, or null",
    "au_count": f"at most {MOST_AUS} AUs",
    "labels": "canonical nouns of the row's label_set",
    "label_repeats": "every label once",
    "pseudo": "claims beyond the truth only where the recipe allows them, apart from the truth",
    "provenance": "source, picture hash, generator, model, prompt hash, attempts and label_conditioned filled",
    "hashes": "64 hexadecimal digits",
    "box": "left, top, right, bottom in pixels: none negative, left < right, top < bottom",
    "crop": "none, box, landmarks, or null",
    "sources": "human, crowd, text, machine or joined:CORPUS, or null",
    "fold": "from 1, or null",
    "frame": "from 0, or null",
    "attempts": "from 1",
    "extra": "one JSON object, or null",
    "id_length": "1-200 characters",
    "question_length": "1-2,000 characters",
    "description_length": "no longer than bounds.longest",
    "extra_length": "no longer than bounds.longest",
}
"""The checks of :func:`row_suite`: name → what is expected. Each has a column of its name."""

_WRONG = (
    *("id_of_picture", "image_path", "split", "task", "au_codes", "au_order", "au_annotated", "au_intensity"),
    *("au_side", "labels", "label_repeats", "pseudo", "provenance", "hashes", "box", "sources", "extra"),
)
"""Columns that hold what is wrong, and null when nothing is."""


def row_suite(rules: Rules) -> Suite:
    """What every row must fulfil; the columns are those of :mod:`curation.checks.flat`."""
    import great_expectations.expectations as gxe

    longest = rules.bounds.longest
    ranges: dict[str, tuple[int, int | None]] = {
        "au_threshold": (1, 5),
        "au_count": (0, MOST_AUS),
        "fold": (1, None),
        "frame": (0, None),
        "attempts": (1, None),
        "id_length": (1, 200),
        "question_length": (1, 2_000),
        "description_length": (0, longest),
        "extra_length": (0, longest),
    }
    sets: dict[str, list[Any]] = {
        "id_repeats": [False],
        "dataset": list(rules.corpora),
        "crop": ["none", "box", "landmarks"],
    }
    expectations = [
        *(gxe.ExpectColumnValuesToBeNull(column=name, meta={"check": name}) for name in _WRONG),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=name, min_value=least, max_value=most, meta={"check": name})
            for name, (least, most) in ranges.items()
        ),
        *(
            gxe.ExpectColumnValuesToBeInSet(column=name, value_set=values, meta={"check": name})
            for name, values in sets.items()
        ),
    ]
    return Suite(expectations, ROW_CHECKS)


class Suite:
    """Expectations that data frames are held against, one after the other.

    Args:
        expectations: of great_expectations, each with ``meta["check"]``.
        expected: check → what is expected, in words.
        place: the columns that name a row of a frame.
        what: what a row of a frame is.
    """

    def __init__(
        self,
        expectations: Iterable[Any],
        expected: Mapping[str, str],
        place: Sequence[str] = ("file", "line", "id"),
        what: str = "rows",
    ) -> None:
        import great_expectations as gx

        self._frames = _frames()  # first: an expectation needs a context
        self._suite = gx.ExpectationSuite("release", expectations=list(expectations))
        self._expected, self._place, self._what = expected, place, what
        self._format = {
            "result_format": "SUMMARY",
            "partial_unexpected_count": SHOWN,
            "unexpected_index_column_names": list(place),
            "return_unexpected_index_query": False,
        }
        self._tally = Tally()
        self._rows = 0

    def check(self, frame: pd.DataFrame) -> None:
        """Hold ``frame`` against the suite; it has the columns of ``place``."""
        batch = self._frames.get_batch(batch_parameters={"dataframe": frame})
        self._rows += len(frame)
        results = batch.validate(self._suite, result_format=self._format)
        for result in results.results:
            config = result.expectation_config
            if result.exception_info and result.exception_info.get("raised_exception"):
                raise RuntimeError(f"{config.type} on {config.kwargs}: {result.exception_info}")
            if not result.success:
                self._failed(config.meta["check"], result.result)

    def _failed(self, check: str, result: Mapping[str, Any]) -> None:
        rows = result["partial_unexpected_index_list"]
        rest = result["unexpected_count"] - len(rows)
        for place, row in enumerate(rows):
            found = {key: value for key, value in row.items() if key not in self._place}
            shown = ", ".join(f"{key} {_shown(value)}" for key, value in found.items())
            times = 1 + (rest if place == len(rows) - 1 else 0)
            line = row.get("line")
            self._tally.add(check, Failing(row["file"], None if line is None else int(line), row["id"], shown), times)

    def checks(self) -> list[Check]:
        """What was found in all frames together."""
        return self._tally.checks(self._expected, self._rows, self._what)


def _shown(value: Any) -> str:
    plain = value.item() if hasattr(value, "item") else value  # a scalar of NumPy
    return f"{plain:.3g}" if isinstance(plain, float) else clip(plain)


@cache
def _frames() -> Any:
    """Where data frames enter great_expectations: one ephemeral context a process, which keeps and sends nothing."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("release").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("batch")
