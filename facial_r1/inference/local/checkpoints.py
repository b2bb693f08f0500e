"""Which model it is: a checkpoint folder, a LoRA adapter on one, or an id of the Hugging Face Hub; and its name.

The name enters the key of every request. It is made of what the checkpoint holds, never of where it lies: a folder
that was moved is the same model, one that was trained a step further is another.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from facial_r1.errors import InputError, MissingExtra
from facial_r1.files import canonical_json, sha256_bytes, sha256_file

__all__ = ["Checkpoint", "open_checkpoint", "require"]

_WEIGHTS = ("*.safetensors", "*.bin")
# What generation reads, of the much more that a trainer leaves in the same folder.
_PARTS = (
    "generation_config.json",
    "*.safetensors",
    "pytorch_model*.bin",
    "adapter_model.bin",
    "*token*.json",
    "vocab.json",
    "merges.txt",
    "*.model",
    "chat_template*",
    "*processor_config.json",
)
_WHEREABOUTS = ("_name_or_path", "base_model_name_or_path", "transformers_version", "peft_version")
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model that can be loaded.

    Attributes:
        base: the folder, or the id on the Hub, of the whole model.
        config: the content of its ``config.json``.
        commit: of the Hub's repository; None for a folder.
        adapter: the folder of a LoRA adapter on it, or None.
        settings: the content of the adapter's ``adapter_config.json``.
    """

    base: str
    config: dict[str, Any]
    commit: str | None = None
    adapter: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def sees(self) -> bool:
        """Whether it can be shown pictures."""
        return "vision_config" in self.config

    def name(self) -> str:
        """Such as ``qwen2_5_vl@1f0c6a9b2e44``, or an id of the Hub with its commit; an adapter adds ``+lora@…``.

        It reads the weights of a folder once, about a second per gigabyte.
        """
        if self.commit is not None:
            name = f"{self.base}@{self.commit[:12]}"
        else:
            name = f"{self.config.get('model_type', 'model')}@{_digest(Path(self.base), self.config)}"
        return name if self.adapter is None else f"{name}+lora@{_digest(self.adapter, self.settings)}"


def open_checkpoint(model: str | Path) -> Checkpoint:
    """Find out what ``model`` is, without loading it.

    Of an id on the Hub only ``config.json`` is fetched, or found in the cache.

    Raises:
        InputError: when it is no checkpoint; the message says what it looks like instead.
    """
    folder = Path(model)
    if str(model) and folder.is_dir():
        return _adapter(folder) if (folder / "adapter_config.json").is_file() else _folder(folder)
    if folder.exists() or not _HUB_ID.fullmatch(str(model)):
        expected = "a folder with config.json and weights, or an id such as Qwen/Qwen2.5-VL-3B-Instruct"
        raise InputError("there is no such checkpoint", path=folder, expected=expected, do="check the path")
    return _hub(str(model))


def require(extra: str, *modules: str) -> None:
    """Say which extra is to be installed when one of ``modules`` is not there.

    Raises:
        MissingExtra: naming the first module that is missing.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            do = f"pip install 'facial-r1[{extra}]'"
            raise MissingExtra(f"this needs the package {module}, which is not installed", do=do)


def _folder(folder: Path) -> Checkpoint:
    path = folder / "config.json"
    if not path.is_file():
        inner = sorted(entry.parent.name for entry in folder.glob("*/config.json"))
        do = f"give one of its checkpoints, such as {folder / inner[-1]}" if inner else "check the path"
        expected = "config.json with the weights, or adapter_config.json with a LoRA adapter"
        raise InputError("this folder is no checkpoint", path=folder, expected=expected, do=do)
    config = _json(path)
    _check_weights(folder)
    return Checkpoint(str(folder), config)


def _adapter(folder: Path) -> Checkpoint:
    path = folder / "adapter_config.json"
    settings = _json(path)
    _check_weights(folder)
    try:
        base = open_checkpoint(settings.get("base_model_name_or_path") or "")
    except InputError as error:
        raise InputError(
            "the model that this LoRA adapter was trained on is not there",
            path=path,
            found=f"base_model_name_or_path {settings.get('base_model_name_or_path')!r}",
            expected="a checkpoint folder or an id of the Hub",
            do="write its present place there",
        ) from error
    return replace(base, adapter=folder, settings=settings)


def _hub(model: str) -> Checkpoint:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(hf_hub_download(model, "config.json"))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        do = "check the id and the connection (HF_TOKEN for a gated model), or give a folder"
        found = str(error).splitlines()[0]
        raise InputError(f"the model {model} cannot be fetched from the Hub", found=found, do=do) from None
    return Checkpoint(model, _json(path), path.parent.name)  # …/snapshots/COMMIT/config.json


def _check_weights(folder: Path) -> None:
    files = [path for pattern in _WEIGHTS for path in folder.glob(pattern) if path.name != "training_args.bin"]
    if not files:
        expected = "model*.safetensors or adapter_model.safetensors"
        raise InputError("this checkpoint has no weights", path=folder, expected=expected, do="copy it as a whole")


def _digest(folder: Path, config: dict[str, Any]) -> str:
    """Twelve hex digits for all that shapes an answer; the places that a config remembers do not."""
    own = {name: value for name, value in config.items() if name not in _WHEREABOUTS}
    parts = {path.name: path for pattern in _PARTS for path in folder.glob(pattern) if path.is_file()}
    return sha256_bytes(canonical_json([own, [(name, sha256_file(parts[name])) for name in sorted(parts)]]))[:12]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError("this file cannot be read", path=path, found=str(error), do="copy it anew") from None
    if not isinstance(content, dict):
        raise InputError("this file holds no settings", path=path, found=content, expected="a JSON object")
    return content
