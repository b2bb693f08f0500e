"""The Arrow types of a row: ``datasets.load_dataset(..., features=facial_r1.FEATURES)``.

One typed schema for all corpora: without it a reader guesses the types from its first rows, and a file whose first
60,000 rows are of a corpus without labels cannot be read.
"""

from __future__ import annotations

from datasets import Features, Image, List, Value

__all__ = ["FEATURES", "IMAGE_FEATURES"]

_TEXT = Value("string")
_INTEGER = Value("int32")

FEATURES = Features(
    {
        "id": _TEXT,
        "dataset": _TEXT,
        "image": _TEXT,
        "question": _TEXT,
        "AUs": List(_TEXT),
        "labels": List(_TEXT),
        "description": _TEXT,
        "meta_info": {
            "task": _TEXT,
            "sample_id": _TEXT,
            "subject": _TEXT,
            "group": _TEXT,
            "origin_ids": List(_TEXT),
            "split": _TEXT,
            "fold": _INTEGER,
            "frame": _INTEGER,
            "frame_offset": _INTEGER,
            "box": List(_INTEGER),
            "crop": _TEXT,
            "au_annotated": List(_TEXT),
            "au_intensity": List({"au": _TEXT, "value": _INTEGER}),
            "au_side": List({"au": _TEXT, "value": _TEXT}),
            "au_threshold": _INTEGER,
            "au_source": _TEXT,
            "label_source": _TEXT,
            "label_set": List(_TEXT),
            "pseudo_aus": List(_TEXT),
            "pseudo_label": _TEXT,
            "source": _TEXT,
            "image_sha256": _TEXT,
            "generator": _TEXT,
            "model": _TEXT,
            "prompt_hash": _TEXT,
            "attempts": _INTEGER,
            "label_conditioned": Value("bool"),
            "extra": _TEXT,
        },
    }
)
"""The published eight keys with ``meta_info`` spelled out; pictures stay paths, relative to the image folder."""

IMAGE_FEATURES = Features({**FEATURES, "image": Image()})
"""The same with the picture itself in the place of its path."""
