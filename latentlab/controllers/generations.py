"""Which results may still be shown."""

from __future__ import annotations


class Generations:
    """Numbers the requests of one live kind, and tells whether a result is newer than the one shown.

    Asking for ``generation == latest`` instead would show nothing under a fast hand: there is always a newer request.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._shown = 0

    def ask(self) -> int:
        """The generation of a new request."""
        self._asked += 1
        return self._asked

    @property
    def asked(self) -> int:
        """The generation of the newest request."""
        return self._asked

    def accept(self, generation: int, *, again: bool = False) -> bool:
        """Whether a result may be shown; from then on older ones may not.

        ``again`` admits further parts of the generation that is shown.
        """
        if generation < self._shown or (generation == self._shown and not again):
            return False
        self._shown = generation
        return True

    def forget(self) -> None:
        """Refuse everything asked so far: it was about something that is gone."""
        self._shown = self._asked
