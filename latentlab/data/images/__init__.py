"""Converts one image, from a file or an array, to a uint8 array of the requested size."""
