"""The worker, in which everything is computed (torch, no Qt)."""
