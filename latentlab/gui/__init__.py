"""Widgets and painting only; they tell by signals and are told by set_ methods."""
