"""How good a model is, in nats (torch)."""
