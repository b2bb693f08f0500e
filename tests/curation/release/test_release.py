"""Stage 5: what a release holds, what stops it, and that it is there whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.checks.check import FILE as CHECKS
from curation.release import cell_table, release
from curation.run import ANSWERS, RELEASE, TASKS, VERDICTS, Run
from curation.verdicts import gate
from datasets_builders.synthetic import MARKER
from facial_r1.errors import CorruptState, FacialR1Error, GateFailed, InputError
from facial_r1.files import read_jsonl, sha256_bytes, sha256_file
from facial_r1.recipe import Gate
from facial_r1.sample import Sample

Maker = Callable[..., Sample]
Texter = Callable[[Sample], str]
BAD = "<think>A face (AU4).</think><answer>AU4</answer>"


def rows(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(folder / f"{split}.jsonl")]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def released(run: Run) -> Path:
    gate(run)
    return release(run)


def refused(run: Run) -> str:
    """The message of a release that must fail, and that must leave nothing behind."""
    gate(run)
    with pytest.raises(GateFailed) as caught:
        release(run)
    assert caught.value.exit_code == 3
    assert not list(run.root.glob("5-release*"))
    return str(caught.value)


def test_what_a_release_holds(small_run: Run) -> None:
    folder = released(small_run)
    names = {"train.jsonl", "val.jsonl", "test.jsonl", "images.sha256", "README.md", "manifest.json", "done.json"}
    assert {path.name for path in folder.iterdir()} == names | {"images", "frozen-test.jsonl", CHECKS}
    assert [row["id"] for row in rows(folder)] == ["disfa-0001", "disfa-0002", "fer2013-0004"]
    assert [row["id"] for row in rows(folder, "val")] == ["fer2013-0005"]
    assert [row["id"] for row in rows(folder, "test")] == ["disfa-0003"]


def test_a_row_can_be_traced(small_run: Run, sample: Maker, text: Texter) -> None:
    row = rows(released(small_run))[0]
    assert row["description"] == text(sample(1))
    meta = row["meta_info"]
    assert (meta["generator"], meta["model"], meta["attempts"]) == ("template", "template-1", 1)
    assert (meta["prompt_hash"], meta["label_conditioned"]) == ("0" * 64, True)
    assert meta["image_sha256"] == sha256_file(small_run.folder(RELEASE) / "images" / row["image"])


def test_the_first_accepted_attempt_is_released(building: Any, sample: Maker, text: Texter) -> None:
    row = sample(1)
    second = text(row).replace("lifted", "raised")
    build = building().add(row, BAD, f"\n {second} \n", text(row))
    (out,) = rows(released(build.write()))
    assert out["description"] == second
    assert out["meta_info"]["attempts"] == 2


def test_a_quota_takes_the_first_accepted_in_rank(building: Any, sample: Maker, text: Texter) -> None:
    build = building()
    for number in range(1, 7):
        row = sample(number)
        build.add(row, BAD if number in (1, 3) else text(row), quota=3)
    run = build.write()
    assert [row["id"] for row in rows(released(run))] == ["disfa-0002", "disfa-0004", "disfa-0005"]
    (cell,) = cell_table(run)
    assert (cell.quota, cell.tried, cell.accepted, cell.released, cell.short) == (3, 6, 4, 3, 0)


def test_a_split_without_rows_has_no_file(building: Any, sample: Maker, text: Texter) -> None:
    folder = released(building().add(sample(1), text(sample(1))).write())
    assert [path.name for path in folder.glob("*.jsonl")] == ["train.jsonl"]


@pytest.fixture
def short_build(building: Any, sample: Maker, text: Texter) -> Callable[..., Any]:
    def make(**recipe: Any) -> Any:
        build = building(**recipe)
        build.add(sample(1), text(sample(1)), quota=3).add(sample(2), BAD, quota=3)
        return build.add(sample(3, split="test"), text(sample(3)))

    return make


def test_a_short_quota_fails_and_names_the_cell(short_build: Any) -> None:
    run = short_build().write()
    message = refused(run)
    assert "1 of 2 quotas could not be filled, 2 rows are missing" in message
    assert "disfa/train: 1 of 3 (2 tried)" in message
    assert "disfa/test" not in message
    assert (run.folder(VERDICTS) / "done.json").is_file()
    assert [cell.short for cell in cell_table(run)] == [2, 0]


def test_a_short_quota_may_be_allowed(short_build: Any) -> None:
    folder = released(short_build(allow_short=True).write())
    assert len(rows(folder)) == 1
    cell = orjson.loads((folder / "manifest.json").read_bytes())["cells"][0]
    assert (cell["cell"], cell["quota"], cell["released"], cell["short"]) == ("disfa/train", 3, 1, 2)
    assert "| disfa/train | 3 | 2 | 1 | 1 | 2 |" in (folder / "README.md").read_text()


def test_nothing_accepted_is_never_a_release(building: Any, sample: Maker) -> None:
    told = refused(building(allow_short=True).add(sample(1), BAD).write())
    assert "could not be filled" in told
    assert "allow_short" not in told, "it is set already"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": "disfa-SN001"}, "group 'disfa-SN001'"),
        ({"origin_ids": ["affectnet:7"]}, "origin 'affectnet:7'"),
        ({"image": "disfa/disfa-0001.png"}, "picture content"),
        ({"sample_id": "disfa-0001", "id": "disfa-0001#2"}, "picture 'disfa-0001'"),
    ],
    ids=["group", "origin", "content", "picture"],
)
def test_splits_share_nothing(building: Any, sample: Maker, text: Texter, change: Any, words: str) -> None:
    first = sample(1, origin_ids=["affectnet:7", "affectnet:8"])
    leak = sample(2, split="test", **change)
    message = refused(building().add(first, text(first)).add(leak, text(leak)).write())
    assert re.search(rf"test.jsonl:1 '{leak.id}': {words}.* is also that of 'disfa-0001' \(train.jsonl:1\)", message)


def test_one_split_may_hold_a_group_many_times(building: Any, sample: Maker, text: Texter) -> None:
    one, two = sample(1), sample(2, group="disfa-SN001")
    assert len(rows(released(building().add(one, text(one)).add(two, text(two)).write()))) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AUs": ["AU12", "AU6"]}, "au_order (expected AUs sorted by number, each once)"),
        ({"AUs": ["AU6", "AU12", "AU23"]}, "au_annotated '[AU23]'"),
        ({"sample_id": "other"}, "id_of_picture 'other'"),
        ({"image": "disfa//x.png"}, "image_path 'disfa//x.png'"),
    ],
)
def test_a_row_that_is_not_strict_is_named(building: Any, sample: Maker, text: Texter, change: Any, words: str) -> None:
    row = sample(1, **change)
    answer = "<think>Lifted (AU6), up (AU12).</think><answer>AU6, AU12</answer>"
    run = building(gates=[{"name": "grammar"}]).add(row, answer).write()
    message = refused(run)
    assert "'disfa-0001': " in message
    assert words in message


def test_broken_grammar_cannot_slip_through_a_recipe_without_the_gate(building: Any, sample: Maker) -> None:
    run = building(gates=[{"name": "label"}]).add(sample(1), "<think>AU6</think> so <answer>none</answer>").write()
    assert "'disfa-0001': text_outside" in refused(run)


def test_a_path_of_this_machine_cannot_be_released(building: Any, sample: Maker, text: Texter, tmp_path: Path) -> None:
    row = sample(1, source=f"{tmp_path}/run/labels.txt:1")
    assert f"'disfa-0001': `meta_info.source` is '{tmp_path}" in refused(building().add(row, text(row)).write())


@pytest.mark.parametrize("source", [{"root": "/data/real"}, {"joins": {"rafml": "/data/real"}}])
def test_a_corpus_root_cannot_be_released(building: Any, sample: Maker, text: Texter, source: dict[str, Any]) -> None:
    row = sample(1, extra='{"from": "/data/real/labels.txt"}')
    run = building(corpora={"disfa": source}).add(row, text(row)).write()
    assert "'disfa-0001': `meta_info.extra` is " in refused(run)


def test_the_checks_of_a_failed_release_are_kept_and_those_of_a_good_one_released(small: Any, sample: Maker) -> None:
    run = small.write()
    folder = released(run)
    table = orjson.loads((folder / CHECKS).read_bytes())
    assert (run.root / CHECKS).read_bytes() == (folder / CHECKS).read_bytes()
    assert {check["passed"] for check in table if check["name"] != "frozen_test"} == {True}
    row = sample(9, group="disfa-SN003")
    run = small.add(row, "<think>Lifted (AU6), up (AU12).</think><answer>AU6, AU12</answer>").write()
    gate(run)
    with pytest.raises(
        GateFailed, match=r"1 of \d+ checks stop this release.*group_exclusive.*disfa-0009.*checks.json"
    ):
        release(run)
    (failed,) = (check for check in orjson.loads((run.root / CHECKS).read_bytes()) if check["passed"] is False)
    assert (failed["name"], failed["failing"], failed["rows"][0]["id"]) == ("group_exclusive", 1, "disfa-0003")
    assert (folder / CHECKS).read_bytes() == orjson.dumps(table, option=orjson.OPT_INDENT_2) + b"\n", (
        "the old one stays"
    )


def test_the_manifest_vouches_for_every_file(small_run: Run) -> None:
    folder = released(small_run)
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    listed = manifest["files"]
    assert {path.name for path in folder.iterdir() if path.is_file()} - set(listed) == {
        "manifest.json",
        "done.json",
        CHECKS,
    }
    for name, entry in listed.items():
        data = (folder / name).read_bytes()
        assert (entry["sha256"], entry["bytes"]) == (sha256_bytes(data), len(data))
        assert entry.get("rows") == (None if name == "README.md" else len(data.splitlines()))
    assert manifest["rows"] == {"train": 3, "val": 1, "test": 1}
    assert manifest["recipe_sha256"] == small_run.recipe.hash()
    assert manifest["corpora"]["disfa"]["licence"]["pictures"] is False
    assert manifest["corpora"]["disfa"]["synthetic"] is False
    aus = manifest["corpora"]["disfa"]["aus"]
    assert {code: n for code, n in aus.items() if n} == {"AU6": 2, "AU12": 2}
    assert list(aus) == ["AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU15", "AU17", "AU20", "AU25", "AU26"]
    assert "AU7" not in aus  # not annotated: unknown, so no zero


def test_the_list_of_pictures_is_read_by_sha256sum(small_run: Run) -> None:
    folder = released(small_run)
    done = subprocess.run(
        ["sha256sum", "--check", "images.sha256"], check=False, cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.count(": OK")) == (0, 5)


def test_a_synthetic_corpus_is_called_synthetic(building: Any, sample: Maker, text: Texter, tmp_path: Path) -> None:
    root = tmp_path / "made up"
    root.mkdir()
    (root / MARKER).write_text("{}")
    build = building(corpora={"disfa": {"root": str(root)}})
    folder = released(build.add(sample(1), text(sample(1))).write())
    assert orjson.loads((folder / "manifest.json").read_bytes())["corpora"]["disfa"]["synthetic"] is True
    assert "**Synthetic.**" in (folder / "README.md").read_text()


def test_the_same_run_elsewhere_gives_the_same_bytes(building: Any, sample: Maker, text: Texter) -> None:
    folders = []
    for name in ("here", "there"):
        build = building(name)
        for number in range(1, 6):
            build.add(sample(number), text(sample(number)))
        folders.append(released(build.write()))
    assert tree(folders[0]) == tree(folders[1])


def test_nothing_private_is_released(small_run: Run, tmp_path: Path) -> None:
    words = [str(tmp_path), str(Path.home()) + "/", os.environ.get("USER", "nobody@here")]
    for name, data in tree(released(small_run)).items():
        for word in words:
            assert word.encode() not in data, f"{word} in {name}"
        assert not re.search(rb'"/\w', data), f"an absolute path in {name}"


def test_pictures_are_linked_and_cost_no_space(small_run: Run) -> None:
    folder = released(small_run)
    name = rows(folder)[0]["image"]
    assert (folder / "images" / name).stat().st_ino == (small_run.images / name).stat().st_ino


def test_pictures_are_copied_where_links_cannot_be(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not on this file system")

    monkeypatch.setattr(os, "link", refuse)
    folder = released(small_run)
    name = rows(folder)[0]["image"]
    assert (folder / "images" / name).read_bytes() == (small_run.images / name).read_bytes()
    assert (folder / "images" / name).stat().st_ino != (small_run.images / name).stat().st_ino


def test_a_symbolic_link_is_released_as_the_picture_itself(small: Any, tmp_path: Path) -> None:
    run = small.write()
    path = run.images / small.tasks[0]["sample"].image
    path.rename(tmp_path / "elsewhere.png")
    path.symlink_to(tmp_path / "elsewhere.png")
    copy = released(run) / "images" / small.tasks[0]["sample"].image
    assert not copy.is_symlink()
    assert copy.read_bytes() == (tmp_path / "elsewhere.png").read_bytes()


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_picture_that_is_not_the_selected_one_stops_the_release(small: Any, damage: str) -> None:
    run = small.write()
    gate(run)
    path = run.images / small.tasks[0]["sample"].image
    path.unlink()
    if damage == "changed":
        path.write_bytes(b"another picture")
    with pytest.raises(CorruptState, match=r"the picture of row disfa-0001 is not the one it was selected with"):
        release(run)
    assert not list(run.root.glob("5-release*"))


def test_a_finished_release_is_left_alone(small_run: Run) -> None:
    folder = released(small_run)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert release(small_run) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("name", ["train.jsonl", "README.md", "images/disfa/disfa-0001.png"])
def test_a_finished_release_that_was_changed_is_an_error(small_run: Run, name: str) -> None:
    folder = released(small_run)
    (folder / name).unlink()
    with pytest.raises(CorruptState) as caught:
        release(small_run)
    assert f"{folder / name}: " in str(caught.value)
    assert "Found: no file" in str(caught.value)


def test_another_recipe_replaces_the_release(small_run: Run) -> None:
    released(small_run)
    (small_run.folder(RELEASE) / "note.txt").write_text("mine")
    other = Run(small_run.root, small_run.recipe.model_copy(update={"name": "other"}))
    folder = released(other)
    assert "# other" in (folder / "README.md").read_text()
    assert not (folder / "note.txt").exists()
    assert [path.name for path in small_run.root.glob("5-release*")] == ["5-release"]


def test_a_failing_release_leaves_the_old_one(small: Any, sample: Maker) -> None:
    run = small.write()
    before = tree(released(run))
    small.add(sample(9), BAD)
    small.write()
    gate(run)
    with pytest.raises(GateFailed):
        release(run)
    assert tree(run.folder(RELEASE)) == before


def test_the_stages_before_must_be_done(small_run: Run) -> None:
    with pytest.raises(InputError, match="4-verdicts: this stage of the run is not finished"):
        release(small_run)


def test_verdicts_about_other_answers_are_found(small_run: Run) -> None:
    gate(small_run)
    path = small_run.folder(VERDICTS) / "verdicts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    marker = small_run.folder(VERDICTS) / "done.json"
    content = orjson.loads(marker.read_bytes())
    content["outputs"]["verdicts.jsonl"]["sha256"] = sha256_file(path)
    marker.write_bytes(orjson.dumps(content))
    with pytest.raises(CorruptState, match=r"verdicts\.jsonl:1: the gates judged other answers"):
        release(small_run)


def test_a_full_disk_is_one_clear_error(small_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    gate(small_run)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x.png")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        patch.setattr(shutil, "copyfile", full)
        with pytest.raises(FacialR1Error, match=r"x\.png: the file system stopped 5-release: No space left on device"):
            release(small_run)
    assert not list(small_run.root.glob("5-release*"))
    assert len(rows(release(small_run))) == 3


def test_progress_is_told(small_run: Run, told: Any) -> None:
    gate(small_run)
    release(small_run, progress=told)
    assert told.steps == [(what, 5, 5) for what in ("rows released", "rows checked", "pictures checked")]


# --- killed anywhere -------------------------------------------------------------------------------------------------

WATCHED = {"open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.rmdir"}


def _release_and_die(run: Run, at: int, counted: Any) -> None:
    """In a child: release, and be killed at the ``at``-th step on the file system (0: never)."""
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in WATCHED and str(run.root) in str(arguments[0]):
            seen += 1
            counted.value = seen
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    release(run)


def _child(run: Run, at: int) -> tuple[int, int]:
    """Exit code and number of steps."""
    context = multiprocessing.get_context("fork")
    counted = context.Value("i", 0)
    process = context.Process(target=_release_and_die, args=(run, at, counted))
    process.start()
    process.join(60)
    return process.exitcode or 0, counted.value


def _kill_points(run: Run, spare: Path, points: int) -> Iterator[tuple[int, Run]]:
    """A copy of ``run`` for each of ``points`` moments at which its release was killed."""
    import great_expectations  # noqa: F401  # once, here: the children inherit what takes seconds to import

    shutil.copytree(run.root, spare / "count")
    code, total = _child(Run(spare / "count", run.recipe), 0)
    assert code == 0
    for index in range(points):
        at = 1 + index * (total - 1) // (points - 1)
        copy = Run(spare / f"at{at}", run.recipe)
        shutil.copytree(run.root, copy.root)
        assert _child(copy, at) == (-signal.SIGKILL, at)
        yield at, copy


@pytest.mark.parametrize("points", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_anywhere_a_release_is_whole_or_absent_and_comes_out_the_same(
    small_run: Run, tmp_path: Path, points: int
) -> None:
    other = Run(small_run.root, small_run.recipe.model_copy(update={"name": "older"}))
    old = tree(released(other))
    shutil.copytree(small_run.root, tmp_path / "expected")
    new = tree(release(Run(tmp_path / "expected", small_run.recipe)))
    assert new != old
    for at, copy in _kill_points(small_run, tmp_path / "killed", points):
        left = copy.folder(RELEASE)
        if left.exists():
            assert tree(left) in (old, new), f"half a release after step {at}"
        else:
            assert tree(left.with_name("5-release.old")) == old, f"nothing left after step {at}"
        assert tree(release(copy)) == new, f"other bytes after step {at}"
        assert [path.name for path in copy.root.glob("5-release*")] == ["5-release"]


def test_only_its_own_folder_is_written(small_run: Run) -> None:
    gate(small_run)
    earlier = (TASKS, ANSWERS, VERDICTS)
    before = {stage: tree(small_run.folder(stage)) for stage in earlier}
    release(small_run)
    assert {stage: tree(small_run.folder(stage)) for stage in earlier} == before


def test_gates_of_the_recipe_are_in_the_manifest(building: Any, sample: Maker, text: Texter) -> None:
    build = building(gates=[{"name": "grammar"}, {"name": "au_set", "params": {"mode": "subset"}}])
    folder = released(build.add(sample(1), text(sample(1))).write())
    gates = orjson.loads((folder / "manifest.json").read_bytes())["gates"]
    assert [Gate(**entry) for entry in gates] == list(build.run.recipe.gates)


def test_what_a_teacher_saw_beyond_the_truth_is_released_as_pseudo(building: Any, sample: Maker) -> None:
    text = "<think>Cheeks lifted (AU6), lip corners pulled up (AU12), lips tight (AU23).</think><answer>fear</answer>"
    build = building(unknown_truth="pseudo").add(sample(1), text).add(sample(2, "fer2013", labels=["fear"]), text)
    folder = released(build.write())
    disfa, fer = rows(folder)
    assert (disfa["AUs"], disfa["labels"]) == (["AU6", "AU12"], [])
    assert (disfa["meta_info"]["pseudo_aus"], disfa["meta_info"]["pseudo_label"]) == (["AU23"], "fear")
    assert (fer["AUs"], fer["labels"]) == ([], ["fear"])
    assert (fer["meta_info"]["pseudo_aus"], fer["meta_info"]["pseudo_label"]) == (["AU6", "AU12", "AU23"], None)
    assert [row["meta_info"]["task"] for row in (disfa, fer)] == ["au", "emotion"], "the task follows from the truth"
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    assert manifest["unknown_truth"] == {"rule": "pseudo", "pseudo_rows": 2}
    assert "In 2 rows of the tasks `au` and `emotion` the text also states" in (folder / "README.md").read_text()


def test_a_release_that_keeps_to_the_truth_says_nothing_of_pseudo(small_run: Run) -> None:
    folder = released(small_run)
    assert orjson.loads((folder / "manifest.json").read_bytes())["unknown_truth"] == {"rule": "omit", "pseudo_rows": 0}
    assert "nobody checked" not in (folder / "README.md").read_text()
