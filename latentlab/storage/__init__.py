"""Files on disk: atomic writes, model files, run folders (no Qt, no torch)."""
