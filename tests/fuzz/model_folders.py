"""Models of other programs: spoilt tables of latents and spoilt folders of diffusers."""

from __future__ import annotations

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import save

from tests.fuzz.data_files import png
from tests.fuzz.mutations import spoilt_arrays, spoilt_bytes, spoilt_json, spoilt_safetensors, spoilt_text
from tests.storage import diffusers_files

Files = dict[str, bytes]

_COUNT = 4
_LARGEST_SIDE, _MOST_LATENTS = 64, 4096  # of what is decoded


def tables() -> st.SearchStrategy[Files]:
    """Spoilt tables of latents, which name images beside them."""
    paths = [f"{number}.png" for number in range(_COUNT)]
    images = {name: png(number) for number, name in enumerate(paths)}
    latents = np.linspace(-1, 1, 2 * _COUNT, dtype=np.float32).reshape(_COUNT, 2)
    arrays = {"mean": latents, "label": np.arange(_COUNT) % 2, "path": np.array(paths)}
    rows = [f"{path} , cat , {x} , {y}" for path, (x, y) in zip(paths, latents.tolist(), strict=True)]
    text = "path , class , mean_0 , mean_1\n" + "\n".join(rows) + "\n"
    kinds = {
        "t.npz": spoilt_arrays(arrays).map(_npz) | spoilt_bytes(_npz(arrays)),
        "t.csv": spoilt_text(text),
        "t.tsv": spoilt_text(text.replace(" , ", " \t ")),
    }
    if find_spec("pyarrow") is not None:
        kinds["t.parquet"] = spoilt_bytes(_parquet(paths, latents))
    return st.sampled_from(sorted(kinds)).flatmap(lambda name: kinds[name].map(lambda data: images | {name: data}))


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _parquet(paths: list[str], latents: np.ndarray) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"path": paths, "z_0": latents[:, 0], "z_1": latents[:, 1]}), file)
    return file.getvalue()


def open_table(folder: Path) -> None:
    """Open the table as the window does: what it is, then its map and the nearest of its images."""
    from latentlab.data.latent_tables import is_latent_table
    from latentlab.storage.latent_table import read_latent_table

    path = next(each for each in folder.iterdir() if each.stem == "t")
    is_latent_table(path)
    table = read_latent_table(path)
    assert np.isfinite(table.points.mean).all()
    assert len(table.points.mean) == len(table.points.label)
    assert table.points.label.max(initial=-1) < max(1, len(table.header.classes))
    assert len(table.note) < 2000
    _decode(path)


def diffusers_folders() -> st.SearchStrategy[Files]:
    """Folders of diffusers with spoilt settings, spoilt weights, or a spoilt index of weights."""
    weights = diffusers_files.WEIGHTS

    def of(settings: dict[str, Any]) -> st.SearchStrategy[Files]:
        data = save(diffusers_files.weights_for(settings), {"format": '"pt"'})
        text = json.dumps(settings).encode()
        shards = {"a.safetensors": data, f"{weights}.index.json": b""}
        index = {"metadata": {"total_size": 9}, "weight_map": {"encoder.conv_in.weight": "a.safetensors"}}
        spoilt_settings = (spoilt_json(settings).map(_text) | spoilt_bytes(text)).map(
            lambda each: {"config.json": each, weights: data}
        )
        spoilt_weights = spoilt_safetensors(data, "format", lambda values, _tensors: values).map(
            lambda each: {"config.json": text, weights: each}
        )
        spoilt_index = (spoilt_json(index).map(_text) | spoilt_bytes(_text(index))).map(
            lambda each: {"config.json": text, **shards, f"{weights}.index.json": each}
        )
        return spoilt_settings | spoilt_settings | spoilt_weights | spoilt_index

    return st.sampled_from([diffusers_files.KL, diffusers_files.TINY]).flatmap(of)


def open_diffusers(folder: Path) -> None:
    """Open the folder as the window does, and decode once if its images are small."""
    from latentlab.storage.source_kind import kind_of

    kind_of(str(folder))
    _decode(folder)


def _decode(path: Path) -> None:
    import torch

    from latentlab.models.inference import model_from
    from latentlab.storage import read_model

    file = read_model(path)
    if max(file.header.image_shape[1:]) <= _LARGEST_SIDE and file.header.model.latent_dim <= _MOST_LATENTS:
        model = model_from(file, torch.device("cpu"), path)
        with np.errstate(all="ignore"):
            model.decode(np.zeros((1, model.latent_dim), np.float32), None)


def _text(values: Any) -> bytes:
    return json.dumps(values).encode("utf-8", "replace")
