"""Defaults that Python, the command line and the worker share; no import, so that each can read them at once."""

IMPORTANCE_SAMPLES = 50
"""Latents drawn for each image to estimate its log-likelihood (K of L_K, Burda et al. 2016)."""
