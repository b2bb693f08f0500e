"""The checks of a release beside the mutations: strange input, one definition of strict, tables, and the command."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from damages import Copy
from hypothesis import given, settings
from hypothesis import strategies as st

import curation
from curation.checks import check as check_module
from curation.checks import flat, suite
from curation.checks.check import SHOWN, Check, Failing, Tally, read_checks, require, to_json
from curation.checks.flat import batches, flat_table
from curation.checks.lines import LONGEST_LINE, check_lines
from curation.checks.private import private_fields
from curation.checks.rates import USUAL, allowed, wilson
from curation.checks.rules import FORMAT, Rules, read_manifest
from curation.checks.run import check_release
from curation.checks.suite import row_suite
from facial_r1.errors import GateFailed, InputError
from facial_r1.facs import REGISTRY
from facial_r1.files import to_line
from facial_r1.recipe import Bounds
from facial_r1.sample import Sample, strict_faults

pytestmark = pytest.mark.xdist_group("clean_release")
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(clean_release: Path, tmp_path: Path) -> Copy:
    return Copy(clean_release, tmp_path / "copy")


def of(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this folder is no release\. Expected: a manifest\.json in it"):
        check_release(tmp_path)


@pytest.mark.parametrize(("found", "words"), [(None, "format None"), (FORMAT + 1, f"format {FORMAT + 1}")])
def test_a_release_of_another_version(copy: Copy, found: int | None, words: str) -> None:
    copy.manifest.pop("format")
    if found is not None:
        copy.manifest["format"] = found
    copy.write_manifest()
    with pytest.raises(InputError, match=rf"manifest\.json: this release is of another version, made with .*{words}"):
        check_release(copy.folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.pop("rules"), "`rules` of this manifest is missing or broken"),
        (lambda m: m.update(files=[]), "`files` of this manifest is missing or broken"),
        (lambda m: m["rules"].update(label_rule="most"), "`label_rule` in this manifest"),
        (lambda m: m["rules"]["parts"][0].update(rows=0), "`parts.0.rows` in this manifest"),
        (lambda m: m["corpora"]["disfa"].pop("aus"), "the counts of this manifest are broken"),
        (lambda m: m["rows"].update(train="many"), "the counts of this manifest are broken"),
        (lambda m: m["gates"].append({"name": "own_gate"}), "unknown gate"),
    ],
)
def test_a_broken_manifest_is_one_clear_error(clean_release: Path, tmp_path: Path, change: Any, words: str) -> None:
    from facial_r1.errors import FacialR1Error

    copy = Copy(clean_release, tmp_path / "copy")
    change(copy.manifest)
    copy.write_manifest()
    with pytest.raises(FacialR1Error) as caught:
        check_release(copy.folder)
    assert words in str(caught.value)


def test_a_manifest_that_is_not_json(copy: Copy) -> None:
    copy.write("manifest.json", b'{"format": 1')
    with pytest.raises(InputError, match="this manifest is not JSON"):
        check_release(copy.folder)


def test_a_release_without_rows_is_not_called_good(copy: Copy) -> None:
    for split in ("train", "val", "test"):
        (copy.folder / f"{split}.jsonl").unlink()
    checks = check_release(copy.folder)
    assert of(checks, "files").passed is False
    assert of(checks, "composition").observed == "not run: there are no rows"


def test_rows_in_a_file_that_the_manifest_does_not_know(copy: Copy) -> None:
    copy.write("extra.jsonl", (copy.folder / "val.jsonl").read_bytes())
    checks = check_release(copy.folder)
    assert of(checks, "files").rows == (Failing("extra.jsonl", None, None, "the manifest does not know this file"),)
    assert of(checks, "split").failing == 10
    assert of(checks, "split").rows[0].file == "extra.jsonl"


def test_all_bad_lines_are_named_and_what_needs_a_table_is_not_run(copy: Copy) -> None:
    lines = (copy.folder / "train.jsonl").read_bytes().splitlines(keepends=True)
    lines[1], lines[4], lines[6] = b"\n", b"nonsense\n", lines[6].replace(b'"fold":null', b'"fold":"1"')
    copy.write("train.jsonl", b"".join(lines))
    copy.seal()
    checks = check_release(copy.folder)
    assert [row.line for row in of(checks, "lines").rows] == [2, 5]
    assert [row.line for row in of(checks, "schema").rows] == [7]
    assert of(checks, "id_repeats").passed is None
    assert of(checks, "id_repeats").observed == "not run: lines and schema failed"
    assert of(checks, "gate:grammar").passed is True


def test_a_huge_line_is_not_even_read_whole(copy: Copy, tmp_path: Path) -> None:
    _, rules = read_manifest(copy.folder)
    path = tmp_path / "train.jsonl"
    good = (copy.folder / "train.jsonl").read_bytes().splitlines(keepends=True)[0]
    with open(path, "wb") as handle:
        handle.write(good)
        for _ in range(64):
            handle.write(b"x" * (1 << 20))
        handle.write(b"\n" + good)
    check_lines([path], rules)
    tracemalloc.start()
    checks = check_lines([path], rules)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * LONGEST_LINE
    found = "this line has more than 1,048,576 bytes"
    assert of(checks, "lines").rows == (Failing("train.jsonl", 2, None, found),)
    assert of(checks, "lines").of == 3


def test_a_file_that_is_wrong_everywhere_is_counted_and_not_collected(copy: Copy) -> None:
    for row in copy.rows["train"]:
        row["meta_info"]["crop"] = "sideways"
    copy.save()
    copy.seal()
    check = of(check_release(copy.folder), "crop")
    assert (check.failing, len(check.rows)) == (122, SHOWN)
    assert str(check).endswith("and 119 more")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_no_line_is_a_traceback(clean_release: Path, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    manifest, rules = read_manifest(clean_release)
    row = orjson.loads((clean_release / "train.jsonl").read_bytes().splitlines()[0])
    keys = st.sampled_from([*row, *row["meta_info"], "other"])
    for key, value in data.draw(st.dictionaries(keys, JSON, max_size=3)).items():
        (row["meta_info"] if isinstance(row["meta_info"], dict) and key in row["meta_info"] else row)[key] = value
    try:
        line = to_line(row)
    except orjson.JSONEncodeError:
        return
    noise = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.mktemp("line") / "train.jsonl"
    path.write_bytes(line[: data.draw(st.integers(0, 50))] + noise + line if noise else line)
    lines = check_lines([path], rules)
    if of(lines, "lines").passed and of(lines, "schema").passed:
        with flat_table([path], rules) as connection:
            assert sum(len(frame) for frame in batches(connection)) == 1
    assert manifest["format"] == FORMAT


# --- one definition of a strict row ----------------------------------------------------------------------------------


def _spoil(row: dict[str, Any], dice: random.Random) -> None:
    codes = ["AU1", "AU2", "AU12", "AU6", "AU99", "AU04", "AU25", "AD19", ""]
    changes: dict[str, Callable[[], Any]] = {
        "id": lambda: dice.choice([row["id"], row["id"] + "#2", "x", row["meta_info"]["sample_id"]]),
        "image": lambda: dice.choice(
            ["a/b.png", "a//b.png", "../a", "/a", "a\\b", "", ".", "a/./b", "a/..b", "ü/é.png"]
        ),
        "AUs": lambda: dice.choices(codes, k=dice.randint(0, 3)),
        "labels": lambda: dice.choices(["fear", "happy", "anger", "contempt", "boredom", ""], k=dice.randint(0, 2)),
        "au_annotated": lambda: dice.choice([[], ["AU1", "AU2", "AU6", "AU12", "AU25"], ["AU1"]]),
        "label_set": lambda: dice.choice([[], ["fear", "anger"], ["fear", "boredom"]]),
        "task": lambda: dice.choice(["au", "emotion", "au+emotion", None, "other"]),
        "sample_id": lambda: dice.choice([row["meta_info"]["sample_id"], None, "y"]),
    }
    for key in dice.sample(list(changes), dice.randint(0, 3)):
        (row if key in row else row["meta_info"])[key] = changes[key]()


def test_whatever_keeps_a_row_out_of_a_release_fails_a_check_of_columns(
    clean_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules in SQL say at least what ``strict_faults`` says, for it decides which rows the gates look at."""
    for module in (suite, check_module):
        monkeypatch.setattr(module, "SHOWN", 10_000)
    _, rules = read_manifest(clean_release)
    dice = random.Random(0)
    source = [orjson.loads(line) for line in (clean_release / "train.jsonl").read_bytes().splitlines()]
    rows = [orjson.loads(orjson.dumps(dice.choice(source))) for _ in range(1_500)]
    for row in rows:
        _spoil(row, dice)
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"".join(map(to_line, rows)))
    with flat_table([path], rules) as connection:
        columns = row_suite(rules)
        for frame in batches(connection):
            columns.check(frame)
    named = {row.line for check in columns.checks() if check.name != "id_repeats" for row in check.rows}
    strict = {number for number, row in enumerate(rows, 1) if strict_faults(Sample.from_own(row))}
    assert 300 < len(strict) < 1_400
    missed = [rows[number - 1] for number in sorted(strict - named)]
    assert [(row, strict_faults(Sample.from_own(row))) for row in missed] == []


def test_batches_keep_the_order_of_files_and_lines(
    clean_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "BATCH", 2048)
    _, rules = read_manifest(clean_release)
    row = orjson.loads((clean_release / "train.jsonl").read_bytes().splitlines()[0])
    files = []
    for split, count in (("train", 7_000), ("val", 3_000)):
        path = tmp_path / f"{split}.jsonl"
        lines = ({**row, "id": f"{split}-{n}", "meta_info": {**row["meta_info"], "split": split}} for n in range(count))
        path.write_bytes(b"".join(map(to_line, lines)))
        files.append(path)
    with flat_table(files, rules) as connection:
        columns = row_suite(rules)
        frames = list(batches(connection))
        for frame in frames:
            columns.check(frame)
    assert len(frames) == 5
    seen = [(file, int(line)) for frame in frames for file, line in zip(frame["file"], frame["line"], strict=True)]
    assert seen == [
        (f"{split}.jsonl", n) for split, count in (("train", 7_000), ("val", 3_000)) for n in range(1, count + 1)
    ]
    check = of(columns.checks(), "id_of_picture")
    assert (check.failing, check.of) == (10_000, 10_000)
    assert [row.line for row in check.rows] == list(range(1, SHOWN + 1))


def test_lines_are_numbered_as_they_stand_however_many_threads_read_them(clean_release: Path, tmp_path: Path) -> None:
    """Each thread reads 32 MB at a time; the name of a file may hold anything."""
    _, rules = read_manifest(clean_release)
    row = orjson.loads((clean_release / "train.jsonl").read_bytes().splitlines()[0]) | {"description": "x" * 8_000}
    large, small = tmp_path / "train.jsonl", tmp_path / "o'x {y} [z].jsonl"
    for path, count in ((large, 12_000), (small, 2)):
        with open(path, "wb") as handle:
            handle.writelines(to_line({**row, "id": f"{count}-{number}"}) for number in range(1, count + 1))
    with flat_table([large, small], rules) as connection:
        ask = "SELECT file, line, id, number FROM rows ORDER BY number"
        found = connection.execute(ask).fetchall()
    expected = [
        (path.name, n, f"{count}-{n}") for path, count in ((large, 12_000), (small, 2)) for n in range(1, count + 1)
    ]
    assert [one[:3] for one in found] == expected


# --- what was tested on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line, row: {**line, "id": row["id"]}, "was tested on: the row"),
        (lambda line, row: {**line, "sample_id": row["meta_info"]["sample_id"]}, "was tested on: the picture '"),
        (lambda line, row: {**line, "group": row["meta_info"]["group"]}, "was tested on: the group"),
        (lambda line, row: {**line, "image_sha256": row["meta_info"]["image_sha256"]}, "the picture content"),
        (lambda line, row: {**line, "origin_ids": row["meta_info"]["origin_ids"]}, "was tested on: the origin"),
    ],
)
def test_nothing_that_was_tested_on_may_be_trained_on(
    clean_release: Path, tmp_path: Path, change: Any, words: str
) -> None:
    row = next(
        row
        for line in (clean_release / "train.jsonl").read_bytes().splitlines()
        if (row := orjson.loads(line))["meta_info"]["origin_ids"]
    )
    earlier = {"id": "x", "sample_id": "x", "group": "x", "origin_ids": [], "image_sha256": "0" * 64}
    frozen = tmp_path / "frozen-test.jsonl"
    frozen.write_bytes(to_line(change(earlier, row)))
    check = of(check_release(clean_release, frozen=frozen), "frozen_test")
    assert (check.passed, check.rows[0].file) == (False, "train.jsonl")
    assert row["id"] in {failing.id for failing in check.rows}
    assert words in check.rows[0].found


def test_a_picture_that_was_tested_on_may_not_change(clean_release: Path, tmp_path: Path) -> None:
    lines = (clean_release / "frozen-test.jsonl").read_bytes().splitlines(keepends=True)
    frozen = tmp_path / "frozen-test.jsonl"
    frozen.write_bytes(to_line({**orjson.loads(lines[3]), "image_sha256": "0" * 64}))
    check = of(check_release(clean_release, frozen=frozen), "frozen_test")
    assert [(row.file, row.line) for row in check.rows] == [("test.jsonl", 4)]
    assert "was tested on with another picture" in check.rows[0].found


def test_a_frozen_list_that_is_none(clean_release: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this line is none of a frozen test set"):
        check_release(clean_release, frozen=clean_release / "val.jsonl")
    with pytest.raises(InputError, match="there is no such file"):
        check_release(clean_release, frozen=tmp_path / "none.jsonl")


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_known_rates_are_of_codes_that_exist() -> None:
    assert set(USUAL) == {"disfa", "bp4d", "raf_au", "faba"}
    for rates in USUAL.values():
        assert rates.keys() <= REGISTRY.keys()
        assert all(0 < low <= high < 0.7 for low, high in rates.values())
    assert "AU25" not in USUAL["bp4d"], "BP4D carries no labels of it"


@given(hits=st.integers(0, 500), more=st.integers(0, 500))
def test_the_interval_holds_the_rate_it_was_made_from(hits: int, more: int) -> None:
    of_ = max(1, hits + more)
    low, high = wilson(min(hits, of_), of_)
    assert 0 <= low <= min(hits, of_) / of_ <= high <= 1
    wider = wilson(min(hits, of_) * 10, of_ * 10)
    assert wider[1] - wider[0] < high - low


@given(factor=st.floats(1, 20), code=st.sampled_from(sorted(USUAL["disfa"])))
def test_a_range_holds_what_it_was_widened_from(factor: float, code: str) -> None:
    low, high = USUAL["disfa"][code]
    least, most = allowed(USUAL["disfa"], code, factor)
    assert 0 < least <= low + 1e-9
    assert high - 1e-9 <= most <= 0.9
    assert allowed({}, code, factor) == (0.0, 0.9)
    assert allowed(USUAL["disfa"], code, None) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("/data/faces", True),
        ("~/faces", True),
        ("C:\\faces", True),
        ("see file:///x", True),
        ("from /home/ann/x", True),
        ('{"a": "/data"}', True),
        ("fer2013.csv:12", False),
        ("and/or", False),
        ("the lips / the jaw", False),
        ("a:b", False),
        ("", False),
    ],
)
def test_what_counts_as_a_path_of_somebodys_machine(text: str, private: bool) -> None:
    row = {"id": "x", "image": "/not/ours", "description": text, "meta_info": {"origin_ids": [text]}}
    assert len(list(private_fields(row))) == (2 if private else 0)
    assert list(private_fields(row, ["faces at home"])) == list(private_fields(row))


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    tally = Tally()
    tally.add("one", Failing("train.jsonl", 3, "a", "x" * 1_000), times=7)
    checks = [*tally.checks({"one": "no x", "two": "no y"}, 9, "rows"), Check("three", None, "z", "not run: because")]
    path = tmp_path / "checks.json"
    path.write_bytes(orjson.dumps(to_json(checks)))
    assert read_checks(path) == checks
    assert [(check.passed, check.failing, check.observed) for check in checks] == [
        (False, 7, "7 of 9 rows fail"),
        (True, 0, "9 rows, none fails"),
        (None, 0, "not run: because"),
    ]
    with pytest.raises(
        GateFailed, match=r"1 of 3 checks stop this release\. Found: one \(expected no x\): .*and 6 more"
    ):
        require(checks, "mend it")
    require(checks[1:], "nothing")


@pytest.mark.parametrize(
    "text", ["[", "3", '{"x": 1}', '[{"name": "one"}]', '[{"name": "one", "rows": [{"file": 1}]}]']
)
def test_what_is_no_table_of_checks_is_one_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "checks.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"checks\.json: this is no table of checks"):
        read_checks(path)


def test_great_expectations_stays_silent_and_leaves_nothing(clean_release: Path, tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from curation.checks.run import check_release
checks = check_release(Path({str(clean_release)!r}))
assert len(checks) > 40 and all(check.passed is not False for check in checks)
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert list(home.iterdir()) == []


def test_importing_the_checks_is_light() -> None:
    heavy = "great_expectations pandas duckdb datasets"
    code = f"import sys, curation, curation.checks.run; print([m for m in {heavy!r}.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- the way in ------------------------------------------------------------------------------------------------------


def test_validate_takes_a_release(clean_release: Path) -> None:
    result = curation.validate(clean_release)
    assert (result.rows, result.bad, result.errors, result.exit_code) == (166, 0, [], 0)
    assert len(result.checks) > 40


def test_validate_counts_the_checks_that_fail(copy: Copy) -> None:
    row = copy.row("disfa")
    row["AUs"] = ["AU12", "AU6"]
    copy.save()
    copy.seal()
    result = curation.validate(copy.folder)
    assert (result.bad, result.exit_code) == (1, 3)
    assert f"au_order (expected AUs sorted by number, each once): train.jsonl:43 '{row['id']}'" in result.errors[0]


def test_the_command_shows_the_table_and_the_rows(cli: Cli, copy: Copy) -> None:
    good = cli("validate", copy.folder, "--frozen-test", copy.folder / "frozen-test.jsonl")
    assert good.returncode == 0, good.stderr
    assert "0 failed, 1 not run" in good.stdout  # near_duplicates: rendered faces all look alike
    row = copy.row("fer2013")
    row["labels"] = ["happy"]
    copy.save()
    copy.seal()
    bad = cli("validate", copy.folder, "--quiet")
    assert bad.returncode == 3
    assert "labels" in bad.stdout
    assert "FAILED" in bad.stdout
    assert f"  train.jsonl:1 '{row['id']}': labels '[happy]'" in bad.stdout
    assert bad.stdout.count("canonical nouns") == 1  # said once, with its rows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train.jsonl", "--frozen-test", "frozen-test.jsonl"), "--frozen-test is for a release"),
        ((".", "--image-folder", "images"), "--image-folder and --label are for files"),
        ((".", "--label", "boredom"), "--image-folder and --label are for files"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    cli: Cli, clean_release: Path, arguments: tuple[str, ...], words: str
) -> None:
    found = cli("validate", *(text if text.startswith("--") else clean_release / text for text in arguments))
    assert found.returncode == 2
    assert words in found.stderr


def test_rules_know_their_corpora(clean_release: Path) -> None:
    rules = read_manifest(clean_release)[1]
    assert isinstance(rules, Rules)
    assert rules.corpora == ("disfa", "fer2013", "raf_au")


def test_the_page_lists_every_check_as_the_code_has_it(clean_release: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "release-checks.md").read_text()
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    checks = check_release(clean_release)
    assert listed == {check.name: check.expected for check in checks if not check.name.startswith("gate:")}
    bounds = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["bounds"]
    assert bounds == Bounds().model_dump()


def test_a_review_or_a_judge_is_not_asked_again(clean_release: Path) -> None:
    names = {check.name for check in check_release(clean_release)}
    assert "reviews" in {gate.name for gate in read_manifest(clean_release)[1].gates}
    assert "gate:reviews" not in names
    assert "gate:language" in names
