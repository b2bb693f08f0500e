"""Thin training modules over TRL: SFT and GRPO on a curated release (a later release fills this room)."""
