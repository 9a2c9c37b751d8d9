"""The training curves and the table of runs."""
