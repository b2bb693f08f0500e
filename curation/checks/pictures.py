"""The pictures of a release: there, unchanged, readable, and no others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from curation.checks.check import Check, Failing, Tally
from curation.checks.flat import ask
from facial_r1.errors import UsageError
from facial_r1.files import inside, sha256_bytes
from facial_r1.progress import Progress

if TYPE_CHECKING:
    import duckdb

__all__ = ["IMAGE_LIST", "PICTURE_CHECKS", "check_pictures"]

IMAGE_LIST = "images.sha256"
PICTURE_CHECKS: dict[str, str] = {
    "pictures": "the picture of every row is there, with the SHA-256 that the row states",
    "pictures_readable": "every picture can be decoded",
    "picture_list": f"{IMAGE_LIST} lists the pictures of the rows, and images/ holds no other",
}
"""The checks of :func:`check_pictures`: name → what is expected."""

STEP = 500
"""Pictures between two reports of progress."""

_PICTURES = """SELECT image, image_sha256, arg_min(file, number), arg_min(line, number), arg_min(id, number)
FROM rows GROUP BY image, image_sha256 ORDER BY min(number)"""

_LISTED = """SELECT line[:64] AS sha, line[67:] AS name FROM read_csv('{path}', columns = {{line: 'VARCHAR'}},
delim = chr(1), quote = '', escape = '', header = false, auto_detect = false)"""

_DIFFERENCES = """
WITH wanted AS (SELECT DISTINCT 'images/' || image AS name, image_sha256 AS sha FROM rows WHERE image <> ''),
listed AS ({listed}),
there AS (SELECT file[{cut}:] AS name FROM glob('{pattern}'))
SELECT name, 'a row has this picture, the list does not' FROM wanted ANTI JOIN listed USING (name)
UNION ALL SELECT name, 'the list has this picture, no row does' FROM listed ANTI JOIN wanted USING (name)
UNION ALL SELECT name, 'the list states another SHA-256 than its row' FROM listed JOIN wanted USING (name)
    WHERE listed.sha <> wanted.sha
UNION ALL SELECT name, 'no row has this picture' FROM there ANTI JOIN wanted USING (name) ANTI JOIN listed USING (name)
ORDER BY ALL
"""


def check_pictures(
    connection: duckdb.DuckDBPyConnection, folder: Path, progress: Progress | None = None
) -> list[Check]:
    """Read every picture of the rows once, and hold the list of pictures and the folder against them."""
    tally = Tally()
    progress = progress or Progress()
    done, total = 0, connection.execute(f"SELECT count(*) FROM ({_PICTURES})").fetchall()[0][0]
    with connection.cursor() as cursor, ThreadPoolExecutor(os.cpu_count()) as pool:
        cursor.execute(_PICTURES)
        while rows := cursor.fetchmany(STEP):
            found = pool.map(lambda row: _fault(folder / "images", row[0], row[1]), rows)
            for (_, _, file, line, row), fault in zip(rows, found, strict=True):
                if fault is not None:
                    tally.add(fault[0], Failing(file, line, row, fault[1]))
            done += len(rows)
            progress.step("pictures checked", done, total)
    for name, what in _differences(connection, folder):
        tally.add("picture_list", Failing(name, None, None, what))
    return tally.checks(PICTURE_CHECKS, done, "pictures")


def _fault(images: Path, name: str, expected: str | None) -> tuple[str, str] | None:
    """The check that a picture fails, and why."""
    from facial_r1.pictures import PictureError, prove_picture, read_header, read_picture

    if expected is None:
        return None  # the check provenance says so
    try:
        path = inside(images, name)
    except UsageError:
        return None  # the check image_path says so
    try:
        data = read_picture(path)
    except PictureError as error:
        return "pictures", f"images/{name}: {error.what}"
    found = sha256_bytes(data)
    if found != expected:
        return "pictures", f"images/{name} has the SHA-256 {found}, but its row states {expected}"
    try:
        prove_picture(data, read_header(data))
    except PictureError as error:
        return "pictures_readable", f"images/{name}: {error.what}, {error.detail}"
    return None


def _differences(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[tuple[str, str]]:
    import duckdb

    path = folder / IMAGE_LIST
    if not path.is_file():
        yield IMAGE_LIST, "there is no such list"
        return
    query = _DIFFERENCES.format(
        listed=_LISTED.format(path=_quoted(path)),
        cut=len(str(folder)) + 2,
        pattern=_quoted(folder) + "/images/**",
    )
    try:
        yield from ask(connection, query)
    except duckdb.Error as error:
        yield IMAGE_LIST, f"this list cannot be read ({str(error).splitlines()[0]})"


def _quoted(path: Path) -> str:
    """A path as a pattern inside an SQL string: a name is a name."""
    return re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''")
