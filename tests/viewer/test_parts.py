"""What the page is made of, without a browser."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from facial_r1.errors import FacialR1Error, InputError, UsageError
from facial_r1.facs import REGISTRY
from facial_r1.files import read_jsonl, write_jsonl
from facial_r1.reviews import Review, read_reviews, text_hash
from facial_r1.sample import Meta, Sample
from viewer.compare import changed_words
from viewer.face import SPOTS, face
from viewer.filters import SORTS, Filter, where
from viewer.markup import reasoning
from viewer.pictures import data_uri, locate
from viewer.place import find_place
from viewer.reviewing import SHEET, agreement, decide, read_sheet, sheet
from viewer.session import Session, show
from viewer.store import Store

SCORED = ["AU1", "AU6", "AU12"]


def made(number: int) -> Sample:
    """Every third row has AUs, every second a label; the texts differ in length."""
    aus = [SCORED[number % 2], "AU12"] if number % 3 == 0 and number % 9 else []
    meta = Meta(sample_id=f"x-{number}", split=("train", "test")[number % 2], subject=f"s{number % 5}")
    meta.au_annotated = SCORED if number % 3 == 0 else []
    labels = [("fear", "anger")[number % 4 // 2]] if number % 2 else []
    text = f"<think>{'word ' * (number + 1)}</think><answer>fear</answer>"
    return Sample(f"x-{number}", "toy", f"p/{number}.png", "What?", aus, labels, text, meta)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_jsonl(path, [made(number).to_line() for number in range(60)])
    return Store(find_place(path))


def ids(store: Store, chosen: Filter, sort: str = "file order") -> list[str]:
    return [row["id"] for row in store.page(chosen, sort, 0, 1000)]


@given(
    st.lists(st.sampled_from(SCORED), unique=True),
    st.sampled_from(["any", "all", "none"]),
    st.lists(st.sampled_from(["fear", "anger", "disgust"]), unique=True),
    st.sampled_from([(), ("train",), ("test", "train")]),
    st.tuples(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60)),
)
def test_a_filter_is_what_it_says(
    store: Store, aus: list[str], mode: str, labels: list[str], splits: tuple[str, ...], words: Any
) -> None:
    """Against plain Python; *none* of an AU asks for rows in which it was scored."""

    def passes(number: int, row: Sample) -> bool:
        present, scored = set(row.AUs), set(row.meta_info.au_annotated)
        fits = {
            "any": bool(present & set(aus)),
            "all": set(aus) <= present,
            "none": set(aus) <= scored and not present & set(aus),
        }
        length = number + 2
        return (
            (not aus or fits[mode])
            and (not labels or bool(set(row.labels) & set(labels)))
            and (not splits or row.meta_info.split in splits)
            and (words[0] is None or length >= words[0])
            and (words[1] is None or length <= words[1])
        )

    chosen = Filter(aus=aus, au_mode=mode, labels=labels, splits=splits, words=words)
    expected = [row.id for number in range(60) if passes(number, row := made(number))]
    assert ids(store, chosen) == expected
    assert store.count(chosen) == len(expected)


@given(st.text())
def test_whatever_is_typed_is_a_value(store: Store, text: str) -> None:
    assert store.count(Filter(text=text, subject=text)) <= 60


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_walks_over_every_row_once(store: Store, sort: str) -> None:
    found = ids(store, Filter(), sort)
    assert sorted(found) == sorted(made(number).id for number in range(60))
    assert found == ids(store, Filter(), sort)


def test_an_unknown_order_or_mode_is_one_error(store: Store) -> None:
    with pytest.raises(UsageError, match="unknown order"):
        store.page(Filter(), "by magic", 0, 1)
    with pytest.raises(UsageError, match="unknown way to ask for Action Units"):
        where(Filter(au_mode="some"))


def test_a_session_stays_within_its_rows(store: Store) -> None:
    view = show(store, Session(Filter(labels=["fear"]), "file order", 10_000))
    assert view.session.spot == store.count(Filter(labels=["fear"])) - 1
    empty = show(store, Session(Filter(text="nothing holds this")))
    assert (empty.identifier, empty.status) == ("", "0 of 60 samples")


def test_counts_follow_the_filter(store: Store) -> None:
    counts = store.counts(Filter(splits=["test"]))
    assert counts.rows == 30
    assert sum(counts.labels().values()) == sum(len(made(n).labels) for n in range(1, 60, 2))
    rate = counts.aus()["AU6"]
    scored = [made(n) for n in range(1, 60, 2) if made(n).meta_info.au_annotated]
    assert (rate.present, rate.annotated) == (sum("AU6" in row.AUs for row in scored), len(scored))


def test_the_answer_that_counts_is_the_first_accepted_else_the_last(run: Path) -> None:
    store = Store(find_place(run))
    verdicts = [row for _, row in read_jsonl(run / "4-verdicts" / "verdicts.jsonl")]
    accepted = {row["id"] for row in verdicts if row["accepted"]}
    asked = {row["id"] for row in verdicts}
    for row in store.page(Filter(), "file order", 0, 1000):
        expected = "accepted" if row["id"] in accepted else "rejected" if row["id"] in asked else "not asked"
        assert row["verdict"] == expected
        assert (row["reason"] is not None) == (expected == "rejected")
        assert bool(row["description"]) == (expected != "not asked")
    assert {row["id"] for row in store.page(Filter(reasons=["drill"]), "id", 0, 1000)} == asked - accepted
    one = next(iter(asked - accepted))
    (attempt,) = store.attempts(one)
    assert attempt["reason"] == "drill"
    assert [verdict["gate"] for verdict in attempt["verdicts"]][-1] == "drill"


def test_the_score_is_the_judges_where_there_is_one(run: Path) -> None:
    path = run / "4-verdicts" / "verdicts.jsonl"
    rows = [row for _, row in read_jsonl(path)]
    judged = rows[0]["id"]
    rows[0]["verdicts"].append({"gate": "judge_score", "ok": True, "reason": None, "detail": "", "value": 7.0})
    write_jsonl(path, rows)
    store = Store(find_place(run))
    found = {row["id"]: row["score"] for row in store.page(Filter(), "id", 0, 1000)}
    assert found[judged] == pytest.approx(0.7)
    measured = {row["id"]: one["value"] for row in rows[1:] for one in row["verdicts"] if one["gate"] == "au_set"}
    assert {name: found[name] for name in measured} == measured
    assert store.count(Filter(score=(0.65, 0.75))) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "gone", "there is nothing to view"),
        (lambda folder: folder, r"neither a run nor a release.*no recipe\.yaml.*5-release"),
        (
            lambda folder: (folder / "recipe.yaml").write_text("x") and folder,
            r"no samples to show yet.*facial-r1 select",
        ),
    ],
)
def test_a_folder_that_is_nothing_says_what_is_missing(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        find_place(make(tmp_path))


def test_a_missing_image_folder_is_an_error_only_when_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [made(1).to_line()])
    assert not find_place(path).images.exists()
    with pytest.raises(InputError, match="no such image folder"):
        find_place(path, tmp_path / "pictures")


def test_a_row_may_leave_out_what_the_published_schema_lets_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"id": "a", "dataset": "mine", "image": "a.jpg", "labels": ["Sadness"], "description": "Free text."}\n'
    )
    store = Store(find_place(path))
    view = show(store, Session())
    assert (view.identifier, view.aus, view.labels) == ("a", "", "sadness")
    assert "Free text." in view.sample
    assert store.counts(Filter()).rows == 1


def test_codes_and_labels_are_spelled_as_everywhere_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    plain = {"dataset": "mine", "image": "a.jpg", "description": "<think>AU4</think><answer>joy</answer>"}
    rows = [
        {**plain, "id": "a", "AUs": ["AU04", "au 12"], "labels": ["Happy", "odd"]},
        {**plain, "id": "b", "AUs": ["AU4"], "labels": ["happiness"], "meta_info": {"au_annotated": ["4"]}},
        {**plain, "id": "c", "labels": ["joy"], "meta_info": {"label_set": ["joy"]}},
    ]
    write_jsonl(path, rows)
    store = Store(find_place(path))
    facets = store.facets()
    assert (facets.aus, facets.labels) == (["AU4", "AU12"], ["happiness", "joy", "odd"])
    assert ids(store, Filter(aus=["AU4", "AU12"], au_mode="all")) == ["a"]
    assert store.rows(["b"])["b"]["au_annotated"] == ["AU4"]
    assert show(store, Session()).aus == "AU4, AU12"


def test_a_code_that_is_none_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"id": "a", "dataset": "mine", "image": "a.jpg", "AUs": ["AU999"]}])
    with pytest.raises(InputError, match=r"rows\.jsonl: unknown Action Unit. Found: AU999.*facial-r1 validate"):
        Store(find_place(path))


def test_a_sample_of_a_run_shows_the_prompt_of_its_answer(run: Path) -> None:
    answers = {row["id"]: row for _, row in read_jsonl(run / "3-answers" / "answers.jsonl")}
    prompts = {row["hash"]: row["text"] for _, row in read_jsonl(run / "3-answers" / "prompts.jsonl")}
    store = Store(find_place(run))
    view = show(store, Session(Filter(verdicts=["accepted"])))
    answer = answers[view.identifier]
    assert store.row(view.identifier)["label_conditioned"] == answer["conditioned"]  # type: ignore[index]
    assert f"<summary>prompt</summary><pre>{escape(prompts[answer['prompt_hash']])}</pre>" in view.sample
    unasked = show(store, Session(Filter(verdicts=["not asked"])))
    assert "<summary>prompt</summary>" not in unasked.sample


def test_an_answer_without_a_verdict_is_not_judged(run: Path) -> None:
    """Stage 3 was done again, stage 4 not yet: the answers are there, and nobody has turned them down."""
    path = run / "4-verdicts" / "verdicts.jsonl"
    rows = [row for _, row in read_jsonl(path)]
    write_jsonl(path, rows[1:])
    found = Store(find_place(run)).rows([rows[0]["id"]])[rows[0]["id"]]
    assert (found["verdict"], found["reason"], found["score"]) == ("not judged", None, None)
    assert found["description"]


def test_a_file_that_breaks_later_is_one_error(run: Path) -> None:
    store = Store(find_place(run))
    (run / "3-answers" / "prompts.jsonl").write_text('{"hash": ')
    with pytest.raises(InputError, match=r"the rows cannot be read.*prompts\.jsonl"):
        store.prompt("0" * 64)


def test_a_file_that_is_no_jsonl_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("this is no JSON\n")
    with pytest.raises(InputError, match=r"the rows cannot be read.*facial-r1 validate") as caught:
        Store(find_place(path))
    assert "in line" not in str(caught.value), "DuckDB counts lines in another way than everybody"


def test_only_files_of_the_image_folder_are_shown(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"x")
    (images / "link.png").symlink_to(secret)
    with pytest.raises(InputError, match="leads out of the image folder"):
        locate(images, "link.png")
    for name in ("../secret.png", str(secret), "a/../../secret.png"):
        with pytest.raises(UsageError, match="not a path inside"):
            locate(images, name)
    uri, why = data_uri(images, "link.png", 64)
    assert (uri, "leads out" in why) == ("", True)


@given(st.text(), st.sets(st.sampled_from(sorted(REGISTRY))), st.sets(st.sampled_from(sorted(REGISTRY))))
def test_no_text_becomes_markup(text: str, present: set[str], annotated: set[str]) -> None:
    html = str(reasoning(f"<think>{text} <b onclick=x>AU12</b></think><answer>fear</answer>", present, annotated))
    assert "<b" not in html
    assert html.count("<") == html.count(">")


def test_a_mark_says_how_it_stands_to_the_truth() -> None:
    text = "<think>Corners up (AU12), cheeks (AU6), lips part (AU25), AU99, no AU1.</think><answer>fear</answer>"
    html = str(reasoning(text, ["AU12"], ["AU12", "AU6", "AU1"]))
    states = {"AU12": "true", "AU6": "false", "AU25": "unknown", "AU99": "invented", "AU1": "denied"}
    for code, state in states.items():
        assert f'<mark class="au {state}" tabindex="0"' in html
        assert f">{code}</mark>" in html


def test_the_face_has_a_place_for_every_code_but_head_and_gaze() -> None:
    assert set(SPOTS) == {unit.number for unit in REGISTRY.values() if unit.number < 50}
    assert all(20 <= x <= 180 and 10 <= y <= 260 for places in SPOTS.values() for x, y in places)
    drawn = str(face({"AU12": "true", "AU51": "false"}))
    assert drawn.count('class="spot true"') == 2
    assert "AU51 (false)" in drawn


def test_words_that_changed() -> None:
    assert str(changed_words("a b", "a b")) == "a b"
    assert "<script" not in str(changed_words("<script>", "<script >"))


def row(text: str = "<think>x</think><answer>fear</answer>", **more: Any) -> dict[str, Any]:
    return {"id": "x-1", "description": text, "AUs": ["AU12"], "labels": ["fear"], "label_set": [], **more}


@pytest.mark.parametrize(
    ("decision", "given", "words"),
    [
        ("accept", {"reviewer": " "}, "who reviews"),
        ("reject", {}, "needs a reason"),
        ("edit", {"description": row()["description"], "aus": "AU12", "labels": "fear"}, "changes nothing"),
        ("edit", {"aus": "AU3"}, "unknown Action Unit"),
        ("edit", {"labels": "joyous rapture"}, "this is no emotion"),
    ],
)
def test_a_decision_that_cannot_be_kept(tmp_path: Path, decision: str, given: dict[str, str], words: str) -> None:
    name = given.pop("reviewer", "ada")
    with pytest.raises(InputError, match=words):
        decide(tmp_path / "reviews.jsonl", row(), name, decision, **given)
    assert not (tmp_path / "reviews.jsonl").exists()


def test_an_edit_keeps_only_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    decide(path, row(), "ada", "edit", description=row()["description"], aus="6, au12", labels="fear")
    decide(path, row(), "ada", "edit", aus="none", labels="Joy")
    first, second = read_reviews(path)
    assert (first.AUs, first.labels, first.description) == (("AU6", "AU12"), None, None)
    assert (second.AUs, second.labels) == ((), ("happiness",))


def test_kappa_is_that_of_an_independent_implementation() -> None:
    from sklearn.metrics import cohen_kappa_score

    pairs = (
        [("accept", "accept")] * 20
        + [("accept", "reject")] * 5
        + [("reject", "accept")] * 10
        + [("reject", "reject")] * 15
    )

    def review(name: str, number: int, decision: str) -> Review:
        reason = "why" if decision == "reject" else ""
        return Review(f"x-{number}", name, "2026-01-01T00:00:00+00:00", decision, text_hash("t"), reason)

    both = [review(name, n, pair[i]) for n, pair in enumerate(pairs) for i, name in enumerate(("ada", "bob"))]
    (found,) = agreement([*both, review("ada", 999, "accept")])
    assert (found.rows, found.same) == (50, 35)
    assert found.kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    (one,) = agreement([review("ada", 1, "accept"), review("bob", 1, "accept")])
    assert one.kappa is None


def test_a_sheet_goes_out_and_comes_back(tmp_path: Path) -> None:
    rows = {f"x-{n}": row(f"=1+{n} text", id=f"x-{n}") for n in range(4)}
    path, reviews = tmp_path / "sheet.csv", tmp_path / "reviews.jsonl"
    path.write_text(sheet(list(rows.values())), encoding="utf-8-sig")
    with open(path, encoding="utf-8-sig", newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert all(line["description"].startswith("'=") for line in lines), "no cell is a formula"
    lines[0]["decision"] = "accept"
    lines[1] |= {"decision": "Reject", "reason": "wrong"}
    lines[2] |= {"decision": "edit", "new_labels": "anger"}
    filled(path, lines)
    assert read_sheet(path, lambda names: {name: rows[name] for name in names}, "ada", reviews) == 3
    assert [review.decision for review in read_reviews(reviews)] == ["accept", "reject", "edit"]
    assert {review.text_sha256 for review in read_reviews(reviews)} == {text_hash(f"=1+{n} text") for n in range(3)}


def filled(path: Path, lines: list[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "perhaps"}, r"sheet\.csv:3: unknown decision. Found: perhaps"),
        ({"decision": "reject"}, r"sheet\.csv:3: a rejection needs a reason"),
        ({"decision": "accept", "id": "y"}, r"sheet\.csv:3: no such row here. Found: y"),
        ({"decision": "accept", "description": "other"}, r"sheet\.csv:3: another text was reviewed"),
    ],
)
def test_a_bad_sheet_changes_nothing(tmp_path: Path, change: dict[str, str], words: str) -> None:
    rows = {f"x-{n}": row(id=f"x-{n}") for n in range(2)}
    path = tmp_path / "sheet.csv"
    path.write_text(sheet(list(rows.values())))
    with open(path, newline="") as handle:
        lines = list(csv.DictReader(handle))
    lines[0]["decision"] = "accept"
    lines[1] |= change
    filled(path, lines)
    with pytest.raises(FacialR1Error, match=words):
        read_sheet(path, lambda names: {n: rows[n] for n in names if n in rows}, "ada", tmp_path / "reviews.jsonl")
    assert not (tmp_path / "reviews.jsonl").exists()


def test_a_sheet_holds_texts_of_any_length(tmp_path: Path) -> None:
    path, one = tmp_path / "sheet.csv", row("word " * 60_000)
    cells = {**dict.fromkeys(SHEET, ""), "id": one["id"], "description": one["description"], "decision": "accept"}
    filled(path, [cells])
    assert read_sheet(path, lambda _: {one["id"]: one}, "ada", tmp_path / "reviews.jsonl") == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (",".join(SHEET).encode() + "\nx,très bien,,,accept,,,,\n".encode("cp1252"), "CSV in UTF-8"),
        (";".join(SHEET).encode(), "no column id.*commas"),
        (b"", "no column id"),
    ],
)
def test_what_a_spreadsheet_may_make_of_a_sheet(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"sheet\.csv.*{words}"):
        read_sheet(path, lambda _: {}, "ada", tmp_path / "reviews.jsonl")


def test_reviews_of_an_older_text_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [made(number).to_line() for number in range(3)])
    store = Store(find_place(path))
    for number in (0, 1):
        found = store.row(f"x-{number}")
        assert found is not None
        decide(store.place.reviews, found, "ada", "accept")
    lines = path.read_text().replace("<answer>fear", "<answer>anger", 1)
    path.write_text(lines)
    assert store.stale
    store.reload()
    assert ids(store, Filter(review=["accept"])) == ["x-1"]
    assert json.loads(store.place.reviews.read_text().splitlines()[0])["id"] == "x-0"
