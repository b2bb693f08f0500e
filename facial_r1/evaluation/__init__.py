"""Evaluation: the benchmarks of the field, with protocol ids and uncertainty.

``predict`` asks a model, ``evaluate`` scores its answers under a protocol; what a number was computed from always
stands beside it. ``facial-r1 predict`` and ``facial-r1 evaluate`` are the same on the command line.
"""

from __future__ import annotations

from facial_r1.evaluation.evaluate import evaluate
from facial_r1.evaluation.judge import RUBRICS, judging
from facial_r1.evaluation.others import load_predictions
from facial_r1.evaluation.predict import find_data, predict
from facial_r1.evaluation.protocols import PROTOCOLS, Protocol, find_protocol
from facial_r1.evaluation.settings import Settings
from facial_r1.evaluation.store import against, check_folder, load_result, save

__all__ = [
    "PROTOCOLS",
    "RUBRICS",
    "Protocol",
    "Settings",
    "against",
    "check_folder",
    "evaluate",
    "find_data",
    "find_protocol",
    "judging",
    "load_predictions",
    "load_result",
    "predict",
    "save",
]
