"""The map's layers: what each of them draws."""
