"""The model before training: a tiny Qwen2.5-VL whose vision tower has seen faces, as that of a real checkpoint has.

A pretrained checkpoint brings a tower that tells pictures apart; random weights do not. So the tower alone is trained
to name the Action Units of faces from another population, by a linear layer that is thrown away afterwards. The
language model stays random: it knows no word, no format and nothing of Action Units.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.proof.faces import CODES, EMOTIONS, QUESTION, lesson
from facial_r1.files import sha256_bytes
from facial_r1.inference.local.checkpoints import open_checkpoint
from facial_r1.inference.local.processor import load_processor
from facial_r1.inference.local.tiny import make_tiny
from facial_r1.pictures import load_picture
from facial_r1.sample import Sample

__all__ = ["start"]

BATCH, RATE = 16, 1.5e-3
TEXTS = 3000
"""Made-up lessons from which the tokenizer learns its words."""


def start(folder: Path, street: Sequence[Sample], images: Path, *, steps: int, seed: int) -> Path:
    """Make the checkpoint that stage 1 starts from.

    Args:
        folder: the new checkpoint.
        street: faces of the other population.
        images: the folder of their pictures.
        steps: of training the tower, at 16 pictures each.
        seed: of weights and order.
    """
    import torch
    from transformers import Qwen2_5_VLForConditionalGeneration

    random_weights = folder.with_name(f"{folder.name}.random")
    make_tiny(random_weights, texts=_texts(), seed=seed, vocabulary=600)
    processor = load_processor(open_checkpoint(random_weights))
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(random_weights, dtype=torch.float32)
    _train(model.model.visual, processor.image_processor, street, images, steps, seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _texts() -> list[str]:
    """Lessons with any Action Units, so that the tokenizer learns nothing about which go together."""
    dice = random.Random(0)
    drawn = (sorted(dice.sample(range(len(CODES)), dice.randint(0, 6))) for _ in range(TEXTS))
    return [QUESTION] * 50 + [lesson([CODES[place] for place in places], dice.choice(EMOTIONS)) for places in drawn]


def _train(tower: Any, prepare: Any, street: Sequence[Sample], images: Path, steps: int, seed: int) -> None:
    import torch

    pictures = [load_picture(images / sample.image) for sample in street]
    truth = torch.tensor([[float(unit in sample.AUs) for unit in CODES] for sample in street])
    tokens = len(_features(tower, prepare, pictures[:1])[0])
    torch.manual_seed(seed)
    head = torch.nn.Linear(tokens, len(CODES))
    parameters = [*tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, RATE, weight_decay=0.0)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    dice = random.Random(sha256_bytes(f"tower {seed}".encode()))
    for _ in range(steps):
        chosen = dice.sample(range(len(street)), BATCH)
        seen = head(_features(tower, prepare, [pictures[place] for place in chosen]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(seen, truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rate.step()


def _features(tower: Any, prepare: Any, pictures: Sequence[Any]) -> Any:
    """What the language model would be given, one row a picture."""
    inputs = prepare(images=list(pictures), return_tensors="pt")
    return tower(inputs["pixel_values"], grid_thw=inputs["image_grid_thw"]).pooler_output.reshape(len(pictures), -1)
