"""A training recipe: which model, which rows, which numbers. pydantic checks it; unknown keys are errors.

Defaults are those of the Facial-R1 paper where it names them and else those of the library's documentation: groups of
8, no KL term, no top-k, since log-probabilities are those of the full softmax.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from facial_r1.files import canonical_json, sha256_bytes

__all__ = ["Data", "GrpoRecipe", "Lora", "Reward", "SftRecipe", "TrainRecipe", "Vllm"]

_PLACES = {"release", "files", "image_folders"}
_INDIFFERENT = {"model", "deepspeed", "log_every", "show_every", "keep", "workers", "device_memory"}
"""What changes no weight, or counts by its content: model, rows and DeepSpeed's settings (:mod:`training.outputs`)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
    balance: Literal["none", "label", "au", "corpus"] = Field(
        "none", description="show rows of rare labels, of rare AUs or of small corpora more often, up to four times"
    )
    assume_scored: bool = Field(
        False, description="rows without meta_info.au_annotated: take all AUs that occur in their corpus as scored"
    )
    label_rule: Literal["any", "set"] = Field("any", description="with several true labels: one suffices, or all")
    label_set: tuple[str, ...] = Field((), description="labels allowed beyond the eight")
    max_length: int = Field(2048, ge=64, description="longest row in tokens, picture included; longer ones are dropped")


class Lora(_Strict):
    """Low-rank adapters on the language model instead of full fine-tuning."""

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
    validation: Data | None = Field(None, description="rows to watch while training; without files, of data's release")
    validate_every: int = Field(100, ge=1, description="steps between two looks at them")
    best: bool = Field(
        False, description="end with the checkpoint that was best on them, not the last; each look is then saved"
    )
    max_pixels: int = Field(512 * 28 * 28, ge=28 * 28, description="larger pictures are shrunk to so many pixels")
    seed: int = Field(0, ge=0, lt=2**32)
    steps: int | None = Field(None, gt=0, description="optimizer steps; epochs when not given")
    epochs: float = Field(1.0, gt=0)
    lr: float = Field(gt=0)
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup: int = Field(0, ge=0, description="steps")
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    batch: int = Field(8, ge=1, description="rows (GRPO: completions) of one device at once")
    accumulation: int = Field(1, ge=1, description="such batches of a device in one optimizer step")
    processes: int = Field(1, ge=1, description="processes that share the work, one a device; torchrun starts them")
    lora: Lora | None = None
    freeze_vision: bool = Field(False, description="leave the vision tower and its merger as they are")
    gpu: bool = Field(True, description="false trains on the CPU in float32")
    device_memory: float = Field(80.0, gt=0, description="GiB of one GPU, which --dry-run holds the run against")
    activation_checkpointing: bool = True
    deepspeed: Literal["zero2", "zero3", "zero3-offload"] | Path | None = Field(
        None, description="one of ours, or a JSON file of DeepSpeed's"
    )
    workers: int | None = Field(None, ge=0, description="processes that open pictures; 4 with a GPU, none without")
    log_every: int = Field(10, ge=1)
    save_every: int = Field(500, ge=1, description="steps between two checkpoints that --resume can go on from")
    keep: int = Field(2, ge=1, description="checkpoints that are kept")

    @model_validator(mode="after")
    def _sound(self) -> TrainRecipe:
        if self.best and self.validation is None:
            raise ValueError("best: true needs validation rows to be best on")
        if self.best and self.save_every != self.validate_every:
            raise ValueError("best: true needs save_every equal to validate_every: only what is saved can be kept")
        if self.freeze_vision and self.lora is not None:
            raise ValueError("lora trains adapters of the language model alone: freeze_vision has nothing to freeze")
        if self.deepspeed in ("zero2", "zero3") and self.processes == 1:
            raise ValueError("deepspeed divides a model among processes: give processes, or zero3-offload")
        return self

    @property
    def rows_a_step(self) -> int:
        """Rows (GRPO: completions) of one optimizer step, over all processes."""
        return self.batch * self.accumulation * self.processes

    def hash(self) -> str:
        """Hex SHA-256 of all settings that decide the result, wherever model and rows lie."""
        plain = self.model_dump(mode="json", exclude=_INDIFFERENT)
        for rows in ("data", "validation"):
            plain[rows] = {key: value for key, value in (plain[rows] or {}).items() if key not in _PLACES}
        (plain.get("vllm") or {}).pop("server", None)
        return sha256_bytes(canonical_json(plain))


class SftRecipe(TrainRecipe):
    """Stage 1: supervised fine-tuning on the texts."""

    group_by_length: bool = Field(True, description="batches of rows of like length: less padding")


class Reward(_Strict):
    """One reward and its weight in the sum."""

    name: str
    weight: float = 1.0
    params: dict[str, Any] = Field(default_factory=dict)


class Vllm(_Strict):
    """Rollouts by vLLM instead of transformers; needs the extra ``vllm``."""

    mode: Literal["colocate", "server"] = Field(description="in the training processes, or `trl vllm-serve` elsewhere")
    server: str | None = Field(None, description="base URL of the server, such as http://node2:8000")
    memory: float = Field(0.3, gt=0, lt=1, description="colocate: share of a device's memory for vLLM")
    tensor_parallel: int = Field(1, ge=1, description="colocate: devices that one engine spans")
    max_length: int | None = Field(None, ge=64, description="context of the engine in tokens; the model's when null")

    @model_validator(mode="after")
    def _sound(self) -> Vllm:
        if (self.mode == "server") != (self.server is not None):
            raise ValueError("vllm.server belongs to vllm.mode: server, and that needs it")
        return self


class GrpoRecipe(TrainRecipe):
    """Stage 2: group-relative policy optimization with verifiable rewards."""

    rewards: tuple[Reward, ...] = Field(
        (Reward(name="au_f1"), Reward(name="accuracy"), Reward(name="format")), min_length=1
    )
    generations: int = Field(8, ge=2, description="completions of one prompt: a group")
    max_completion: int = Field(256, ge=8, description="tokens")
    beta: float = Field(0.0, ge=0, description="weight of the KL divergence; 0 needs no reference model")
    epsilon: float = Field(0.2, gt=0, description="clipping of the ratio")
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, description="0 is off")
    loss: Literal["grpo", "dapo", "bnpo", "dr_grpo"] = "dapo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    vllm: Vllm | None = None
    show_every: int = Field(50, ge=1, description="steps between two pages of rollouts")

    @model_validator(mode="after")
    def _whole_groups(self) -> GrpoRecipe:
        if self.rows_a_step % self.generations:
            raise ValueError(
                f"batch × accumulation × processes is {self.rows_a_step}, which is no multiple of generations"
            )
        if self.validation is not None and self.batch * self.processes % self.generations:
            raise ValueError(
                f"validation rows need a batch × processes that is a multiple of generations, not "
                f"{self.batch * self.processes}"
            )
        names = [reward.name for reward in self.rewards]
        if len(set(names)) < len(names):
            raise ValueError("rewards name one of them twice; give it another weight instead")
        return self
