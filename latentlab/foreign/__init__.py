"""Models of other programs and processes: the protocol of all models, and what runs and asks them (no torch, no Qt)."""
