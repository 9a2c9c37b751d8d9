"""Loads many images: decoding pool, pipeline, cache on disk."""
