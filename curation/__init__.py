"""Curation: the way from unified samples to a released data set, one module per stage."""
