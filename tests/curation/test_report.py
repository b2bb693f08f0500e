"""The report of a run: its figures add up, its bytes repeat, and what may be shared names nobody."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

import curation
from curation.checks.check import FILE, Check, Failing, to_json
from curation.report import REPORT, Pages, report, summary
from curation.report.examples import ACCEPTED, EACH, Example, Examples, render
from curation.report.facts import AFTER_GATES, gather
from curation.report.pages import waterfall_lines
from curation.report.pairs import pairs_of
from curation.report.usage import Meter
from curation.run import ANSWERS, RELEASE, VERDICTS, Run
from datasets_builders import synthetic
from facial_r1.errors import CorruptState, InputError
from facial_r1.files import read_jsonl, sha256_file
from facial_r1.recipe import Recipe, Teacher, load_recipe
from facial_r1.reviews import Review, append_review, text_hash
from facial_r1.sample import Sample

GATES = ["grammar", "task_rules", "au_set", "label", "vocabulary"]


def recipe_over(root: Path) -> Recipe:
    """FER2013 and DISFA, a fifth of the answers rejected whatever they say, and long ones too."""
    gates: list[dict[str, Any]] = [{"name": name} for name in GATES]
    gates += [
        {"name": "words", "params": {"most": 45}},
        {"name": "drill", "params": {"share": 0.2}},
        {"name": "reviews"},
    ]
    parts = [
        {"corpus": "fer2013", "split": "train", "rows": 60, "official": ["train"]},
        {"corpus": "disfa", "split": "train", "rows": 40},
    ]
    return load_recipe(
        {
            "name": "tried",
            "corpora": {name: {"root": str(root / name)} for name in ("fer2013", "disfa")},
            "select": {"parts": parts, "reserve": 0.5},
            "teacher": {"attempts": 2},
            "gates": gates,
            "allow_short": True,
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("reported")
    synthetic.make("fer2013", folder / "raw" / "fer2013", rows=150)
    synthetic.make("disfa", folder / "raw" / "disfa", rows=270)
    curation.build(recipe_over(folder / "raw"), folder / "run")
    return Run.open(folder / "run")


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    return Run.open(Path(shutil.copytree(run.root, tmp_path / "elsewhere")))


def texts(pages: Pages) -> tuple[str, str, str]:
    full, shareable, markdown = (path.read_text() for path in pages)
    return full, shareable, markdown


def test_the_waterfall_loses_exactly_what_has_a_reason(run: Run) -> None:
    facts = gather(run)
    lost: dict[str, dict[str, int]] = {}
    for loss in facts.losses:
        for corpus, count in loss.counts.items():
            lost.setdefault(corpus, {}).setdefault(loss.stage, 0)
            lost[corpus][loss.stage] += count
    for name, (raw, scanned, selected, answered, accepted, released) in waterfall_lines(facts)[:-1]:
        assert None not in (raw, scanned, selected, answered, accepted, released)
        assert raw - scanned == lost[name].get("scan", 0)  # type: ignore[operator]
        assert scanned - selected == lost[name].get("selection", 0)  # type: ignore[operator]
        assert selected - answered == lost[name].get("asking", 0)  # type: ignore[operator]
        assert answered >= accepted >= released > 0  # type: ignore[operator]
    sums = waterfall_lines(facts)[-1][1]
    assert sums == [sum(column) for column in zip(*(counts for _, counts in waterfall_lines(facts)[:-1]), strict=True)]


def test_the_figures_are_those_that_sql_gives(run: Run) -> None:
    facts = gather(run)
    rejected = curation.sql(run.root, "select reason, count(*) from verdicts where not accepted group by all").rows
    assert rejected
    found = {loss.reason: sum(loss.counts.values()) for loss in facts.losses if loss.stage == AFTER_GATES}
    assert found == dict(rejected)
    ((released,),) = curation.sql(run.root, "select count(*) from release").rows
    assert facts.stats.counts.rows == released
    gates = "select v.gate, count(*) filter (v.ok) from (select unnest(verdicts) v from verdicts) group by all"
    assert {name: gate.passed for name, gate in facts.gates.items()} == dict(curation.sql(run.root, gates).rows)


def test_the_lowest_acceptance_is_named_only_where_something_was_rejected(run: Run) -> None:
    facts = gather(run)
    assert "Lowest acceptance: " in summary(facts, [])
    spared = {
        key: {name: {**entry, "rejected": {}} for name, entry in facts.acceptance[key].items()}
        for key in ("label", "au")
    }
    assert "Lowest" not in summary(replace(facts, acceptance={**facts.acceptance, **spared}), [])


def test_ten_examples_at_most_of_every_reason(run: Run) -> None:
    examples = gather(run).examples
    assert set(examples.reasons()) == {"drill", "too_long"}
    for reason in (ACCEPTED, *examples.reasons()):
        chosen = examples.of(reason)
        assert len(chosen) == min(EACH, examples.seen[reason])
        assert all((example.verdict["reason"] or ACCEPTED) == reason for example in chosen)


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(run: Run, copy: Run) -> None:
    first = texts(report(run))
    assert texts(report(run)) == first
    assert texts(report(copy)) == first


def test_the_page_with_pictures_shows_pairs_of_picture_and_text(run: Run) -> None:
    full, _, _ = texts(report(run))
    assert full.count("<article") == full.count("<img") > EACH
    assert "too_long" in full
    assert "tried: report" in full


def names_in(text: str, run: Run) -> set[str]:
    """What of a page names a row, a person, a picture or a place of this machine."""
    names: set[str] = set()
    for _, task in read_jsonl(run.folder("2-tasks") / "tasks.jsonl"):
        sample = Sample.from_own(task["sample"])
        meta = sample.meta_info
        names |= {sample.id, sample.image, *meta.origin_ids}
        names |= {name for name in (meta.group, meta.subject, meta.source, meta.image_sha256) if name}
    assert len(names) > 300
    places = {str(run.root), str(run.root.parent), str(Path.home())}
    return names & set(re.findall(r"[\w./:#-]+", text)) | {place for place in places if place in text}


def test_the_page_to_share_holds_no_picture_and_names_nobody(run: Run) -> None:
    full, *others = texts(report(run))
    for text in others:
        assert "<img" not in text
        assert "data:image" not in text
        assert names_in(text, run) == set()
    assert len(names_in(full, run)) >= EACH  # so the test can fail


def test_texts_about_licensed_pictures_are_not_shared(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = gather(run).examples.of(ACCEPTED)[0].sample.description.split("</think>")[0].removeprefix("<think>")
    shown = spoken.replace("'", "&#39;")
    assert shown in texts(report(run))[1]  # rendered faces are nobody's
    monkeypatch.setattr(sys.modules[gather.__module__], "MARKER", "no-such-marker.json")
    full, shareable, _ = texts(report(run))
    assert shown in full
    assert shown not in shareable
    assert "left out: nothing says that texts" in shareable
    assert "<article" not in shareable


def test_pictures_stay_out_of_the_release(run: Run) -> None:
    pages = report(run)
    assert all(RELEASE not in path.parts for path in pages)
    assert not list(run.folder(RELEASE).rglob("*.html"))


def test_the_pages_reach_for_nothing(run: Run) -> None:
    for text in texts(report(run))[:2]:
        assert not re.search(r"https?:|//\w+\.\w|@import|url\(|<script|<link|<iframe", text)


def test_a_run_whose_release_failed_is_reported_from_its_accepted_rows(copy: Run) -> None:
    before = gather(copy)
    shutil.rmtree(copy.folder(RELEASE))
    facts = gather(copy)
    assert not facts.released
    assert waterfall_lines(facts)[0][1][-1] is None
    assert facts.stats.counts.labels() == before.stats.counts.labels()  # no quota was overfull
    full, _, markdown = texts(report(copy))
    assert "There is no release of these verdicts yet" in full
    assert markdown.count("| – |") >= 3


def test_a_release_of_other_verdicts_is_not_taken_for_this_one(copy: Run) -> None:
    marker = copy.folder(RELEASE) / "done.json"
    told = orjson.loads(marker.read_bytes())
    told["inputs"][f"{VERDICTS}/verdicts.jsonl"] = "0" * 64
    marker.write_bytes(orjson.dumps(told))
    assert not gather(copy).released


def test_a_run_without_verdicts_says_what_to_do(copy: Run) -> None:
    shutil.rmtree(copy.folder(VERDICTS))
    with pytest.raises(InputError, match=r"not finished.*4-verdicts first"):
        report(copy)


def test_a_changed_file_is_an_error_and_the_old_report_stays(copy: Run) -> None:
    old = texts(report(copy))
    with open(copy.folder(VERDICTS) / "summary.json", "a") as handle:
        handle.write(" ")
    with pytest.raises(CorruptState, match=r"summary\.json"):
        report(copy)
    folder = copy.root / REPORT
    assert tuple((folder / name).read_text() for name in ("report.html", "report-shareable.html", "report.md")) == old


def test_verdicts_on_other_answers_are_not_mixed_with_the_ones_there_are(copy: Run) -> None:
    answers = copy.folder(ANSWERS) / "answers.jsonl"
    whole = answers.read_bytes()
    lines = whole.splitlines(keepends=True)
    for other in (
        b"".join(lines[:-1]),
        whole + lines[-1],
        b"".join([lines[0].replace(b'"key":"', b'"key":"x'), *lines[1:]]),
    ):
        answers.write_bytes(other)
        vouch(answers.parent, answers.name)
        with pytest.raises(CorruptState, match=r"verdicts\.jsonl.*the gates judged other answers.*facial-r1 gate"):
            report(copy)


def test_changed_answers_are_an_error(copy: Run) -> None:
    answers = copy.folder(ANSWERS) / "answers.jsonl"
    answers.write_bytes(answers.read_bytes().replace(b"The", b"Thy", 1))
    with pytest.raises(CorruptState, match=r"answers\.jsonl: the finished file"):
        report(copy)


def test_a_missing_picture_is_said_in_its_place(copy: Run) -> None:
    for path in copy.images.rglob("*.png"):
        path.unlink()
    for path in copy.images.rglob("*.jpg"):
        path.unlink()
    full, _, _ = texts(report(copy))
    assert "<img" not in full
    assert "there is no such file" in full


def candidate(text: str = "words", reason: str | None = "label_mismatch", key: str = "k") -> Example:
    ruling = {"gate": "label", "ok": reason is None, "reason": reason, "detail": f"said by {text}", "value": None}
    return Example(Sample("row-1", "disfa", description=text), key, {"reason": reason, "verdicts": [ruling]})


def test_what_a_model_wrote_is_shown_as_text() -> None:
    shown = render(candidate("<script>alert(1)</script>"), picture=None)
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_details_of_gates_and_ids_are_only_shown_beside_pictures() -> None:
    shown = render(candidate(), lambda sample: Markup("picture of {}").format(sample.image))
    assert "row-1" in shown
    assert "said by words" in shown
    assert "row-1" not in render(candidate(), None)
    assert "said by" not in render(candidate(), None)


@given(st.permutations(range(30)))
def test_which_examples_are_shown_does_not_depend_on_their_order(order: list[int]) -> None:
    straight, mixed = Examples(), Examples()
    for number in range(30):
        straight.offer(candidate(key=f"key {number}"))
    for number in order:
        mixed.offer(candidate(key=f"key {number}"))
    assert [e.key for e in straight.of("label_mismatch")] == [e.key for e in mixed.of("label_mismatch")]
    assert len(mixed.of("label_mismatch")) == EACH


def answer(model: str, **usage: int) -> dict[str, Any]:
    return {"model": model, "usage": usage}


def test_tokens_that_nobody_told_and_prices_that_nobody_knows_are_unknown() -> None:
    meter = Meter()
    for line in (answer("gpt-4o-mini", input=1_000_000, output=1_000_000), answer("gpt-4o-mini"), answer("mine")):
        meter.add(line)
    priced, silent = meter.total(Teacher())
    assert (priced.answers, priced.told, priced.input, priced.cost) == (2, 1, 1_000_000, pytest.approx(0.75))
    assert (silent.answers, silent.told, silent.input, silent.cost) == (1, 0, None, None)


def test_half_the_price_through_batches() -> None:
    meter = Meter()
    meter.add(answer("gpt-4o-mini", input=1_000_000, output=1_000_000))
    assert meter.total(Teacher(backend="openai-batch"))[0].cost == pytest.approx(0.375)


def failing(run: Run) -> None:
    """What stage 5 leaves in a run when a check stops the release."""
    row = Failing("train.jsonl", 7, "disfa-SN001-0001", "text <b>")
    checks = [
        Check("schema", True, "every key", "100 rows, none fails"),
        Check("splits", None, "no group on both sides", "not run: lines"),
        Check("ids", False, "unique", "disfa-SN001-0001 twice", of=100, failing=1, rows=(row,)),
    ]
    (run.root / FILE).write_bytes(orjson.dumps(to_json(checks)))


def test_checks_that_failed_stand_first_and_name_their_rows_beside_pictures_only(copy: Run) -> None:
    failing(copy)
    full, shareable, markdown = texts(report(copy))
    for text in (full, shareable):
        said = (("ids", "failed"), ("splits", "not run"), ("schema", "passed"))
        places = [text.index(f"{name}</th><td>{result}") for name, result in said]
        assert places == sorted(places)
        assert "1 of 3 checks failed." in text
    assert "train.jsonl:7" in full
    assert "text &lt;b&gt;" in full
    assert "disfa-SN001-0001 twice" in full
    assert "SN001-0001" not in shareable
    assert "Checks of the release: 1 failed, 1 not run, 1 passed." in markdown


def test_duplicate_pictures_stand_beside_each_other_where_pictures_may(copy: Run) -> None:
    folder = copy.folder("2-tasks")
    kept = next(row for _, row in read_jsonl(folder / "pictures.jsonl"))
    twin = f"{kept['dataset']}-twin"
    shutil.copyfile(copy.images / kept["image"], copy.images / kept["dataset"] / f"{twin}.png")
    line = {"dataset": kept["dataset"], "id": twin, "reason": "duplicate_picture", "AUs": [], "labels": []}
    line |= {"detail": f"the same picture as {kept['id']}", "source": "somewhere:1"}
    with open(folder / "dropped.jsonl", "ab") as handle:
        handle.write(orjson.dumps(line) + b"\n")
    vouch(folder, "dropped.jsonl")
    (pair,) = [pair for pair in pairs_of(copy) if pair.dropped == twin]
    assert pair.kept == kept["id"]
    assert None not in pair.pictures
    full, shareable, _ = texts(report(copy))
    section = full[full.index(">Duplicate pictures</h2>") :]
    assert section.index("<img") < section.index(twin) < section.index(kept["id"])
    assert twin not in shareable
    assert "Duplicate pictures" not in shareable


def vouch(folder: Path, name: str) -> None:
    """Let the marker of a stage vouch for a file that a test has changed."""
    marker = orjson.loads((folder / "done.json").read_bytes())
    marker["outputs"][name]["sha256"] = sha256_file(folder / name)
    (folder / "done.json").write_bytes(orjson.dumps(marker))


def test_an_edited_text_is_reported_as_the_person_left_it(copy: Run) -> None:
    example = gather(copy).examples.of(ACCEPTED)[0].sample
    edited = example.description.replace("<think>", "<think>Unseen opening words show that ", 1)
    seen = text_hash(example.description)
    time = "2026-01-31T12:00:00Z"
    append_review(copy.root / "reviews.jsonl", Review(example.id, "a", time, "edit", seen, description=edited))
    curation.gate(copy)
    facts = gather(copy)
    assert not facts.released  # the release is older than these verdicts
    assert facts.stats.texts.openings["unseen opening words"] == 1
    assert "Reviews by people: 1, of which 0 fit no text." in texts(report(copy))[1]
