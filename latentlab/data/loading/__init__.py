"""Decoding many images: the pool, the pipeline, the cache."""
