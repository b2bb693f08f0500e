"""Ids, truth and protocols that do not fit together, each with its message."""

from __future__ import annotations

import pytest

from facial_r1.errors import InputError, UsageError
from facial_r1.evaluation import Settings, evaluate, find_protocol
from facial_r1.evaluation.predictions import Prediction
from facial_r1.folds import DISFA_PARTS
from facial_r1.sample import Sample

from .conftest import Make, Say

EIGHT = find_protocol("DISFA-8")
TWELVE = find_protocol("disfa-12")
QUICK = Settings(resamples=0)


def three_parts(sample: Make) -> list[Sample]:
    subjects = [part[0] for part in DISFA_PARTS.values()]
    return [
        sample(f"{subject}-{frame}", aus=["AU12"] if frame else [], subject=subject, group=subject, au_threshold=2)
        for subject in subjects
        for frame in range(2)
    ]


def right(samples: list[Sample]) -> list[Prediction]:
    return [Prediction(one.id, f"<think>A.</think><answer>{', '.join(one.AUs) or 'none'}</answer>") for one in samples]


def test_predictions_for_other_rows_are_named_and_counted(sample: Make, says: Say) -> None:
    rows = [sample("a", aus=["AU1"]), sample("b")]
    said = [says(name, "none", place=f"p.jsonl:{at}") for at, name in enumerate("axyzw")]
    with pytest.raises(InputError, match=r"4 of 5 predictions .* x, y, z and 1 more; the first at p.jsonl:1"):
        evaluate(rows, said, TWELVE)


def test_missing_predictions_are_named_and_may_be_allowed(sample: Make, says: Say) -> None:
    rows = [sample("a", aus=["AU1"]), sample("b", aus=["AU1"]), sample("c")]
    with pytest.raises(InputError, match=r"2 of 3 rows have no prediction. Found: b, c. .*--allow-missing"):
        evaluate(rows, [says("a", "AU1")], TWELVE)
    found = evaluate(rows, [says("a", "AU1")], TWELVE, settings=Settings(allow_missing=True, resamples=0))
    assert (found.coverage.rows, found.coverage.answered, found.coverage.missing) == (3, 1, 2)
    assert found.aus is not None
    assert found.aus_of_all is not None
    assert (found.aus.f1["AU1"], found.aus_of_all.f1["AU1"]) == (1.0, pytest.approx(2 / 3))
    assert any("2 of 3 rows have no answer" in text for text in found.warnings)


def test_the_same_id_twice_in_the_data(sample: Make, says: Say) -> None:
    with pytest.raises(InputError, match=r"1 ids of the data set stand twice. Found: a"):
        evaluate([sample("a"), sample("a")], [says("a", "none")])


def test_rows_of_another_corpus(sample: Make, says: Say) -> None:
    with pytest.raises(InputError, match=r"nothing for the protocol BP4D-12. Found: disfa. Expected: rows of bp4d"):
        evaluate([sample("a")], [says("a", "none")], find_protocol("BP4D-12"))


def test_another_list_of_action_units(sample: Make, says: Say) -> None:
    rows = [sample("a", annotated=("AU1", "AU2"))]
    with pytest.raises(InputError, match=r"10 of the 12 Action Units of DISFA-12 are annotated in no row. Found: AU4"):
        evaluate(rows, [says("a", "none")], TWELVE)


def test_another_threshold(sample: Make, says: Say) -> None:
    with pytest.raises(InputError, match=r"another intensity than DISFA-12 .* threshold 1 \(1 rows\).*threshold: 2"):
        evaluate([sample("a", au_threshold=1)], [says("a", "none")], TWELVE)


def test_truth_that_is_missing(sample: Make, says: Say) -> None:
    rows = [sample("a", labels=["fear"]), sample("b")]
    said = [says("a", "fear"), says("b", "none")]
    with pytest.raises(InputError, match=r"1 of 2 rows lack what DISFA-12 scores. Found: a. .*--assume-annotated"):
        evaluate(rows, said, TWELVE)
    bare = [sample("c", annotated=())]
    with pytest.raises(InputError, match=r"1 rows know neither Action Units nor an emotion. Found: c"):
        evaluate(bare, [says("c", "none")])


def test_truth_that_a_plain_file_takes_for_granted(sample: Make, says: Say) -> None:
    rows = [sample("a", aus=["AU1", "AU25"], annotated=())]
    said = [says("a", "AU1, AU25, AU43")]
    found = evaluate(rows, said, TWELVE, settings=Settings(assume_annotated=True, resamples=0))
    assert found.aus is not None
    assert found.aus.micro == 1.0
    assert found.coverage.outside == 1


def test_a_label_outside_the_classes(sample: Make, says: Say) -> None:
    rows = [sample("a", labels=["contempt"], dataset="fer2013")]
    with pytest.raises(InputError, match=r"outside the classes of FER2013-7. Found: contempt \(1 rows\)"):
        evaluate(rows, [says("a", "contempt")], find_protocol("FER2013-7"))


def test_the_mean_of_parts_needs_every_part(sample: Make) -> None:
    rows = three_parts(sample)
    found = evaluate(rows, right(rows), EIGHT, settings=QUICK)
    assert found.aus is not None
    assert list(found.aus.per_part) == ["1", "2", "3"]
    assert found.aus.macro_present == 1.0
    lacking = [one for one in rows if not one.id.startswith("SN006")]
    with pytest.raises(
        InputError, match=r"mean of 3 parts, and 1 have no answered row.*part 2: 0 rows.*SN011.*--part N"
    ):
        evaluate(lacking, right(lacking), EIGHT)


def test_a_part_that_was_refused_throughout_is_missing_too(sample: Make) -> None:
    rows = three_parts(sample)
    said = [Prediction(one.id, "no", "refusal") if one.id.startswith("SN006") else one for one in right(rows)]
    with pytest.raises(InputError, match="1 have no answered row"):
        evaluate(rows, said, EIGHT, settings=Settings(allow_missing=True))


def test_one_part_alone_is_said_to_be_one(sample: Make) -> None:
    rows = three_parts(sample)
    said = [one for one in right(rows) if one.id.startswith("SN006")]
    found = evaluate(rows, said, EIGHT, settings=Settings(part=2, resamples=0))
    assert found.coverage.rows == 2
    assert found.settings.part == 2
    with pytest.raises(UsageError, match=r"no such part. Found: --part 4. Expected: 1, 2, 3"):
        evaluate(rows, said, EIGHT, settings=Settings(part=4))
    with pytest.raises(UsageError, match="DISFA-12 has no such part"):
        evaluate(rows, said, TWELVE, settings=Settings(part=1))


def test_a_subject_of_no_part(sample: Make) -> None:
    rows = [*three_parts(sample), sample("x", subject="SN014", au_threshold=2)]
    with pytest.raises(InputError, match=r"1 subjects are in no part of DISFA-8. Found: SN014. .* such as SN001"):
        evaluate(rows, right(rows), EIGHT)


def test_what_a_reader_should_know_stands_in_the_remarks(sample: Make, says: Say) -> None:
    rows = three_parts(sample)
    rows[0].meta_info.split = "train"
    found = evaluate([*rows, sample("z", dataset="expw", labels=["fear"])], right(rows), EIGHT, settings=QUICK)
    text = " ".join(found.remarks)
    assert "6 rows are not the 130,814 of DISFA-8" in text
    assert "1 rows of other corpora are left out" in text
    assert "1 rows belong to a training split" in text
    assert "24 subjects of DISFA-8 have no row: SN002" in text


def test_an_unknown_protocol() -> None:
    with pytest.raises(UsageError, match=r"Found: DISFA-9. Expected: one of DISFA-8, DISFA-12, BP4D-12"):
        find_protocol("DISFA-9")
