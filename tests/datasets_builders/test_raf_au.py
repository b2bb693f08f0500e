"""RAF-AU: hand-typed lines with their real quirks, joined with hand-typed RAF-ML and RAF-CE files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasets_builders import corpus, require
from datasets_builders.common.corpus import Report
from datasets_builders.common.rafml import COLUMNS, COMPOUNDS, LABELS, TIE_RULES, majority
from datasets_builders.common.repeats import without_repeats
from datasets_builders.raf_au import CODED, Coding, parse_line
from facial_r1 import facs
from facial_r1.errors import FacialR1Error, InputError, NotThisCorpus, UsageError
from facial_r1.sample import Sample, strict_faults

RAF_AU = corpus("raf_au")

LABEL_FILE = """\
0001.jpg 1+2+5+25+26
0002.jpg 4+L10+17+24
0003.jpg null
0007.jpg 26+26\x20
0030.jpg 22+17+20+16
0033.jpg AD19+T24+B22+R2+L12
"""

DISTRIBUTION = """\
0001.jpg 0.62 0.10 0.05 0.00 0.08 0.15
0002.jpg 0.00 0.05 0.10 0.00 0.05 0.80
0003.jpg 0.10 0.10 0.60 0.10 0.10 0.00
0007.jpg 0.1 0.05 0.05 0.7 0.05 0.05
0030.jpg 0 0.3 0 0.1 0.3 0.3
0033.jpg 0.30 0.40 0.10 0.05 0.10 0.05
0999.jpg 0.10 0.00 0.10 0.05 0.70 0.05
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "RAF-AU"
    for name in ("aligned", "original"):
        (folder / name).mkdir(parents=True)
    (folder / "RAFAU_label.txt").write_text(LABEL_FILE)
    for number in (1, 2, 3, 7, 30, 33):
        (folder / "aligned" / f"{number:04d}_aligned.jpg").touch()
        (folder / "original" / f"{number:04d}.jpg").touch()
    return folder


@pytest.fixture
def rafml(tmp_path: Path) -> Path:
    folder = tmp_path / "RAF-ML" / "EmoLabel"
    folder.mkdir(parents=True)
    (folder / "distribution.txt").write_text(DISTRIBUTION)
    return folder.parent


def _scan(root: Path, *, keep_going: bool = False, **options: object) -> tuple[dict[str, Sample], Report]:
    report = Report(keep_going=keep_going)
    return {row.id: row for row in RAF_AU.scan(root, report, **options)}, report


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "codes", "sides"),
    [
        ("0001.jpg 1+2+5+25+26", ["AU1", "AU2", "AU5", "AU25", "AU26"], []),
        ("0002.jpg 4+L10+17+24", ["AU4", "AU10", "AU17", "AU24"], [("AU10", "L")]),
        ("0004.jpg L12", ["AU12"], [("AU12", "L")]),
        ("0004.jpg R2+1", ["AU1", "AU2"], [("AU2", "R")]),
        ("0004.jpg T24+B22+B28", ["AU22", "AU24", "AU28"], [("AU22", "B"), ("AU24", "T"), ("AU28", "B")]),
        ("0004.jpg AD19", ["AD19"], []),
        ("0004.jpg 19", ["AD19"], []),
        ("0004.jpg 26+26", ["AU26"], []),
        ("0004.jpg 20+16", ["AU16", "AU20"], []),
        ("0004.jpg 22+17", ["AU17", "AU22"], []),
        ("0004.jpg 25 ", ["AU25"], []),
        ("0004.jpg\t25\r", ["AU25"], []),
        ("0004.jpg 21+39", ["AU21", "AU39"], []),
        ("0004.jpg L12+R12", ["AU12"], [("AU12", "L"), ("AU12", "R")]),
        ("0004.jpg L12+L12+12", ["AU12"], [("AU12", "L")]),
        ("0004.JPG t23+RB18", ["AU18", "AU23"], [("AU18", "RB"), ("AU23", "T")]),
    ],
)
def test_a_line_gives_its_codes_and_sides(line: str, codes: list[str], sides: list[tuple[str, str]]) -> None:
    coding = parse_line(line, "RAFAU_label.txt", 1)
    assert coding.codes == tuple(codes)
    assert coding.sides == tuple(sides)
    assert coding.unknown == ()


def test_null_is_no_coding_and_not_an_empty_one() -> None:
    assert parse_line("0003.jpg null", "f", 1) == Coding(3, None)
    assert parse_line("3.jpg NULL ", "f", 1) == Coding(3, None)


@pytest.mark.parametrize(
    "line",
    [
        "0001.jpg",
        "0001.jpg 1 + 2",
        "0001.jpg 1+",
        "0001.jpg +1",
        "0001.jpg 1++2",
        "0001.jpg 1,2",
        "0001.jpg smile",
        "0001.jpg 12C",
        "0001.jpg 1-2",
        "1+2+5 0001.jpg",
        "../0001.jpg 1",
        "/etc/0001.jpg 1",
        "0001.txt 1",
        "0001 1",
        "name.jpg 1",
        "0001.jpg 9999",
        "0001.jpg \\xff",
        "٣.jpg 1",
    ],
)
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(InputError, match=r"^RAFAU_label\.txt:17: ") as caught:
        parse_line(line, "RAFAU_label.txt", 17)
    assert "0002.jpg 4+L10+17+24" in str(caught.value)


def test_an_unknown_number_is_kept_apart() -> None:
    assert parse_line("0001.jpg 1+99+L98", "f", 1) == Coding(1, ("AU1",), (), ("99", "L98"))


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,5}\.jpg [LRBTUAD0-9+ null]{0,20}", fullmatch=True))
@example("0001.jpg " + "9" * 5000)
@example("9" * 5000 + ".jpg 1")
def test_any_text_is_a_coding_or_one_clear_error(text: str) -> None:
    try:
        coding = parse_line(text, "f.txt", 3)
    except FacialR1Error as error:
        message = str(error)
    else:
        codes = list(coding.codes or ())
        assert codes == facs.sort_codes(codes)
        assert {au for au, _ in coding.sides} <= set(codes)
        return
    assert message.startswith("f.txt:3: ")


@given(st.lists(st.tuples(st.sampled_from(["", "L", "R", "T", "B"]), st.sampled_from(CODED)), min_size=1, max_size=9))
def test_what_a_coder_wrote_is_read_in_any_order(tokens: list[tuple[str, str]]) -> None:
    text = "+".join(f"{side}{facs.number(code)}" for side, code in tokens)
    coding = parse_line(f"0001.jpg {text}", "f", 1)
    assert coding.codes == tuple(facs.sort_codes(code for _, code in tokens))
    assert set(coding.sides) == {(code, side) for side, code in tokens if side}


# --- rows without an emotion -----------------------------------------------------------------------------------------


def test_rows_without_a_join_know_aus_only(root: Path) -> None:
    rows, report = _scan(root)
    assert list(rows) == [f"raf_au-{n:04d}" for n in (1, 2, 3, 7, 30, 33)]
    row = rows["raf_au-0002"]
    meta = row.meta_info
    assert (row.AUs, row.labels, meta.task) == (["AU4", "AU10", "AU17", "AU24"], [], "au")
    assert meta.au_side == [{"au": "AU10", "value": "L"}]
    assert (meta.au_source, meta.label_source, meta.label_set, meta.extra) == ("human", None, [], None)
    assert (meta.group, meta.origin_ids, meta.source) == ("raf_au-0002", ["rafml:0002"], "RAFAU_label.txt:2")
    assert (meta.subject, meta.au_threshold, meta.au_intensity) == (None, None, [])
    assert report == Report()


def test_null_rows_know_nothing_and_are_never_neutral(root: Path) -> None:
    row = _scan(root)[0]["raf_au-0003"]
    assert (row.AUs, row.labels, row.meta_info.au_annotated, row.meta_info.task) == ([], [], [], None)
    assert row.meta_info.au_source is None


def test_every_code_that_occurs_is_annotated_in_every_coded_row(root: Path) -> None:
    (root / "RAFAU_label.txt").write_text(LABEL_FILE + "0034.jpg 11+45\n")
    rows, _ = _scan(root)
    annotated = rows["raf_au-0001"].meta_info.au_annotated
    assert set(annotated) == {*CODED, "AU11", "AU45"}
    assert annotated == facs.sort_codes(annotated)
    assert all(row.meta_info.au_annotated in ([], annotated) for row in rows.values())


def test_the_coded_set_is_facial_r1_s_27_numbers_and_the_two_of_real_files() -> None:
    numbers = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 43]
    assert len(numbers) == 27
    assert [facs.number(code) for code in CODED] == sorted([*numbers, 21, 39])
    assert RAF_AU.au_set == CODED


def test_a_row_with_an_unknown_number_is_dropped_with_its_reason(root: Path) -> None:
    (root / "RAFAU_label.txt").write_text("0001.jpg 1+99\n0002.jpg 4\n")
    rows, report = _scan(root)
    assert list(rows) == ["raf_au-0002"]
    [dropped] = report.dropped
    assert (dropped.id, dropped.reason, dropped.AUs) == ("raf_au-0001", "unknown_au", ("AU1",))
    assert (dropped.detail, dropped.source) == ("FACS has no number 99", "RAFAU_label.txt:1")


def test_repeated_rows_are_told_apart_by_what_they_say(root: Path) -> None:
    (root / "RAFAU_label.txt").write_text("0001.jpg 1+2\n0002.jpg 4\n1.jpg 2+1\n0002.jpg 5\n")
    report = Report()
    assert len(list(without_repeats(RAF_AU.scan(root, report), report))) == 1
    assert [(row.id, row.reason) for row in report.dropped] == [
        ("raf_au-0001", "repeat"),
        ("raf_au-0002", "conflicting_repeat"),
        ("raf_au-0002", "conflicting_repeat"),
    ]


# --- RAF-ML ----------------------------------------------------------------------------------------------------------


def test_the_label_is_the_most_voted_emotion_in_raf_ml_s_column_order(root: Path, rafml: Path) -> None:
    rows, report = _scan(root, rafml=rafml)
    assert {name[-4:]: row.labels for name, row in rows.items()} == {
        "0001": ["surprise"],
        "0002": ["anger"],
        "0003": ["disgust"],
        "0007": ["happiness"],
        "0030": ["anger"],
        "0033": ["fear"],
    }
    assert report.missing == []
    meta = rows["raf_au-0001"].meta_info
    assert (meta.task, meta.label_source) == ("au+emotion", "joined:rafml")
    assert meta.label_set == ["anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    assert meta.extras() == {
        "distribution": {
            "surprise": 0.62, "fear": 0.10, "disgust": 0.05, "happiness": 0.0, "sadness": 0.08, "anger": 0.15,
        },
        "top_probability": 0.62,
        "tie_rule": "alphabetical",
    }  # fmt: skip


def test_a_joined_null_row_knows_its_emotion_only(root: Path, rafml: Path) -> None:
    row = _scan(root, rafml=rafml)[0]["raf_au-0003"]
    assert (row.meta_info.task, row.labels, row.meta_info.au_annotated) == ("emotion", ["disgust"], [])


def test_ties_follow_the_rule_and_the_rule_is_recorded(root: Path, rafml: Path) -> None:
    for rule, label in (("alphabetical", "anger"), ("file_order", "fear")):
        row = _scan(root, rafml=str(rafml), ties=rule)[0]["raf_au-0030"]
        assert row.labels == [label]
        assert row.meta_info.extras()["tie_rule"] == rule


def test_pictures_that_raf_ml_lacks_are_said(root: Path, rafml: Path) -> None:
    (rafml / "EmoLabel" / "distribution.txt").write_text(DISTRIBUTION.splitlines()[1])
    rows, report = _scan(root, rafml=rafml)
    assert [row.meta_info.task for row in rows.values()] == ["au", "au+emotion", None, "au", "au", "au"]
    assert report.missing == ["emotions from rafml: 5 of 6 are missing: 0001, 0003, 0007, 0030, 0033"]


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("0001.jpg 0.62 0.10 0.05 0.00 0.08", 1),
        ("0001.jpg 0.62 0.10 0.05 0.00 0.08 0.15 0.0", 1),
        ("0002.jpg 0.00 0.05 0.10 0.00 0.05 0.80\n0001.jpg 0.62 0.10 0.05 0.00 0.08 many", 2),
        ("0001.jpg 0.62 -0.10 0.05 0.00 0.08 0.15", 1),
        ("0001.jpg nan 0.10 0.05 0.00 0.08 0.15", 1),
        ("0001.jpg 62 10 5 0 8 15", 1),
        ("0001.jpg 0 0 0 0 0 0", 1),
        ("face.jpg 0.62 0.10 0.05 0.00 0.08 0.15", 1),
        ("0001.jpg 0.62 0.10 0.05 0.00 0.08 0.15\n1.jpg 0.10 0.62 0.05 0.00 0.08 0.15", 2),
    ],
)
def test_a_bad_line_of_raf_ml_is_named(root: Path, rafml: Path, line: str, number: int) -> None:
    (rafml / "EmoLabel" / "distribution.txt").write_text(line)
    with pytest.raises(InputError, match=rf"distribution\.txt:{number}: this (line|picture)"):
        _scan(root, rafml=rafml)


@given(st.dictionaries(st.sampled_from(COLUMNS), st.integers(0, 4), min_size=6, max_size=6))
def test_both_tie_rules_choose_a_most_voted_emotion(votes: dict[str, int]) -> None:
    shares = {name: float(votes[name]) for name in COLUMNS}
    chosen = {rule: majority(shares, rule) for rule in TIE_RULES}
    top = [name for name in COLUMNS if votes[name] == max(votes.values())]
    assert chosen == {"alphabetical": sorted(top)[0], "file_order": top[0]}


# --- RAF-CE ----------------------------------------------------------------------------------------------------------


def test_raf_ce_gives_two_labels(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "RAF-CE"
    folder.mkdir()
    (folder / "RAFCE_emolabel.txt").write_text("0001.jpg 0\n0002_aligned.jpg 3\n0003.jpg 13\n")
    rows, report = _scan(root, rafce=folder)
    assert rows["raf_au-0001"].labels == ["happiness", "surprise"]
    assert rows["raf_au-0002"].labels == ["sadness", "anger"]
    assert (rows["raf_au-0003"].labels, rows["raf_au-0003"].meta_info.task) == (["happiness", "sadness"], "emotion")
    meta = rows["raf_au-0002"].meta_info
    assert (meta.label_source, meta.extras()) == ("joined:rafce", {"compound": "sadly angry", "rafce_class": 3})
    assert report.missing == ["emotions from rafce: 3 of 6 are missing: 0007, 0030, 0033"]


def test_the_compound_classes_in_their_published_order() -> None:
    typed = (
        "happily surprised, happily disgusted, sadly fearful, sadly angry, sadly surprised, sadly disgusted, "
        "fearfully angry, fearfully surprised, fearfully disgusted, angrily surprised, angrily disgusted, "
        "disgustedly surprised, happily fearful, happily sad"
    )
    assert [name for name, _ in COMPOUNDS] == typed.split(", ")
    stems = {
        "happ": "happiness",
        "sad": "sadness",
        "fear": "fear",
        "ang": "anger",
        "disg": "disgust",
        "surp": "surprise",
    }
    for name, labels in COMPOUNDS:
        assert labels == tuple(next(v for k, v in stems.items() if word.startswith(k)) for word in name.split())


@pytest.mark.parametrize("line", ["0001.jpg 14", "0001.jpg -1", "0001.jpg", "0001.jpg 1 2", "0001.jpg ³", "x 1"])
def test_a_bad_line_of_raf_ce_is_named(root: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "RAFCE_emolabel.txt").write_text(f"0002.jpg 1\n{line}\n")
    with pytest.raises(InputError, match=r"RAFCE_emolabel\.txt:2: .*class of 0-13"):
        _scan(root, rafce=tmp_path)


@pytest.mark.parametrize("option", ["rafml", "rafce"])
def test_a_join_that_is_not_there_is_an_error(root: Path, tmp_path: Path, option: str) -> None:
    for folder, what in (
        (tmp_path / "absent", r"RAF-(ML|CE): there is no such folder"),
        (root, r"this folder is not RAF-(ML|CE)"),
    ):
        with pytest.raises(NotThisCorpus, match=rf"{what}.*--with {option}=DIR"):
            _scan(root, **{option: folder})


# --- copies and pictures ----------------------------------------------------------------------------------------------


def test_pictures_by_kind(root: Path) -> None:
    rows = list(_scan(root)[0].values())
    assert [raw.path for raw in RAF_AU.raw(root, rows[:2])] == [
        root / "aligned" / "0001_aligned.jpg",
        root / "aligned" / "0002_aligned.jpg",
    ]
    assert [raw.path for raw in RAF_AU.raw(root, rows[:1], pictures="original")] == [root / "original" / "0001.jpg"]


@pytest.mark.parametrize("name", ["7_aligned.jpg", "0007_aligned.JPG", "7.jpg", "00007.jpeg"])
def test_zeros_and_doubled_folders_do_not_matter(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "raf" / "Aligned" / "aligned"
    inner.mkdir(parents=True)
    (inner / name).touch()
    (tmp_path / "raf" / "rafau_Label.txt").write_text("7.jpg 25 \n")
    assert RAF_AU.recognises(tmp_path)
    rows, report = _scan(tmp_path)
    assert list(rows) == ["raf_au-0007"]
    assert report.missing == []
    assert [raw.path for raw in RAF_AU.raw(tmp_path, list(rows.values()))] == [inner / name]


def test_missing_pictures_are_said_and_have_a_reason(root: Path) -> None:
    (root / "aligned" / "0002_aligned.jpg").unlink()
    rows, report = _scan(root)
    assert report.missing == ["pictures in a folder aligned: 1 of 6 are missing: 0002"]
    raws = list(RAF_AU.raw(root, list(rows.values())))
    assert [raw.problem for raw in raws if raw.problem] == [("picture_missing", "there is no aligned picture 0002")]
    assert len(raws) == 6
    [raw] = RAF_AU.raw(root, [Sample("expw-a-b", "expw")])
    assert raw.problem is not None


def test_two_pictures_of_one_number_are_an_error(root: Path) -> None:
    (root / "aligned" / "1.jpg").touch()
    with pytest.raises(InputError, match="two pictures carry the number 1"):
        _scan(root)
    rows, report = _scan(root, keep_going=True)
    assert len(rows) == 6
    assert len(report.errors) == 1


def test_linked_and_read_only_copies_read_the_same(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    before = [row.to_line() for row in _scan(root)[0].values()]
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o555)
    try:
        assert [row.to_line() for row in _scan(tmp_path / "link")[0].values()] == before
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(stat.S_IRWXU)


def test_the_rows_that_may_be_released_are_as_a_release_wants_them(root: Path, rafml: Path) -> None:
    for options in ({}, {"rafml": rafml}):
        for row in _scan(root, **options)[0].values():
            row.image = "raf_au/x.jpg"
            assert strict_faults(row) == [] or row.meta_info.task is None


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "label.lst").touch()
    assert not RAF_AU.recognises(tmp_path)
    with pytest.raises(NotThisCorpus, match=r"RAFAU_label\.txt"):
        require("raf_au", tmp_path)
    with pytest.raises(NotThisCorpus, match="this folder is not RAF-AU"):
        _scan(tmp_path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", r"RAFAU_label\.txt: this label file holds no row"),
        (b"\n\n", "holds no row"),
        (b"0001.jpg 1+2\n0002.jpg 4+\xff\n", r"RAFAU_label\.txt:2: .*Found: `4|\\xff"),
        (b"0001.jpg 1+2\n0002.jpg", r"RAFAU_label\.txt:2: this line is not a picture and its codes"),
    ],
)
def test_a_broken_label_file_is_one_clear_error(root: Path, data: bytes, words: str) -> None:
    (root / "RAFAU_label.txt").write_bytes(data)
    with pytest.raises(InputError, match=words):
        _scan(root)
    rows, report = _scan(root, keep_going=True)
    assert len(report.errors) == 1
    assert len(rows) == data.count(b"+2")


def test_a_byte_order_mark_is_no_part_of_a_name(root: Path) -> None:
    (root / "RAFAU_label.txt").write_bytes(b"\xef\xbb\xbf" + LABEL_FILE.replace("\n", "\r\n").encode())
    assert len(_scan(root)[0]) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pictures": "cropped"}, "option pictures. Found: cropped. Expected: aligned or original"),
        ({"ties": "random"}, "option ties. Found: random. Expected: alphabetical or file_order"),
        ({"rafml": "a", "rafce": "b"}, "two sources of the emotion"),
        ({"rafdb": "a"}, "unknown option. Found: rafdb"),
    ],
)
def test_wrong_options_are_usage_errors(root: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _scan(root, **options)


# --- published numbers, typed here a second time ----------------------------------------------------------------------


def test_published_numbers(rafml: Path) -> None:
    assert RAF_AU.published() == {"rows": 4601, "null": 253, "coded": 4348}
    joined = RAF_AU.published(rafml=rafml)
    emotions = {"disgust": 1073, "surprise": 1008, "anger": 903, "sadness": 749, "happiness": 515, "fear": 353}
    assert {name[6:]: rows for name, rows in joined.items() if name.startswith("rafml/")} == emotions
    assert sum(emotions.values()) == joined["rows"]
    assert RAF_AU.label_set == LABELS == tuple(sorted(emotions))


@pytest.mark.parametrize("ties", TIE_RULES)
def test_counts_are_as_published_under_either_tie_rule(root: Path, rafml: Path, ties: str) -> None:
    report = Report()
    counts = RAF_AU.count(RAF_AU.scan(root, report, rafml=rafml, ties=ties), report)
    assert (counts["rows"], counts["null"], counts["coded"], counts["AU17"]) == (6, 1, 5, 2)
    assert counts["rafml/fear"] == 2  # row 0030 is a tie, and the published figure breaks it by column
    assert counts["rafml/anger"] == 1


def test_a_full_size_file_reads_quickly_enough(tmp_path: Path) -> None:
    lines = [f"{n:04d}.jpg {'null' if n <= 253 else '1+L12+25'}" for n in range(1, 4602)]
    (tmp_path / "RAFAU_label.txt").write_text("\n".join(lines))
    report = Report()
    counts = RAF_AU.count(RAF_AU.scan(tmp_path, report), report)
    assert {name: counts[name] for name in RAF_AU.published()} == RAF_AU.published()
    assert report.missing == [
        "pictures in a folder aligned: 4601 of 4601 are missing: 0001, 0002, 0003, 0004, 0005 and 4596 more"
    ]
