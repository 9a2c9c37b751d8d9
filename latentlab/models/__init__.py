"""Networks and the probabilistic parts (torch)."""
