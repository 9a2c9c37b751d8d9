"""What joins widgets, session and engine (QtCore only)."""
