"""Lets the torchvision wheel that is built for CUDA be imported beside a CPU build of torch, for tests only.

Put this folder and one with torchvision on PYTHONPATH: Python imports ``sitecustomize`` when it starts, in every child
process as well. Nothing happens until somebody imports torchvision. Then the operators that its compiled library would
have registered are declared (they have no kernels; the transforms need none), and pictures are decoded by Pillow.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

# Name and signature of each operator, in torch's schema language, as torchvision's own fake kernels expect them.
_BOXES = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    f"roi_align({_BOXES}, int sampling_ratio, bool aligned) -> Tensor",
    f"roi_pool({_BOXES}) -> (Tensor, Tensor)",
    f"ps_roi_align({_BOXES}, int sampling_ratio) -> (Tensor, Tensor)",
    f"ps_roi_pool({_BOXES}) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, "
    "SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, "
    "SymInt offset_groups, bool use_mask) -> Tensor",
)
_kept: list[Any] = []  # an operator lives as long as the library object that declared it


def _declare(extension: ModuleType) -> None:
    if extension._has_ops():
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for schema in _OPERATORS:
        library.define(schema)
    _kept.append(library)


def _decode_with_pillow(image: ModuleType) -> None:
    from torchvision.extension import _has_ops

    if _has_ops():
        return

    def decode_image(input: Any, mode: Any = None, apply_exif_orientation: bool = False) -> Any:
        import io

        import numpy as np
        import torch
        from PIL import Image, ImageOps

        source = io.BytesIO(input.numpy().tobytes()) if isinstance(input, torch.Tensor) else input
        picture = Image.open(source)
        if apply_exif_orientation:
            picture = ImageOps.exif_transpose(picture)
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()

    image.decode_image = decode_image  # type: ignore[attr-defined]


_AFTER: dict[str, Callable[[ModuleType], None]] = {
    "torchvision.extension": _declare,
    "torchvision.io.image": _decode_with_pillow,
}


class _Loader(importlib.abc.Loader):
    """The module's own loader, and then one of :data:`_AFTER`."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self.loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        _AFTER[module.__name__](module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _AFTER:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


sys.meta_path.insert(0, _Finder())
