"""A training recipe: which model, which rows, which numbers. YAML, checked by pydantic, unknown keys are errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from facial_r1.errors import UsageError
from facial_r1.files import canonical_json, sha256_bytes

__all__ = ["Data", "GrpoRecipe", "Lora", "SftRecipe", "TrainRecipe", "load_training"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Strict):
    """The rows to train on: a release, or plain JSONL with image folders."""

    release: Path | None = Field(None, description="a release folder; --release overrides this")
    files: tuple[Path, ...] = Field((), description="JSONL files in the published schema, instead of a release")
    image_folders: tuple[Path, ...] = Field((), description="one folder for all files, or one for each")
    split: str = Field("train", description="split of the release")
    corpora: tuple[str, ...] = Field((), description="only rows of these corpora")
    tasks: tuple[Literal["au+emotion", "au", "emotion"], ...] = Field((), description="only rows of these tasks")
    rows: int | None = Field(None, gt=0, description="only so many rows, drawn by hash of their ids")
    prompt: Literal["student", "question"] = Field(
        "student", description="the prompt of training and evaluation with rules and definitions, or the question alone"
    )
    balance: Literal["none", "label", "corpus"] = Field("none", description="draw rare classes or corpora more often")
    label_rule: Literal["any", "set"] = "any"
    label_set: tuple[str, ...] = Field((), description="labels allowed beyond the eight")
    max_pixels: int | None = Field(None, ge=28 * 28, description="shrink larger pictures to so many pixels")
    max_length: int = Field(2048, ge=64, description="longest row in tokens, picture included; longer ones are dropped")


class Lora(_Strict):
    """Low-rank adapters instead of full fine-tuning."""

    r: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )


class TrainRecipe(_Strict):
    """What SFT and GRPO share."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    model: str = Field(description="a checkpoint folder, or an id of the Hub; `tiny` makes the tiny model")
    data: Data = Data()
    seed: int = 0
    steps: int | None = Field(None, gt=0, description="optimizer steps; epochs when not given")
    epochs: float = Field(1.0, gt=0)
    lr: float = Field(gt=0)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup: int = Field(0, ge=0, description="steps")
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    batch: int = Field(8, ge=1, description="rows (GRPO: completions) of one device at once")
    accumulation: int = Field(1, ge=1)
    lora: Lora | None = None
    freeze_vision: bool = Field(False, description="leave the vision tower and its merger as they are")
    gpu: bool = Field(True, description="false trains on the CPU in float32")
    gpus: int = Field(1, ge=1, description="devices that share the work; what --dry-run reckons with")
    activation_checkpointing: bool = True
    deepspeed: Literal["zero2", "zero3", "zero3-offload"] | Path | None = None
    log_every: int = Field(10, ge=1)
    save_every: int = Field(500, ge=1, description="steps between two checkpoints that --resume can go on from")
    keep: int = Field(2, ge=1, description="checkpoints that are kept")

    def identity(self) -> str:
        """Hex SHA-256 of all that decides the result."""
        return sha256_bytes(canonical_json(self.model_dump(mode="json", exclude={"log_every", "keep", "gpus"})))


class SftRecipe(TrainRecipe):
    """Stage 1: supervised fine-tuning on the texts."""

    group_by_length: bool = Field(True, description="batches of rows of like length: less padding")


class Reward(_Strict):
    """One reward and its weight in the sum."""

    name: str
    weight: float = 1.0
    params: dict[str, Any] = Field(default_factory=dict)


class GrpoRecipe(TrainRecipe):
    """Stage 2: group-relative policy optimization with verifiable rewards."""

    rewards: tuple[Reward, ...] = Field(
        (Reward(name="au_f1"), Reward(name="accuracy"), Reward(name="format")), min_length=1
    )
    generations: int = Field(8, ge=2, description="completions of one prompt: a group")
    max_completion: int = Field(256, ge=8, description="tokens")
    beta: float = Field(0.0, ge=0, description="weight of the KL divergence; 0 needs no reference model")
    epsilon: float = Field(0.2, gt=0)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, description="0 is off: log-probabilities are those of the full softmax")
    loss: Literal["grpo", "dapo", "bnpo", "dr_grpo"] = "dapo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    vllm: Literal["off", "colocate", "server"] = "off"
    vllm_server: str | None = Field(None, description="base URL of `trl vllm-serve`")
    show_every: int = Field(50, ge=1, description="steps between two samples of rollouts")

    @model_validator(mode="after")
    def _whole_groups(self) -> GrpoRecipe:
        together = self.batch * self.accumulation
        if together % self.generations:
            raise ValueError(f"batch × accumulation is {together}, which is no multiple of generations")
        if self.save_every % self.accumulation and self.accumulation % self.save_every:
            raise ValueError("save_every must fit whole generations: a multiple of accumulation, or a divisor")
        if self.vllm == "server" and self.vllm_server is None:
            raise ValueError("vllm: server needs vllm_server")
        return self


def load_training(path: Path, method: Literal["sft", "grpo"], *, sets: Sequence[str] = ()) -> SftRecipe | GrpoRecipe:
    """Read and check a training recipe.

    Args:
        path: the YAML file; relative paths in it are relative to it.
        method: which kind.
        sets: overrides such as ``lr=1e-4`` or ``data.rows=300``; values are YAML.

    Raises:
        UsageError: naming the file, the key and what was expected.
    """
    kind = SftRecipe if method == "sft" else GrpoRecipe
    if not path.is_file():
        raise UsageError("there is no such training recipe", path=path, do="see recipes/ for some")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"this recipe is not YAML ({error})", path=path, do="correct the YAML") from None
    if not isinstance(raw, dict):
        raise UsageError("a training recipe is a mapping", path=path, found=type(raw).__name__)
    for text in sets:
        _override(raw, text)
    try:
        recipe = kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        known = ", ".join(kind.model_fields)
        expected = f"one of {known}" if first["type"] == "extra_forbidden" else None
        raise UsageError(
            f"`{where}` in the training recipe: {first['msg']}", path=path, found=first["input"], expected=expected
        ) from None
    data = recipe.data
    update: dict[str, Any] = {
        "files": tuple(_beside(path, file) for file in data.files),
        "image_folders": tuple(_beside(path, folder) for folder in data.image_folders),
        "release": None if data.release is None else _beside(path, data.release),
    }
    changes: dict[str, Any] = {"data": data.model_copy(update=update)}
    if isinstance(recipe.deepspeed, Path):
        changes["deepspeed"] = _beside(path, recipe.deepspeed)
    beside = _beside(path, Path(recipe.model))
    if recipe.model != "tiny" and beside.is_dir():
        changes["model"] = str(beside)
    return recipe.model_copy(update=changes)


def _beside(recipe: Path, path: Path) -> Path:
    return path if path.is_absolute() else (recipe.parent / path).absolute()


def _override(raw: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError("--set takes KEY=VALUE", found=text)
    *path, last = key.split(".")
    place = raw
    for part in path:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise UsageError("--set goes into something that has no keys", found=text)
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError("the value of --set is not YAML", found=text) from None
    if isinstance(place[last], str):
        place[last] = _number(place[last])


def _number(text: str) -> object:
    """YAML 1.1 reads ``1e-4`` as a word."""
    try:
        return float(text)
    except ValueError:
        return text
