"""What the long commands share: the window in folders of its own, its troubles, and what its processes take."""
