"""Theme, palettes and icons."""
