"""Models of other programs: runs their networks and tests them before they are shown (no torch, no Qt)."""
