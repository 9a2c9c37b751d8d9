"""The geometry of latent space: grids, traversals, paths (numpy, torch)."""
