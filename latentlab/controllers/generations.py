"""Which results may still be shown."""

from __future__ import annotations


class Generations:
    """Numbers the requests of one kind, and decides whether a result is newer than the one shown.

    Accepting the newest request's result alone would show nothing during a fast drag: there is always a newer request.
    """

    def __init__(self) -> None:
        self._newest = 0
        self._shown = 0
        self._discarded = -1

    def next(self) -> int:
        """The generation of a new request."""
        self._newest += 1
        return self._newest

    @property
    def newest(self) -> int:
        """The generation of the newest request."""
        return self._newest

    def accept(self, generation: int, *, is_continuation: bool = False) -> bool:
        """Whether a result may be shown; afterwards no older one may.

        ``is_continuation`` also accepts further parts of the generation that is shown.
        """
        if (
            generation <= self._discarded
            or generation < self._shown
            or (generation == self._shown and not is_continuation)
        ):
            return False
        self._shown = generation
        return True

    def discard_pending(self) -> None:
        """Refuse the results of all requests so far, and their continuations: what they were about is gone."""
        self._shown = self._discarded = self._newest
