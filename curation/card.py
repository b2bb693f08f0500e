"""The data card: ``README.md`` of a release, written from the facts of its manifest and nothing else.

The front matter is what ``datasets.load_dataset(FOLDER)`` reads: one file per split, and the typed features, so that
no reader guesses a type from its first rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facial_r1.facs import au_name, sort_codes
from facial_r1.stats.tables import markdown_table

__all__ = ["card"]

_PERMISSIONS = ("pictures", "labels", "texts", "send")
_TASKS = {
    "au+emotion": "Action Units and emotion are known: the text names the AUs, the answer is the emotion",
    "au": "only Action Units are known: the answer is their list, or `none`",
    "emotion": "only the emotion is known: the text describes what is seen, without AU numbers",
}


def card(facts: Mapping[str, Any]) -> str:
    """The card as Markdown with YAML front matter.

    Args:
        facts: the manifest, see :func:`curation.manifest.facts`.
    """
    sections = [
        _introduction(facts),
        _rows(facts),
        _distribution("Action Units", "aus", facts, _au_names(facts)),
        _distribution("Emotions", "labels", facts),
        _quotas(facts),
        _provenance(facts),
        _licences(facts),
        _loading(facts),
        _CITATION,
    ]
    return f"---\n{_front_matter(facts)}---\n\n" + "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(facts: Mapping[str, Any]) -> str:
    from datasets.info import DatasetInfo, DatasetInfosDict
    from huggingface_hub import DatasetCardData

    from facial_r1.features import FEATURES

    files = [{"split": split, "path": f"{split}.jsonl"} for split in facts["rows"]]
    data = DatasetCardData(
        pretty_name=facts["name"],
        license="other",
        language=["en"],
        task_categories=["image-text-to-text"],
        tags=["facial-action-units", "emotion-recognition", "reasoning"] + ["synthetic"] * bool(_synthetic(facts)),
        configs=[{"config_name": "default", "data_files": files}],
    )
    DatasetInfosDict({"default": DatasetInfo(features=FEATURES)}).to_dataset_card_data(data)
    return f"{data.to_yaml()}\n"


def _synthetic(facts: Mapping[str, Any]) -> list[str]:
    return [entry["title"] for entry in facts["corpora"].values() if entry["synthetic"]]


def _introduction(facts: Mapping[str, Any]) -> str:
    rows = f"{sum(facts['rows'].values()):,} rows"
    text = (
        f"# {facts['name']}\n\n{rows} of facial emotion analysis: a face, a question, and an answer that reasons from "
        "what is seen to Action Units and the emotion, inside `<think>` and `<answer>`. Every text was compared with "
        "the labels of its corpus before it was accepted."
    )
    titles = _synthetic(facts)
    if titles:
        text += (
            f"\n\n> **Synthetic.** The faces and labels of {', '.join(titles)} were rendered by a program in the "
            "layout of these corpora. They show nobody and say nothing about the real corpora."
        )
    return text


def _rows(facts: Mapping[str, Any]) -> str:
    lines = [
        (entry["title"], _yes(entry["synthetic"]), cell["split"], cell["task"], cell["rows"])
        for entry in facts["corpora"].values()
        for cell in entry["rows"]
    ]
    used = {line[3] for line in lines}
    tasks = "\n".join(f"- `{task}`: {meaning}." for task, meaning in _TASKS.items() if task in used)
    pseudo = facts["unknown_truth"]["pseudo_rows"]
    beyond = (
        f"\n- In {pseudo:,} rows of the tasks `au` and `emotion` the text also states what its writer saw beyond the "
        "labels: Action Units and an emotion that nobody checked. `meta_info.pseudo_aus` and `pseudo_label` list them; "
        "they are no truth and are never scored as such. Such texts have the form of `au+emotion`."
    )
    table = markdown_table(("corpus", "synthetic", "split", "task", "rows"), lines)
    return f"## Rows\n\n{table}\n\n{tasks}{beyond if pseudo else ''}"


def _au_names(facts: Mapping[str, Any]) -> dict[str, str]:
    codes = sort_codes(code for entry in facts["corpora"].values() for code in entry["aus"])
    return {code: au_name(code) for code in codes}


def _distribution(title: str, key: str, facts: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    corpora = [entry for entry in facts["corpora"].values() if entry[key]]
    if not corpora:
        return ""
    if names is None:
        names = {name: name for name in sorted({name for entry in corpora for name in entry[key]})}
    # A dash, not a zero: what a corpus does not annotate is unknown.
    lines = [(shown, *(entry[key].get(name, "–") for entry in corpora)) for name, shown in names.items()]
    return f"## {title}\n\n{markdown_table((title, *(entry['title'] for entry in corpora)), lines)}"


def _quotas(facts: Mapping[str, Any]) -> str:
    columns = ("cell", "quota", "tried", "accepted", "released", "short")
    short = [cell for cell in facts["cells"] if cell["short"]]
    if not short:
        return ""
    lines = [[cell[column] for column in columns] for cell in short]
    return f"## Short quotas\n\nThe recipe allowed these quotas to stay short:\n\n{markdown_table(columns, lines)}"


def _provenance(facts: Mapping[str, Any]) -> str:
    gates = ", ".join(gate["name"] for gate in facts["gates"])
    teacher = facts["teacher"]
    return (
        f"## Provenance\n\n"
        f"- Texts: backend `{teacher['backend']}`, model {', '.join(f'`{model}`' for model in teacher['models'])}. "
        "Whether the writer was told the labels stands in `meta_info.label_conditioned`.\n"
        f"- Gates passed by every row: {gates}.\n"
        f"- Made with {facts['code']}, seed {facts['seed']}, recipe `{facts['recipe_sha256']}`.\n"
        "- `manifest.json` holds the SHA-256 of every file, `images.sha256` that of every picture "
        "(`sha256sum --check images.sha256`).\n"
        "- `meta_info` names, per row, the source line, the picture's hash, the prompt's hash and the attempt. "
        "An AU outside `meta_info.au_annotated` is unknown, not absent.\n"
        "- Splits share no group (subject, video or photograph), no picture and no other identity of a picture.\n"
        "- `frozen-test.jsonl` lists what was tested on; a later recipe names it as `select.frozen_test`."
        + "".join(f"\n- {remark[0].upper()}{remark[1:]}." for remark in facts["remarks"])
    )


def _licences(facts: Mapping[str, Any]) -> str:
    real = [entry for entry in facts["corpora"].values() if not entry["synthetic"]]
    if not real:
        return "## Licences\n\nAll faces and labels are synthetic: no terms of a corpus apply."
    lines = [(entry["title"], *(_yes(entry["licence"][kind]) for kind in _PERMISSIONS)) for entry in real]
    terms = "\n".join(f"- {entry['title']}: {entry['licence']['terms']} <{entry['licence']['url']}>" for entry in real)
    closed = [entry["title"] for entry in real if not all(entry["licence"][kind] for kind in _PERMISSIONS[:3])]
    warning = (
        f"**Do not upload this data set.** As far as we know, the terms of {', '.join(closed)} do not let all of it be "
        "passed on; what is unknown counts as no.\n\n"
    )
    columns = ("may be passed on", "pictures", "labels", "derived texts", "pictures to an API")
    return f"## Licences\n\n{warning if closed else ''}{markdown_table(columns, lines)}\n\n{terms}"


def _loading(facts: Mapping[str, Any]) -> str:
    first = next(iter(facts["rows"]))
    return (
        "## Loading\n\n```python\nfrom datasets import load_dataset\n\n"
        f'data = load_dataset("path/to/this/folder", split="{first}")\n'
        'picture = "path/to/this/folder/images/" + data[0]["image"]\n```'
    )


_CITATION = (
    "## Citation\n\nThe method is described in arXiv 2511.10254 (Facial-R1); the authors later withdrew the entry, so "
    "please cite it with that remark. Cite the corpora above as their owners ask."
)


def _yes(value: object) -> str:
    return "yes" if value else "no"
