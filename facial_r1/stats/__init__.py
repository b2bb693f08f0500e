"""Numbers about rows and texts, and the one HTML shell with tables and charts that every report shares.

``counts`` and ``texts`` turn rows into numbers; ``charts`` and ``tables`` turn numbers into markup; ``shell`` makes one
self-contained page of it. Report, evaluation and viewer all draw with what stands here.
"""

from __future__ import annotations

from facial_r1.stats.charts import histogram, lines
from facial_r1.stats.grids import bars, heatmap
from facial_r1.stats.shell import Section, page
from facial_r1.stats.tables import table
from facial_r1.stats.thumbnails import thumbnail

__all__ = ["Section", "bars", "heatmap", "histogram", "lines", "page", "table", "thumbnail"]
