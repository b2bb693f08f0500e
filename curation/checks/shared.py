"""What two splits, or two pictures, share and should not; and what was tested on once and may not be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from curation.checks.check import Check, Failing, Tally, not_run
from curation.checks.flat import ask
from curation.frozen import FILE as FROZEN
from curation.frozen import frozen_line
from curation.splits import SPLITS
from facial_r1.columns import read_lines
from facial_r1.errors import clip
from facial_r1.files import to_line
from facial_r1.sample import Meta, Sample

if TYPE_CHECKING:
    import duckdb

__all__ = ["FROZEN_CHECKS", "SHARED_CHECKS", "check_frozen", "check_shared"]


class _Identity(NamedTuple):
    """Something that a row has, and that rows of two splits may not have both."""

    words: str
    key: str
    expected: str
    and_: str = ""


_OTHERS = " AND count(DISTINCT sample_id) > 1"  # of one name: that is said by picture_exclusive
_IDENTITIES = {
    "group_exclusive": _Identity("group", '"group"', "no subject, video or photograph on both sides of a split"),
    "origin_exclusive": _Identity("origin", "unnest(origin_ids)", "no other identity of a picture on both sides"),
    "picture_exclusive": _Identity("picture", "sample_id", "no picture (by name) on both sides of a split"),
    "content_exclusive": _Identity("picture content", "image_sha256", "no picture (by content) on both sides", _OTHERS),
}
SHARED_CHECKS: dict[str, str] = {
    **{name: identity.expected for name, identity in _IDENTITIES.items()},
    "one_picture": "a sample_id stands for one picture",
}
"""The checks of :func:`check_shared`: name → what is expected."""

FROZEN_CHECKS: dict[str, str] = {
    "frozen_list": f"{FROZEN} lists the rows of test.jsonl, in their order",
    "frozen_test": "nothing of the frozen test set outside test, and its pictures as they were",
}
"""The checks of :func:`check_frozen`: name → what is expected."""

_SHARED = """
WITH keys AS (SELECT number, file, line, id, sample_id, {key} AS key FROM rows),
shared AS (SELECT key FROM keys WHERE key IS NOT NULL GROUP BY key HAVING min(file) <> max(file){and_})
SELECT key, file, min(line), arg_min(id, line) FROM keys SEMI JOIN shared USING (key)
GROUP BY key, file ORDER BY min(min(number)) OVER (PARTITION BY key), key
"""
_ONE_PICTURE = """
SELECT sample_id, list(DISTINCT image ORDER BY image), arg_min(file, number), arg_min(line, number), arg_min(id, number)
FROM rows GROUP BY sample_id HAVING count(DISTINCT image) > 1 ORDER BY sample_id
"""


def check_shared(connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """Look for identities that cross a split, and for names that stand for two pictures."""
    tally = Tally()
    for name, identity in _IDENTITIES.items():
        for leak in _leaks(connection, identity):
            tally.add(name, leak)
    for name, images, file, line, row in ask(connection, _ONE_PICTURE):
        tally.add(
            "one_picture", Failing(file, line, row, f"{clip(name)} stands for {', '.join(map(clip, images[:3]))}")
        )
    return tally.checks(SHARED_CHECKS, _count(connection), "rows")


def _leaks(connection: duckdb.DuckDBPyConnection, identity: _Identity) -> Iterator[Failing]:
    """One for each identity on both sides, under its first row in the last of the splits."""
    answer = ask(connection, _SHARED.format(key=identity.key, and_=identity.and_))
    for key, entries in groupby(answer, key=lambda entry: entry[0]):
        places = sorted(
            ((file, line, row) for _, file, line, row in entries), key=lambda place: _ORDER.get(place[0], -1)
        )
        *others, (file, line, row) = places
        shared = " and ".join(f"{clip(other)} ({where}:{at})" for where, at, other in others)
        yield Failing(file, line, row, f"{identity.words} {clip(key)} is also that of {shared}")


_ORDER = {f"{split}.jsonl": place for place, split in enumerate(SPLITS)}


def check_frozen(connection: duckdb.DuckDBPyConnection, folder: Path, frozen: Path | None) -> list[Check]:
    """Hold the list of a release against its test rows, and its rows against the list of an earlier release.

    ``frozen`` has been read: every line of it is one of a frozen test set.
    """
    tally = Tally()
    for failing in _listed(connection, folder / FROZEN):
        tally.add("frozen_list", failing)
    listed = tally.checks(_only("frozen_list"), _count(connection), "rows")
    if frozen is None:
        return listed + not_run(_only("frozen_test"), "no frozen test set is named")
    connection.execute(f"CREATE VIEW frozen AS {read_lines(frozen, _FROZEN_TYPES)}")
    for file, line, row, what, key in ask(connection, _BEFORE):
        tally.add("frozen_test", Failing(file, line, row, f"{what} {clip(key)}"))
    return listed + tally.checks(_only("frozen_test"), _count(connection), "rows")


def _only(name: str) -> dict[str, str]:
    return {name: FROZEN_CHECKS[name]}


_FROZEN_TYPES = {**dict.fromkeys(("id", "sample_id", "group"), "VARCHAR"), "origin_ids": "VARCHAR[]"}
_FROZEN_TYPES["image_sha256"] = "VARCHAR"

_BEFORE = """
WITH elsewhere AS (FROM rows WHERE file <> 'test.jsonl'),
origins AS (SELECT file, line, id, unnest(origin_ids) AS origin FROM elsewhere)
SELECT file, line, id, 'was tested on: the row', id FROM elsewhere WHERE id IN (SELECT id FROM frozen)
UNION ALL SELECT file, line, id, 'was tested on: the picture', sample_id FROM elsewhere
    WHERE id NOT IN (SELECT id FROM frozen) AND sample_id IN (SELECT sample_id FROM frozen)
UNION ALL SELECT file, line, id, 'was tested on: the picture content', image_sha256 FROM elsewhere
    WHERE sample_id NOT IN (SELECT sample_id FROM frozen) AND image_sha256 IN (SELECT image_sha256 FROM frozen)
UNION ALL SELECT file, line, id, 'was tested on: the group', coalesce("group", sample_id) FROM elsewhere
    WHERE sample_id NOT IN (SELECT sample_id FROM frozen)
    AND coalesce("group", sample_id) IN (SELECT "group" FROM frozen)
UNION ALL SELECT file, line, id, 'was tested on: the origin', origin FROM origins
    WHERE origin IN (SELECT unnest(origin_ids) FROM frozen)
UNION ALL SELECT file, line, rows.id, 'was tested on with another picture:', frozen.image_sha256
    FROM rows JOIN frozen USING (id) WHERE file = 'test.jsonl' AND rows.image_sha256 <> frozen.image_sha256
ORDER BY 1 DESC, 2, 4
"""


def _listed(connection: duckdb.DuckDBPyConnection, path: Path) -> Iterator[Failing]:
    """Where the list differs from what the test rows give, line by line."""
    if not path.is_file():
        number = connection.execute("SELECT count(*) FROM rows WHERE file = 'test.jsonl'").fetchall()[0][0]
        if number:
            yield Failing(path.name, None, None, f"there is no such list of {number:,} test rows")
        return
    rows = ask(connection, _TESTED)
    with open(path, "rb") as handle:
        for number, (row, line) in enumerate(zip_longest(rows, handle), 1):
            if row is None:
                yield Failing(path.name, number, None, "no row of test.jsonl belongs to this line")
            elif line is None:
                yield Failing(path.name, number, row[0], "the list ends before this row of test.jsonl")
            elif line != to_line(frozen_line(_row(*row))):
                yield Failing(path.name, number, row[0], f"another line than this row gives: {clip(line)}")


_TESTED = (
    """SELECT id, sample_id, "group", origin_ids, image_sha256 FROM rows WHERE file = 'test.jsonl' ORDER BY line"""
)


def _row(name: str, sample_id: str, group: str | None, origin_ids: list[str], image_sha256: str) -> Sample:
    meta = Meta(sample_id=sample_id, group=group, origin_ids=origin_ids, image_sha256=image_sha256)
    return Sample(name, "", meta_info=meta)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("SELECT count(*) FROM rows").fetchall()[0][0])
