"""One optimizer step and what it needs: precision, CUDA graphs, threads."""
