"""Stage 2: rewards move the model, a resume is exact, and the rollouts can be looked at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from facial_r1.errors import MissingExtra, UsageError
from training import grpo, rewards
from training.recipe import GrpoRecipe

Settings = Callable[..., dict[str, Any]]


def recipe(plain: dict[str, Any]) -> GrpoRecipe:
    return GrpoRecipe.model_validate({"batch": 8, "generations": 4, "max_completion": 8, "lr": 1e-3, **plain})


@pytest.fixture
def vowels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reward that random weights earn too: the share of vowels in an answer."""

    def share(completions: Sequence[Any], **_columns: Any) -> list[float | None]:
        texts = [one[0]["content"] for one in completions]
        return [len(re.findall("[aeiou]", text)) / max(1, len(text)) for text in texts]

    monkeypatch.setitem(rewards.REWARDS, "vowels", share)


@pytest.mark.usefixtures("vowels")
def test_a_resumed_run_is_the_uninterrupted_one(
    settings: Settings, tmp_path: Path, stop_at: Any, curve: Any, weights: Any, tiny: Path
) -> None:
    named = [{"name": "vowels"}, {"name": "au_f1"}, {"name": "accuracy"}, {"name": "format", "weight": 0.5}]
    plain = recipe(settings(batch=4, accumulation=2, rewards=named, save_every=2, show_every=2))
    grpo.train(plain, tmp_path / "whole")
    stop_at(3)
    with pytest.raises(KeyboardInterrupt):
        grpo.train(plain, tmp_path / "run")
    grpo.train(plain, tmp_path / "run", resume=True)
    for figure in ("loss", "reward", "rewards/vowels/mean", "entropy"):
        assert curve(tmp_path / "run", figure) == curve(tmp_path / "whole", figure)
    assert len(set(curve(tmp_path / "whole", "reward").values())) > 1
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "run")
    assert all((resumed[name] == value).all() for name, value in whole.items())
    before = weights(tiny)
    assert any((whole[name] != value).any() for name, value in before.items())

    pages = sorted(path.name for path in (tmp_path / "whole" / "rollouts").glob("*.html"))
    assert pages == ["00001.html", "00002.html", "00004.html"]
    page = (tmp_path / "whole" / "rollouts" / "00004.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2, "one face for each group of four"
    assert "vowels" in page
    assert "weighted sum" in page
    assert re.search(r"True: (AU\d|none)", page)

    run = orjson.loads((tmp_path / "whole" / "run.json").read_bytes())
    assert (run["method"], run["steps"]) == ("grpo", 4)
    assert run["tokens"] > 4 * 8 * 8
    assert "GRPO with verifiable rewards" in (tmp_path / "whole" / "README.md").read_text()


def test_pictures_of_all_modes_reach_the_model_upright_and_in_colour(tmp_path: Path, toy: Path) -> None:
    """The reference lets a small picture shrink all later ones of its batch, and opens grey ones as they are."""
    from PIL import Image

    from training.columns import grpo_columns
    from training.data import lessons
    from training.recipe import Data

    found = lessons(Data(release=toy, rows=3), lambda *_: 1, answer=1)  # type: ignore[arg-type]
    modes = ["L", "RGBA", "P"]
    rows = []
    for number, (mode, one) in enumerate(zip(modes, found.rows, strict=True)):
        path = tmp_path / f"{mode}.png"
        Image.new("RGB", (20 + 60 * number, 90)).convert(mode).save(path)
        rows.append(type(one)(one.sample, path, one.prompt, one.form, one.tokens))
    shown = grpo_columns(rows)[:]
    assert [(one.mode, one.size) for one in shown["image"]] == [("RGB", (20 + 60 * n, 90)) for n in range(3)]
    assert shown["au_annotated"] == [one.sample.meta_info.au_annotated for one in rows]


def test_validation_rewards_are_watched_and_the_best_is_kept(
    settings: Settings, tmp_path: Path, curve: Any, vowels: None
) -> None:
    watch = {"validation": {"split": "val", "prompt": "question", "rows": 2}, "validate_every": 1, "best": True}
    grpo.train(recipe(settings(rewards=[{"name": "vowels"}], steps=2, save_every=1, **watch)), tmp_path / "run")
    watched = curve(tmp_path / "run", "eval_reward")
    best = orjson.loads((tmp_path / "run" / "run.json").read_bytes())["best"]
    assert best["value"] == max(watched.values())


def test_what_cannot_work_is_said_before_the_model_loads(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Any, write: Any
) -> None:
    monkeypatch.setattr("training.grpo.load_model", lambda *_: pytest.fail("the model was loaded"))

    def refused(kind: type[Exception], message: str, **changes: Any) -> None:
        with pytest.raises(kind, match=message):
            grpo.train(recipe(settings(**changes)), tmp_path / "run")

    refused(UsageError, r"unknown reward in the recipe. Found: iou", rewards=[{"name": "iou"}])
    refused(UsageError, r"unknown parameter of the reward length", rewards=[{"name": "length", "params": {"x": 1}}])
    vllm = {"mode": "colocate"}
    refused(MissingExtra, r"rollouts by vLLM, which is not installed.*facial-r1\[vllm\].*--set vllm=null", vllm=vllm)
    file = write(tmp_path / "rows.jsonl", [row(0, labels=[])], tmp_path / "images")
    data = {"release": None, "files": [str(file)], "image_folders": [str(tmp_path / "images")]}
    refused(UsageError, r"no row has a truth.*accuracy", data=data, rewards=[{"name": "accuracy"}, {"name": "format"}])


def test_vllm_gets_what_the_recipe_says(settings: Settings) -> None:
    from training.grpo import _vllm

    assert _vllm(recipe(settings())) == {}
    server = _vllm(recipe(settings(vllm={"mode": "server", "server": "http://node2:8000"})))
    assert server["vllm_server_base_url"] == "http://node2:8000"
    beside = _vllm(recipe(settings(vllm={"mode": "colocate", "memory": 0.4, "tensor_parallel": 2, "max_length": 900})))
    from trl import GRPOConfig

    config = GRPOConfig(output_dir="unused", use_cpu=True, bf16=False, report_to=[], **beside)
    assert (config.vllm_gpu_memory_utilization, config.vllm_tensor_parallel_size) == (0.4, 2)
    assert config.vllm_max_model_length == 900
