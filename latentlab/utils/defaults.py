"""Numbers that several parts of the program share; no import, so that each can read them at once."""

IMPORTANCE_SAMPLES = 50
"""Latents drawn for each image to estimate its log-likelihood (K of L_K, Burda et al. 2016)."""

FAR = 3.0
"""A latent is far from data if its distance to every point is more than this many typical distances of neighbours."""
VERY_FAR = 9.0
"""From so many of them on, it makes no difference how far."""
