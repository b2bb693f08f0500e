"""The subject-exclusive parts of DISFA and BP4D on which the field tests in turn, as data.

They are identical in the list files that ME-GraphAU and JAA-Net publish, DISFA's also in LibreFace's. Parts are counted
as there; a method that is tested on part 3 was trained on parts 1 and 2. ``meta_info.fold`` is this number.
The builders write it, and the protocols of the evaluation average over it.
"""

from __future__ import annotations

__all__ = ["BP4D_PARTS", "DISFA_PARTS"]

DISFA_PARTS: dict[int, tuple[str, ...]] = {
    1: ("SN001", "SN002", "SN009", "SN010", "SN016", "SN026", "SN027", "SN030", "SN032"),
    2: ("SN006", "SN011", "SN012", "SN013", "SN018", "SN021", "SN024", "SN028", "SN031"),
    3: ("SN003", "SN004", "SN005", "SN007", "SN008", "SN017", "SN023", "SN025", "SN029"),
}
"""27 subjects, nine a part."""

BP4D_PARTS: dict[int, tuple[str, ...]] = {
    part: tuple(subjects.split())
    for part, subjects in {
        1: "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
        2: "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
        3: "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
    }.items()
}
"""41 subjects: 14, 14 and 13."""
