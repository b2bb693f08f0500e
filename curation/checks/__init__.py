"""The checks of a release: one table that says what was looked at, what was found, and which rows fail.

:func:`curation.checks.run.check_release` looks at a release folder as it lies on disk, whoever wrote or edited it.
Stage 5 asks it about the folder that it is about to put in place; ``facial-r1 validate RELEASE`` about any other.
"""
