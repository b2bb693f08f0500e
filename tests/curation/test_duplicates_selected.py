"""Near-duplicates on the way through the stages: dropped by selection, and found in a release by its check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import orjson
import pytest
from faces import Grey, cropped, mirrored, photo
from typer import Typer
from typer.testing import CliRunner

import curation
from curation.checks.check import Check
from curation.checks.run import check_release
from curation.duplicates.places import copies_in
from curation.frozen import FILE as FROZEN
from curation.frozen import frozen_faces
from curation.report.pairs import pairs_of
from curation.run import TASKS, Run
from curation.select import select
from curation.unify import unify
from curation.validate import validate
from datasets_builders.synthetic import MARKER
from facial_r1.cli.duplicates import duplicates
from facial_r1.errors import GateFailed, InputError
from facial_r1.files import read_jsonl, sha256_bytes, sha256_file, to_line
from facial_r1.recipe import Duplicates, Recipe

if TYPE_CHECKING:
    from conftest import Toys

RAW = """def raw(self, root, samples, **options):
        import cv2

        for sample in samples:
            name = sample.meta_info.extras()["picture"]
            yield Raw(sample.id, pixels=cv2.imread(str(root / name), cv2.IMREAD_GRAYSCALE))

    """


class Album:
    """Toy corpora whose rows have the pictures that a test gives them."""

    def __init__(self, toys: Toys) -> None:
        self.root, self.recipe = toys.root, toys.recipe
        self._write = toys.write
        for path in toys.plugins.glob("*.py"):
            head, _, rest = path.read_text().partition("def raw(")
            path.write_text(f"{head}{RAW}def published({rest.partition('def published(')[2]}")

    def write(self, name: str, rows: Iterable[tuple[str, Grey, str]]) -> None:
        """Write a corpus of rows (id, picture, official split), each a group of its own."""
        lines = list(rows)
        made = [
            {"id": row, "labels": ["fear"], "group": row, "split": split, "picture": f"{row}.png"}
            for row, _, split in lines
        ]
        folder = self._write(name, made)
        for row, pixels, _ in lines:
            assert cv2.imwrite(str(folder / f"{row}.png"), pixels)


@pytest.fixture
def album(toys: Toys) -> Album:
    return Album(toys)


def part(split: str, rows: int, corpus: str = "toy_a") -> dict[str, Any]:
    return {"corpus": corpus, "split": split, "rows": rows, "official": [split]}


def chosen(out: Path, recipe: Recipe, workers: int = 1) -> Run:
    run = Run.create(out, recipe)
    unify(run)
    select(run, workers=workers)
    return run


def dropped(run: Run) -> dict[str, tuple[str, str]]:
    return {line["id"]: (line["reason"], line["detail"]) for _, line in read_jsonl(run.folder(TASKS) / "dropped.jsonl")}


def leaking() -> list[tuple[str, Grey, str]]:
    tested = [(f"t{n}", photo(n), "test") for n in range(3)]
    learned = [(f"l{n}", photo(10 + n), "train") for n in range(6)]
    return [*tested, *learned, ("leak", mirrored(cropped(photo(1))), "train")]


def test_a_near_copy_of_a_test_picture_is_dropped_and_its_pair_is_shown(album: Album, tmp_path: Path) -> None:
    album.write("toy_a", leaking())
    recipe = album.recipe(part("train", 7), part("test", 3), reserve=0)
    run = chosen(tmp_path / "run", recipe)
    ((name, (reason, detail)),) = dropped(run).items()
    assert (name, reason) == ("toy_a-leak", "near_duplicate")
    assert re.match(r"a copy, with a similarity of (0\.99\d|1\.000), of ", detail)
    assert detail.endswith(" of toy_a-t1")
    (pair,) = pairs_of(run)
    assert (pair.dropped, pair.kept) == ("toy_a-leak", "toy_a-t1")
    assert all(path is not None and path.is_file() for path in pair.pictures)
    other = chosen(tmp_path / "other", recipe, workers=3)
    for name in ("tasks.jsonl", "dropped.jsonl"):
        assert (run.folder(TASKS) / name).read_bytes() == (other.folder(TASKS) / name).read_bytes()


def test_a_copy_in_another_corpus_is_dropped_and_drawn_ones_where_asked_for(album: Album, tmp_path: Path) -> None:
    album.write("toy_a", [(f"a{n}", photo(n), "train") for n in range(3)])
    album.write("toy_b", [(f"b{n}", mirrored(photo(n)), "train") for n in range(2)])
    recipe = album.recipe(part("train", 3), part("train", 2, "toy_b"))
    assert {name: reason for name, (reason, _) in dropped(chosen(tmp_path / "run", recipe)).items()} == {
        "toy_b-b0": "near_duplicate",
        "toy_b-b1": "near_duplicate",
    }
    for name in ("toy_a", "toy_b"):
        (album.root(name) / MARKER).write_text("{}")
    assert dropped(chosen(tmp_path / "drawn", recipe)) == {}
    recipe = recipe.model_copy(update={"duplicates": recipe.duplicates.model_copy(update={"rendered": 0.998})})
    assert set(dropped(chosen(tmp_path / "compared", recipe))) == {"toy_b-b0", "toy_b-b1"}


def test_a_picture_that_is_too_small_or_shows_nothing_is_dropped(album: Album, tmp_path: Path) -> None:
    even = np.full((40, 40), 128, np.uint8)
    rows = [("good", photo(1), "train"), ("even", even, "train"), ("tiny", photo(2)[:23, :40], "train")]
    album.write("toy_a", rows)
    recipe = album.recipe(part("train", 3), duplicates={"min_side": 24})
    assert dropped(chosen(tmp_path / "run", recipe)) == {
        "toy_a-even": ("blank", "contrast 0.0, expected at least 2.0"),
        "toy_a-tiny": ("too_small", "40 × 23 pixels, expected at least 24 a side"),
    }


def released(album: Album, out: Path) -> Path:
    album.write("toy_a", leaking()[:9])
    recipe = album.recipe(part("train", 6), part("test", 3), reserve=0)
    return curation.build(recipe, out, workers=1).release


def test_a_near_copy_of_the_frozen_test_set_may_not_be_trained_on(album: Album, tmp_path: Path) -> None:
    first = released(album, tmp_path / "first")
    album.write("toy_b", [("again", mirrored(photo(2)), "train"), ("new", photo(50), "train")])
    later = [part("train", 2, "toy_b")]
    run = chosen(tmp_path / "later", album.recipe(*later, frozen_test=str(first / FROZEN)))
    ((name, (reason, detail)),) = dropped(run).items()
    assert (name, reason) == ("toy_b-again", "frozen_test")
    assert detail.endswith(" of toy_a-t2")
    alone = tmp_path / FROZEN
    alone.write_bytes((first / FROZEN).read_bytes())
    run = chosen(tmp_path / "alone", album.recipe(*later, frozen_test=str(alone)))
    assert dropped(run) == {}
    (remark,) = orjson.loads((run.folder(TASKS) / "report.json").read_bytes())["remarks"]
    assert "near-duplicates were not looked for" in remark


def near(checks: list[Check]) -> Check:
    (check,) = (check for check in checks if check.name == "near_duplicates")
    return check


def leak(release: Path, picture: Any) -> Mapping[str, Any]:
    """Replace the picture of the first training row as somebody would who mends nothing else."""
    path = release / "train.jsonl"
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    data = cv2.imencode(".png", picture)[1].tobytes()
    image = release / "images" / rows[0]["image"]
    image.unlink()  # it may be a link to the run's
    image.write_bytes(data)
    rows[0]["meta_info"]["image_sha256"] = sha256_bytes(data)
    path.write_bytes(b"".join(map(to_line, rows)))
    return rows[0]


def test_a_release_with_a_leaked_picture_fails_with_exit_3_and_names_both_files(album: Album, tmp_path: Path) -> None:
    release = released(album, tmp_path / "run")
    assert near(check_release(release)).passed is True
    row = leak(release, mirrored(cropped(photo(1))))
    result = validate(release)
    assert result.exit_code == 3
    check = near(result.checks)
    assert (check.passed, check.failing, check.of) == (False, 1, 9)
    (failing,) = check.rows
    assert (failing.file, failing.line, failing.id) == ("train.jsonl", 1, row["id"])
    assert f"images/{row['image']} is a copy of images/toy_a/toy_a-t1.png of 'toy_a-t1' (test.jsonl:" in failing.found


def test_a_drawn_and_a_real_picture_are_compared_in_a_release(album: Album, tmp_path: Path) -> None:
    """Only two drawn ones are alike by design."""
    album.write("toy_a", leaking()[:9])
    album.write("toy_b", [("drawn", photo(60), "train")])
    (album.root("toy_b") / MARKER).write_text("{}")
    recipe = album.recipe(part("train", 6), part("test", 3), part("train", 1, "toy_b"), reserve=0)
    release = curation.build(recipe, tmp_path / "run", workers=1).release
    assert near(check_release(release)).of == 10
    path = release / "images" / "toy_b" / "toy_b-drawn.png"
    path.unlink()
    cv2.imwrite(str(path), mirrored(photo(1)))
    check = near(check_release(release))
    assert [row.id for row in check.rows] == ["toy_b-drawn"]


def test_what_was_tested_on_before_is_compared_and_what_cannot_be_is_said(album: Album, tmp_path: Path) -> None:
    first = released(album, tmp_path / "first")
    album.write("toy_b", [(f"n{n}", photo(50 + n), "train") for n in range(2)])
    release = curation.build(album.recipe(part("train", 2, "toy_b")), tmp_path / "later", workers=1).release
    assert near(check_release(release, frozen=first / FROZEN)).passed is True
    leak(release, mirrored(photo(2)))
    (failing,) = near(check_release(release, frozen=first / FROZEN)).rows
    assert "is a copy of images/toy_a/toy_a-t2.png of 'toy_a-t2' (the frozen test set)" in failing.found
    alone = tmp_path / FROZEN
    alone.write_bytes((first / FROZEN).read_bytes())
    check = near(check_release(release, frozen=alone))
    assert (check.passed, check.observed) == (
        True,
        "2 pictures (those of the frozen test set do not lie beside it), none fails",
    )
    broken = first / "images" / "toy_a" / "toy_a-t0.png"
    broken.unlink()
    with pytest.raises(InputError, match=r"toy_a-t0\.png"):
        check_release(release, frozen=first / FROZEN)
    assert near(check_release(first, frozen=first / FROZEN)).passed is True  # the check `pictures` names it


def test_a_run_whose_leak_came_after_selection_is_not_released(
    album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album.write("toy_a", leaking())
    monkeypatch.setattr("curation.pictures.Pictures._drop_near_copies", lambda *_: None)
    with pytest.raises(GateFailed, match=r"near_duplicates.*toy_a-leak\.png.*toy_a-t1\.png") as caught:
        curation.build(album.recipe(part("train", 7), part("test", 3), reserve=0), tmp_path / "run", workers=1)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "run" / "5-release").exists()


def test_the_command_lists_pairs(album: Album, tmp_path: Path) -> None:
    app = Typer()
    app.command()(duplicates)
    images = tmp_path / "images"
    images.mkdir()
    lines = []
    for name, split, pixels in (
        ("one", "test", photo(1)),
        ("two", "train", mirrored(photo(1))),
        ("three", "train", cropped(photo(1))),
    ):
        cv2.imwrite(str(images / f"{name}.png"), pixels)
        meta = {"sample_id": name, "split": split, "image_sha256": sha256_file(images / f"{name}.png")}
        lines.append({"id": name, "dataset": "x", "image": f"{name}.png", "labels": ["fear"], "meta_info": meta})
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    told = CliRunner().invoke(app, [str(file), "--quiet"])
    assert told.exit_code == 0
    assert "one.png  two.png" in told.stdout
    assert "2 pairs among 3 pictures" in told.stdout
    assert "3 pairs among 3 pictures" in CliRunner().invoke(app, [str(file), "--all", "--quiet"]).stdout


def test_a_broken_manifest_is_one_error_wherever_it_is_read(album: Album, tmp_path: Path) -> None:
    release = released(album, tmp_path / "first")
    (release / "manifest.json").write_text("[]")
    for read in (lambda: copies_in(release, None, Duplicates()), lambda: frozen_faces(release / FROZEN)):
        with pytest.raises(InputError, match=r"manifest\.json: this release is of another version"):
            read()
