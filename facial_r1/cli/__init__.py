"""The command line; the only room that may import every other, lazily."""
