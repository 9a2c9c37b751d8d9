"""Every request ends in an answer, a refusal or an offer, also when its worker ends."""

from __future__ import annotations

import numpy as np
import pytest

from latentlab.config import DataConfig, RunConfig
from latentlab.engine.client import client as client_module
from latentlab.engine.client.client import EngineClient
from latentlab.engine.protocol import messages
from latentlab.engine.protocol.messages import (
    AdjustTraining,
    Axes,
    CancelExport,
    CancelFilm,
    CancelLoading,
    CancelRanking,
    CloseComparison,
    CloseDataset,
    CompareRuns,
    DatasetCancelled,
    DatasetInfo,
    DatasetOpened,
    Decode,
    DecodeBoth,
    Decoded,
    DecodeGrid,
    DecodeMap,
    DecodeOtherGrid,
    DecodeRows,
    DescribeDimension,
    DistanceToData,
    DrawLatent,
    DrawThumbnail,
    Embed,
    EncodeDataset,
    EncodeDrawing,
    EncodeImage,
    EncodeSelection,
    ExportFile,
    ExportFilm,
    ExportSelection,
    Failed,
    FindDirection,
    Generate,
    GridTiles,
    ImputeImage,
    InspectImage,
    Interpolate,
    LayoutSurface,
    MeasureCopy,
    MeasureFields,
    MeasureModel,
    MeasurePlane,
    ModelChanged,
    ModelSaved,
    Nearest,
    OpenComparison,
    OpenDataset,
    OpenModel,
    PauseTraining,
    PicturesOfPoints,
    PointsChanged,
    PreviewDataset,
    RankImages,
    ReadCodebooks,
    ReadEpochs,
    ReadSnapshot,
    Reconstruct,
    RefineImage,
    Request,
    Sample,
    SaveModel,
    SearchImages,
    SolvePath,
    StopImageWork,
    StopTraining,
    SummarizeSelection,
    Train,
    TrainingState,
    Traverse,
    UnpauseTraining,
    WorkerReady,
    WorkerState,
    WriteSubset,
)
from tests.controllers.conftest import model_info
from tests.engine.scripted_host import ScriptedHost

Z = np.zeros(2, np.float32)
PLANE = Axes(Z, Z, Z)
ROWS = np.zeros(1, np.int64)
PIXELS = np.zeros((8, 8), np.uint8)
VIEWS = (
    Decode(1, Z), DecodeGrid(1, PLANE, (0, 1), (0, 1), 1, 1, 8), Traverse(1, Z, (0,), Z), Interpolate(1, Z[None], 2),
    Reconstruct(1), Sample(1), DecodeRows(1, Z[None, None], ()), ReadCodebooks(1), Nearest(1, Z), DistanceToData(1, Z),
    MeasureCopy(1, Z), MeasurePlane(1, PLANE, (0, 1), (0, 1)),
    MeasureFields(1, (), PLANE, (0, 1), (0, 1), 1, 1), CompareRuns(("run",)), DrawThumbnail("key", Z[None]),
    PicturesOfPoints(1, ROWS, "real", 8), DescribeDimension(1, Z, 0, Z), Embed(1, "tsne"),
    EncodeDrawing(1, PIXELS, "Drawing"), InspectImage(1, PIXELS, None, Z), ImputeImage(1, PIXELS, PIXELS > 0),
    DecodeBoth(1, Z), DecodeOtherGrid(1, PLANE, (0, 1), (0, 1), 1, 1, 8), Generate(1, "prior", 4),
    SolvePath(1, Z[None], "linear", False, 8, False), SummarizeSelection(1, ROWS),
)  # fmt: skip
READS = (
    DrawLatent(1, 0), FindDirection(1, ""), ReadSnapshot(1, "run", 3), ReadEpochs(1, "run", "sample"),
    PreviewDataset("photos", DataConfig()), RefineImage(1, PIXELS),
    SearchImages(1, "cat"), RankImages(1, "elbo"), MeasureModel(1, ("rate",)),
)  # fmt: skip
WORK = (
    OpenModel("other"), SaveModel("there"), OpenDataset("more"), EncodeImage("face.png"), Train(RunConfig(), "run"),
    ExportSelection("a.csv", ROWS, "table"), ExportFilm("a.gif", Z[None], 20, 1),
    ExportFile("a.md", "card"), DecodeMap(1, LayoutSurface(1), (0, 1), (0, 1), 1, 1), WriteSubset("some", ROWS),
)  # fmt: skip
CONTROLS = (
    PauseTraining(), UnpauseTraining(), StopTraining(), AdjustTraining(beta=2.0), CancelLoading(), EncodeDataset(),
    StopImageWork("refine"),
    CancelExport(), CancelFilm(), CloseDataset(), CancelRanking(), OpenComparison(1, "other"), CloseComparison(),
    EncodeSelection(ROWS),
)  # fmt: skip
OF_THE_CLIENT = {"Request", "Ping", "Shutdown", "RestartWorker"}
DATASET = DatasetInfo("photos", "photos", 10, (1, 8, 8), (), (), 9, 1, (), 0, DataConfig(), 640)

pytestmark = pytest.mark.logs("the worker ended with code")


def name_of(request: Request) -> str:
    return type(request).__name__


class Workers:
    """A client whose workers are scripted."""

    def __init__(self, qtbot, monkeypatch) -> None:
        self.started: list[ScriptedHost] = []
        self.results: list[object] = []
        self._qtbot = qtbot
        monkeypatch.setattr(client_module, "launch", self._launch)
        monkeypatch.setattr("latentlab.engine.client.restart._FIRST_PAUSE", 1)
        self.client = EngineClient()
        self.client.received.connect(self.results.append)
        self.client.start("process")
        self.open()

    def _launch(self, *_):
        self.started.append(ScriptedHost())
        return self.started[-1]

    @property
    def sent(self) -> list[Request]:
        return self.started[-1].sent

    def answer(self, *results) -> None:
        """Let the present worker answer, and wait until the client has received the last answer."""
        self.started[-1].answer(*results)
        self._qtbot.waitUntil(lambda: any(each is results[-1] for each in self.results))

    def open(self) -> None:
        """The present worker becomes ready, with model and dataset."""
        version = 10 * len(self.started)
        self.answer(
            WorkerReady("cpu", ("cpu",), {}, 0),
            ModelChanged(version, model_info(), is_new_model=len(self.started) == 1),
            DatasetOpened(DATASET, None),
        )

    def lose(self) -> list[object]:
        """The present worker is killed; what the client says of it until the next one starts."""
        count, before = len(self.started), len(self.results)
        with self._qtbot.waitSignal(self.client.workerLost):
            self.started[-1].end(-9)
        if self.client.status.state is not WorkerState.GIVEN_UP:
            self._qtbot.waitUntil(lambda: len(self.started) == count + 1)
        return self.results[before:]


@pytest.fixture
def workers(qtbot, qapp, monkeypatch):
    workers = Workers(qtbot, monkeypatch)
    yield workers
    if workers.client.host is not None:
        workers.started[-1].end(0)
    workers.client.shutdown(2.0)
    workers.client.deleteLater()


def failures(results: list[object]) -> list[Request | None]:
    return [result.again for result in results if isinstance(result, Failed)]


def test_every_request_is_tested_here():
    kinds = {name for name, kind in vars(messages).items() if isinstance(kind, type) and issubclass(kind, Request)}
    assert kinds - OF_THE_CLIENT <= {name_of(each) for each in VIEWS + READS + WORK + CONTROLS}


@pytest.mark.parametrize("request_", VIEWS + READS, ids=name_of)
def test_rows_22_and_44_what_only_reads_is_sent_to_the_next_worker_once(workers, request_):
    workers.client.request(request_)
    assert request_ in workers.sent
    assert failures(workers.lose()) == []
    workers.open()
    assert request_ in workers.sent
    refused = failures(workers.lose())
    assert refused == ([request_] if request_ in READS else []), "the window asks for the others with every model"
    workers.open()
    assert request_ not in workers.sent
    assert workers.client.status.unanswered == ()


@pytest.mark.parametrize("request_", WORK, ids=name_of)
def test_row_44_what_opens_saves_or_trains_is_refused_and_offered(workers, request_):
    workers.client.request(request_)
    assert workers.client.status.state is WorkerState.BUSY
    assert workers.client.status.unanswered == (name_of(request_),)
    (failed,) = [result for result in workers.lose() if isinstance(result, Failed)]
    assert (failed.request, failed.again, failed.expected) == (name_of(request_), request_, True)
    assert failed.message.endswith("ended with the worker.")
    assert request_ not in workers.sent
    workers.open()
    assert workers.client.status.state is WorkerState.READY


@pytest.mark.parametrize("request_", CONTROLS, ids=name_of)
def test_what_controls_a_run_or_an_opening_is_settled_by_the_end_of_both(workers, request_):
    run, opening = Train(RunConfig(), "run"), OpenDataset("more")
    workers.client.request(run)
    workers.answer(TrainingState("running", "run"))
    workers.client.request(opening)
    workers.client.request(request_)
    told = workers.lose()
    assert TrainingState("idle", "run") in told
    assert failures(told) == [opening]
    workers.open()
    assert request_ not in workers.sent
    assert workers.client.status.unanswered == ()


@pytest.mark.parametrize("request_", VIEWS + READS + WORK, ids=name_of)
def test_row_44_while_no_worker_is_started_work_is_refused_or_starts_one(workers, qtbot, request_):
    for _ in range(3):
        told = workers.lose()
    assert workers.client.status.state is WorkerState.GIVEN_UP
    assert told[-1].state is WorkerState.GIVEN_UP, "one state, told last"
    count = len(workers.started)
    workers.client.request(request_)
    if isinstance(request_, OpenModel | OpenDataset):
        is_model = isinstance(request_, OpenModel)
        kept = OpenDataset("photos", DataConfig()) if is_model else OpenModel("m.safetensors", False)
        assert workers.sent == [kept, request_], "what it may be that ends the workers is not opened"
        return
    assert len(workers.started) == count
    if request_ not in VIEWS:
        qtbot.waitUntil(lambda: request_ in failures(workers.results))


def test_an_answer_ends_the_waiting_and_nothing_else_does(workers):
    workers.client.request(Decode(5, Z))
    workers.client.request(SaveModel("there"))
    workers.client.request(DecodeGrid(2, PLANE, (0, 1), (0, 1), 1, 1, 8))
    workers.answer(Decoded(4, 10, Z, None, False))
    assert workers.client.status.unanswered == ("Decode", "SaveModel", "DecodeGrid")
    tiles = GridTiles(2, 10, None, 1, None, done=False)
    workers.answer(Decoded(5, 10, Z, None, False), tiles)
    assert workers.client.status.unanswered == ("SaveModel", "DecodeGrid")
    workers.answer(GridTiles(2, 10, None, 1, None, done=True), Failed("SaveModel", "the disk is full"))
    assert workers.client.status.unanswered == ()
    workers.client.request(SaveModel("there"))
    workers.answer(ModelSaved("there"))
    assert workers.client.status.unanswered == ()


@pytest.mark.parametrize(
    "end",
    [
        PointsChanged(10, Z[None], Z[None], Z[:1].astype(int), (), None),
        ModelChanged(11, model_info(), is_new_model=False),
        DatasetCancelled(),
        Failed("EncodeDataset", "the images do not fit the model"),
        DatasetOpened(DATASET, None),
    ],
    ids=lambda end: type(end).__name__,
)
def test_the_worker_is_busy_until_the_encoding_ends(workers, end):
    for _ in range(2):
        workers.client.request(EncodeDataset())
    assert workers.client.status.unanswered == ("EncodeDataset",)
    assert workers.client.status.state is WorkerState.BUSY
    if isinstance(end, DatasetOpened):
        workers.client.request(OpenDataset("more"))  # the worker ends an encoding for it
    workers.answer(end)
    assert workers.client.status.unanswered == ()
    assert workers.client.status.state is WorkerState.READY


def test_an_opening_is_answered_although_it_ends_an_encoding(workers):
    workers.client.request(EncodeDataset())
    workers.client.request(OpenModel("m.safetensors"))
    workers.answer(ModelChanged(11, model_info(), is_new_model=True))
    assert workers.client.status.unanswered == ()


def test_compared_runs_are_followed_and_not_waited_for(workers):
    workers.client.request(CompareRuns(("run",)))
    assert workers.client.status.unanswered == ()


def test_a_newer_opening_of_a_dataset_replaces_the_older_one(workers):
    workers.client.request(OpenDataset("one"))
    workers.client.request(OpenDataset("two"))
    assert failures(workers.lose()) == [OpenDataset("two")]


def test_views_of_a_run_with_another_latent_space_are_not_sent_to_the_model_before_it(workers):
    """Row 43: they would be about latents of another size."""
    workers.client.request(Train(RunConfig(), "run"))
    changed = ModelChanged(11, model_info(10, source="run"), is_new_model=True, training=True)
    workers.answer(changed, TrainingState("running", "run"))
    workers.client.request(Sample(3))
    workers.client.request(DrawLatent(1, 0))
    workers.lose()
    assert workers.sent[0] == OpenModel("m.safetensors", is_new_model=True)
    workers.open()
    assert Sample(3) not in workers.sent
    assert DrawLatent(1, 0) in workers.sent
