"""Every door for models, and what each can do: the table of docs/guide/own-model.md, cell by cell."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import latentlab
from latentlab.cli import main
from latentlab.config import DataConfig
from latentlab.data import Dataset
from latentlab.engine.protocol.messages import PointsChanged, Result
from latentlab.engine.worker.jobs import encoding
from latentlab.engine.worker.workspace import Workspace
from latentlab.errors import LatentlabError
from latentlab.storage import find_model, read_model
from tests.exchange import test_pythae
from tests.foreign.explored import serve, user_model
from tests.storage import diffusers_files, onnx_files

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "own-model.md"
COLUMNS = ("opens", "encodes", "decodes", "on the map", "evaluated")
Door = Callable[[Path], tuple[Path, Callable[[], Path]]]
"""Makes what the door opens, and a function that makes what it must refuse."""


def bundled(_folder: Path) -> tuple[Path, Callable[[], Path]]:
    def spoilt() -> Path:
        path = _folder / "spoilt.safetensors"
        model = read_model(find_model("bundled:mnist-2d"))
        model.weights.pop(next(iter(model.weights)))
        latentlab.storage.write_model(path, model)
        return path

    return find_model("bundled:mnist-2d"), spoilt


def package(folder: Path) -> tuple[Path, Callable[[], Path]]:
    def spoilt() -> Path:
        arrays = onnx_files.test_arrays()
        return onnx_files.write(folder / "spoilt", arrays=arrays | {"decoded": arrays["decoded"] + 0.5})

    return onnx_files.write(folder / "package"), spoilt


def bare(folder: Path) -> tuple[Path, Callable[[], Path]]:
    def spoilt() -> Path:
        decoder = onnx_files.decoder()
        decoder.graph.input[0].CopyFrom(onnx_files.port("z", None, None))
        onnx.save_model(decoder, folder / "spoilt.onnx")
        return folder / "spoilt.onnx"

    onnx.save_model(onnx_files.decoder(), folder / "own.onnx")
    return folder / "own.onnx", spoilt


def diffusers(folder: Path) -> tuple[Path, Callable[[], Path]]:
    types = ["AttnDownEncoderBlock2D"] * 2
    return diffusers_files.write(folder / "own"), lambda: diffusers_files.write(
        folder / "spoilt", down_block_types=types
    )


def imported_diffusers(folder: Path) -> tuple[Path, Callable[[], Path]]:
    source, out = diffusers_files.write(folder / "own"), folder / "imported.safetensors"
    assert main(["import", str(source), "--out", str(out)]) == 0

    def spoilt() -> Path:
        path, file = folder / "spoilt.safetensors", read_model(out)
        header = file.header.model_copy(update={"image_shape": (3, 17, 17)})
        latentlab.storage.write_model(path, latentlab.storage.ModelFile(header, file.weights))
        return path

    return out, spoilt


def pythae(folder: Path) -> tuple[Path, Callable[[], Path]]:
    own = test_pythae.write(folder / "own")
    return own, lambda: own


def imported_pythae(folder: Path) -> tuple[Path, Callable[[], Path]]:
    own, out = test_pythae.write(folder / "own"), folder / "imported.safetensors"
    assert main(["import", str(own), "--out", str(out)]) == 0

    def spoilt() -> Path:
        path = folder / "spoilt.pt"
        path.write_bytes(pickle.dumps({"model_state_dict": {}}))
        return path

    return out, spoilt


def table(folder: Path) -> tuple[Path, Callable[[], Path]]:
    (folder / "t.csv").write_text("label,z_0,z_1\na,0,1\nb,2,3\na,1,1\n")

    def spoilt() -> Path:
        (folder / "spoilt.csv").write_text("z_0,z_1\n0,nan\n")
        return folder / "spoilt.csv"

    return folder / "t.csv", spoilt


def others(folder: Path) -> tuple[Path, Callable[[], Path]]:
    path = folder / "vae.pt"
    path.write_bytes(pickle.dumps({}))
    return path, lambda: path


DOORS: dict[str, Door | None] = {
    "model file or run of latentlab": bundled,
    "`latentlab.explore`": None,  # serves its functions until the test ends
    "ONNX package": package,
    "`decoder.onnx` alone": bare,
    "folder of diffusers": diffusers,
    "model file made of one by `import`": imported_diffusers,
    "folder of Pythae": pythae,
    "model file made of one by `import` of Pythae": imported_pythae,
    "table of latents": table,
    "`.pt`, `.pkl`, `.keras` and the like": others,
}


def documented() -> dict[str, dict[str, bool]]:
    """The table of the page: for each door what it can do."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    first = next(index for index, row in enumerate(rows) if row.startswith("| door "))
    found = {}
    for row in rows[first + 1 : first + 1 + len(DOORS)]:
        name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        assert set(cells[: len(COLUMNS)]) <= {"yes", "no"}, row
        found[name] = {column: cell == "yes" for column, cell in zip(COLUMNS, cells, strict=False)}
    return found


@pytest.fixture(params=list(DOORS))
def door(request, tmp_path) -> Iterator[tuple[str, Path, Callable[[], Path]]]:
    make = DOORS[request.param]
    if make is not None:
        yield (request.param, *make(tmp_path))
        return
    server, path = serve(tmp_path, user_model())

    def spoilt() -> Path:
        (tmp_path / "spoilt.explore").write_text('{"format": "latentlab-explore", "image_shape": [1, 4]}')
        return tmp_path / "spoilt.explore"

    yield request.param, path, spoilt
    server.close()


def images_for(model: Any) -> Dataset:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, *model.image_shape)).astype(np.uint8)
    names = [f"{number}.png" for number in range(6)]
    return Dataset(images, np.arange(6) % 2, ("a", "b"), names, "random", "made:random", DataConfig())


def does(work: Callable[[], Any]) -> bool:
    """Whether something works; what does not is refused in one sentence."""
    refusal = ""
    try:
        work()
    except LatentlabError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return not refusal


def shows(path: Path, model: Any) -> bool:
    """Whether the map has points: of the table, or of images that are encoded; or a manifold of a decoder alone."""
    sent: list[Result] = []
    workspace = Workspace(sent.append)
    workspace.model = model
    workspace.publish_file(path, read_model(path), str(path))
    if model.capabilities.has_encoder:
        workspace.dataset = images_for(model)
        list(encoding(workspace))
    elif model.capabilities.has_decoder:
        return bool(model.decode(np.zeros((4, model.latent_dim), np.float32)).any())
    points = [result for result in sent if isinstance(result, PointsChanged)]
    return bool(points) and points[-1].mean.shape[1] == model.latent_dim


def test_each_door_does_what_the_page_says(door):
    name, path, spoilt = door
    found = dict.fromkeys(COLUMNS, False)
    opened: list[Any] = []
    found["opens"] = does(lambda: opened.append(latentlab.load_model(path, "cpu")))
    if opened:
        (model,) = opened
        dataset, z = images_for(model), np.zeros((2, model.latent_dim), np.float32)
        found["encodes"] = does(lambda: model.encode(dataset))
        found["decodes"] = does(lambda: model.decode(z))
        found["on the map"] = shows(path, model)
        found["evaluated"] = does(lambda: latentlab.evaluate(model, dataset, importance_samples=1))
    assert found == documented()[name]
    with pytest.raises(LatentlabError) as raised:
        latentlab.load_model(spoilt(), "cpu")
    assert "\n" not in str(raised.value)


def test_info_describes_what_opens_and_refuses_the_rest(door, capsys):
    name, path, _spoilt = door
    opens = documented()[name]["opens"]
    capsys.readouterr()
    assert main(["info", str(path), "--json"]) == (0 if opens else 2)
    captured = capsys.readouterr()
    if opens:
        described = json.loads(captured.out)
        assert described["kind"] == "model"
        assert described["latent_dim"] >= 1
        assert main(["info", str(path)]) == 0
        assert described["recipe"] in capsys.readouterr().out
    else:
        assert captured.err.count("\n") == 1
        assert not captured.out


def test_the_page_lists_every_door():
    assert list(documented()) == list(DOORS)
