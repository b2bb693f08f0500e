"""The command line: exit codes and the messages that people meet. One sentence, no traceback, nothing half-written."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.console import Console

from facial_r1.cli import main, results, show
from facial_r1.facs import MAIN_CODES, au_name

Cli = Callable[..., subprocess.CompletedProcess[str]]
RECIPE = """
name: small
corpora: {fer2013: {}}
select: {parts: [{corpus: fer2013, split: train, rows: 20}, {corpus: fer2013, split: test, rows: 5}]}
"""


@pytest.fixture(scope="module")
def desk(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe and a small stand-in of FER2013."""
    desk = tmp_path_factory.mktemp("desk")
    (desk / "small.yaml").write_text(RECIPE)
    made = cli("corpora", "make", "fer2013", "fer2013", "--rows", 120, "-q", cwd=desk)
    assert "synthetic rows of fer2013" in made.stdout, made.stderr
    return desk


def refuse(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_build_then_every_stage_alone_then_sql(desk: Path, cli: Cli) -> None:
    with_copy = ("--with", "fer2013=fer2013")
    done = cli("build", "small.yaml", "--out", "all", *with_copy, cwd=desk)
    assert done.returncode == 0, done.stderr
    assert "released 25 rows (train 20, test 5)" in done.stdout
    assert cli("unify", "small.yaml", "--out", "each", *with_copy, "-q", cwd=desk).returncode == 0
    for stage in ("select", "generate", "gate", "release"):
        alone = cli(stage, "each", "-q", cwd=desk)
        assert alone.returncode == 0, alone.stderr
    for name in ("train.jsonl", "test.jsonl", "manifest.json", "README.md"):
        assert (desk / "each" / "5-release" / name).read_bytes() == (desk / "all" / "5-release" / name).read_bytes()
    counted = cli("sql", "all", "select split, count(*) as n from release group by all order by all", cwd=desk)
    assert counted.stdout.split()[-4:] == ["test", "5", "train", "20"]


def test_dry_run_writes_nothing(desk: Path, cli: Cli) -> None:
    done = cli("build", "small.yaml", "--out", "dry", "--with", "fer2013=fer2013", "--dry-run", "-q", cwd=desk)
    assert done.returncode == 0, done.stderr
    assert "requests to the teacher: 25" in done.stdout
    assert "nothing was written" in done.stdout
    assert not (desk / "dry").exists()


def test_a_short_quota_is_exit_3_and_a_table(desk: Path, cli: Cli) -> None:
    sets = ("--set", "select.parts.0.rows=500", "--set", "select.parts.0.balance=label")
    done = cli("build", "small.yaml", "--out", "short", "--with", "fer2013=fer2013", *sets, "-q", cwd=desk)
    refuse(done, 3, "7 of 8 quotas could not be filled", "fer2013/train/anger", " and 2 more.", "allow_short")
    assert "fer2013/train/surprise" not in done.stderr  # the table lists all of them
    assert "fer2013/train/surprise" in done.stdout.partition("Quotas that are short")[2]
    assert not (desk / "short" / "5-release").exists()
    allowed = cli(
        "build",
        "small.yaml",
        "--out",
        "short",
        "--with",
        "fer2013=fer2013",
        *sets,
        "--set",
        "allow_short=true",
        cwd=desk,
    )
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("build", "no.yaml"), 2, ("no.yaml", "there is no such recipe")),
        (("build", "small.yaml"), 3, ("fer2013", "FACIAL_R1_FER2013")),
        (("build", "small.yaml", "--with", "fer2013=nowhere"), 1, ("nowhere", "no such folder")),
        (("build", "small.yaml", "--with", "fer2013"), 2, ("--with needs NAME=DIR",)),
        (("build", "small.yaml", "--with", "fer2013=fer2013", "--out", "small.yaml"), 1, ("this is a file",)),
        (("corpora", "check", "fer2013=nowhere"), 1, ("nowhere: FER2013: there is no such folder",)),
        (("corpora", "check", "fer2013"), 2, ("corpora check needs NAME=DIR",)),
        (("build", "small.yaml", "--with", "expw=fer2013"), 2, ("--with names a corpus", "expw")),
        (("build", "small.yaml", "--set", "sede=1"), 2, ("unknown key `sede`", "did you mean `seed`")),
        (
            ("build", "small.yaml", "--set", "gates=[{name: magic}]", "--with", "fer2013=fer2013"),
            2,
            ("unknown gate", "magic"),
        ),
        (("build", "small.yaml", "--candidates", "ids"), 2, ("--candidates", "give --dry-run as well")),
        (("build", "small.yaml", "--frobnicate"), 2, ("No such option",)),
        (
            ("build", "small.yaml", "--with", "fer2013=fer2013", "--set", "select.frozen_test=/nowhere/list.jsonl"),
            1,
            ("/nowhere/list.jsonl", "there is no such file"),
        ),
        (("select", "fer2013"), 1, ("this folder is no run", "recipe.yaml")),
        (("corpora", "make", "nosuch", "x"), 2, ("no synthetic stand-in", "fer2013")),
        (("corpora", "make", "fer2013", "x", "--option", "variant=odd"), 2, ("odd",)),
        (("sql", "nowhere", "select 1"), 1, ("nowhere",)),
        (("validate", "nowhere.jsonl"), 1, ("nowhere.jsonl",)),
    ],
)
def test_one_message_and_the_documented_exit_code(
    arguments: tuple[str, ...], code: int, words: tuple[str, ...], desk: Path, cli: Cli
) -> None:
    refuse(cli(*arguments, cwd=desk), code, *words)


def test_another_corpus_is_called_by_its_name(desk: Path, cli: Cli) -> None:
    recipe = desk / "expw.yaml"
    recipe.write_text(RECIPE.replace("fer2013", "expw"))
    refuse(cli("build", "expw.yaml", "--with", "expw=fer2013", cwd=desk), 1, "not ExpW", "FER2013")
    checked = cli("corpora", "check", "expw=fer2013", "-q", cwd=desk)
    assert checked.returncode == 3
    assert "not this corpus (it looks like fer2013)" in checked.stdout


def test_a_bad_row_stops_and_keep_going_collects_it(desk: Path, cli: Cli) -> None:
    copy = desk / "damaged"
    shutil.copytree(desk / "fer2013", copy)
    lines = (copy / "fer2013.csv").read_text().splitlines()
    lines[6] = "9" + lines[6][1:]
    (copy / "fer2013.csv").write_text("\n".join(lines) + "\n")
    refuse(cli("build", "small.yaml", "--out", "bad", "--with", "fer2013=damaged", cwd=desk), 1, "fer2013.csv:7", "9")
    going = cli("build", "small.yaml", "--out", "bad", "--with", "fer2013=damaged", "--keep-going", "-q", cwd=desk)
    assert going.returncode == 1
    assert "fer2013.csv:7" in going.stdout + going.stderr
    assert (desk / "bad" / "5-release" / "train.jsonl").is_file()


def test_a_place_that_cannot_be_written_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "dataset": "mine", "image": "a.png", "question": ""}\n')
    (tmp_path / "file").touch()
    for place, words in ((".", "Is a directory"), ("file/page.html", "File exists"), ("a" * 300, "too long")):
        done = cli("stats", "rows.jsonl", "--html", tmp_path / place, cwd=tmp_path)
        refuse(done, 1, str(tmp_path), words, "give another path")


def test_doctor_names_what_is_there_and_what_is_not(desk: Path, cli: Cli) -> None:
    folders = {"FACIAL_R1_FER2013": desk / "fer2013", "FACIAL_R1_DISFA": desk / "fer2013", "FACIAL_R1_RAFML": "nowhere"}
    done = cli("doctor", cwd=desk, **{variable: str(folder) for variable, folder in folders.items()})
    assert done.returncode == 0, done.stderr
    assert "FACIAL_R1_RAFML nowhere there is no such folder" in " ".join(done.stdout.split())
    told = " ".join(done.stdout.split())
    assert "duckdb" in told
    assert "not DISFA" in told


def test_two_folders_of_one_corpus_are_refused(desk: Path, cli: Cli) -> None:
    twice = ("--with", "fer2013=fer2013", "--with", "fer2013=other")
    refuse(cli("build", "small.yaml", *twice, cwd=desk), 2, "two folders are given for fer2013", "fer2013 and other")
    refuse(cli("corpora", "check", "fer2013=a", "fer2013=b", cwd=desk), 2, "two folders are given for fer2013")


def test_a_check_takes_options_of_one_corpus(desk: Path, cli: Cli) -> None:
    made = cli("corpora", "make", "raf_db", "raf_db", "--labels-only", "--option", "subset=both", "-q", cwd=desk)
    assert made.returncode == 0, made.stderr
    compound = cli("corpora", "check", "raf_db=raf_db", "--option", "subset=compound", "-q", cwd=desk)
    assert compound.returncode == 0, compound.stderr
    assert "3,954" in compound.stdout
    refuse(cli("corpora", "check", "raf_db=raf_db", "--option", "subset", cwd=desk), 2, "--option needs KEY=VALUE")
    both = ("raf_db=raf_db", "fer2013=fer2013", "--option", "subset=both")
    refuse(cli("corpora", "check", *both, cwd=desk), 2, "--option is for one corpus at a time")


def test_a_join_without_a_folder_is_a_gap_of_the_plan(desk: Path, cli: Cli) -> None:
    """Otherwise nobody could tell why no row has an emotion."""
    text = RECIPE.replace("{fer2013: {}}", "{raf_au: {joins: {rafml: null}}}").replace("fer2013", "raf_au")
    (desk / "joined.yaml").write_text(text)
    assert cli("corpora", "make", "raf_au", "raf_au", "--rows", 40, "--labels-only", "-q", cwd=desk).returncode == 0
    plan = ("build", "joined.yaml", "--with", "raf_au=raf_au", "--dry-run", "-q")
    told = "raf_au: gap: what rafml would add: no folder is given for it (--with rafml=DIR"
    assert told in cli(*plan, cwd=desk).stdout
    assert told not in cli(*plan, "--with", "rafml=raf_au/RAF-ML", cwd=desk).stdout
    refuse(cli(*plan, "--with", "rafml=nowhere", cwd=desk), 1, "RAF-ML: there is no such folder", "FACIAL_R1_RAFML")


def test_bars_of_action_units_fit_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(show, "out", Console(width=80, file=text))
    counts = {au_name(code): (1_000_000, 1_000_000) for code in MAIN_CODES}
    results._shares("Action Units in the release", "% of annotated", counts)
    assert "…" not in text.getvalue()
    assert text.getvalue().count("█" * results.BAR) == len(counts)
    assert len(text.getvalue().splitlines()) == len(counts) + 5  # title, blank, header, rule, blank: no name is broken


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def work() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facial_r1.cli.app.app", interrupted)
    monkeypatch.setattr("sys.argv", ["facial-r1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_a_release_edited_by_hand_is_told_once(desk: Path, cli: Cli) -> None:
    assert cli("build", "small.yaml", "--out", "edited", "--with", "fer2013=fer2013", "-q", cwd=desk).returncode == 0
    rows = desk / "edited" / "5-release" / "train.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    done = cli("validate", "edited/5-release", "-q", cwd=desk)
    assert done.returncode == 3
    assert (done.stdout + done.stderr).count("train.jsonl: rows 19, but the manifest states 20") == 1
