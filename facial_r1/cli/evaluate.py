"""``facial-r1 predict`` and ``facial-r1 evaluate``: ask a model about a data set, and score what it said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facial_r1.cli.show import Quiet, options_of, out, progress, table
from facial_r1.cli.teachers import Concurrency, MaxCost, MaxRequests, RetryFailed, Rpm, Tpm, show_estimate
from facial_r1.errors import UsageError

if TYPE_CHECKING:
    from facial_r1.evaluation.judge import Judge, Rubric
    from facial_r1.evaluation.predict import DataSet
    from facial_r1.evaluation.result import Evaluation
    from facial_r1.inference.budget import Budget
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


def predict(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A release folder, a run, or a JSONL file.")],
    file: Annotated[Path, typer.Option("--out", help="The JSONL to write.")],
    backend: Annotated[str, typer.Option(help="Who answers: openai, transformers, vllm, openai-batch, template.")],
    split: Split = "test",
    image_folder: Images = None,
    model: Annotated[str | None, typer.Option(help="Its model.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Its server, such as http://127.0.0.1:8000/v1.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="A further option of the backend, such as temperature=0."),
    ] = None,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print requests, tokens and cost; ask nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Ask a model the blind question about every row; answers are kept as they come, so a stopped run goes on."""
    from facial_r1.evaluation.predict import estimated, find_data
    from facial_r1.evaluation.predict import predict as run
    from facial_r1.inference.prices import price_of

    found = find_data(data, split=split, images=image_folder, label_set=label or ())
    asked = _backend(backend, model, base_url, option, {})
    price = price_of(model or asked.model)
    if dry_run:
        show_estimate(estimated(found, asked, file, price, label_rule=label_rule))
        return
    with progress(quiet) as bar:
        done = run(
            found,
            asked,
            file,
            label_rule=label_rule,
            shuffle=shuffle_pictures,
            allow_send=_reasons(allow_send),
            concurrency=concurrency,
            rpm=rpm,
            tpm=tpm,
            budget=_budget(asked, price, max_cost, max_requests),
            retry_failed=retry_failed,
            progress=bar,
        )
    stats = done.stats
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(stats.outcomes.items()))
    cost = "" if stats.cost is None else f", {stats.cost:.4f} USD"
    out.print(f"asked {stats.asked:,}, reused {stats.reused:,}: {outcomes}{cost}")
    if asked.name == "template":
        out.print("the template was told the truth: these predictions test the machinery, no model")
    out.print(f"done: {done.file}", markup=False)


def evaluate(
    predictions: Annotated[
        list[Path],
        typer.Argument(metavar="PREDICTIONS…", help="JSONL files; or EmoLA's folder, or Facial-R1's result JSON."),
    ],
    data: Annotated[Path, typer.Option(help="What was predicted on: a release folder, a run, or a JSONL file.")],
    folder: Annotated[Path, typer.Option("--out", help="The folder for result, rows, report and tables.")],
    protocol: Annotated[str, typer.Option(help="DISFA-8, DISFA-12, BP4D-12, RAF-AU, FABA-12, FEA-20K, …")] = "open",
    split: Split = "test",
    name: Annotated[str, typer.Option(help="The model's name in tables; default: as the predictions say.")] = "",
    part: Annotated[int | None, typer.Option(help="Score one part of a protocol with parts alone.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score what there is; the coverage says how much that is.")
    ] = False,
    assume_annotated: Annotated[
        bool,
        typer.Option("--assume-annotated", help="Rows without `au_annotated` were coded for the protocol's AUs."),
    ] = False,
    reader: Annotated[
        str | None, typer.Option(help="How answers are read: tags, think, text or faba; default: by the file.")
    ] = None,
    label: Labels = None,
    label_rule: LabelRule = "any",
    rouge: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="ROUGE to compute, such as rougeL_pltrdy; may be repeated.")
    ] = None,
    with_tags: Annotated[
        bool, typer.Option("--with-tags", help="Compare texts with their tags, only to reproduce such numbers.")
    ] = False,
    judge: Annotated[str | None, typer.Option(metavar="BACKEND", help="Have texts judged, for example openai.")] = None,
    judge_model: Annotated[str | None, typer.Option(help="The judge's model.")] = None,
    judge_url: Annotated[str | None, typer.Option(help="The judge's server.")] = None,
    judge_option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A further option of the judge's backend.")
    ] = None,
    rubric: Annotated[
        str, typer.Option(help="agreement (one score), or criteria (three, with the picture).")
    ] = "agreement",
    image_folder: Images = None,
    allow_send: AllowSend = None,
    concurrency: Concurrency = 8,
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    control: Annotated[Path | None, typer.Option(help="The same model's predictions with --shuffle-pictures.")] = None,
    beside: Annotated[
        list[Path] | None, typer.Option(help="An earlier evaluation to show beside this one, and to test against.")
    ] = None,
    require_reviewed_test: Annotated[
        bool, typer.Option("--require-reviewed-test", help="Stop unless people accepted every reference.")
    ] = False,
    reviews: Annotated[Path | None, typer.Option(help="Their reviews; default reviews.jsonl beside the data.")] = None,
    resamples: Annotated[int, typer.Option(min=0, help="Of bootstrap and paired tests; 0 leaves them out.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the same.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Score predictions under a protocol; writes result.json, rows.jsonl, report.html, report.md and table.tex."""
    from facial_r1.evaluation import evaluate as run
    from facial_r1.evaluation.checks import choose
    from facial_r1.evaluation.others import load_predictions
    from facial_r1.evaluation.predict import find_data
    from facial_r1.evaluation.protocols import find_protocol
    from facial_r1.evaluation.reviewed import check_reviewed
    from facial_r1.evaluation.rouge import DEFAULT
    from facial_r1.evaluation.settings import Settings
    from facial_r1.evaluation.store import against, save

    chosen = find_protocol(protocol)
    found = find_data(data, split=split, images=image_folder, label_set=label or ())
    remark = None
    if require_reviewed_test:
        place = reviews or found.file.with_name("reviews.jsonl")
        remark = check_reviewed(choose(found.samples, chosen, part), place)
    settings = Settings(
        allow_missing=allow_missing,
        assume_annotated=assume_annotated,
        part=part,
        label_rule=label_rule,
        label_set=tuple(label or ()),
        rouge=tuple(rouge or DEFAULT),
        with_tags=with_tags,
        resamples=resamples,
        seed=seed,
    )
    said = load_predictions(predictions, found.samples, reader=reader)
    shuffled = None if control is None else load_predictions([control], found.samples, reader=reader)
    with progress(quiet) as bar:
        verdicts = None
        if judge is not None:
            backend = _backend(judge, judge_model, judge_url, judge_option, _judge_options())
            limits = {"concurrency": concurrency, "max_cost": max_cost, "max_requests": max_requests}
            verdicts = _judge(found, backend, folder, rubric, _reasons(allow_send), judge_model, limits, bar)
        result = run(
            found.samples,
            said,
            chosen,
            settings=settings,
            judge=verdicts,
            judge_model=judge_model or "",
            control=shuffled,
            model=name,
        )
    result.about = {"data": found.file.name, "predictions": [path.name for path in predictions]}
    result.about |= {"judge": judge_model, "rubric": rubric} if judge else {}
    if remark:
        result.remarks.append(remark)
    earlier = against(result, beside or ())
    save(result, folder, earlier)
    _show(result)
    out.print(f"done: {folder / 'report.html'}", markup=False)


def _show(result: Evaluation) -> None:
    from facial_r1.evaluation.headline import figures
    from facial_r1.evaluation.plain import identity

    plain = result.to_json()
    out.print(f"{result.model}: {identity(plain)}", markup=False)
    rows = [(one.name, str(one), f"{one.rows:,} of {one.of:,}") for one in figures(plain)]
    table("", ("metric", "value [95 % interval]", "rows"), rows)
    coverage = result.coverage
    out.print(
        f"refused {coverage.refused:,}, failed {coverage.failed:,}, missing {coverage.missing:,}; "
        f"without a label {coverage.no_label:,}, without Action Units {coverage.no_aus:,}, "
        f"outside the grammar {coverage.malformed:,}"
    )
    for text in result.warnings:
        out.print(f"warning: {text}", markup=False)
    for text in result.remarks:
        out.print(f"remark: {text}", markup=False)


def _backend(
    name: str, model: str | None, base_url: str | None, written: list[str] | None, base: dict[str, Any]
) -> Backend:
    from facial_r1.inference.backends import create

    options = {**base, **({"model": model} if model else {}), **({"base_url": base_url} if base_url else {})}
    if name == "template" and options:
        raise UsageError("the template has no options", found=", ".join(options), do="name another backend")
    if name != "template" and "model" not in options:
        raise UsageError(f"the backend {name} needs a model", do="name it with --model, or --judge-model for a judge")
    return create(name, **{**options, **options_of(written)})


def _judge_options() -> dict[str, Any]:
    from facial_r1.evaluation.judge import OPTIONS

    return dict(OPTIONS)


def _reasons(written: list[str] | None) -> dict[str, str]:
    reasons = {}
    for text in written or ():
        name, equals, reason = text.partition("=")
        if not (name and equals and reason.strip()):
            raise UsageError("--allow-send needs NAME=REASON", found=text, do='such as --allow-send expw="own copy, …"')
        reasons[name] = reason
    return reasons


def _budget(backend: Backend, price: Any, max_cost: float | None, max_requests: int | None) -> Budget:
    from facial_r1.inference.budget import Budget
    from facial_r1.inference.protocol import Stateful

    return Budget(price, max_cost, max_requests, batch=isinstance(backend, Stateful))


def _judge(
    data: DataSet,
    backend: Backend,
    folder: Path,
    rubric: str,
    allow_send: dict[str, str],
    model: str | None,
    limits: dict[str, Any],
    bar: Progress,
) -> Judge:
    from facial_r1.evaluation.judge import RUBRICS, judging
    from facial_r1.inference.prices import price_of

    if rubric not in RUBRICS:
        raise UsageError("unknown rubric", found=rubric, expected=f"one of {', '.join(RUBRICS)}")
    chosen: Rubric = RUBRICS[rubric]
    price = price_of(model or backend.model)
    return judging(
        data,
        backend,
        folder / "judge.journal",
        rubric=chosen,
        allow_send=allow_send,
        concurrency=limits["concurrency"],
        budget=_budget(backend, price, limits["max_cost"], limits["max_requests"]),
        progress=bar,
    )
