"""The training curves and the table of runs.

Curves are drawn by name: every term of an ``Epoch`` or ``Progress`` event gets one without a change here. To add a
curve, return the term from ``losses`` of the model (``latentlab/models/families/``), or add it to a step's terms in
``latentlab/training/trainer.py``; validation curves come from ``latentlab/training/validation.py``. The user chooses
which terms are drawn; ``SHOWN_FIRST`` in ``panel.py`` has those drawn by default, and ``_TITLES`` the readable titles.
"""
