"""The shell of every page: one file that needs nothing else and reaches for nothing else.

Text that comes from rows, models and file names is hostile until escaped: whatever is no ``Markup`` is escaped by
Jinja. A content security policy in the page forbids scripts and every request, so what slips through can do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from facial_r1.stats.style import CSS

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Section", "page"]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a page.

    Attributes:
        title: its heading, which the contents link to.
        body: markup; charts stand beside each other where there is room, everything else takes a line of its own.
        note: a sentence under the heading: what is counted, and how to read it.
    """

    title: str
    body: Markup
    note: str = ""


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
{{ css }}</style>
</head>
<body>
<a class="skip" href="#{{ parts[0][0] if parts else '' }}">Skip to the content</a>
<header><h1>{{ title }}</h1>{% if lead %}
<p class="lead">{{ lead }}</p>{% endif %}</header>
{% if parts|length > 2 %}<nav aria-label="Contents"><ul>
{% for anchor, part in parts %}<li><a href="#{{ anchor }}">{{ part.title }}</a></li>
{% endfor %}</ul></nav>
{% endif %}<main>
{% for anchor, part in parts %}<section aria-labelledby="{{ anchor }}">
<h2 id="{{ anchor }}">{{ part.title }}</h2>{% if part.note %}
<p class="note">{{ part.note }}</p>{% endif %}
<div class="body">
{{ part.body }}
</div>
</section>
{% endfor %}</main>
</body>
</html>
"""


def page(title: str, sections: Sequence[Section], *, lead: str = "") -> str:
    """A complete HTML page. The same sections give the same bytes.

    Args:
        title: heading and window title.
        sections: in order; more than two get a list of contents.
        lead: a sentence or two under the title (``Markup`` stands as it is).
    """
    parts = [(f"{_slug(section.title)}-{place}", section) for place, section in enumerate(sections, 1)]
    return _template().render(title=title, lead=lead, parts=parts, css=Markup(CSS))


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True).from_string(_PAGE)
