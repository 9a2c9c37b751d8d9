"""The background worker that owns torch, and its door to the window."""

WORKER_FLAG = "--engine-worker"
"""First argument by which the program is started as its own worker where there is no ``-m``: in a frozen build."""
