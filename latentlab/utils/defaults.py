"""Numbers that several parts of the program share; no import, so that each can read them at once."""

IMPORTANCE_SAMPLES = 50
"""Latents drawn for each image to estimate its log-likelihood (K of L_K, Burda et al. 2016)."""

FAR = 1.5
"""A latent is far from data if its distance to every point is more than this many typical distances of neighbours.

The typical distance is exceeded by 5 % of the points. In 10 dimensions the distances of nearly all points to their
nearest neighbours lie between .5 and 1.5 of it, and three times as far there are only latents of no image at all.
"""
VERY_FAR = 2 * FAR
"""From so many of them on, it makes no difference how far."""

VOTING_NEIGHBOURS = 15
"""The class of a place on the map is that of most of so many nearest images."""
