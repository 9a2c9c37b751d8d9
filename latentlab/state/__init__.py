"""What the program knows, with change signals (QtCore only: no widgets, no torch)."""
