"""The messages between window and worker, and the mailbox and pipe that carry them (no Qt, no torch).

To add a request:

1. ``requests.py``: a frozen dataclass, with a ``slot`` and a ``generation`` if only the newest matters.
2. ``results.py``: its result, if there is none that fits. ``messages.py`` re-exports both without a list.
3. ``engine/worker/``: a ``case`` in ``Worker._answer`` of ``loop.py``, or in ``InteractiveRequests.answer`` of
   ``interactive.py`` if it is computed with the current model in pieces shorter than a frame. A request without a
   ``case`` fails as an unknown request.
4. ``engine/client/result_signals.py``: a signal with the name of the result.
5. ``engine/client/restart.py``: the request in ``NEEDING_MODEL`` or ``NEEDING_DATASET`` if a restarted worker must
   open these first.
6. ``engine/client/unanswered.py``: what answers the request, and what becomes of it if the worker ends before that.
7. ``controllers/``: who sends the request, and receives the signal.
"""
