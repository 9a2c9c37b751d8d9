"""Folders and files of images become uint8 arrays (numpy and Pillow; no Qt, no torch)."""
