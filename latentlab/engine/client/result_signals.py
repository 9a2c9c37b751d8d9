"""One Qt signal for each kind of result, so that a controller receives only what it needs (no torch)."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QObject, Signal

from latentlab.config.events import Adjusted, Checkpoint, Epoch, Event, Finished, Progress, Started, Warned
from latentlab.engine.protocol.messages import Result, TrainingEvent


class ResultSignals(QObject):
    """Emits results of the worker.

    A result is emitted by the signal with its class's name, or with that of its nearest base class that has one (see
    :mod:`latentlab.engine.protocol.messages`).

    Signals
    -------
    received
        Every result, before the signal of its kind.
    workerReady, workerStatus, workerLost, modelChanged, …
        One result of that kind.
    trainingStarted, trainingProgressed, epochCompleted, trainingAdjusted, checkpointWritten, trainingWarned, \
    trainingFinished
        One event of the active run (:mod:`latentlab.config.events`), before ``trainingEvent``'s other receivers.
    """

    EVENT_SIGNALS: ClassVar[dict[type[Event], str]] = {
        Started: "trainingStarted",
        Progress: "trainingProgressed",
        Epoch: "epochCompleted",
        Adjusted: "trainingAdjusted",
        Checkpoint: "checkpointWritten",
        Warned: "trainingWarned",
        Finished: "trainingFinished",
    }
    """Name of the signal for each kind of training event."""

    received = Signal(object)
    workerReady = Signal(object)
    workerStatus = Signal(object)
    workerLost = Signal(object)
    pong = Signal(object)
    workBegun = Signal(object)
    functionRunning = Signal(object)
    modelClosed = Signal(object)
    datasetClosed = Signal(object)
    modelChanged = Signal(object)
    pointsChanged = Signal(object)
    decoded = Signal(object)
    gridTiles = Signal(object)
    strip = Signal(object)
    nearestFound = Signal(object)
    copyMeasured = Signal(object)
    distanceMeasured = Signal(object)
    planeMeasured = Signal(object)
    fieldsMeasured = Signal(object)
    dimensionDescribed = Signal(object)
    embedded = Signal(object)
    pointPictures = Signal(object)
    latentDrawn = Signal(object)
    comparisonOpened = Signal(object)
    comparisonProgress = Signal(object)
    bothDecoded = Signal(object)
    otherTiles = Signal(object)
    generated = Signal(object)
    generationProgress = Signal(object)
    pathSolved = Signal(object)
    filmProgress = Signal(object)
    filmExported = Signal(object)
    filmCancelled = Signal(object)
    exportProgress = Signal(object)
    fileExported = Signal(object)
    exportCancelled = Signal(object)
    mapDecoded = Signal(object)
    codebooks = Signal(object)
    thumbnailDrawn = Signal(object)
    directionFound = Signal(object)
    modelMeasured = Signal(object)
    datasetProgress = Signal(object)
    datasetPreview = Signal(object)
    datasetOpened = Signal(object)
    datasetCancelled = Signal(object)
    trainingEvent = Signal(object)
    trainingStarted = Signal(object)
    trainingProgressed = Signal(object)
    epochCompleted = Signal(object)
    trainingAdjusted = Signal(object)
    checkpointWritten = Signal(object)
    trainingWarned = Signal(object)
    trainingFinished = Signal(object)
    trainingState = Signal(object)
    runOpened = Signal(object)
    runFollowed = Signal(object)
    runSnapshots = Signal(object)
    snapshotRead = Signal(object)
    epochsRead = Signal(object)
    imageEncoded = Signal(object)
    drawingEncoded = Signal(object)
    imageInspected = Signal(object)
    imageRefined = Signal(object)
    imageImputed = Signal(object)
    selectionSummary = Signal(object)
    rankingProgress = Signal(object)
    imagesRanked = Signal(object)
    imagesFound = Signal(object)
    selectionExported = Signal(object)
    subsetWritten = Signal(object)
    modelSaved = Signal(object)
    failed = Signal(object)
    notice = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.trainingEvent.connect(self._emit_event)

    def emit_result(self, result: Result) -> None:
        """Emit a result; to be called in the thread that this object belongs to."""
        self.received.emit(result)
        getattr(self, signal_of(type(result))).emit(result)

    def _emit_event(self, result: TrainingEvent) -> None:
        getattr(self, self.EVENT_SIGNALS[type(result.event)]).emit(result.event)


def signal_of(kind: type[Result]) -> str:
    """Name of the signal that emits results of a class.

    Raises
    ------
    TypeError
        When neither it nor one of its base classes has a signal.
    """
    for each in kind.__mro__:
        name = each.__name__[0].lower() + each.__name__[1:]
        if isinstance(getattr(ResultSignals, name, None), Signal):
            return name
    raise TypeError(f"{kind.__name__} has no signal")
