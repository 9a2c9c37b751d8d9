"""The messages between window and worker, and the mailbox and pipe that carry them (no Qt, no torch)."""
