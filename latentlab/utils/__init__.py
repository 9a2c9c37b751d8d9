"""Small helpers that belong to no layer (no Qt, no torch)."""
