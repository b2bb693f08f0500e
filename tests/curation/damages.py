"""More than a hundred ways to damage a release; each says which check is meant to find it.

What a damage leaves behind is sealed afterwards, as if a mistake before the manifest was written had caused it: hashes,
counts and lists are made to agree with the rows again. A damage that is about these says ``sealed=False``.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import orjson

from curation.frozen import frozen_line
from curation.splits import SPLITS
from facial_r1.facs import REGISTRY
from facial_r1.files import sha256_bytes, sha256_file, to_line
from facial_r1.sample import Sample

Row = dict[str, Any]


class Copy:
    """A copy of a release whose rows, pictures and manifest can be damaged.

    ``rows`` and ``manifest`` are written by :meth:`save`; ``lines`` are then changed as bytes.
    """

    def __init__(self, release: Path, folder: Path) -> None:
        shutil.copytree(release, folder, copy_function=os.link)
        self.folder = folder
        self.rows = {path.stem: _read(path) for path in (folder / f"{split}.jsonl" for split in SPLITS)}
        self.manifest = orjson.loads((folder / "manifest.json").read_bytes())

    def row(self, corpus: str, split: str = "train", at: int = 0) -> Row:
        """The ``at``-th row of a corpus in a split; its id is what the check must name."""
        return [row for row in self.rows[split] if row["dataset"] == corpus][at]

    def write(self, name: str, data: bytes) -> None:
        """Replace a file (never through a link to the clean release)."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def image(self, row: Row) -> Path:
        return self.folder / "images" / row["image"]

    def save(self) -> None:
        """Write the rows, and what follows from them."""
        for split, rows in self.rows.items():
            self.write(f"{split}.jsonl", b"".join(map(to_line, rows)))
        rows = [row for split in self.rows.values() for row in split]
        tested = [frozen_line(Sample.from_own(row)) for row in self.rows["test"]]
        self.write("frozen-test.jsonl", b"".join(map(to_line, tested)))
        hashes = {row["image"]: _meta(row).get("image_sha256") or "0" * 64 for row in rows if row["image"]}
        listing = "".join(f"{sha}  images/{name}\n" for name, sha in sorted(hashes.items()))
        self.write("images.sha256", listing.encode())
        for path in (self.folder / "images").rglob("*"):
            if path.is_file() and path.relative_to(self.folder / "images").as_posix() not in hashes:
                path.unlink()
        self._count()

    def _count(self) -> None:
        manifest = self.manifest
        manifest["rows"] = {split: len(rows) for split, rows in self.rows.items()}
        for name, entry in manifest["corpora"].items():
            mine = [(split, row) for split, rows in self.rows.items() for row in rows if row.get("dataset") == name]
            tasks = Counter((split, _meta(row).get("task")) for split, row in mine)
            entry["rows"] = [{"split": split, "task": task, "rows": n} for (split, task), n in tasks.items()]
            for kind, key in (("aus", "AUs"), ("labels", "labels")):
                entry[kind] = dict(Counter(value for _, row in mine for value in row.get(key) or ()))
            for cell in manifest["cells"]:
                if cell["corpus"] == name:
                    cell["released"] = 0
            for split in self.rows:
                cell = next((c for c in manifest["cells"] if (c["corpus"], c["split"]) == (name, split)), None)
                if cell is not None:
                    cell["released"] = sum(where == split for where, _ in mine)

        beyond = [row for rows in self.rows.values() for row in rows if _meta(row).get("pseudo_aus")]
        beyond += [row for rows in self.rows.values() for row in rows if _meta(row).get("pseudo_label")]
        manifest["unknown_truth"]["pseudo_rows"] = len(beyond)

    def seal(self) -> None:
        """Make the manifest vouch for the files as they are now."""
        for name in [*self.manifest["files"]]:
            path = self.folder / name
            if not path.exists():
                del self.manifest["files"][name]
                continue
            entry = self.manifest["files"][name] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
            if name != "README.md":
                entry["rows"] = path.read_bytes().count(b"\n")
        self.write_manifest()

    def write_manifest(self) -> None:
        self.write("manifest.json", orjson.dumps(self.manifest))


def _meta(row: Row) -> Row:
    return row["meta_info"] if isinstance(row["meta_info"], dict) else {}


def _read(path: Path) -> list[Row]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


class Damage(NamedTuple):
    """A way to damage a release: ``do`` changes the rows before they are written, or the files after that.

    ``do`` returns what the failing check must name: an id, a file with its line, or a picture.
    """

    name: str
    check: str
    do: Callable[[Copy], str]
    files: bool
    sealed: bool


DAMAGES: list[Damage] = []


def damage(
    check: str, name: str = "", *, files: bool = False, sealed: bool = True
) -> Callable[[Callable[[Copy], str]], Callable[[Copy], str]]:
    """Register a damage that ``check`` must find; ``files``: it is done to the files, not to the rows."""

    def register(do: Callable[[Copy], str]) -> Callable[[Copy], str]:
        DAMAGES.append(Damage(name or do.__name__, check, do, files, sealed))
        return do

    return register


def _set(check: str, corpus: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Register damages that only set values: name → {key of a row or of ``meta_info``: value}."""
    for name, values in changes.items():

        def do(copy: Copy, values: Mapping[str, Any] = values) -> str:
            row = copy.row(corpus)
            for key, value in values.items():
                (row if key in row else row["meta_info"])[key] = value
            return row["id"] if isinstance(row["id"], str) else f"train.jsonl:{copy.rows['train'].index(row) + 1}"

        damage(check, name)(do)


def texts_of(aus: list[str]) -> str:
    """A text of the task ``au`` that names exactly these, and describes each."""
    seen = "; ".join(f"{REGISTRY[au].description} ({au})" for au in aus)
    return f"<think>In this face {seen}.</think><answer>{', '.join(aus)}</answer>"


# --- the record ------------------------------------------------------------------------------------------------------

_set("split", "fer2013", {"split of one row swapped": {"split": "test"}, "split null": {"split": None}})
_set("id_of_picture", "fer2013", {"id of another picture": {"id": "fer2013-other"}})
_set("dataset", "fer2013", {"corpus that the recipe does not name": {"dataset": "elsewhere"}})
_set(
    "task",
    "fer2013",
    {
        "task contradicts the truth": {"task": "au+emotion"},
        "task unknown": {"task": "guess"},
        "no task": {"task": None},
    },
)
_set(
    "au_codes",
    "disfa",
    {
        "AU out of the registry": {"AUs": ["AU1", "AU99"]},
        "AU zero-padded": {"AUs": ["AU01"]},
        "AU without a name": {"AUs": [""]},
        "annotated AU out of the registry": {"au_annotated": ["AU99"], "AUs": []},
        "pseudo AU out of the registry": {"au_intensity": [{"au": "AU0", "value": 1}]},
    },
)
_set("au_annotated", "disfa", {"AU not annotated": {"AUs": ["AU1", "AU27"]}})
_set(
    "au_order",
    "disfa",
    {
        "AUs unsorted": {"AUs": ["AU12", "AU6"]},
        "AUs sorted as text": {"AUs": ["AU1", "AU12", "AU2"]},
        "AU twice": {"AUs": ["AU6", "AU6"]},
    },
)
_set(
    "au_intensity",
    "disfa",
    {
        "intensity above 5": {"au_intensity": [{"au": "AU1", "value": 9}]},
        "intensity negative": {"au_intensity": [{"au": "AU1", "value": -1}]},
    },
)
_set("au_side", "disfa", {"side unknown": {"au_side": [{"au": "AU1", "value": "Q"}]}})
_set("au_threshold", "disfa", {"threshold 0": {"au_threshold": 0}, "threshold 6": {"au_threshold": 6}})
_set(
    "labels",
    "fer2013",
    {
        "label synonym": {"labels": ["happy"]},
        "label capitalised": {"labels": ["Fear"]},
        "label outside the set": {"labels": ["boredom"]},
    },
)
_set("label_repeats", "fer2013", {"label twice": {"labels": ["fear", "fear"]}})
_set("pseudo", "fer2013", {"pseudo AUs though the recipe omits": {"pseudo_aus": ["AU1"]}})
_set(
    "provenance",
    "fer2013",
    {
        **{f"{key} null": {key: None} for key in ("source", "image_sha256", "generator", "model", "attempts")},
        "prompt_hash null": {"prompt_hash": None},
        "label_conditioned null": {"label_conditioned": None},
        "model empty": {"model": ""},
    },
)
_set("hashes", "fer2013", {"prompt hash cut": {"prompt_hash": "ab12"}, "hash in capitals": {"prompt_hash": "A" * 64}})
_set(
    "box",
    "fer2013",
    {
        "box negative": {"box": [-1, 0, 5, 5]},
        "box turned": {"box": [9, 0, 5, 5]},
        "box flat": {"box": [0, 5, 5, 5]},
        "box of three": {"box": [0, 0, 5]},
    },
)
_set("fold", "disfa", {"fold 0": {"fold": 0}})
_set("attempts", "disfa", {"no attempt": {"attempts": 0}})
_set("frame", "disfa", {"frame before the first": {"frame": -1}})
_set("crop", "disfa", {"crop unknown": {"crop": "sideways"}})
_set(
    "sources",
    "disfa",
    {"AU source unknown": {"au_source": "guess"}, "label source unknown": {"label_source": "joined:"}},
)
_set("extra", "disfa", {"extra is no JSON": {"extra": "{usage"}, "extra is a list": {"extra": "[1]"}})
_set(
    "question_length",
    "fer2013",
    {"question empty": {"question": ""}, "question huge": {"question": "why " * 1_000}},
)
_set("extra_length", "fer2013", {"extra huge": {"extra": '{"note": "' + "x" * 9_000 + '"}'}})
_set("id_length", "fer2013", {"id huge": {"id": "i" * 300, "sample_id": "i" * 300}})
_set(
    "image_path",
    "fer2013",
    {
        "image absolute": {"image": "/faces/1.png"},
        "image leaves the folder": {"image": "../1.png"},
        "image climbs inside": {"image": "a/../1.png"},
        "image of Windows": {"image": "fer2013\\1.png"},
        "image with a drive": {"image": "C:/faces/1.png"},
        "image path not clean": {"image": "fer2013//1.png"},
        "image empty": {"image": ""},
    },
)
_set(
    "private",
    "fer2013",
    {
        "user path in extra": {"extra": '{"from": "/home/ann/labels.txt"}'},
        "absolute source": {"source": "/data/fer2013.csv:3"},
        "Windows path in extra": {"extra": '{"from": "D:\\\\faces"}'},
        "home in the question": {"question": "What is in ~/faces? See file://x"},
    },
)


@damage("id_repeats")
def id_twice(copy: Copy) -> str:
    first, second = copy.row("fer2013"), copy.row("fer2013", at=1)
    second.update(orjson.loads(orjson.dumps(first)))
    return str(first["id"])


@damage("au_count")
def nearly_all_aus_at_once(copy: Copy) -> str:
    row = copy.row("disfa")
    row["AUs"] = [code for code in REGISTRY if code.startswith("AU")][:21]
    row["meta_info"]["au_annotated"] = row["AUs"]
    row["description"] = texts_of(row["AUs"])
    return str(row["id"])


@damage("description_length")
def description_huge(copy: Copy) -> str:
    row = copy.row("fer2013")
    row["description"] = row["description"].replace("</think>", f"{' ' * 8_000}</think>")
    return str(row["id"])


# --- the schema ------------------------------------------------------------------------------------------------------

_set(
    "schema",
    "fer2013",
    {
        "AUs as text": {"AUs": "AU1, AU2"},
        "labels null": {"labels": None},
        "description null": {"description": None},
        "id a number": {"id": 7},
        "meta_info a list": {"meta_info": []},
        "fold as text": {"fold": "1"},
        "frame a fraction": {"frame": 2.5},
        "frame beyond 32 bits": {"frame": 2**40},
        "attempts true": {"attempts": True},
        "box of fractions": {"box": [0.0, 0.0, 1.0, 1.0]},
        "intensities as a map": {"au_intensity": {"AU1": 3}},
        "intensity a fraction": {"au_intensity": [{"au": "AU1", "value": 2.5}]},
        "side without its AU": {"au_side": [{"value": "L"}]},
        "label_conditioned as text": {"label_conditioned": "yes"},
        "origin_ids null": {"origin_ids": None},
    },
)


@damage("schema")
def key_of_a_row_missing(copy: Copy) -> str:
    row = copy.row("fer2013")
    del row["question"]
    return str(row["id"])


@damage("schema")
def key_of_a_row_extra(copy: Copy) -> str:
    row = copy.row("fer2013")
    row["emotion"] = "fear"
    return str(row["id"])


@damage("schema")
def key_of_meta_missing(copy: Copy) -> str:
    row = copy.row("fer2013")
    del row["meta_info"]["subject"]
    return str(row["id"])


@damage("schema")
def key_of_meta_extra(copy: Copy) -> str:
    row = copy.row("fer2013")
    row["meta_info"]["note"] = "hello"
    return str(row["id"])


# --- the lines -------------------------------------------------------------------------------------------------------


def _line(name: str, change: Callable[[bytes], bytes]) -> None:
    """Register a damage to the bytes of line 3 of train.jsonl."""

    def do(copy: Copy) -> str:
        lines = (copy.folder / "train.jsonl").read_bytes().splitlines(keepends=True)
        lines[2] = change(lines[2])
        copy.write("train.jsonl", b"".join(lines))
        return "train.jsonl:3"

    damage("lines", name, files=True)(do)


_line("line blank", lambda line: b"\n" + line)
_line("line of white space", lambda line: b"  \n" + line)
_line("not UTF-8", lambda line: line.replace(b"face", b"fa\xe7e"))
_line("Windows line end", lambda line: line.replace(b"\n", b"\r\n"))
_line("byte order mark", lambda line: b"\xef\xbb\xbf" + line)
_line("not JSON", lambda line: line[1:])
_line("NaN", lambda line: line.replace(b'"fold":null', b'"fold":NaN'))
_line("two objects on a line", lambda line: line.rstrip() + line)
_line("no object", lambda _: b"[1, 2]\n")
_line("key twice", lambda line: line.replace(b'"id":', b'"id":"first","id":'))
_line("key of meta twice", lambda line: line.replace(b'"fold":', b'"fold":1,"fold":'))
_line("line of a megabyte", lambda line: line.replace(b"<think>", b"<think>" + b"x" * (1 << 20)))
_line("half a surrogate", lambda line: line.replace(b"<think>", b"<think>\\ud800"))


@damage("lines", files=True)
def last_line_cut(copy: Copy) -> str:
    data = (copy.folder / "train.jsonl").read_bytes()
    copy.write("train.jsonl", data[:-300])
    return f"train.jsonl:{len(data.splitlines())}"


@damage("lines", files=True)
def last_newline_missing(copy: Copy) -> str:
    data = (copy.folder / "val.jsonl").read_bytes()
    copy.write("val.jsonl", data.rstrip())
    return f"val.jsonl:{len(data.splitlines())}"


# --- the texts -------------------------------------------------------------------------------------------------------


def _text(check: str, corpus: str, name: str, change: Callable[[str], str]) -> None:
    def do(copy: Copy) -> str:
        row = copy.row(corpus)
        row["description"] = change(row["description"])
        return str(row["id"])

    damage(check, name)(do)


_text("gate:grammar", "fer2013", "description empty", lambda _: "")
_text("gate:grammar", "fer2013", "tag broken", lambda text: text.replace("</think>", "</thnk>"))
_text("gate:grammar", "fer2013", "words outside the tags", lambda text: f"Sure! {text}")
_text("gate:grammar", "fer2013", "answer twice", lambda text: f"{text}<answer>fear</answer>")
_text("gate:task_rules", "fer2013", "AU number where none is known", lambda t: t.replace("</think>", " AU4.</think>"))
_text("gate:task_rules", "disfa", "AU list not canonical", lambda text: text.replace("</answer>", ".</answer>"))
_text("gate:au_set", "disfa", "other AUs", lambda _: texts_of(["AU1", "AU2", "AU5", "AU9"]))
_text("gate:label", "fer2013", "another emotion", lambda text: _answer(text, "surprise"))
_text("gate:vocabulary", "fer2013", "doubt", lambda text: text.replace("<think>", "<think>Perhaps, maybe, "))
_text("gate:vocabulary", "fer2013", "what is not seen", lambda t: t.replace("</think>", " No smile is seen.</think>"))
_text("gate:words", "fer2013", "hardly a word", lambda text: _thought(text, "Brows."))
_text("gate:words", "fer2013", "words without end", lambda text: _thought(text, "The lips part. " * 120))
_text("gate:repetition", "fer2013", "text in circles", lambda text: _thought(text, "The lips part. " * 20))
_text("gate:leak", "fer2013", "words of the prompt", lambda t: t.replace("<think>", "<think>As the given label says, "))
_text("gate:refusal", "fer2013", "a refusal", lambda t: t.replace("<think>", "<think>I'm sorry, this stays private. "))
_text("gate:language", "fer2013", "another language", lambda text: _thought(text, _GERMAN))

_GERMAN = "In diesem Gesicht ziehen sich die Brauen zusammen, die Lippen öffnen sich, und der Blick wirkt fest."


@damage("gate:au_words")
def number_beside_words_of_another(copy: Copy) -> str:
    row = next(row for row in copy.rows["train"] if row["dataset"] == "disfa" and "AU12" in row["AUs"])
    row["description"] = texts_of(row["AUs"]).replace(REGISTRY["AU12"].description, "the brows are lowered")
    return str(row["id"])


def _thought(text: str, thought: str) -> str:
    return f"<think>{thought.strip()}</think>{text.partition('</think>')[2]}"


def _answer(text: str, answer: str) -> str:
    return f"{text.partition('<answer>')[0]}<answer>{answer}</answer>"


# --- all rows together -----------------------------------------------------------------------------------------------


@damage("composition")
def row_missing(copy: Copy) -> str:
    copy.rows["train"].remove(copy.row("fer2013"))
    return "fer2013"


@damage("composition")
def row_too_many(copy: Copy) -> str:
    row = orjson.loads(orjson.dumps(copy.row("fer2013")))
    row["id"] += "#2"
    copy.rows["train"].append(row)
    return "fer2013"


@damage("counts", files=True)
def rows_of_a_split_miscounted(copy: Copy) -> str:
    copy.manifest["rows"]["train"] += 1
    return "rows/train"


@damage("counts", files=True)
def au_miscounted(copy: Copy) -> str:
    copy.manifest["corpora"]["disfa"]["aus"]["AU12"] += 1
    return "aus/disfa/AU12"


@damage("counts", files=True)
def label_never_mentioned(copy: Copy) -> str:
    del copy.manifest["corpora"]["fer2013"]["labels"]["fear"]
    return "labels/fer2013/fear"


@damage("counts", files=True)
def quota_miscounted(copy: Copy) -> str:
    copy.manifest["cells"][0]["released"] += 1
    cell = copy.manifest["cells"][0]
    return f"cells/{cell['corpus']}/{cell['split']}"


@damage("counts", files=True)
def pseudo_rows_miscounted(copy: Copy) -> str:
    copy.manifest["unknown_truth"]["pseudo_rows"] = 5
    return "pseudo_rows"


@damage("classes")
def one_class_only(copy: Copy) -> str:
    for row in copy.rows["train"]:
        if row["dataset"] == "fer2013":
            row["labels"], row["description"] = ["anger"], _answer(row["description"], "anger")
    return "fer2013 anger"


def _always(copy: Copy, change: Callable[[set[str]], set[str]]) -> None:
    for row in copy.rows["train"]:
        if row["dataset"] == "disfa":
            row["AUs"] = sorted(change(set(row["AUs"])), key=lambda code: int(code[2:]))
            row["description"] = texts_of(row["AUs"]) if row["AUs"] else _none(row["description"])


def _none(text: str) -> str:
    return "<think>The face is at rest, brows and lips relaxed.</think><answer>none</answer>"


@damage("au_rates")
def au_in_every_row(copy: Copy) -> str:
    _always(copy, lambda aus: aus | {"AU5"})
    return "disfa AU5"


@damage("au_rates")
def au_in_no_row(copy: Copy) -> str:
    _always(copy, lambda aus: aus - {"AU25"})
    return "disfa AU25"


@damage("au_rates")
def two_aus_swapped(copy: Copy) -> str:
    swap = {"AU25": "AU20", "AU20": "AU25"}
    _always(copy, lambda aus: {swap.get(code, code) for code in aus})
    return "disfa AU25"


# --- shared by two splits --------------------------------------------------------------------------------------------


@damage("group_exclusive")
def group_leaks(copy: Copy) -> str:
    row, tested = copy.row("disfa"), copy.row("disfa", "test")
    row["meta_info"]["group"] = tested["meta_info"]["group"]
    return str(row["id"])


@damage("origin_exclusive")
def origin_leaks(copy: Copy) -> str:
    row, tested = copy.row("raf_au"), copy.row("raf_au", "test")
    row["meta_info"]["origin_ids"] = tested["meta_info"]["origin_ids"]
    return str(row["id"])


@damage("picture_exclusive")
def picture_leaks_by_name(copy: Copy) -> str:
    row, tested = copy.row("fer2013"), copy.row("fer2013", "test")
    row["image"], row["meta_info"]["image_sha256"] = tested["image"], tested["meta_info"]["image_sha256"]
    row["meta_info"]["sample_id"], row["id"] = tested["id"], f"{tested['id']}#2"
    return str(row["id"])


@damage("content_exclusive")
def picture_leaks_by_content(copy: Copy) -> str:
    row, tested = copy.row("fer2013"), copy.row("fer2013", "test")
    copy.write(f"images/{row['image']}", copy.image(tested).read_bytes())
    row["meta_info"]["image_sha256"] = tested["meta_info"]["image_sha256"]
    return str(row["id"])


@damage("near_duplicates")
def picture_leaks_cropped_and_mirrored(copy: Copy) -> str:
    """Two rows of a corpus that calls itself real; grain is what no two real pictures share."""
    copy.manifest["corpora"]["raf_au"]["synthetic"] = False
    greys = np.random.default_rng(0).integers(0, 256, (12, 12), dtype=np.uint8)
    whole = cv2.resize(greys, (96, 96), interpolation=cv2.INTER_CUBIC)
    whole = np.clip(whole + np.random.default_rng(1).normal(0, 12, whole.shape), 0, 255).astype(np.uint8)
    row, tested = copy.row("raf_au"), copy.row("raf_au", "test")
    for one, pixels in ((tested, whole), (row, whole[5:93, 4:92][:, ::-1])):
        one["image"] = f"{one['image']}.png"
        data = cv2.imencode(".png", np.ascontiguousarray(pixels))[1].tobytes()
        copy.write(f"images/{one['image']}", data)
        one["meta_info"]["image_sha256"] = sha256_bytes(data)
    return str(row["id"])


@damage("one_picture")
def name_of_two_pictures(copy: Copy) -> str:
    first, second = copy.row("fer2013"), copy.row("fer2013", at=1)
    second["meta_info"]["sample_id"], second["id"] = first["id"], f"{first['id']}#2"
    return str(first["id"])


# --- the frozen list -------------------------------------------------------------------------------------------------


def _frozen(name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    def do(copy: Copy) -> str:
        lines = (copy.folder / "frozen-test.jsonl").read_bytes().splitlines(keepends=True)
        copy.write("frozen-test.jsonl", b"".join(change(lines)))
        return "frozen-test.jsonl"

    damage("frozen_list", name, files=True)(do)


_frozen("frozen row edited", lambda lines: [lines[0].replace(b'"id":"', b'"id":"x'), *lines[1:]])
_frozen("frozen row removed", lambda lines: lines[:-1])
_frozen("frozen row added", lambda lines: [*lines, lines[0]])
_frozen("frozen rows in another order", lambda lines: lines[::-1])
_frozen("frozen list not UTF-8", lambda lines: [b"\xff\n", *lines[1:]])


@damage("frozen_list", files=True)
def frozen_list_gone(copy: Copy) -> str:
    (copy.folder / "frozen-test.jsonl").unlink()
    return "frozen-test.jsonl"


# --- pictures --------------------------------------------------------------------------------------------------------


def _picture(check: str, name: str, change: Callable[[bytes], bytes | None], *, hashed: bool) -> None:
    """Register a damage to a picture; ``hashed``: its row states the hash of what is there now."""

    def do(copy: Copy) -> str:
        row = copy.row("raf_au")
        data = change(copy.image(row).read_bytes())
        if data is None:
            copy.image(row).unlink()
        else:
            copy.write(f"images/{row['image']}", data)
        if hashed and data is not None:
            row["meta_info"]["image_sha256"] = sha256_bytes(data)
        return str(row["id"])

    damage(check, name)(do)


def _noise() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


_picture("pictures", "picture missing", lambda _: None, hashed=False)
_picture("pictures", "picture cut", lambda data: data[: len(data) // 2], hashed=False)
_picture("pictures", "picture replaced", lambda _: _noise(), hashed=False)
_picture("pictures", "picture of no bytes", lambda _: b"", hashed=False)
_picture("pictures_readable", "picture cut before it was hashed", lambda data: data[: len(data) // 2], hashed=True)
_picture("pictures_readable", "web page as a picture", lambda _: b"<html>404 Not Found</html>", hashed=True)


@damage("picture_list", files=True)
def picture_of_no_row(copy: Copy) -> str:
    copy.write("images/raf_au/stray.png", _noise())
    return "images/raf_au/stray.png"


@damage("picture_list", files=True)
def list_of_pictures_edited(copy: Copy) -> str:
    data = (copy.folder / "images.sha256").read_bytes()
    copy.write("images.sha256", b"0" * 64 + data[64:])
    return data.split()[1].decode()


@damage("picture_list", files=True)
def list_of_pictures_shortened(copy: Copy) -> str:
    first, _, rest = (copy.folder / "images.sha256").read_bytes().partition(b"\n")
    copy.write("images.sha256", rest)
    return first.split()[1].decode()


@damage("picture_list", files=True)
def list_of_pictures_gone(copy: Copy) -> str:
    (copy.folder / "images.sha256").unlink()
    return "images.sha256"


# --- files and manifest ----------------------------------------------------------------------------------------------


@damage("files", files=True, sealed=False)
def hash_in_the_manifest_wrong(copy: Copy) -> str:
    copy.manifest["files"]["train.jsonl"]["sha256"] = "0" * 64
    copy.write_manifest()
    return "train.jsonl"


@damage("files", files=True, sealed=False)
def rows_in_the_manifest_wrong(copy: Copy) -> str:
    copy.manifest["files"]["val.jsonl"]["rows"] += 1
    copy.write_manifest()
    return "val.jsonl"


@damage("files", files=True, sealed=False)
def card_edited(copy: Copy) -> str:
    copy.write("README.md", (copy.folder / "README.md").read_bytes() + b"\nPublic domain.\n")
    return "README.md"


@damage("files", files=True, sealed=False)
def card_gone(copy: Copy) -> str:
    (copy.folder / "README.md").unlink()
    return "README.md"


@damage("files", files=True, sealed=False)
def file_outside_the_release(copy: Copy) -> str:
    copy.manifest["files"]["../train.jsonl"] = copy.manifest["files"]["train.jsonl"]
    copy.write_manifest()
    return "../train.jsonl"


@damage("files", files=True, sealed=False)
def text_of_a_row_edited_afterwards(copy: Copy) -> str:
    data = (copy.folder / "train.jsonl").read_bytes()
    copy.write("train.jsonl", data.replace(b"Starting", b"Begin", 1).replace(b"First,", b"Then,", 1) + b"")
    row = _read(copy.folder / "train.jsonl")[0]
    row["question"] += " "
    lines = data.splitlines(keepends=True)
    copy.write("train.jsonl", to_line(row) + b"".join(lines[1:]))
    return "train.jsonl"
