"""The window's side of the engine (Qt, no torch)."""
