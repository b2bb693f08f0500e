"""Asking models: one protocol, several backends, one runner that loses nothing and never pays twice."""
