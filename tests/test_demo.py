"""What a newcomer does: the demo, then every command that the README shows. One worker runs this file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Demo = tuple[Path, subprocess.CompletedProcess[str]]
Cli = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.xdist_group("demo")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def readme_commands() -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    plain = [block for language, block in blocks if not language]
    return [line for block in plain for line in block.splitlines() if line.startswith("facial-r1")]


def test_the_demo_releases_at_least_two_thousand_rows(demo: Demo) -> None:
    folder, done = demo
    assert done.returncode == 0, done.stderr
    release = folder / "demo" / "5-release"
    rows = [row for split in ("train", "val", "test") for row in lines(release / f"{split}.jsonl")]
    assert len(rows) >= 2000
    assert {row["dataset"] for row in rows} == {"fer2013", "expw", "disfa", "raf_au"}
    assert all((release / "images" / str(row["image"])).is_file() for row in rows)
    for word in ("Rows per corpus and stage", "Left out", "Emotions in", "Action Units in", "README.md", "What next"):
        assert word in done.stdout


def test_the_demo_tells_how_far_it_is(demo: Demo) -> None:
    _, done = demo
    assert "asking: 2,100 of 2,100" in done.stderr
    assert re.search(r"ExpW pictures: [\d,]+ of 600", done.stderr)


def test_everything_the_demo_made_says_that_it_is_synthetic(demo: Demo) -> None:
    release = demo[0] / "demo" / "5-release"
    manifest = json.loads((release / "manifest.json").read_text())
    assert "synthetic" in (release / "README.md").read_text().lower()
    assert all(entry["synthetic"] is True for entry in manifest["corpora"].values())
    for name in ("fer2013", "expw", "disfa", "raf_au"):
        assert (demo[0] / "demo" / "0-corpora" / name / "SYNTHETIC.json").is_file()


def test_a_release_names_no_place_and_no_person(demo: Demo) -> None:
    release = demo[0] / "demo" / "5-release"
    secrets = (str(demo[0]), str(Path.home()), "0-corpora")
    for path in release.rglob("*"):
        if path.suffix in {".jsonl", ".json", ".md", ".sha256"}:
            text = path.read_text()
            assert not any(secret in text for secret in secrets), path


def test_every_row_leads_back_to_source_prompt_answer_and_verdicts(demo: Demo, cli: Cli) -> None:
    run = demo[0] / "demo"
    row = lines(run / "5-release" / "train.jsonl")[0]
    meta = row["meta_info"]
    assert isinstance(meta, dict)
    assert meta["source"]
    prompts = {prompt["hash"] for prompt in lines(run / "3-answers" / "prompts.jsonl")}
    assert meta["prompt_hash"] in prompts
    answers = [answer for answer in lines(run / "3-answers" / "answers.jsonl") if answer["id"] == row["id"]]
    assert answers[0]["text"] == row["description"]
    verdicts = [verdict for verdict in lines(run / "4-verdicts" / "verdicts.jsonl") if verdict["id"] == row["id"]]
    assert verdicts[0]["accepted"] is True


def test_running_the_demo_again_changes_nothing(demo: Demo, cli: Cli) -> None:
    manifest = demo[0] / "demo" / "5-release" / "manifest.json"
    before = manifest.read_bytes(), manifest.stat().st_mtime_ns
    done = cli("demo", "--out", "demo", "--quiet", cwd=demo[0])
    assert done.returncode == 0, done.stderr
    assert (manifest.read_bytes(), manifest.stat().st_mtime_ns) == before


def test_the_release_opens_in_datasets(demo: Demo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    import facial_r1

    found = load_dataset(str(demo[0] / "demo" / "5-release"), cache_dir=str(tmp_path))
    assert sum(part.num_rows for part in found.values()) >= 2000
    assert next(iter(found.values())).features == facial_r1.FEATURES


@pytest.fixture(scope="module")
def desk(demo: Demo, cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the README assumes it: the demo run, the recipes, `my.jsonl` with its picture, corpora in data/."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "demo").symlink_to(demo[0] / "demo")
    shutil.copytree(ROOT / "recipes", desk / "recipes")
    picture = next((demo[0] / "demo" / "5-release" / "images").rglob("*.jpg"))
    (desk / "pictures" / "path" / "to").mkdir(parents=True)
    shutil.copy(picture, desk / "pictures" / "path" / "to" / "image.jpg")
    example = re.search(r'^\{"id": "unique_sample_id_string".*$', (ROOT / "README.md").read_text(), re.MULTILINE)
    assert example is not None
    (desk / "my.jsonl").write_text(example.group() + "\n")
    for name, folder in (("fer2013", "fer2013"), ("expw", "ExpW"), ("disfa", "DISFA"), ("raf_au", "RAF-AU")):
        made = cli("corpora", "make", name, desk / "data" / folder, "--labels-only", "--quiet")
        assert made.returncode == 0, made.stderr
    (desk / "data" / "RAF-ML").symlink_to(desk / "data" / "RAF-AU" / "RAF-ML")
    return desk


def test_the_readme_shows_commands() -> None:
    assert len(readme_commands()) >= 8


@pytest.mark.parametrize(
    "command", [c for c in readme_commands() if not any(word in c for word in ("--out", "--max-cost", " view "))]
)
def test_the_commands_of_the_readme_work(command: str, desk: Path, cli: Cli) -> None:
    folders = {"FER2013": "fer2013", "EXPW": "ExpW", "DISFA": "DISFA", "RAF_AU": "RAF-AU", "RAFML": "RAF-ML"}
    environment = {f"FACIAL_R1_{name}": str(desk / "data" / folder) for name, folder in folders.items()}
    environment["OPENAI_API_KEY"] = "sk-of-a-test"  # only --dry-run is run
    words = [word.replace("/data/", f"{desk}/data/") for word in split(command)]
    done = cli(*words[1:], cwd=desk, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def split(command: str) -> list[str]:
    return [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', command)]


def test_full_size_stand_ins_equal_the_published_corpora(desk: Path, cli: Cli) -> None:
    data = desk / "data"
    copies = [f"fer2013={data}/fer2013", f"expw={data}/ExpW", f"disfa={data}/DISFA", f"raf_au={data}/RAF-AU"]
    done = cli("corpora", "check", *copies, "--quiet")
    assert done.returncode == 0, done.stdout
    for name, rows in (("fer2013", "35,887"), ("expw", "91,793"), ("disfa", "130,814"), ("raf_au", "4,601")):
        assert re.search(rf"{name} +{rows} +0 ", done.stdout), done.stdout


def test_what_is_missing_is_named(desk: Path, cli: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "DISFA"
    shutil.copytree(desk / "data" / "DISFA", copy, copy_function=os.link)
    (copy / "ActionUnit_Labels" / "SN003" / "SN003_au12.txt").unlink()
    shutil.rmtree(copy / "ActionUnit_Labels" / "SN025")
    done = cli("corpora", "check", f"disfa={copy}", "--quiet")
    assert done.returncode == 3
    assert re.search(r"rows +130,?814 +125,?969", done.stdout), done.stdout
    assert re.search(r"subjects +27 +26", done.stdout)
    assert re.search(r"SN025 +4,?845 +0", done.stdout)
    assert "SN003" in done.stdout
    assert "AU12" in done.stdout
