"""What window and worker say to each other (no Qt, no torch)."""
