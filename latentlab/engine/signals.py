"""One Qt signal for each kind of result, so that a controller hears what concerns it and nothing else (no torch)."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from latentlab.engine.messages import Result


class ResultSignals(QObject):
    """Tells results of the worker.

    A result is told by the signal of its class's name, or of the nearest of its base classes that has one
    (see :mod:`latentlab.engine.messages`).

    Signals
    -------
    received
        Every result, before the signal of its kind.
    workerReady, workerLost, modelChanged, …
        One result of that kind.
    """

    received = Signal(object)
    workerReady = Signal(object)
    workerLost = Signal(object)
    modelChanged = Signal(object)
    pointsChanged = Signal(object)
    decoded = Signal(object)
    gridTiles = Signal(object)
    strip = Signal(object)
    nearestFound = Signal(object)
    distanceMeasured = Signal(object)
    latentDrawn = Signal(object)
    codebooks = Signal(object)
    datasetProgress = Signal(object)
    datasetPreview = Signal(object)
    datasetOpened = Signal(object)
    datasetCancelled = Signal(object)
    trainingEvent = Signal(object)
    trainingState = Signal(object)
    runOpened = Signal(object)
    runFollowed = Signal(object)
    runHistory = Signal(object)
    historyRead = Signal(object)
    epochsRead = Signal(object)
    imageEncoded = Signal(object)
    modelSaved = Signal(object)
    failed = Signal(object)
    notice = Signal(object)

    def tell(self, result: Result) -> None:
        """Emit a result on the thread that calls, which must be the one all this belongs to."""
        self.received.emit(result)
        getattr(self, signal_of(type(result))).emit(result)


def signal_of(kind: type[Result]) -> str:
    """Name of the signal that tells results of a class.

    Raises
    ------
    TypeError
        When neither it nor a base class of it has a signal.
    """
    for each in kind.__mro__:
        name = each.__name__[0].lower() + each.__name__[1:]
        if isinstance(getattr(ResultSignals, name, None), Signal):
            return name
    raise TypeError(f"{kind.__name__} has no signal of its own")
