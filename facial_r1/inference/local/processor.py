"""Loading a checkpoint's processor (tokenizer, chat template, pictures), with torchvision or without.

The stock processor of Qwen2.5-VL wants torchvision for its videos. Where there is none, one for pictures and text
takes its place and gives the same tensors. A torchvision that is installed but does not fit torch is worse than none:
transformers then imports no such model at all, so that is said before anything is loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from facial_r1.errors import FacialR1Error, InputError, MissingExtra
from facial_r1.inference.local.checkpoints import Checkpoint, open_checkpoint, require

__all__ = ["load_processor", "torchvision_works"]

_IMAGE_ONLY = ("qwen2_vl", "qwen2_5_vl")
"""Model types whose pictures the processor in :mod:`facial_r1.inference.local.image_only` prepares."""

_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model")
_COPY = "copy the tokenizer and processor files of the model it was trained from into this folder"


def load_processor(model: str | Path | Checkpoint) -> Any:
    """The processor of a checkpoint folder, of the base of an adapter folder, or of an id on the Hub.

    Returns:
        What ``AutoProcessor`` gives where torchvision works or is not needed, else a processor without videos.

    Raises:
        MissingExtra: without the extra ``train``, or when this model's processor cannot do without torchvision.
        InputError: when it is no checkpoint, or one without a processor.
        FacialR1Error: when torchvision is installed but broken.
    """
    require("train", "torch", "transformers")
    checkpoint = model if isinstance(model, Checkpoint) else open_checkpoint(model)
    _check_tokenizer(Path(checkpoint.base))
    videos = torchvision_works()
    if not videos and checkpoint.config.get("model_type") in _IMAGE_ONLY:
        from facial_r1.inference.local.image_only import Qwen2_5_VLProcessor as Processor
    else:
        from transformers import AutoProcessor as Processor  # type: ignore[assignment]
    try:
        return Processor.from_pretrained(checkpoint.base)
    except ImportError as error:
        do = "install the torchvision that matches the installed torch"
        raise MissingExtra(f"the processor of {checkpoint.base} needs a package", found=_line(error), do=do) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = "this checkpoint's processor cannot be loaded"
        raise InputError(what, path=checkpoint.base, found=_line(error), do=_COPY) from error


def torchvision_works() -> bool:
    """Whether torchvision can be imported; False when there is none.

    Raises:
        FacialR1Error: when it is installed and cannot be imported.
    """
    if importlib.util.find_spec("torchvision") is None:
        return False
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise FacialR1Error(
            "the installed torchvision does not fit the installed torch",
            found=_line(error),
            do="pip uninstall torchvision (pictures are read without it), or install the version that matches",
        ) from error
    return True


def _check_tokenizer(folder: Path) -> None:
    """transformers would make one without a vocabulary, to which every word is the same."""
    if folder.is_dir() and not any(path for name in _VOCABULARIES for path in folder.glob(name)):
        expected = f"one of {', '.join(_VOCABULARIES)}"
        raise InputError("this checkpoint has no tokenizer", path=folder, expected=expected, do=_COPY)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
