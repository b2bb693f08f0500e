"""One run in several processes, as torchrun and accelerate start them: who one is, and who goes first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["leader_first", "rank", "together", "world"]


def rank() -> int:
    """Number of this process among all, from 0; 0 does what is done once."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def together(*, gpu: bool, deepspeed: bool) -> Iterator[None]:
    """Join the other processes, and part from them in the end; alone, do nothing.

    The group is made here and not by the trainer: building a model under ZeRO-3 needs it before there is a trainer, and
    a process that ends without leaving the group aborts.
    """
    if world() == 1:
        yield
        return
    import torch.distributed

    backend = "nccl" if gpu else "gloo"
    if gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if deepspeed:
        from deepspeed import init_distributed

        init_distributed(dist_backend=backend)
    else:
        torch.distributed.init_process_group(backend)
    try:
        yield
        torch.distributed.barrier()  # all leave at once: one that left while another saves has been seen to abort
    finally:
        torch.distributed.destroy_process_group()


@contextmanager
def leader_first() -> Iterator[None]:
    """What stands inside is done by process 0 first, then by the others, who find what it made."""
    if world() > 1 and rank() > 0:
        _wait()
    yield
    if world() > 1 and rank() == 0:
        _wait()


def _wait() -> None:
    import torch.distributed

    torch.distributed.barrier()
