"""Synthetic stand-ins: a face renderer, a population, and one writer per corpus in its official layout."""
