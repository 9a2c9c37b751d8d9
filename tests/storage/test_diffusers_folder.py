"""Folders of diffusers: the settings say what the model is, and the weights must be theirs."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from latentlab.errors import InputError, OtherFormatError
from latentlab.storage import find_model, read_model, write_model
from latentlab.storage.diffusers_folder import read_diffusers
from latentlab.storage.source_kind import kind_of
from tests.storage.diffusers_files import KL, TINY, WEIGHTS, weights_for, write


@pytest.mark.parametrize(("settings", "factor"), [(KL, 2), (TINY, 2)])
def test_a_folder_and_the_files_in_it_are_a_model(tmp_path: Path, settings, factor) -> None:
    folder = write(tmp_path / "own", settings)
    for path in (folder, folder / "config.json", folder / WEIGHTS):
        assert kind_of(str(path)) == "model"
        assert find_model(path) == folder
    header = read_model(folder).header
    size = 16 if settings is KL else 256
    assert header.image_shape == (3, size, size)
    assert header.model.latent_shape == (2, size // factor, size // factor)
    assert header.parameters == sum(array.size for array in weights_for(settings).values())


def test_a_pipeline_is_the_autoencoder_in_it(tmp_path: Path) -> None:
    write(tmp_path / "pipeline" / "vae")
    (tmp_path / "pipeline" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (tmp_path / "pipeline" / "unet").mkdir()
    assert kind_of(str(tmp_path / "pipeline")) == "model"
    assert read_model(find_model(tmp_path / "pipeline")).header.model.recipe == "autoencoder-kl"


def test_a_pipeline_without_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(InputError, match=r"has no config.json of an autoencoder of diffusers, nor a folder vae"):
        read_model(find_model(tmp_path))


@pytest.mark.parametrize("content", ["{}", "[]", "not json", '{"name": "a dataset"}'])
def test_a_folder_with_another_config_is_a_folder_of_images(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert kind_of(str(tmp_path)) == "dataset"


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "its description is not readable"), (None, "has no config.json of an autoencoder of diffusers")],
)
def test_settings_beside_weights_that_are_damaged_or_missing_are_said_to_be(tmp_path: Path, content, said) -> None:
    folder = write(tmp_path / "own")
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(InputError, match=said) as refused:
        read_model(find_model(folder))
    assert "config.json" in str(refused.value)


def test_a_large_file_of_settings_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"_class_name": "AutoencoderKL", "x": "' + "a" * (2 << 20) + '"}')
    assert kind_of(str(tmp_path)) == "dataset"


def test_several_files_of_weights_are_read_by_their_index(tmp_path: Path) -> None:
    folder = write(tmp_path / "own")
    weights = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    names = sorted(weights)
    halves = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in halves.items():
        save_file({name: weights[name] for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in halves.items() for name in part}}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    read = read_model(folder).weights
    assert read.keys() == weights.keys()
    assert all(np.array_equal(read[name], weights[name]) for name in names)


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/a.safetensors", "..", ""])
def test_an_index_names_only_files_beside_it(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "own")
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"weight_map": {"quant_conv.weight": name}}))
    with pytest.raises(InputError, match=r"weight_map: .* is not the name of a file beside it"):
        read_model(folder)


def test_weights_of_half_precision_and_bfloat16_are_read(tmp_path: Path) -> None:
    weights = weights_for(KL)
    exact = {name: np.round(array * 64) / 64 for name, array in weights.items()}  # has no more digits than bfloat16
    exact = {name: np.clip(array, -2, 2).astype(np.float32) for name, array in exact.items()}
    folder = write(tmp_path / "half", weights={name: array.astype(np.float16) for name, array in exact.items()})
    half = read_model(folder).weights
    folder = write(tmp_path / "brain")
    words = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in exact.items()}
    # The header names another type for the same bytes.
    (folder / WEIGHTS).write_bytes(save(words).replace(b'"U16"', b'"BF16"'))
    header = int.from_bytes((folder / WEIGHTS).read_bytes()[:8], "little")
    data = (folder / WEIGHTS).read_bytes()
    grown = data[8:].index(b"}}") + 2
    while (grown) % 8:
        data = data[: 8 + grown] + b" " + data[8 + grown :]
        grown += 1
    rest = data[8 + grown :].lstrip(b" ")
    del header
    (folder / WEIGHTS).write_bytes(grown.to_bytes(8, "little") + data[8 : 8 + grown] + rest)
    brain = read_model(folder).weights
    for name, array in exact.items():
        np.testing.assert_array_equal(half[name], array.astype(np.float16))
        np.testing.assert_allclose(brain[name], array, rtol=2**-7)


def test_names_of_earlier_versions_of_diffusers_are_known(tmp_path: Path) -> None:
    weights = weights_for(KL)
    earlier = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, array in weights.items():
        for now, before in earlier.items():
            name = name.replace(f"attentions.0.{now}.", f"attentions.0.{before}.")  # noqa: PLW2901
        renamed[name] = array
    read = read_model(write(tmp_path / "own", weights=renamed)).weights
    assert read.keys() == weights.keys()
    assert all(np.array_equal(read[name], weights[name]) for name in weights)


def test_an_imported_file_holds_the_same_model(tmp_path: Path) -> None:
    file = read_diffusers(write(tmp_path / "own"), 32)
    write_model(tmp_path / "model.safetensors", file)
    again = read_model(tmp_path / "model.safetensors")
    assert again.header.image_shape == (3, 32, 32)
    assert again.header.autoencoder == file.header.autoencoder
    assert again.header.sha256 == file.header.sha256
    assert again.weights.keys() == file.weights.keys()


REFUSED_SETTINGS = [
    ({"_class_name": "UNet2DConditionModel"}, r"_class_name: 'UNet2DConditionModel' is not read, only AutoencoderKL"),
    ({"_class_name": ["AutoencoderKL"]}, "_class_name: .* is not read"),
    ({"down_block_types": ["AttnDownEncoderBlock2D"] * 2}, "down_block_types.0: Input should be 'DownEncoderBlock2D'"),
    ({"act_fn": "snake"}, "act_fn: Input should be"),
    ({"norm_num_groups": 3}, "norm_num_groups: 4 channels cannot be divided into 3 groups"),
    ({"new_setting": 1}, "new_setting: Extra inputs are not permitted"),
    ({"kind": "AutoencoderTiny"}, "kind: it is not a setting"),
    ({"block_out_channels": [4096] * 9}, "block_out_channels: "),
    ({"block_out_channels": [10**9, 8]}, "block_out_channels.0: "),
    ({"layers_per_block": 10**9}, "layers_per_block: "),
    ({"latents_mean": [0.0]}, r"latents_mean: it must have as many numbers as latent_channels \(2\)"),
    ({"scaling_factor": 0}, "scaling_factor: "),
    ({"in_channels": 1}, "in_channels and out_channels"),
    ({"sample_size": -1}, "sample_size"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED_SETTINGS)
def test_other_settings_are_refused_by_name(tmp_path: Path, changes, sentence) -> None:
    with pytest.raises(InputError, match=sentence) as raised:
        read_model(write(tmp_path / "own", **changes))
    assert "\n" not in str(raised.value)
    assert str(tmp_path / "own" / "config.json") in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_decoder_blocks": [1, 1, 1], "decoder_block_out_channels": [4] * 3}, "enlarges 4 times"),
        ({"encoder_block_out_channels": [4, 8]}, "encoder_block_out_channels: all must be the same"),
        ({"num_encoder_blocks": [1]}, "num_encoder_blocks: it must have as many entries"),
        ({"upsample_fn": "bilinear"}, "upsample_fn: "),
    ],
)
def test_other_settings_of_a_tiny_one_are_refused_by_name(tmp_path: Path, changes, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        read_model(write(tmp_path / "own", TINY, **changes))


def test_weights_that_are_not_those_of_the_settings_are_named(tmp_path: Path) -> None:
    weights = weights_for(KL)
    del weights["quant_conv.bias"]
    weights["extra"] = np.zeros(2, np.float32)
    weights["quant_conv.weight"] = np.zeros((3, 4, 1, 1), np.float32)
    with pytest.raises(InputError) as raised:
        read_model(write(tmp_path / "own", weights=weights))
    said = str(raised.value)
    assert "config.json and weights disagree" in said
    for part in ("quant_conv.bias is missing", "extra is not one", "quant_conv.weight is [3, 4, 1, 1] instead of [4, "):
        assert part in said


def test_shapes_are_compared_before_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentlab.storage.diffusers_folder.read_floats", lambda path: pytest.fail(f"{path} is read"))
    with pytest.raises(InputError, match="disagree"):
        read_model(write(tmp_path / "own", block_out_channels=[4096, 4096], norm_num_groups=32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_weights_without_a_meaning_are_refused(tmp_path: Path, value: float) -> None:
    weights = weights_for(KL)
    weights["decoder.conv_out.bias"][1] = value
    with pytest.raises(InputError, match=r"tensor decoder\.conv_out\.bias holds"):
        read_model(write(tmp_path / "own", weights=weights))


def test_weights_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    weights = weights_for(KL) | {"quant_conv.bias": np.zeros(4, np.int64)}
    with pytest.raises(InputError, match=r"quant_conv\.bias has a type that is not supported"):
        read_model(write(tmp_path / "own", weights=weights))


def test_pickled_weights_are_refused_with_a_recipe(tmp_path: Path) -> None:
    folder = write(tmp_path / "own")
    (folder / WEIGHTS).unlink()
    with pytest.raises(InputError, match="has no diffusion_pytorch_model"):
        read_model(folder)
    (folder / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(OtherFormatError, match=r"diffusion_pytorch_model.bin alone, a file of PyTorch") as raised:
        read_model(folder)
    assert len(raised.value.recipe.splitlines()) == 5
    assert "AutoencoderKL.from_pretrained" in raised.value.recipe


def test_sizes_that_its_networks_do_not_take_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "own")
    assert read_diffusers(folder, 40).header.image_shape == (3, 40, 40)
    for size, sentence in ((41, "multiple of 2"), (0, "multiple of 2"), (2048, "are too large")):
        with pytest.raises(InputError, match=sentence):
            read_diffusers(folder, size)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image_shape": (3, 17, 16)}, "image_shape: .* is not one that its autoencoder takes"),
        ({"image_shape": (3, 16, 32)}, "its autoencoder has latents of"),
        ({"autoencoder": None}, "cannot be built"),
    ],
)
def test_a_description_in_a_model_file_must_fit_its_autoencoder(tmp_path: Path, changes, sentence) -> None:
    import latentlab

    file = read_diffusers(write(tmp_path / "own"))
    path = tmp_path / "model.safetensors"
    write_model(path, file.__class__(file.header.model_copy(update=changes), file.weights))
    with pytest.raises(InputError, match=sentence):
        latentlab.load_model(path, "cpu")
