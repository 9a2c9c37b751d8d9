"""What was asked of the worker and is not answered, and what becomes of it when the worker ends (no Qt, no torch).

Every request ends in an answer, a refusal or an offer. When the worker ends:

- What only reads is sent again to the next worker, once. If that one ends, too, or if the worker hung and was ended by
  the user, it may be the cause: what the window shows of a model is left to the window, which asks for it whenever a
  model is opened; the rest is refused, with the offer to send it again.
- What opens, saves, encodes or trains is refused, with the offer to send it again.
- What controls a run or an opening is settled: both have ended with the worker, which says so.
"""

from __future__ import annotations

from enum import Enum, auto

from latentlab.engine.protocol.messages import (
    AdjustTraining,
    BothDecoded,
    CancelExport,
    CancelFilm,
    CancelLoading,
    CancelRanking,
    CloseComparison,
    CloseDataset,
    Codebooks,
    CompareRuns,
    CopyMeasured,
    DatasetCancelled,
    DatasetClosed,
    DatasetOpened,
    DatasetPreview,
    Decode,
    DecodeBoth,
    Decoded,
    DecodeGrid,
    DecodeMap,
    DecodeOtherGrid,
    DecodeRows,
    DescribeDimension,
    DimensionDescribed,
    DirectionFound,
    DistanceMeasured,
    DistanceToData,
    DrawingEncoded,
    DrawLatent,
    DrawThumbnail,
    Embed,
    Embedded,
    EncodeDataset,
    EncodeDrawing,
    EncodeImage,
    EncodeSelection,
    EpochsRead,
    ExportCancelled,
    ExportFile,
    ExportFilm,
    ExportSelection,
    Failed,
    FieldsMeasured,
    FileExported,
    FilmCancelled,
    FilmExported,
    FindDirection,
    Generate,
    Generated,
    GridTiles,
    ImageEncoded,
    ImageImputed,
    ImageInspected,
    ImageRefined,
    ImagesFound,
    ImagesRanked,
    ImputeImage,
    InspectImage,
    Interpolate,
    LatentDrawn,
    MapDecoded,
    MeasureCopy,
    MeasureFields,
    MeasureModel,
    MeasurePlane,
    ModelChanged,
    ModelMeasured,
    ModelSaved,
    Nearest,
    NearestFound,
    OpenComparison,
    OpenDataset,
    OpenModel,
    OtherTiles,
    PathSolved,
    PauseTraining,
    PicturesOfPoints,
    Ping,
    PlaneMeasured,
    PointPictures,
    PointsChanged,
    PreviewDataset,
    RankImages,
    ReadCodebooks,
    ReadEpochs,
    ReadSnapshot,
    Reconstruct,
    RefineImage,
    Request,
    RestartWorker,
    Result,
    Sample,
    SaveModel,
    SearchImages,
    SelectionExported,
    SelectionSummary,
    Shutdown,
    SnapshotRead,
    SolvePath,
    StopImageWork,
    StopTraining,
    Strip,
    SubsetWritten,
    SummarizeSelection,
    ThumbnailDrawn,
    Train,
    TrainingState,
    Traverse,
    UnpauseTraining,
    WriteSubset,
)


class Outcome(Enum):
    """What becomes of an unanswered request when its worker ends."""

    LEFT_TO_WINDOW = auto()
    """Sent again once; after that the window asks for it itself, whenever a model is opened."""
    SENT_AGAIN = auto()
    """Sent again once; after that it is refused and offered."""
    OFFERED = auto()
    """Refused and offered."""
    SETTLED = auto()
    """What it was about has ended with the worker."""


_VIEW, _READ, _WORK, _CONTROL = Outcome.LEFT_TO_WINDOW, Outcome.SENT_AGAIN, Outcome.OFFERED, Outcome.SETTLED

_RULES: dict[type[Request], tuple[Outcome, tuple[type[Result], ...]]] = {
    Decode: (_VIEW, (Decoded,)),
    DecodeGrid: (_VIEW, (GridTiles,)),
    DecodeBoth: (_VIEW, (BothDecoded,)),
    DecodeOtherGrid: (_VIEW, (OtherTiles,)),
    Traverse: (_VIEW, (Strip,)),
    Interpolate: (_VIEW, (Strip,)),
    Reconstruct: (_VIEW, (Strip,)),
    Sample: (_VIEW, (Strip,)),
    Generate: (_VIEW, (Generated,)),
    SolvePath: (_VIEW, (PathSolved,)),
    DecodeRows: (_VIEW, (Strip,)),
    ReadCodebooks: (_VIEW, (Codebooks,)),
    DrawThumbnail: (_VIEW, (ThumbnailDrawn,)),
    Nearest: (_VIEW, (NearestFound,)),
    MeasureCopy: (_VIEW, (CopyMeasured,)),
    DistanceToData: (_VIEW, (DistanceMeasured,)),
    MeasurePlane: (_VIEW, (PlaneMeasured,)),
    MeasureFields: (_VIEW, (FieldsMeasured,)),
    Embed: (_VIEW, (Embedded,)),
    DescribeDimension: (_VIEW, (DimensionDescribed,)),
    EncodeDrawing: (_VIEW, (DrawingEncoded,)),
    InspectImage: (_VIEW, (ImageInspected,)),
    ImputeImage: (_VIEW, (ImageImputed,)),
    RefineImage: (_READ, (ImageRefined,)),
    PicturesOfPoints: (_VIEW, (PointPictures,)),
    CompareRuns: (_VIEW, ()),  # the worker keeps following these runs: never answered completely
    SummarizeSelection: (_VIEW, (SelectionSummary,)),
    SearchImages: (_READ, (ImagesFound,)),
    RankImages: (_READ, (ImagesRanked,)),
    DrawLatent: (_READ, (LatentDrawn,)),
    FindDirection: (_READ, (DirectionFound,)),
    MeasureModel: (_READ, (ModelMeasured,)),
    ReadSnapshot: (_READ, (SnapshotRead,)),
    ReadEpochs: (_READ, (EpochsRead,)),
    PreviewDataset: (_READ, (DatasetPreview,)),
    EncodeImage: (_WORK, (ImageEncoded,)),  # not sent again: a hostile file may end every worker that reads it
    OpenModel: (_WORK, (ModelChanged,)),
    SaveModel: (_WORK, (ModelSaved,)),
    ExportSelection: (_WORK, (SelectionExported,)),
    ExportFilm: (_WORK, (FilmExported, FilmCancelled)),
    ExportFile: (_WORK, (FileExported, ExportCancelled)),
    DecodeMap: (_WORK, (MapDecoded, ExportCancelled)),
    WriteSubset: (_WORK, (SubsetWritten,)),
    OpenDataset: (_WORK, (DatasetOpened, DatasetCancelled)),
    Train: (_WORK, (TrainingState,)),
    # The window asks for it whenever a dataset is opened, also by the next worker; see _ENDS_ENCODING.
    EncodeDataset: (_CONTROL, ()),
    EncodeSelection: (_CONTROL, ()),  # the next worker encodes all images
    CancelRanking: (_CONTROL, ()),
    StopImageWork: (_CONTROL, ()),
    # The window asks for it again when another worker is ready.
    OpenComparison: (_CONTROL, ()),
    CloseComparison: (_CONTROL, ()),
    CloseDataset: (_CONTROL, (DatasetClosed,)),
    PauseTraining: (_CONTROL, ()),
    UnpauseTraining: (_CONTROL, ()),
    StopTraining: (_CONTROL, ()),
    AdjustTraining: (_CONTROL, ()),
    CancelFilm: (_CONTROL, ()),
    CancelExport: (_CONTROL, ()),
    CancelLoading: (_CONTROL, ()),
    Ping: (_CONTROL, ()),
    Shutdown: (_CONTROL, ()),
    RestartWorker: (_CONTROL, ()),
}
"""For each request what becomes of it, and the results that answer it. A ``Failed`` with its name answers it, too."""


_ENDS_ENCODING = (PointsChanged, DatasetCancelled, ModelChanged)
"""Encoding ends with the points, by a cancellation, and in silence when there is another model."""

_NAMES: dict[type[Request], str] = {
    DrawLatent: "Sampling a latent",
    FindDirection: "Finding a direction",
    MeasureModel: "Measuring the model",
    ReadSnapshot: "Reading epoch {0.epoch} of {0.run}",
    ReadEpochs: "Reading the epochs of {0.run}",
    PreviewDataset: "Previewing {0.source}",
    EncodeImage: "Encoding {0.path}",
    OpenModel: "Opening {0.source}",
    SaveModel: "Saving {0.path}",
    SearchImages: "Searching for {0.text}",
    RankImages: "Ranking the images",
    RefineImage: "Refining the image's posterior",
    ExportSelection: "Exporting to {0.path}",
    ExportFilm: "Writing the film {0.path}",
    ExportFile: "Exporting to {0.path}",
    DecodeMap: "Drawing the map",
    WriteSubset: "Writing the images to train on",
    OpenDataset: "Opening {0.source}",
    Train: "Starting the run {0.out}",
}
"""What the requests that may be refused do, as the beginning of a sentence."""


def outcome_of(request: Request) -> Outcome:
    """What becomes of a request that its worker has not answered."""
    return _RULES[type(request)][0]


class UnansweredRequests:
    """The requests that are not answered: of each slot the newest, and those without a slot in order."""

    def __init__(self) -> None:
        self._requests: list[Request] = []

    def names(self) -> tuple[str, ...]:
        """Their names, oldest first; without those that are never answered completely."""
        return tuple(type(each).__name__ for each in self._requests if not isinstance(each, CompareRuns))

    def has_work(self) -> bool:
        """Whether one of them takes longer than to read something."""
        return any(request.slot is None for request in self._requests)

    def record_request(self, request: Request) -> None:
        """Record what is asked of the worker; a newer request of a slot, or for a dataset, replaces the older one."""
        if outcome_of(request) is Outcome.SETTLED and not isinstance(request, EncodeDataset):
            return
        self._requests = [each for each in self._requests if not _replaces(request, each)]
        self._requests.append(request)

    def record_result(self, result: Result) -> None:
        """Remove the oldest request that the result answers, and an encoding that it ends."""
        if isinstance(result, _ENDS_ENCODING):
            self._requests = [each for each in self._requests if not isinstance(each, EncodeDataset)]
        for request in self._requests:
            if _answers(result, request):
                self._requests.remove(request)
                return

    def take_lost(self, may_send_again: bool) -> tuple[list[Request], list[Failed]]:
        """The worker has ended: remove all requests.

        Parameters
        ----------
        may_send_again
            Whether they may be sent to the next worker: not if one of them is likely to have ended this one.

        Returns
        -------
        list of Request
            Those that are to be sent to the next worker.
        list of Failed
            The refusals of the others, each with the offer to send the request again.
        """
        lost, self._requests = self._requests, []
        again, refused = [], []
        for request in lost:
            outcome = outcome_of(request)
            if outcome is Outcome.OFFERED or (outcome is Outcome.SENT_AGAIN and not may_send_again):
                message = f"{_what(request)} ended with the worker."
                refused.append(Failed(type(request).__name__, message, again=request))
            elif may_send_again and outcome is not Outcome.SETTLED:
                again.append(request)
        return again, refused


def refusal(request: Request) -> Failed | None:
    """The refusal of a request while no worker is started; ``None`` for one that needs no answer then."""
    if outcome_of(request) in (Outcome.LEFT_TO_WINDOW, Outcome.SETTLED):
        return None
    message = f"{_what(request)} needs the worker, which has ended; start it again first."
    return Failed(type(request).__name__, message, again=request)


def _replaces(new: Request, old: Request) -> bool:
    if new.slot is not None:
        return new.slot == old.slot
    # The worker ends an unfinished opening, and an encoding, for a newer opening.
    if isinstance(new, OpenDataset):
        return isinstance(old, OpenDataset | EncodeDataset)
    return isinstance(new, EncodeDataset) and isinstance(old, EncodeDataset)


def _answers(result: Result, request: Request) -> bool:
    match result:
        case Failed():
            return result.request == type(request).__name__
        case (
            GridTiles(done=False)
            | PlaneMeasured(done=False)
            | FieldsMeasured(done=False)
            | PointPictures(done=False)
            | Embedded(done=False)
            | PathSolved(done=False)
            | ImageInspected(done=False)
            | ImageRefined(done=False)
            | ImageImputed(done=False)
        ):
            return False
        case ModelChanged():
            return isinstance(request, OpenModel) and result.info.source == request.source
    if not isinstance(result, _RULES[type(request)][1]):
        return False
    generation = getattr(request, "generation", None)
    return generation is None or getattr(result, "generation", generation) >= generation


def _what(request: Request) -> str:
    """What was asked, as the beginning of a sentence."""
    return _NAMES[type(request)].format(request)
