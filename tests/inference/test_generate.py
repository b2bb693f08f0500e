"""``facial-r1 generate`` with a teacher behind OpenAI's API: a real run, the command line, a real socket."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from stub_server import Stub
from teaching import Cli, rows_in, select_run, teacher

from datasets_builders.synthetic import MARKER

ROWS = 12


@pytest.fixture(scope="module")
def selected(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return select_run(cli, tmp_path_factory.mktemp("teacher"), pool=120, reserve=0, rows=ROWS)


def answers(run: Path) -> list[dict[str, Any]]:
    return rows_in(run / "3-answers" / "answers.jsonl")


def test_every_task_is_asked_once_with_its_picture(cli: Cli, run: Path, stub: Stub) -> None:
    done = cli("generate", run, *teacher(stub))
    assert done.returncode == 0, done.stderr
    assert f"asked {ROWS}, reused 0: {ROWS} ok, 0." in done.stdout
    rows = answers(run)
    assert {row["model"] for row in rows} == {"gpt-4o-mini"}
    assert all(row["usage"]["input"] > 2800 for row in rows)
    assert sum(stub.counts.values()) == ROWS
    assert json.loads((run / "3-answers" / "sent.json").read_bytes()) == {}
    assert yaml.safe_load((run / "recipe.yaml").read_text())["teacher"]["backend"] == "openai"
    again = cli("generate", run, *teacher(stub))
    assert again.returncode == 0
    assert sum(stub.counts.values()) == ROWS


def test_a_dry_run_is_exact_in_requests_and_asks_nothing(cli: Cli, run: Path, stub: Stub) -> None:
    done = cli("generate", run, *teacher(stub, "--dry-run"))
    assert done.returncode == 0, done.stderr
    assert f"requests to the teacher: {ROWS}" in done.stdout
    assert f"{2833 * ROWS:,} of pictures" in done.stdout
    assert "cost at most: 0." in done.stdout
    assert not stub.counts
    assert not (run / "3-answers").exists()


def test_a_cap_stops_in_time_and_the_same_command_goes_on(cli: Cli, run: Path, stub: Stub) -> None:
    done = cli("generate", run, *teacher(stub, "--max-requests", 5, "--concurrency", 2))
    assert done.returncode == 1
    assert "could pass --max-requests 5" in done.stderr
    assert sum(stub.counts.values()) == 5
    assert cli("generate", run, *teacher(stub)).returncode == 0
    assert sum(stub.counts.values()) == ROWS


def test_labels_only_sends_no_picture(cli: Cli, run: Path, stub: Stub) -> None:
    done = cli("generate", run, *teacher(stub, "--labels-only"))
    assert done.returncode == 0, done.stderr
    assert all(row["usage"]["input"] < 2000 for row in answers(run))


def test_pictures_leave_this_machine_only_with_a_reason(cli: Cli, selected: Path, run: Path, tmp_path: Path) -> None:
    """The stand-in without its marker is what a licensed copy would be."""
    shutil.copytree(selected / "fer2013", tmp_path / "copy")
    (tmp_path / "copy" / MARKER).unlink()
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["corpora"]["fer2013"]["root"] = str(tmp_path / "copy")
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    far = ("--teacher", "openai", "--model", "gpt-4o-mini", "--base-url", "http://192.0.2.1:9/v1", "-q")
    key = {"OPENAI_API_KEY": "sk-never-shown"}
    done = cli("generate", run, *far, **key)
    assert done.returncode == 2
    assert "pictures of fer2013 would leave this machine" in done.stderr
    assert "http://192.0.2.1:9/v1" in done.stderr
    assert "sk-never-shown" not in done.stderr
    assert cli("generate", run, *far, "--labels-only", "--dry-run", **key).returncode == 0
    recipe["allow_send"] = {"fer2013": "written consent of the owner"}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert cli("generate", run, *far, "--dry-run", **key).returncode == 0


def test_wrong_teachers_are_one_clear_error(cli: Cli, run: Path, stub: Stub) -> None:
    for arguments, words in (
        (("--teacher", "oracle"), "unknown backend"),
        (("--teacher", "openai", "--model", "m", "--option", "detial=low"), "unknown option of the backend openai"),
        (("--teacher", "openai"), "the backend openai needs the option model. Found: none. What to do: give --model"),
        (("--teacher", "openai", "--option", "top_p=["), "the value of --option is not YAML. Found: top_p=["),
        (("--model", "m"), "the template teacher has no options"),
        (
            ("--teacher", "openai", "--model", "mine", "--base-url", stub.url, "--max-cost", 1),
            "--max-cost needs a price",
        ),
    ):
        done = cli("generate", run, *arguments, "-q")
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    far = ("--base-url", "https://192.0.2.1/v1", "-q")
    keyless = cli("generate", run, "--teacher", "openai", "--model", "m", *far, OPENAI_API_KEY="")
    assert keyless.returncode == 2
    assert "OPENAI_API_KEY" in keyless.stderr
    assert not stub.counts
