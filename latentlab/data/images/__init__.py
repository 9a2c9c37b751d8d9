"""From one image file or array to a uint8 array of the size asked for."""
