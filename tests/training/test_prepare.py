"""What cannot work is said before a model is loaded, and leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest
from learning import row, weights, write_pictures
from safetensors.torch import save_file

from facial_r1.errors import FacialR1Error, InputError, MissingExtra, UsageError
from facial_r1.files import write_jsonl
from training import grpo, sft

Make = Callable[..., Any]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``refused(kind, message, recipe)``: the run ends with this error, no weight was loaded, no folder made."""

    def run(kind: type[FacialR1Error], message: str, recipe: Any) -> None:
        stage = grpo if hasattr(recipe, "generations") else sft
        monkeypatch.setattr(f"{stage.__name__}.load_model", lambda *_: pytest.fail("the model was loaded"))
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(kind, match=message):
            stage.train(recipe, tmp_path / "run")
        assert sorted(tmp_path.rglob("*")) == before

    return run


def test_a_machine_that_cannot(
    refused: Callable[..., None], sft_recipe: Make, grpo_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    refused(UsageError, r"needs a GPU, and none is there.*gpu: false", sft_recipe(gpu=True, model="nowhere"))
    refused(UsageError, r"for 2 processes.*1 started.*torchrun --nproc_per_node 2", sft_recipe(processes=2))
    for name, content in (("none.json", None), ("odd.json", "["), ("list.json", "[1]")):
        if content is not None:
            (tmp_path / name).write_text(content)
        recipe = sft_recipe(processes=2, deepspeed=str(tmp_path / name))
        refused(UsageError, rf"{name}: deepspeed names no JSON file of settings", recipe)
    if find_spec("vllm") is None:
        for vllm in ({"mode": "colocate"}, {"mode": "server", "server": "http://127.0.0.1:8000"}):
            refused(MissingExtra, r"vLLM.*facial-r1\[vllm\].*vllm=null", grpo_recipe(vllm=vllm))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "peft" else name)
    refused(MissingExtra, r"peft.*pip install 'facial-r1\[train\]'", sft_recipe(lora={"r": 4}))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    refused(MissingExtra, r"torch.*facial-r1\[train\]", sft_recipe())


def test_a_model_that_is_none(refused: Callable[..., None], sft_recipe: Make, tmp_path: Path) -> None:
    refused(InputError, "no such checkpoint", sft_recipe(model=str(tmp_path / "nowhere")))
    folder = tmp_path / "other"
    folder.mkdir()
    refused(InputError, "no checkpoint", sft_recipe(model=str(folder)))
    (folder / "config.json").write_bytes(orjson.dumps({"model_type": "llava", "vision_config": {}}))
    (folder / "model.safetensors").write_bytes(b"no weights at all")
    refused(InputError, r"another architecture.*llava.*qwen2_5_vl", sft_recipe(model=str(folder)))


def test_a_model_without_a_chat_template(
    refused: Callable[..., None], sft_recipe: Make, tiny: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "mute"))
    (folder / "chat_template.jinja").unlink()
    refused(InputError, r"mute: this checkpoint has no chat template", sft_recipe(model=str(folder)))


def test_weights_that_are_damaged_or_not_all_there(sft_recipe: Make, tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "damaged"))
    whole = weights(tiny)
    del whole[min(whole)]
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"damaged: these weights are not all of the model's\. Found: no \w+"):
        sft.train(sft_recipe(model=str(folder)), tmp_path / "run")
    (folder / "model.safetensors").write_bytes((tiny / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"damaged: this checkpoint cannot be loaded"):
        sft.train(sft_recipe(model=str(folder)), tmp_path / "run")
    shutil.copy(tiny / "model.safetensors", folder)
    config = orjson.loads((folder / "config.json").read_bytes())
    config["text_config"]["intermediate_size"] *= 2
    (folder / "config.json").write_bytes(orjson.dumps(config))
    with pytest.raises(InputError, match=r"cannot be loaded\. Found: weights of other sizes than config\.json says"):
        sft.train(sft_recipe(model=str(folder)), tmp_path / "run")


@pytest.mark.parametrize("model", ["tiny", None], ids=["made on the spot", "there"])
def test_rows_that_are_not_there(
    refused: Callable[..., None], sft_recipe: Make, tmp_path: Path, model: str | None
) -> None:
    begun = {} if model is None else {"model": model}
    (tmp_path / "empty").mkdir()
    empty = {"data": {"release": str(tmp_path / "empty")}}
    refused(InputError, r"no split train.*no split at all", sft_recipe(**empty, **begun))
    refused(InputError, r"no split dev", sft_recipe(validation={"split": "dev"}, **begun))
    refused(UsageError, r"validation rows are the rows that are trained on", sft_recipe(validation={}, **begun))
    files = {"release": None, "files": ["none.jsonl"], "image_folders": ["."]}
    refused(UsageError, r"to come from a release, and there is none.*--set validation=null",
            sft_recipe(data=files, validation={"split": "val"}, **begun))  # fmt: skip
    refused(InputError, r"none\.jsonl: there is no such file", sft_recipe(data=files, **begun))


@pytest.mark.parametrize("content", ["garbage", "[]", "{}", '{"name": "x", "corpora": {"a": {}}}'])
def test_a_manifest_or_a_record_that_is_none(
    refused: Callable[..., None], sft_recipe: Make, tiny: Path, tmp_path: Path, content: str
) -> None:
    """What binds the model is never left out because it could not be read."""
    write_jsonl(tmp_path / "train.jsonl", [row(0)])
    write_pictures(tmp_path / "images", ["faces/0.png"])
    (tmp_path / "manifest.json").write_text(content)
    refused(InputError, r"manifest\.json: this file is no manifest", sft_recipe(data={"release": str(tmp_path)}))
    model = Path(shutil.copytree(tiny, tmp_path / "model"))
    (model / "run.json").write_text(content)
    refused(InputError, r"run\.json: this file is no record of a training run", sft_recipe(model=str(model)))


def test_rewards_that_are_none_or_apply_to_no_row(refused: Callable[..., None], grpo_recipe: Make) -> None:
    refused(UsageError, r"unknown reward.*bleu.*au_f1", grpo_recipe(rewards=[{"name": "bleu"}], model="nowhere"))
    odd = grpo_recipe(rewards=[{"name": "length", "params": {"x": 1}}])
    refused(UsageError, r"unknown parameter of the reward length", odd)


def test_rewards_whose_truth_no_row_has(refused: Callable[..., None], grpo_recipe: Make) -> None:
    recipe = grpo_recipe(rewards=[{"name": "accuracy"}, {"name": "format"}], data={"tasks": ["au"]})
    refused(UsageError, r"no row has a truth.*accuracy", recipe)


def test_fewer_rows_than_a_step_has_prompts(refused: Callable[..., None], grpo_recipe: Make) -> None:
    """TRL would make no step, and the weights of the start would pass for trained ones."""
    recipe = grpo_recipe(batch=16, data={"rows": 3})
    refused(UsageError, r"fewer rows than one step has prompts\. Found: 3 of 4\..*lower batch", recipe)


def test_adapters_that_fit_nowhere(
    refused: Callable[..., None], sft_recipe: Make, grpo_recipe: Make, tiny: Path, tmp_path: Path
) -> None:
    odd = sft_recipe(lora={"targets": ["q_proj", "query"]})
    refused(UsageError, r"lora\.targets names no part.*Found: query\. Expected: some of .*q_proj", odd)
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    settings = {"base_model_name_or_path": str(tiny), "r": 4, "lora_alpha": 8}
    (adapter / "adapter_config.json").write_bytes(orjson.dumps(settings))
    (adapter / "adapter_model.safetensors").write_bytes(b"not loaded")
    other = sft_recipe(lora={"r": 8, "alpha": 8}, model=str(adapter))
    refused(UsageError, r"adapter does not fit the recipe's lora of r 8, alpha 8.*r 4, alpha 8", other)
    merged = grpo_recipe(beta=0.1, model=str(adapter))
    refused(UsageError, r"beta would draw the model to the one without this adapter.*set beta to 0", merged)


def test_memory_that_ran_out_is_an_error_with_advice(
    sft_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    def full(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr(Trainer, "train", full)
    with pytest.raises(FacialR1Error, match=r"ran out of memory.*2 GiB.*lower batch"):
        sft.train(sft_recipe(), tmp_path / "run")
