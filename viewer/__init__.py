"""The gradio sample viewer (a later release fills this room)."""
