"""Models in this process or beside it: checkpoints, their processors, and how answers are drawn."""
