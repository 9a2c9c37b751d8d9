"""The background worker that owns torch, and its door to the window."""
