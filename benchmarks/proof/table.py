"""The proof's table: every stage of every seed beside the baselines, and what was required of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["REQUIRED_F1", "report", "verdicts"]

REQUIRED_F1 = 0.75
"""Macro F1 that stage 1 has to reach on unseen subjects."""
MARGIN = 0.3
"""How far above the best constant answer it has to be, and how near to it shuffled pictures have to fall."""

_STAGES = {
    "sft": "stage 1: SFT",
    "grpo": "stage 2: GRPO",
    "retrained": "retrained on the synthesis",
    "hearsay": "SFT on stereotyped texts",
    "hearsay_grpo": "GRPO after it",
}
_COMPARED = {
    "grpo_sampled": "GRPO − SFT, sampled at 1",
    "grpo_cooler": "GRPO sampled at 1 − SFT sampled at 0.5",
    "grpo_greedy": "GRPO − SFT, greedy",
    "retrained_sft": "retrained − SFT of as many steps, greedy",
    "retrained_grpo": "retrained − GRPO, greedy",
    "hearsay_sampled": "stereotyped: GRPO − SFT, sampled at 1",
    "hearsay_greedy": "stereotyped: GRPO − SFT, greedy",
    "hearsay_cooler": "stereotyped: GRPO greedy − SFT sampled at 0.5",
}

Seed = Mapping[str, Any]


def verdicts(seeds: Sequence[Seed]) -> dict[str, bool]:
    """What was required, and whether it holds for these seeds."""
    two_thirds = (2 * len(seeds) + 2) // 3
    above = sum(seed["differences"]["grpo_sampled"][1] > 0 for seed in seeds)
    return {
        f"SFT reads: macro F1 of at least {REQUIRED_F1} in every seed": all(
            seed["stages"]["sft"]["greedy"]["macro_f1"] >= REQUIRED_F1 for seed in seeds
        ),
        f"and at least {MARGIN} above every constant answer": all(
            seed["stages"]["sft"]["greedy"]["macro_f1"] >= _constant(seed) + MARGIN for seed in seeds
        ),
        "with the pictures shuffled it falls to what a constant answer gets": all(
            seed["stages"]["sft"]["shuffled"]["macro_f1"] <= _constant(seed) + 0.1
            and seed["stages"]["sft"]["shuffled"]["accuracy"] <= _constant(seed, "accuracy") + 0.1
            for seed in seeds
        ),
        f"GRPO raises the sampled R_AU + R_acc: interval above 0 in {above} of {len(seeds)} seeds": above >= two_thirds,
        "GRPO's greedy answers are no worse beyond noise (interval reaches 0)": all(
            seed["differences"]["grpo_greedy"][2] >= 0 for seed in seeds
        ),
    }


def report(seeds: Sequence[Seed]) -> str:
    """Markdown."""
    return "\n".join([*_requirements(seeds), *_differences(seeds), *_scores(seeds), *_synthesis(seeds)])


def _constant(seed: Seed, figure: str = "macro_f1") -> float:
    return max(value[figure] for name, value in seed["baselines"].items() if "probe" not in name)


def _requirements(seeds: Sequence[Seed]) -> Iterator[str]:
    yield from ("## Required", "")
    for text, held in verdicts(seeds).items():
        yield f"- {'yes' if held else '**NO**'}: {text}"
    yield ""


def _differences(seeds: Sequence[Seed]) -> Iterator[str]:
    yield from ("## Differences of the mean R_AU + R_acc (0-2), 95 % interval over subjects", "")
    yield from _head("what", *(f"seed {seed['seed']}" for seed in seeds))
    for key, name in _COMPARED.items():
        if all(key in seed["differences"] for seed in seeds):
            cells = [seed["differences"][key] for seed in seeds]
            yield _row(name, *(f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" for mean, low, high in cells))
    yield ""


def _scores(seeds: Sequence[Seed]) -> Iterator[str]:
    for seed in seeds:
        yield from (f"## Seed {seed['seed']}: unseen subjects", "")
        yield from _head(
            "what", "macro F1", "accuracy", "format", "R_AU + R_acc", "sampled: macro F1", "accuracy", "format",
            "R_AU + R_acc", "shuffled: macro F1", "accuracy", "steps", "seconds",
        )  # fmt: skip
        for name, figures in seed["baselines"].items():
            yield _row(name, *_figures(figures), *["–"] * 8)
        for key, name in _STAGES.items():
            stage = seed["stages"].get(key)
            if stage is not None:
                mixed = stage["shuffled"]
                cells = (
                    f"{mixed['macro_f1']:.3f}",
                    f"{mixed['accuracy']:.3f}",
                    stage["steps"],
                    f"{stage['seconds']:.0f}",
                )
                yield _row(name, *_figures(stage["greedy"]), *_figures(stage["sampled"]), *cells)
        yield ""


def _figures(figures: Mapping[str, float]) -> list[str]:
    means = [figures["macro_f1"], figures["accuracy"], figures["format"], figures["row_f1"] + figures["accuracy"]]
    return [f"{value:.3f}" for value in means]


def _synthesis(seeds: Sequence[Seed]) -> Iterator[str]:
    found = [(seed["seed"], seed["synthesis"]) for seed in seeds if "synthesis" in seed]
    if not found:
        return
    yield from ("## Synthesis: faces of which only the truth was known", "")
    yield from _head("seed", "faces", "answers to each", "accepted", "share", "lowest class", "texts before → after")
    for seed, one in found:
        share = {name: kept / tried for name, (kept, tried) in one["by_label"].items()}
        worst = min(share, key=lambda name: share[name])
        lowest = f"{worst} {share[worst]:.0%}"
        texts = f"{one['before']:,} → {one['before'] + one['accepted']:,}"
        accepted = f"{one['accepted']:,}"
        yield _row(
            str(seed),
            f"{one['tried']:,}",
            one["samples"],
            accepted,
            f"{one['accepted'] / one['tried']:.0%}",
            lowest,
            texts,
        )
    yield ""


def _head(*names: str) -> tuple[str, str]:
    return _row(*names), f"|{'---|' * len(names)}"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
