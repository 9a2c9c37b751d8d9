"""The training loop as a generator of events; checkpoints; devices (torch)."""
