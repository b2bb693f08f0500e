"""Whether the reasoning carries the answer, on cases where that is known."""

from __future__ import annotations

import pytest

from facial_r1.evaluation import Settings, evaluate
from facial_r1.evaluation.faithfulness import Faithfulness, label_prior
from facial_r1.evaluation.predictions import Prediction
from facial_r1.evaluation.rows import Row
from facial_r1.sample import Sample

from .conftest import Make

QUICK = Settings(resamples=0)
KNOWN = ("AU4", "AU6", "AU12")


def check(samples: list[Sample], *texts: str) -> Faithfulness:
    said = [Prediction(one.id, text) for one, text in zip(samples, texts, strict=True)]
    return evaluate(samples, said, settings=QUICK).faithfulness


def test_action_units_in_the_prose_against_the_truth(sample: Make) -> None:
    rows = [sample("a", aus=["AU6", "AU12"], annotated=KNOWN), sample("b", aus=["AU4"], annotated=KNOWN)]
    found = check(
        rows,
        "<think>Cheeks rise (AU6), brows sink (AU4), lips part (AU25), AU99.</think><answer>AU6, AU12</answer>",
        "<think>The brows are lowered (AU4).</think><answer>none</answer>",
    )
    assert (found.prose_precision, found.prose_recall) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (found.outside, found.invented, found.prose_rows) == (1, 1, 2)
    assert (found.lists_agree.hits, found.lists_agree.total) == (0, 2)


def test_words_beside_a_number(sample: Make) -> None:
    text = "The lip corners rise (AU12). The lips part (AU6). The corners sink (AU12). AU4!"
    found = check([sample("a", aus=["AU12"], annotated=KNOWN)], f"<think>{text}</think><answer>AU12</answer>")
    assert found.fits == {"own": 1, "other": 1, "contrary": 1, "bare": 1}


def test_the_reasoning_names_the_answer(sample: Make) -> None:
    rows = [sample(f"r{at}", labels=["fear"], annotated=(), dataset="expw") for at in range(3)]
    found = check(
        rows,
        "<think>Wide eyes show fear.</think><answer>fear</answer>",
        "<think>A cheerful smile, all joy.</think><answer>fear</answer>",
        "<think>Wide eyes.</think><answer>fear</answer>",
    )
    assert (found.names_answer.hits, found.names_answer.total) == (1, 3)
    assert found.names_another.hits == 1
    assert found.names_answer.interval is not None


def test_the_action_units_fit_a_prototype(sample: Make) -> None:
    rows = [sample(f"r{at}", aus=["AU12"], labels=["happiness"], annotated=KNOWN, dataset="raf_au") for at in range(2)]
    found = check(
        rows,
        "<think>Cheeks (AU6) and lip corners (AU12).</think><answer>happiness</answer>",
        "<think>Cheeks (AU6) and lip corners (AU12).</think><answer>anger</answer>",
    )
    assert (found.prototype.hits, found.prototype.total) == (1, 2)


def prior_row(identity: str, aus: tuple[str, ...], true: str, said: str) -> Row:
    return Row(
        identity,
        "d",
        identity,
        "answered",
        "ok",
        "au+emotion",
        aus=aus,
        annotated=KNOWN,
        labels=(true,),
        said_labels=(said,),
    )


def test_the_label_prior_claims_what_other_faces_with_the_label_show() -> None:
    rows = [
        prior_row("a", ("AU12",), "happiness", "happiness"),
        prior_row("b", ("AU12", "AU6"), "happiness", "happiness"),
        prior_row("c", ("AU12",), "happiness", "anger"),
        prior_row("d", ("AU4",), "anger", "anger"),
    ]
    # For a, half of b and c show AU6; for b, neither a nor c does. c answers anger, as d shows it; d is alone with it.
    assert label_prior(rows, KNOWN) == [("AU6", "AU12"), ("AU12",), ("AU4",), ()]


def test_baselines_look_at_no_picture(sample: Make) -> None:
    rows = [
        sample("a", aus=["AU12"], labels=["happiness"], annotated=KNOWN, dataset="raf_au"),
        sample("b", aus=["AU12"], labels=["happiness"], annotated=KNOWN, dataset="raf_au"),
        sample("c", aus=["AU4"], labels=["anger"], annotated=KNOWN, dataset="raf_au"),
    ]
    text = "<think>Corners up (AU12).</think><answer>happiness</answer>"
    base = check(rows, text, text, text).baselines
    assert base.always == pytest.approx((2 * 2 / 5 + 2 * 1 / 4) / 2)
    assert base.majority == pytest.approx(2 / 3)
    assert base.label_prior == pytest.approx(0.8 / 2)
    assert base.label_prior_model == pytest.approx(0.8 / 2)


def test_nothing_to_look_at(sample: Make) -> None:
    found = check([sample("a", labels=["fear"], annotated=(), dataset="expw")], "fear")
    assert found.prose_f1 is None
    assert found.names_answer.value is None
    assert found.names_answer.interval is None
    assert found.baselines.always is None
