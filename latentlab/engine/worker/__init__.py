"""The worker process: everything that computes runs here (torch, no Qt)."""
