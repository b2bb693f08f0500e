"""``facial-r1 predict`` and ``facial-r1 evaluate``: ask a model about a data set, and score what it said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facial_r1.cli.backends import (
    BaseUrl,
    Concurrency,
    DryRun,
    MaxCost,
    MaxRequests,
    Model,
    Options,
    RetryFailed,
    Rpm,
    Tpm,
    backend_of,
    show_asked,
    show_estimate,
)
from facial_r1.cli.show import Quiet, out, progress, table
from facial_r1.errors import UsageError

if TYPE_CHECKING:
    from curation.spending import Limits
    from facial_r1.evaluation.judge import Judge
    from facial_r1.evaluation.predict import DataSet
    from facial_r1.evaluation.protocols import Protocol
    from facial_r1.evaluation.result import Evaluation
    from facial_r1.inference.protocol import Backend
    from facial_r1.progress import Progress

__all__ = ["evaluate", "predict"]

Split = Annotated[str, typer.Option(help="The split of a release folder.")]
Images = Annotated[
    Path | None,
    typer.Option("--image-folder", help="The folder that `image` is relative to; default `images` beside the file."),
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="WORD", help="A further label to allow; may be repeated.")
]
LabelRule = Annotated[str, typer.Option(help="With several true labels: `any` of them suffices, or the `set`.")]
AllowSend = Annotated[
    list[str] | None,
    typer.Option("--allow-send", metavar="NAME=REASON", help="Why a corpus' pictures may leave this machine."),
]

Files = Annotated[
    list[Path],
    typer.Argument(metavar="PREDICTIONS…", help="JSONL files; or EmoLA's folder, or Facial-R1's result JSON."),
]
Data = Annotated[Path, typer.Option(help="What was predicted on: a release folder, a run, or a JSONL file.")]
Folder = Annotated[Path, typer.Option("--out", file_okay=False, help="The folder for result, rows, report and tables.")]
ProtocolId = Annotated[str, typer.Option(help="DISFA-8, DISFA-12, BP4D-12, RAF-AU, FABA-12, FEA-20K, …")]
Name = Annotated[str, typer.Option(help="The model's name in tables; default: as the predictions say.")]
Part = Annotated[int | None, typer.Option(help="Score one part of a protocol with parts alone.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Score what there is; the coverage says how much that is.")
]
AssumeAnnotated = Annotated[
    bool, typer.Option("--assume-annotated", help="Rows without `au_annotated` were coded for the protocol's AUs.")
]
Reader = Annotated[
    str | None, typer.Option(help="How answers are read: tags, think, text or faba; default: by the file.")
]
Rouge = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="ROUGE to compute, such as rougeL_pltrdy; may be repeated.")
]
WithTags = Annotated[
    bool, typer.Option("--with-tags", help="Compare texts with their tags, only to reproduce such numbers.")
]
JudgeName = Annotated[
    str | None, typer.Option("--judge", metavar="BACKEND", help="Have texts judged, for example openai.")
]
JudgeModel = Annotated[str | None, typer.Option(help="The judge's model.")]
JudgeUrl = Annotated[str | None, typer.Option(help="The judge's server.")]
JudgeOptions = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A further option of the judge's backend.")
]
RubricName = Annotated[str, typer.Option(help="agreement (one score), or criteria (three, with the picture).")]
Control = Annotated[Path | None, typer.Option(help="The same model's predictions with --shuffle-pictures.")]
Beside = Annotated[
    list[Path] | None, typer.Option(help="An earlier evaluation to show beside this one, and to test against.")
]
Reviewed = Annotated[bool, typer.Option("--require-reviewed-test", help="Stop unless people accepted every reference.")]
Reviews = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="Their reviews; default: where the viewer writes them."),
]
Resamples = Annotated[int, typer.Option(min=0, help="Of bootstrap and paired tests; 0 leaves them out.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the same.")]


def predict(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A release folder, a run, or a JSONL file.")],
    file: Annotated[Path, typer.Option("--out", dir_okay=False, help="The JSONL to write.")],
    backend: Annotated[str, typer.Option(help="Who answers: openai, transformers, vllm, openai-batch, template.")],
    split: Split = "test",
    image_folder: Images = None,
    model: Model = None,
    base_url: BaseUrl = None,
    option: Options = None,
    label: Labels = None,
    label_rule: LabelRule = "any",
    shuffle_pictures: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="A control: show each row another subject's picture of its corpus."),
    ] = None,
    allow_send: AllowSend = None,
    concurrency: Concurrency = 8,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Ask a model the blind question about every row; answers are kept as they come, so a stopped run goes on."""
    from curation.spending import Limits, budget_of
    from facial_r1.evaluation.predict import estimated, find_data
    from facial_r1.evaluation.predict import predict as run
    from facial_r1.inference.prices import price_of

    found = find_data(data, split=split, images=image_folder, label_set=label or ())
    asked, reasons = backend_of(backend, model, base_url, option), _reasons(allow_send)
    price = price_of(asked.model)
    if dry_run:
        show_estimate(estimated(found, asked, file, price, label_rule=label_rule, shuffle=shuffle_pictures), "model")
        return
    with progress(quiet) as bar:
        done = run(
            found,
            asked,
            file,
            label_rule=label_rule,
            shuffle=shuffle_pictures,
            allow_send=reasons,
            concurrency=concurrency,
            rpm=rpm,
            tpm=tpm,
            budget=budget_of(price, asked, Limits(max_cost=max_cost, max_requests=max_requests), bar),
            retry_failed=retry_failed,
            progress=bar,
        )
    show_asked(done.stats)
    if asked.name == "template":
        out.print("the template was told the truth: these predictions test the machinery, no model")
    out.print(f"done: {done.file}")


def evaluate(
    predictions: Files,
    data: Data,
    folder: Folder,
    protocol: ProtocolId = "open",
    split: Split = "test",
    name: Name = "",
    part: Part = None,
    allow_missing: AllowMissing = False,
    assume_annotated: AssumeAnnotated = False,
    reader: Reader = None,
    label: Labels = None,
    label_rule: LabelRule = "any",
    rouge: Rouge = None,
    with_tags: WithTags = False,
    judge: JudgeName = None,
    judge_model: JudgeModel = None,
    judge_url: JudgeUrl = None,
    judge_option: JudgeOptions = None,
    rubric: RubricName = "agreement",
    image_folder: Images = None,
    allow_send: AllowSend = None,
    concurrency: Concurrency = 8,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    retry_failed: RetryFailed = False,
    control: Control = None,
    beside: Beside = None,
    require_reviewed_test: Reviewed = False,
    reviews: Reviews = None,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Score predictions under a protocol; writes result.json, rows.jsonl, report.html, report.md and table.tex."""
    from curation.spending import Limits
    from facial_r1 import evaluation

    evaluation.check_folder(folder)
    chosen, labels, reasons = evaluation.find_protocol(protocol), tuple(label or ()), _reasons(allow_send)
    settings = evaluation.Settings(
        allow_missing=allow_missing,
        assume_annotated=assume_annotated,
        part=part,
        label_rule=label_rule,
        label_set=labels,
        rouge=tuple(rouge or evaluation.Settings().rouge),
        with_tags=with_tags,
        resamples=resamples,
        seed=seed,
    )
    asked = _judge_named(judge, judge_model, judge_url, judge_option, rubric)
    found = evaluation.find_data(data, split=split, images=image_folder, label_set=labels)
    remarks = [_reviewed(found, chosen, part, reviews, data)] if require_reviewed_test else []
    said = evaluation.load_predictions(predictions, found.samples, reader=reader)
    shuffled = None if control is None else evaluation.load_predictions([control], found.samples, reader=reader)
    limits = Limits(concurrency, max_cost=max_cost, max_requests=max_requests, retry_failed=retry_failed)
    with progress(quiet) as bar:
        result = evaluation.evaluate(
            found.samples,
            said,
            chosen,
            settings=settings,
            judge=None if asked is None else _judge(found, asked, folder, rubric, reasons, limits, bar),
            judge_model="" if asked is None else asked.model,
            control=shuffled,
            model=name,
        )
    result.about = {"data": found.file.name, "predictions": [path.name for path in predictions]}
    result.about |= {} if asked is None else {"judge": asked.model, "rubric": rubric}
    result.remarks += remarks
    evaluation.save(result, folder, evaluation.against(result, beside or ()))
    _show(result)
    out.print(f"done: {folder / 'report.html'}")


def _show(result: Evaluation) -> None:
    from facial_r1.evaluation.headline import figures, identity

    plain = result.to_json()
    out.print(f"{result.model}: {identity(plain)}")
    rows = [(one.name, str(one), f"{one.rows:,} of {one.of:,}") for one in figures(plain)]
    table("", ("metric", "value [95 % interval]", "rows"), rows)
    coverage = result.coverage
    out.print(
        f"refused {coverage.refused:,}, failed {coverage.failed:,}, missing {coverage.missing:,}; "
        f"without a label {coverage.no_label:,}, without Action Units {coverage.no_aus:,}, "
        f"outside the grammar {coverage.malformed:,}"
    )
    for text in result.warnings:
        out.print(f"warning: {text}")
    for text in result.remarks:
        out.print(f"remark: {text}")


def _reasons(written: list[str] | None) -> dict[str, str]:
    reasons = {}
    for text in written or ():
        name, equals, reason = text.partition("=")
        if not (name and equals and reason.strip()):
            raise UsageError("--allow-send needs NAME=REASON", found=text, do='such as --allow-send expw="own copy, …"')
        reasons[name] = reason
    return reasons


def _reviewed(found: DataSet, protocol: Protocol, part: int | None, reviews: Path | None, data: Path) -> str:
    from facial_r1.evaluation.checks import choose
    from facial_r1.evaluation.reviewed import check_reviewed
    from facial_r1.reviews import reviews_of

    return check_reviewed(choose(found.samples, protocol, part), reviews or reviews_of(data))


def _judge_named(
    judge: str | None, model: str | None, url: str | None, options: list[str] | None, rubric: str
) -> Backend | None:
    from facial_r1.evaluation.judge import OPTIONS, RUBRICS

    if rubric not in RUBRICS:
        raise UsageError("unknown rubric", found=rubric, expected=f"one of {', '.join(RUBRICS)}")
    if judge is None:
        if model or url or options:
            raise UsageError("nobody is to judge", found="options of a judge", do="name its backend with --judge")
        return None
    if not (model or options):
        raise UsageError("a judge needs a model", found=judge, do="name it with --judge-model")
    return backend_of(judge, model, url, options, OPTIONS)


def _judge(
    data: DataSet,
    backend: Backend,
    folder: Path,
    rubric: str,
    reasons: dict[str, str],
    limits: Limits,
    bar: Progress,
) -> Judge:
    from curation.spending import budget_of
    from facial_r1.evaluation.judge import RUBRICS, judging
    from facial_r1.inference.prices import price_of

    return judging(
        data,
        backend,
        folder / "judge.journal",
        rubric=RUBRICS[rubric],
        allow_send=reasons,
        concurrency=limits.concurrency,
        budget=budget_of(price_of(backend.model), backend, limits, bar),
        retry_failed=limits.retry_failed,
        progress=bar,
    )
