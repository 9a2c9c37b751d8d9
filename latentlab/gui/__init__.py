"""Widgets and painting only.

Widgets report what the user does by signals and are updated through their ``set_…`` methods; they keep no program state
and do not reference each other.
"""
