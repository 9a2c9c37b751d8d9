"""What every plot of the window shares: pyqtgraph plots and axes in the window's theme."""
