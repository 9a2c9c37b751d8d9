"""What is fuzzed: for each kind of file, a strategy of spoilt files and a function that opens them as the program does.

A file must open, or be refused with a `LatentlabError`; every other exception, a crash, or hundreds of megabytes taken
by a small file is a finding. To add a target, add a line to ``TARGETS``.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

import latentlab
from latentlab.config.events import event_from
from latentlab.errors import InputError
from latentlab.storage.tensors import digest
from tests.fuzz import data_files, model_folders, window_files
from tests.fuzz.mutations import spoilt_arrays, spoilt_bytes, spoilt_json, spoilt_safetensors, spoilt_text

V1 = Path(__file__).parents[1] / "fixtures" / "v1"
FAMILIES = ("vae", "cvae", "vq-vae", "ladder-vae", "semi-supervised-vae", "concrete-vae", "flow-prior", "vamp-vae")

Files = dict[str, bytes]
"""Content of each file by its path in a folder."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes
    ----------
    files
        Strategy of spoilt files.
    opens
        Opens them in the folder where they lie.
    examples
        Number of inputs in the suite.
    """

    files: st.SearchStrategy[Files]
    opens: Callable[[Path], object]
    examples: int = 40


# --- model files ------------------------------------------------------------------------------------------------------


def _signed(description: Any, tensors: dict[str, np.ndarray]) -> Any:
    return description | {"sha256": digest(tensors)} if isinstance(description, dict) else description


def _models() -> st.SearchStrategy[Files]:
    seeds = [(V1 / "models" / f"{name}.safetensors").read_bytes() for name in FAMILIES]
    seeds += [seeds[0]] * len(seeds)  # half of them: it alone has points and a preview
    spoilt = st.sampled_from(seeds).flatmap(lambda data: spoilt_safetensors(data, "latentlab", _signed))
    return spoilt.map(lambda data: {"m.safetensors": data})


def _open_model(folder: Path) -> None:
    """Open a model as the window does: the first paint, the worker before it has torch, then the model."""
    from latentlab.app.preview_picture import preview_picture
    from latentlab.engine.protocol.messages import PointsChanged
    from latentlab.engine.worker.numpy_decoder import numpy_decoder
    from latentlab.engine.worker.workspace import Workspace
    from latentlab.models.inference import model_from
    from latentlab.storage import read_model

    path = folder / "m.safetensors"
    preview_picture(str(path))
    file = read_model(path)
    results: list[Any] = []
    Workspace(results.append).publish_file(path, file, str(path))
    for result in results:
        if isinstance(result, PointsChanged):
            for array in (result.mean, result.std, result.kl, result.components):
                assert array is None or np.isfinite(array).all()
    decoder = numpy_decoder(file)
    with np.errstate(all="ignore"):
        if decoder is not None:
            decoder.decode(np.zeros((1, decoder.latent_dim), np.float32))
        model = model_from(file, _cpu(), path)
        label = np.zeros(1, np.int64) if model.module.classes else None
        model.decode(np.zeros((1, model.latent_dim), np.float32), label)
        model.encode(np.zeros((1, *model.image_shape), np.uint8), label)
    file.header.data_config()


def _cpu() -> Any:
    import torch

    return torch.device("cpu")


# --- runs -------------------------------------------------------------------------------------------------------------


def _run_files() -> Files:
    folder = V1 / "run"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _checkpoints() -> st.SearchStrategy[Files]:
    files = _run_files()
    spoilt = spoilt_safetensors(files["checkpoint.safetensors"], "latentlab_checkpoint", _signed)
    return spoilt.map(lambda data: files | {"checkpoint.safetensors": data})


@lru_cache
def _bars() -> Any:
    return latentlab.load_dataset(V1 / "bars.npz")


def _resume(folder: Path) -> None:
    """Resume the run for a few steps; an objective that is not finite ends it as it should."""
    from latentlab.engine.worker.model_loader import opened_run
    from latentlab.errors import RunError
    from latentlab.storage import RunFolder
    from latentlab.training import Trainer

    opened_run(str(folder))
    config = RunFolder(V1 / "run").read_record().config
    config = config.model_copy(update={"training": config.training.model_copy(update={"device": "cpu", "epochs": 4})})
    trainer = Trainer(_bars(), config, folder, resume=True)
    first, steps = trainer.step, trainer.steps()
    try:
        for _ in steps:
            if trainer.step > first + 4:
                break
        trainer.checkpoint()
    except RunError:
        pass
    finally:
        steps.close()


def _runs() -> st.SearchStrategy[Files]:
    files = _run_files()
    record = spoilt_json(json.loads(files["run.json"])).map(lambda values: {"run.json": _text(values)})
    lines = [json.loads(line) for line in files["metrics.jsonl"].splitlines()]
    lines.append({"event": "adjusted", "step": 3, "epoch": 0.5, "beta": 2.0, "schedule": "cosine"})
    metrics = spoilt_json(lines).map(
        lambda values: (
            {"metrics.jsonl": b"\n".join(_text(v) for v in values if v is not None) + b"\n"}
            if isinstance(values, list)
            else {"metrics.jsonl": _text(values)}
        )
    )
    raw = spoilt_bytes(files["metrics.jsonl"]).map(lambda data: {"metrics.jsonl": data})
    snapshot = next(name for name in files if name.startswith("history"))
    snapshots = spoilt_safetensors(files[snapshot], "latentlab_history", _signed).map(lambda data: {snapshot: data})
    return (record | metrics | raw | snapshots | snapshots).map(lambda spoilt: files | spoilt)


def _text(values: Any) -> bytes:
    return json.dumps(values).encode("utf-8", "replace")


def _read_run(folder: Path) -> None:
    from latentlab.cli.tensorboard import scalars
    from latentlab.engine.worker.model_loader import opened_run
    from latentlab.storage import RunFolder
    from latentlab.storage.run_summary import summarise_run

    run = RunFolder(folder)
    opened_run(str(folder))
    summarise_run(folder)
    lines = run.read_metrics()
    for line in lines:
        event_from(line)
    list(scalars(lines))
    run.trim_metrics(1)
    for epoch in run.snapshots.epochs():
        try:
            snapshot = run.snapshots.read(epoch)
        except InputError:
            continue
        assert np.isfinite(snapshot.mean).all()
        assert np.isfinite(list(snapshot.metrics.values())).all()


# --- the window's files -----------------------------------------------------------------------------------------------


def _sessions() -> st.SearchStrategy[Files]:
    data = (V1 / "window.latentlab.json").read_bytes()
    board = {**json.loads(data), "schema_version": 2, "board": _board()}
    parts = {**json.loads(data), "schema_version": 3, **_parts()}
    spoilt = (
        spoilt_json(json.loads(data)).map(_text)
        | spoilt_json(board).map(_text)
        | spoilt_json(parts).map(_text)
        | spoilt_bytes(data)
    )
    return spoilt.map(lambda content: {"w.latentlab.json": content})


def _board() -> list[dict[str, Any]]:
    """An item of each kind."""
    from latentlab.storage.board_file import pack_floats, pack_images

    vector = pack_floats([1.0, -2.0])
    contents = (
        {"kind": "latent", "z": vector},
        {"kind": "direction", "vector": vector, "origin": vector, "score": 2.5},
        {"kind": "path", "waypoints": pack_floats([[1.0, 2.0], [3.0, 4.0]])},
        {"kind": "selection", **pack_images(np.array([1, 5, 6]))},
        {"kind": "selection", **pack_images(np.array([1, 500_000]))},
    )
    return [
        {"id": str(number), "name": "kept", "latent_dim": 2, "content": content}
        for number, content in enumerate(contents)
    ]


def _parts() -> dict[str, Any]:
    """What a session has of the window: its map, panels, path, oscillators and comparison, and relative paths."""
    from latentlab.storage.board_file import pack_floats

    return {
        "path": {"latent_dim": 2, "waypoints": pack_floats([[1.0, 2.0], [3.0, 4.0]]), "interpolation": "spherical"},
        "view": [-2.0, 2.0, -1.5, 1.5],
        "layers": [{"name": "points", "visible": True, "opacity": 0.5, "choice": ""}],
        "tool": "path",
        "panels": "AAAA/wAAAAD9AAAAAA==",
        "oscillators": [{"target": "z1", "shape": "wander", "rate": 0.2, "depth": 1.0, "phase": 0.25}],
        "compared": {"source": "other.safetensors", "epoch": 3},
        "relative": {"model": "../models/m.safetensors", "dataset": "a|../b"},
        "file": "s.latentlab.json",
    }


def _read_session(folder: Path) -> None:
    from latentlab.storage.session_file import read_session, write_session
    from latentlab.storage.session_places import located, with_places

    session = read_session(folder / "w.latentlab.json")
    write_session(folder / "again.latentlab.json", session)
    assert read_session(folder / "again.latentlab.json") == session
    found, missing = located(session, folder)
    assert {each.field for each in missing} <= {"model", "dataset"}
    assert len(with_places(found, folder / "deeper").model_dump_json()) < 40 << 20


_SETTINGS = (
    "[General]\nrecent=/photos/1, /photos/2\n\n[window]\nscheme=dark\n"
    "geometry=@ByteArray(\\x1\\xd9\\xd0\\xcb\\0\\x3\\0\\0)\nstate=@ByteArray(\\0\\0\\0\\xff\\0\\0\\0\\0\\xfd\\0\\0\\0\\0)\n"
)


def _read_settings(folder: Path) -> None:
    """Read the settings, and restore the layout of a window from them."""
    from PySide6.QtWidgets import QApplication, QMainWindow

    from latentlab.state.window_settings import WindowSettings

    _application = QApplication.instance() or QApplication([])
    settings = WindowSettings(folder / "window.ini")
    settings.scheme()
    assert all(isinstance(entry, str) for entry in (*settings.take_old_recent(), *settings.recent("model")))
    window = QMainWindow()
    layout = settings.layout()
    if layout is not None:
        window.restoreGeometry(layout[0])
        window.restoreState(layout[1])
    window.deleteLater()


# --- data -------------------------------------------------------------------------------------------------------------


def _image_arrays() -> dict[str, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    return {"images": images, "labels": np.arange(6) % 2}


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _npz_files() -> st.SearchStrategy[Files]:
    arrays = _image_arrays()
    spoilt = spoilt_arrays(arrays).map(_npz) | spoilt_bytes(_npz(arrays))
    return spoilt.map(lambda data: {"data.npz": data})


def _idx_files() -> st.SearchStrategy[Files]:
    images = _image_arrays()["images"]
    content = b"\0\0\x08\x03" + np.array(images.shape, ">i4").tobytes() + images.tobytes()
    labels = b"\0\0\x08\x01" + np.array([6], ">i4").tobytes() + bytes(6)
    plain = spoilt_bytes(content).map(lambda data: {"data-idx3-ubyte": data})
    packed = spoilt_bytes(content).map(lambda data: {"data-idx3-ubyte.gz": gzip.compress(data)})
    beside = spoilt_bytes(labels).map(lambda data: {"data-images-idx3-ubyte": content, "data-labels-idx1-ubyte": data})
    return plain | packed | beside | spoilt_bytes(gzip.compress(content)).map(lambda d: {"data-idx3-ubyte.gz": d})


def _csv_files() -> st.SearchStrategy[Files]:
    from PIL import Image

    images: Files = {}
    for number, pixels in enumerate(_image_arrays()["images"][:3]):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png")
        images[f"{number}.png"] = file.getvalue()
    table = "path , label , size\n0.png , cat , 1.5\n1.png , dog , 2\n2.png , cat ,\n"
    return spoilt_text(table).map(lambda data: images | {"labels.csv": data})


def _load_data(folder: Path) -> None:
    """Open the file of a dataset, the first of those that make one together, or else the folder."""
    file = next((path for path in sorted(folder.iterdir()) if path.name.startswith("data")), folder)
    dataset = latentlab.load_dataset(file)
    assert len(dataset.labels) == len(dataset.images) == len(dataset.paths)
    assert dataset.labels.min(initial=-1) >= -1
    assert dataset.labels.max(initial=-1) < max(1, len(dataset.classes))


# --- caches -----------------------------------------------------------------------------------------------------------


@lru_cache
def _cache_entry() -> Files:
    """The files of a cache entry, with its checksum in a form that can be written again."""
    import tempfile

    from latentlab.data.loading.cache import Cache
    from latentlab.data.loading.prepared_images import PreparedImages

    images = _image_arrays()["images"][:, None]
    prepared = PreparedImages(images, np.array([0, 0, -1, 0, 1, 1, 1], np.int32), [("PNG", "L", "8×8")] * 2, {2: "cut"})
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        with cache.new_entry("entry") as pending:
            for _ in cache.store("entry", pending, prepared):
                pass
        return {f"entry/{path.name}": path.read_bytes() for path in (Path(folder) / "entry").iterdir()}


def _cache_entries() -> st.SearchStrategy[Files]:
    import zlib

    files = _cache_entry()
    payload = json.loads(files["entry/entry.json"].partition(b"\n")[2])

    def signed(values: Any) -> Files:
        text = json.dumps(values)
        return files | {"entry/entry.json": f"{zlib.crc32(text.encode()):08x}\n{text}".encode("utf-8", "replace")}

    raw = st.sampled_from(sorted(files)).flatmap(
        lambda name: spoilt_bytes(files[name]).map(lambda data: files | {name: data})
    )
    return spoilt_json(payload).map(signed) | raw


def _read_cache(folder: Path) -> None:
    from latentlab.data.loading.cache import Cache

    prepared = Cache(folder).get("entry")
    if prepared is not None:
        assert len(prepared.item_index) == len(prepared.images)
        prepared.file_stats()
        int(prepared.images.sum())


TARGETS: dict[str, Callable[[], Target]] = {
    "model": lambda: Target(_models(), _open_model, 20),
    "checkpoint": lambda: Target(_checkpoints(), _resume, 15),
    "run": lambda: Target(_runs(), _read_run),
    "session": lambda: Target(_sessions(), _read_session),
    "settings": lambda: Target(spoilt_text(_SETTINGS).map(lambda data: {"window.ini": data}), _read_settings),
    "preferences": lambda: Target(window_files.preferences_files(), window_files.read_preferences_files),
    "shortcuts": lambda: Target(window_files.shortcuts_files(), window_files.read_shortcuts),
    "recent": lambda: Target(window_files.recent_files(), window_files.read_recent),
    "lessons": lambda: Target(window_files.lessons_files(), window_files.read_lessons),
    "table": lambda: Target(model_folders.tables(), model_folders.open_table, 20),
    "diffusers": lambda: Target(model_folders.diffusers_folders(), model_folders.open_diffusers, 20),
    "cache": lambda: Target(_cache_entries(), _read_cache),
    "npz": lambda: Target(_npz_files(), _load_data),
    "idx": lambda: Target(_idx_files(), _load_data),
    "csv": lambda: Target(_csv_files(), _load_data),
    "jsonl": lambda: Target(data_files.json_lines_files(), _load_data),
    "zip": lambda: Target(data_files.zip_files(), _load_data),
    "tar": lambda: Target(data_files.tar_files(), _load_data),
    "tiff": lambda: Target(data_files.tiff_files(), _load_data),
}
if find_spec("pyarrow") is not None:
    TARGETS["parquet"] = lambda: Target(data_files.parquet_files(), _load_data)
if find_spec("h5py") is not None:
    TARGETS["hdf5"] = lambda: Target(data_files.hdf5_files(), _load_data)
