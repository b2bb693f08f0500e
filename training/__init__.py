"""Training on the curated splits, thin over TRL.

``recipe`` is the YAML; ``data`` turns rows into columns and checks every length beforehand; ``rewards`` are plain
functions; ``prepare`` finds mistakes while they are cheap; ``sft`` and ``grpo`` make TRL's trainers; ``trainer`` mends
their resume; ``run`` is the course both take; ``outputs`` what they leave. From Python::

    from training.recipe import load_training
    from training import sft

    recipe = load_training(Path("recipes/tiny-sft.yaml"), "sft", sets=["data.release=demo/5-release"])
    sft.train(recipe, Path("runs/sft"))
"""
