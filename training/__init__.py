"""Training on the curated splits, thin over TRL: SFT on the texts of a release, GRPO on its truth.

From Python, as ``facial-r1 train`` does it::

    from pathlib import Path
    from training import grpo, sft
    from training.reading import load_training

    recipe = load_training(Path("recipes/tiny-sft.yaml"), "sft", sets=["data.release=demo/5-release"])
    sft.train(recipe, Path("runs/tiny-sft"))

``recipe`` and ``reading`` are the YAML; ``data``, ``lengths``, ``order`` and ``columns`` turn rows into what a
trainer takes; ``rewards`` are plain functions (``elsewhere``: for ms-swift and verl); ``prepare`` and ``estimate`` find
mistakes while they are cheap; ``sft`` and ``grpo`` build TRL's trainers from ``model`` and ``arguments``; ``trainer``
mends their resume; ``run`` is the course both take, ``processes`` is for several processes; ``outputs``, ``card`` and
``rollouts`` are what they leave.
"""
