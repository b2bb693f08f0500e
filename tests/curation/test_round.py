"""The round: what it asks for, in which order, and that a kill anywhere changes nothing.

The script ``facial-r1`` is a stand-in here (``PROGRAM``): it trains nothing but leaves what a trainer leaves, answers
the test from the truth, and builds releases for real.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml

from curation.build import build
from curation.round import RoundRow, iterate, load_round, plan
from facial_r1.errors import CorruptState, FacialR1Error, GateFailed, InputError, UsageError
from facial_r1.files import read_jsonl
from facial_r1.progress import Progress

if TYPE_CHECKING:
    from conftest import Toys

PROGRAM = """#!{python}
import hashlib, json, os, signal, sys
from pathlib import Path

command = sys.argv[1:]
option = lambda name: command[command.index(name) + 1]
name = Path(option("--out")).parts[0]
with open({calls!r}, "a") as calls:
    print(name, file=calls)
where, _, moment = os.environ.get("DIE", "").partition(":")

def die(now):
    if where == name and moment == now:
        os.kill(os.getppid(), signal.SIGKILL)
        if now == "orphan":
            open(os.environ["GATE"]).read()  # works on until the test has looked
        elif now == "inside":
            os._exit(9)

def made(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

if command[0] == os.environ.get("FAIL"):
    print("some progress")
    sys.exit("error: " + os.environ["WORDS"] if os.environ["WORDS"] else 7)
out = Path(option("--out"))
if command[0] == "train" and (out / "run.json").exists():
    pass  # it had been finished
elif command[0] == "train":
    weights = out / "model.safetensors"
    if weights.exists():
        assert weights.read_text() == "half"  # nobody else's
    made(weights, "half")
    die("inside")
    die("orphan")
    release = Path(option("--release"))
    seen = [Path(command[2]).read_bytes(), (release / "train.jsonl").read_bytes()]
    if "--model" in command:
        seen.append((Path(option("--model")) / "model.safetensors").read_bytes())
    made(weights, hashlib.sha256(b"".join(seen)).hexdigest())
    made(out / "run.json", json.dumps({{"weights": weights.read_text()}}))
elif command[0] == "predict":
    rows = [json.loads(line) for line in (Path(command[1]) / "test.jsonl").read_text().splitlines()]
    texts = [{{"id": row["id"], "outcome": "ok", "text": row["description"]}} for row in rows]
    die("inside")
    made(out, "".join(json.dumps(text) + "\\n" for text in texts))
else:
    import datasets_builders
    datasets_builders.__path__.append({plugins!r})
    import curation
    if where == name and moment == "inside":
        sys.modules["curation.build"].gate = lambda *_, **__: die("inside")
    from facial_r1.cli import main
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
die("between")
"""

DRIVER = """
import sys
from pathlib import Path
import datasets_builders
datasets_builders.__path__.append(sys.argv[1])
from curation.round import iterate, load_round
from facial_r1.errors import FacialR1Error
try:
    iterate(*load_round(Path(sys.argv[2])), Path(sys.argv[3]), program=Path(sys.argv[4]))
except FacialR1Error as error:
    print(error)
    sys.exit(error.exit_code)
"""
STEPS = ("1-sft", "1-sft-test", "1-grpo", "1-grpo-test", "2-release", "2-sft", "2-sft-test", "2-grpo", "2-grpo-test")


class Bench:
    """A first release, a round recipe over it, and the stand-in for the script."""

    def __init__(self, toys: Toys) -> None:
        self.folder, self.toys = toys.folder, toys
        labels = ("anger", "fear", "happiness")
        rows = [{"id": n, "labels": [labels[n % 3]], "group": f"g{n // 2}"} for n in range(80)]
        toys.write("toy_a", rows)
        first = toys.recipe(
            {"corpus": "toy_a", "split": "train", "rows": 12}, {"corpus": "toy_a", "split": "test", "rows": 8}
        )
        build(first, self.folder / "first")
        self.release = self.folder / "first" / "5-release"
        raw = toys.recipe({"corpus": "toy_a", "split": "train", "rows": 30, "balance": "label"}).model_dump(mode="json")
        raw["select"].pop("frozen_test")
        self.write("synthesis.yaml", {**raw, "synthesis": {"repairs": 1}})
        for stage in ("sft", "grpo"):
            self.write(f"{stage}.yaml", {"lr": 1})
        self.write("round.yaml", {"name": "toys", "release": str(self.release), "synthesis": "synthesis.yaml",
                                  "sft": "sft.yaml", "grpo": "grpo.yaml"})  # fmt: skip
        self.calls = self.folder / "calls"
        self.program = self.folder / "facial-r1"
        self.program.write_text(PROGRAM.format(python=sys.executable, calls=str(self.calls), plugins=str(toys.plugins)))
        self.program.chmod(0o755)

    def write(self, name: str, value: Any) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(value))
        return path

    def change(self, name: str, **keys: Any) -> None:
        self.write(name, {**yaml.safe_load((self.folder / name).read_text()), **keys})

    def load(self) -> Any:
        return load_round(self.folder / "round.yaml")

    def run(self, out: str = "rounds") -> list[RoundRow]:
        return iterate(*self.load(), self.folder / out, program=self.program)

    def start(self, out: str, **environment: str) -> subprocess.Popen[str]:
        arguments = [self.toys.plugins, self.folder / "round.yaml", self.folder / out, self.program]
        path = os.pathsep.join([str(Path(__file__).parents[2])])
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self, out: str) -> None:
        """Until the step that a killed run left behind has ended."""
        with (self.folder / out / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def called(self) -> list[str]:
        called = self.calls.read_text().split() if self.calls.is_file() else []
        self.calls.unlink(missing_ok=True)
        return called


@pytest.fixture
def bench(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return Bench(toys)


def result(out: Path) -> dict[str, bytes]:
    """What must not depend on interruptions: releases, checkpoints, answers, table."""
    folders = [out / "2-release" / "5-release", *(out / name for name in STEPS if "release" not in name)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    kept = {str(path.relative_to(out)): path.read_bytes() for path in files if path.name not in ("log.txt",)}
    return {**kept, "rounds.json": (out / "rounds.json").read_bytes()}


def test_the_steps_come_in_order_once(bench: Bench) -> None:
    rows = bench.run()
    assert bench.called() == list(STEPS)
    assert [row.rows for row in rows] == [12, 30]
    assert rows[1].tried == rows[1].accepted == 30
    assert rows[0].scores["sft"]["accuracy"] == rows[1].scores["grpo"]["accuracy"] == 1.0
    assert orjson.loads((bench.folder / "rounds" / "rounds.json").read_bytes())[1]["scores"]["grpo"]["well_formed"] == 1
    assert bench.run() == rows
    assert bench.called() == []


def test_stage_two_starts_from_stage_one_and_each_round_from_its_release(bench: Bench) -> None:
    steps = {step.name: step for step in plan(*bench.load())}
    assert steps["1-grpo"].command[-2:] == ("--model", "1-sft/checkpoint")
    assert "--model" not in steps["2-sft"].command
    assert steps["1-sft"].command[3:5] == ("--release", str(bench.release))
    assert steps["2-grpo"].command[3:5] == ("--release", "2-release/5-release")
    assert str(bench.release) in steps["2-sft-test"].command, "every model is tested on the first release"
    bench.change("round.yaml", sets={"grpo": ["steps=3"]})
    sft, _, grpo, *_ = plan(*bench.load())
    assert "steps=3" not in sft.command
    assert grpo.command[-2:] == ("--set", "steps=3")


def test_training_on_several_devices_is_started_by_torchrun(bench: Bench) -> None:
    bench.write("grpo.yaml", {"lr": 1, "processes": 8})
    sft, _, grpo, *_ = plan(*bench.load())
    script = Path("/bin/facial-r1")
    assert sft.words(script)[:3] == ["/bin/facial-r1", "train", "sft"]
    started = ["/bin/torchrun", "--standalone", "--nproc_per_node=8", "/bin/facial-r1", "train", "grpo"]
    assert grpo.words(script)[:6] == started
    bench.change("round.yaml", sets={"sft": ["processes=2"], "grpo": ["processes=1"]})
    assert [step.processes for step in plan(*bench.load()) if step.command[0] == "train"] == [2, 1, 2, 1]


def test_figures_are_told_as_soon_as_they_are_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Said(Progress):
        def __init__(self) -> None:
            self.said: list[str] = []

        def say(self, text: str) -> None:
            self.said.append(text)

    monkeypatch.setenv("FAIL", "build")
    monkeypatch.setenv("WORDS", "no")
    told = Said()
    with pytest.raises(FacialR1Error, match="step 2-release"):
        iterate(*bench.load(), bench.folder / "rounds", program=bench.program, progress=told)
    lines = [f"{name}: au_f1 unknown, accuracy 100.0%, well_formed 100.0%" for name in ("1-sft-test", "1-grpo-test")]
    assert [said for said in told.said if "accuracy" in said] == lines


def test_a_mistake_in_the_recipe_of_stage_two_is_found_before_stage_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from facial_r1.cli import main

    good = {"name": "x", "model": "tiny", "lr": 1}
    bench.write("sft.yaml", good)
    odd = {**good, "rewards": [{"name": "length", "params": {"least": -1}}]}
    for wrong, told in (({**good, "lrr": 1}, "did you mean `lr`?"), (odd, "the reward `length` needs")):
        bench.write("grpo.yaml", wrong)
        monkeypatch.setattr(sys, "argv", ["facial-r1", "iterate", str(bench.folder / "round.yaml")])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert told in capsys.readouterr().err
    assert bench.called() == []


def test_the_trained_model_is_the_teacher_where_the_recipe_says_so(bench: Bench) -> None:
    assert not any("teacher.options.model" in word for word in plan(*bench.load())[4].command)
    bench.change("synthesis.yaml", teacher={"backend": "transformers", "options": {"model": "trained"}})
    assert "teacher.options.model=1-grpo/checkpoint" in plan(*bench.load())[4].command
    bench.change("round.yaml", grpo=None, rounds=2)
    steps = plan(*bench.load())
    assert [step.name for step in steps if step.name.endswith("release")] == ["2-release", "3-release"]
    assert "teacher.options.model=2-sft/checkpoint" in steps[5].command


def test_what_was_tested_on_is_never_trained_on(bench: Bench) -> None:
    bench.run()
    tested = {row["meta_info"]["group"] for _, row in read_jsonl(bench.release / "test.jsonl")}
    trained = {
        row["meta_info"]["group"] for _, row in read_jsonl(bench.folder / "rounds/2-release/5-release/train.jsonl")
    }
    assert tested
    assert not tested & trained


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("1-sft", "inside"),
        ("1-grpo-test", "between"),
        ("2-release", "inside"),
        pytest.param("2-release", "between", marks=pytest.mark.slow),
        pytest.param("2-grpo", "inside", marks=pytest.mark.slow),
    ],
)
def test_a_kill_changes_nothing(bench: Bench, name: str, moment: str) -> None:
    bench.run("whole")
    bench.called()
    killed = bench.start("killed", DIE=f"{name}:{moment}")
    assert killed.wait() == -signal.SIGKILL
    begun = bench.called()
    assert begun[-1] == name
    bench.wait("killed")
    bench.run("killed")
    assert bench.called() == list(STEPS[STEPS.index(name) :]), "finished steps are not repeated, the others are"
    assert result(bench.folder / "killed") == result(bench.folder / "whole")


def test_nobody_begins_while_a_step_of_a_killed_run_works_on(bench: Bench) -> None:
    gate = bench.folder / "gate"
    os.mkfifo(gate)
    killed = bench.start("rounds", DIE="1-sft:orphan", GATE=str(gate))
    assert killed.wait() == -signal.SIGKILL
    with pytest.raises(FacialR1Error, match="another process works in this folder"):
        bench.run()
    gate.write_text("go")
    bench.wait("rounds")
    bench.run()


def test_a_step_is_done_again_when_its_recipe_changed(bench: Bench) -> None:
    bench.run()
    bench.called()
    bench.change("grpo.yaml", lr=2)
    bench.run()
    called = ["1-grpo", "1-grpo-test", "2-release", "2-grpo", "2-grpo-test"]
    assert bench.called() == called, "the template teacher wrote the same release, so stage 1 stands"
    bench.change("synthesis.yaml", seed=5)
    bench.run()
    assert bench.called()[0] == "2-release"


def test_a_finished_file_that_was_changed_is_an_error(bench: Bench) -> None:
    bench.run()
    (bench.folder / "rounds/1-sft/checkpoint/run.json").write_text("{}")
    with pytest.raises(CorruptState, match=r"run\.json is not the one its marker vouches for"):
        bench.run()


@pytest.mark.parametrize(
    ("fails", "words", "kind", "told"),
    [
        ("train", "the GPU has too little memory", FacialR1Error, "the GPU has too little memory"),
        ("predict", "", FacialR1Error, "some progress"),
    ],
)
def test_a_step_that_fails_tells_its_own_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fails: str, words: str, kind: type[Exception], told: str
) -> None:
    monkeypatch.setenv("FAIL", fails)
    monkeypatch.setenv("WORDS", words)
    with pytest.raises(kind, match=rf"log\.txt: step 1-sft.* stopped with exit code \d\. Found: {told}\."):
        bench.run()
    monkeypatch.delenv("FAIL")
    bench.run()


def test_a_synthesis_that_is_short_is_a_failed_gate(bench: Bench) -> None:
    bench.change("synthesis.yaml", gates=[{"name": "drill", "params": {"share": 1.0}}])
    with pytest.raises(GateFailed, match=r"step 2-release .* quotas could not be filled"):
        bench.run()


def test_nobody_else_s_folder_is_touched(bench: Bench) -> None:
    mine = bench.folder / "mine" / "1-sft" / "thesis.tex"
    mine.parent.mkdir(parents=True)
    mine.touch()
    with pytest.raises(InputError, match="not empty, and holds no rounds"):
        bench.run("mine")
    assert mine.exists()
    with pytest.raises(InputError, match="this is no folder"):
        bench.run("mine/1-sft/thesis.tex")
    assert bench.called() == []


def test_bad_input_is_one_error_before_anything_is_run(bench: Bench) -> None:
    def refused(match: str, kind: type[Exception] = UsageError) -> None:
        with pytest.raises(kind, match=match):
            bench.load()

    good = yaml.safe_load((bench.folder / "round.yaml").read_text())
    (bench.release / "test.jsonl").rename(bench.release / "away")
    refused(r"cannot be trained and tested on\. Found: no test\.jsonl", InputError)
    (bench.release / "test.jsonl").touch()
    refused(r"cannot be trained and tested on\. Found: no row in test\.jsonl", InputError)
    (bench.release / "away").rename(bench.release / "test.jsonl")
    manifest = (bench.release / "manifest.json").read_bytes()
    (bench.release / "manifest.json").write_text("garbage")
    refused(r"manifest\.json: this manifest is not JSON", InputError)
    (bench.release / "manifest.json").write_bytes(manifest)
    for change, match in (
        ({"grpo": "nowhere.yaml"}, "`grpo` names a training recipe that is not there"),
        ({"release": None}, "no release to begin with"),
        ({"rounds": 0}, "`rounds` in the round recipe: input should be greater"),
        ({"turns": 3}, "unknown key `turns` in the round recipe"),
        ({"runds": 3}, r"did you mean `rounds`\?"),
        ({"sets": {"rl": []}}, "`sets.rl"),
        ({"synthesis": "nowhere.yaml"}, "there is no such recipe"),
        ({"synthesis": "sft.yaml"}, r"sft\.yaml: `name` in the recipe: field required"),
    ):
        bench.write("round.yaml", {**good, **change})
        refused(match)
    bench.write("round.yaml", good)
    bench.change("synthesis.yaml", synthesis=None)
    refused("does not say how to synthesise")
    bench.change("synthesis.yaml", synthesis={}, gates=[{"name": "nonsense"}])
    refused("nonsense")
    select = yaml.safe_load((bench.folder / "synthesis.yaml").read_text())["select"]
    bench.change("synthesis.yaml", gates=[], select={**select, "frozen_test": str(bench.release / "frozen-test.jsonl")})
    refused("frozen test of its own")
    (bench.folder / "round.yaml").write_text("- 1")
    refused("no mapping")
    (bench.folder / "round.yaml").write_text("a: [")
    refused("not YAML")
    (bench.folder / "round.yaml").unlink()
    refused("no such round recipe")
    assert bench.called() == []
