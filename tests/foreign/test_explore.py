"""`latentlab.explore`: what is wrong is said before a window opens; a window opens on functions of any kind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import latentlab
from latentlab.errors import InputError
from latentlab.foreign import explore as opening
from latentlab.storage.explored_model import read_explored
from latentlab.utils.child_process import child_environment
from tests.foreign.explored import SHAPE, decode, encode

IMAGES = np.rint(decode(np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)) * 255).astype(np.uint8)
SECONDS = 100


class SmallVAE(torch.nn.Module):
    """Encodes to mean and log-variance; has dropout, which evaluation mode ends."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 4), torch.nn.Dropout(0.5))
        self.decoder = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Sigmoid(), torch.nn.Unflatten(1, SHAPE))

    def encode(self, x):
        return self.encoder(x).chunk(2, 1)

    def decode(self, z):
        return self.decoder(z)


class NoWindow:
    """Stands for the window's process, which is not started."""

    def __init__(self, arguments, _log):
        self.arguments, self.ended = arguments, threading.Event()

    def poll(self):
        return 0 if self.ended.is_set() else None

    def wait(self, timeout=None):
        self.ended.wait(timeout)
        return 0

    def terminate(self):
        self.ended.set()


@pytest.fixture
def opened(monkeypatch):
    """What the window is started with, instead of starting it: the description and the arguments."""
    found = []

    def started(arguments, log):
        found.append((read_explored(opening.Path(arguments[0])), np.load(arguments[1]) if len(arguments) > 1 else None))
        return NoWindow(arguments, log)

    monkeypatch.setattr(opening, "_started", started)
    return found


def nan(z):
    return decode(z) * np.nan


def failing(z):
    raise RuntimeError("mat1 and mat2\ncannot be multiplied")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"decode": None}, "decode is missing"),
        ({"decode": 3}, "decode must be a function, not int"),
        ({"encode": "x"}, "encode must be a function, not str"),
        ({"log_likelihood": 1.0}, "log_likelihood must be a function, not float"),
        ({"encode": None}, "latent_dim is missing"),
        ({"images": None, "latent_dim": None}, "latent_dim is missing"),
        ({"latent_dim": 0}, "a latent must have 1 to"),
        ({"latent_dim": 3, "latent_shape": (2, 2)}, r"latent_dim is 3, and latent_shape \(2, 2\) has 4"),
        ({"latent_dim": 3}, r"encode returns an array \[2, 2\], and must return \[2, 3\]"),
        ({"images": "photos/"}, "images must be an array of numbers, not str"),
        ({"images": np.zeros((5, 2, 4, 4))}, r"\[N, C, H, W\] with 1 or 3 channels, not \[5, 2, 4, 4\]"),
        ({"images": np.full((5, 4, 4), np.nan)}, "images have values that are not finite"),
        (
            {"images": np.full((5, 4, 4), 200.0)},
            "images have values from 200 to 200, outside of 0 to 1: say value_range",
        ),
        ({"image_shape": (1, 5, 5)}, r"images have the shape \[1, 4, 4\], and image_shape says \[1, 5, 5\]"),
        ({"image_shape": (2, 4, 4)}, "image_shape must be"),
        ({"value_range": (1, 0)}, "value_range must be two rising numbers, not 1 and 0"),
        ({"value_range": 1}, "value_range must be two numbers"),
        ({"labels": [1, 2]}, "labels must be one for each of the 20 images"),
        ({"labels": np.zeros(20)}, "labels must be whole numbers or names"),
        ({"labels": np.arange(20), "classes": ["a", "b"]}, "labels go from 0 to 19, and there are 2 classes"),
        ({"names": ["one"]}, "names must be one for each"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"prior": "uniform"}, "prior must be standard-normal or unknown"),
        ({"conditional": True}, "names of at least two classes"),
        ({"decode": nan}, "decode returns values that are not finite"),
        ({"decode": failing}, "^your function decode raised RuntimeError: mat1 and mat2 cannot be multiplied$"),
        (
            {"decode": lambda z: decode(z)[:1]},
            r"decode returns an array \[1, 1, 4, 4\], and must return \[2, 1, 4, 4\]",
        ),
        ({"decode": lambda z: None}, "decode returns NoneType, not a tensor or an array"),
        ({"encode": lambda x: encode(x)[0] * np.nan}, "encode returns values that are not finite"),
        ({"spread": "logvar"}, "^spread must be one of log-variance, std, log-std, none, not 'logvar'$"),
        ({"spread": None}, "encode returns two tensors: say what the second one is"),
        ({"encode": lambda x: (encode(x)[0], -np.ones((2, 2)))}, "encode gives standard deviations from -1 to -1"),
        ({"log_likelihood": lambda x, z: np.zeros(3)}, r"log_likelihood returns an array \[3\], and must return \[2\]"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_before_a_window_opens(opened, given, said):
    arguments = {"encode": encode, "decode": decode, "images": IMAGES, "spread": "std"} | given
    with pytest.raises(InputError, match=said) as refused:
        latentlab.explore(**arguments)
    assert "\n" not in str(refused.value)
    assert opened == []


def test_shapes_are_found_and_labels_and_names_go_with_the_images(opened):
    labels, names = ["cat", "dog"] * 10, [f"{number}.png" for number in range(20)]
    with latentlab.explore(
        encode, decode, IMAGES, spread="std", labels=labels, names=names, name="my: vae", block=False
    ):
        ((model, data),) = opened
        assert model.path.name == "my_ vae.explore"
        assert model.header.image_shape == SHAPE
        assert model.header.model.latent_dim == 2
        assert model.capabilities.has_encoder
        assert not model.capabilities.has_likelihood
        np.testing.assert_array_equal(data["images"], IMAGES[:, 0])
        assert data["labels"].tolist() == labels
        assert data["name"].tolist() == names
    assert not model.path.parent.exists()


def test_a_module_is_given_tensors_without_gradients_in_evaluation_mode(opened):
    vae = SmallVAE()
    with latentlab.explore(vae, images=IMAGES, spread="log-variance", block=False):
        assert not vae.training
        model = latentlab.load_model(opened[0][0].path, device="cpu")
        assert model.latent_dim == 2
        with torch.no_grad():
            mean, log_variance = vae.encode(torch.from_numpy(IMAGES / 255).float())
        found_mean, found_std = model.encode(IMAGES)
        np.testing.assert_allclose(found_mean, mean.numpy(), atol=1e-6)
        np.testing.assert_allclose(found_std, torch.exp(0.5 * log_variance).numpy(), atol=1e-6)
        np.testing.assert_allclose(model.decode(found_mean), vae.decode(mean).detach().numpy(), atol=1e-6)


def test_one_of_our_own_models_is_explored_in_the_same_way(opened):
    own = latentlab.load_model("bundled:shapes-6d", device="cpu")
    with latentlab.explore(own, block=False):
        model = latentlab.load_model(opened[0][0].path, device="cpu")
        z = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
        np.testing.assert_allclose(model.decode(z), own.decode(z), atol=1e-6)


def test_latents_of_several_axes_are_vectors_for_the_window_and_have_their_axes_for_the_functions(opened):
    def of_maps(z):
        assert z.shape[1:] == (1, 2, 1)
        return decode(z.reshape(-1, 2))

    with latentlab.explore(None, of_maps, latent_shape=(1, 2, 1), block=False):
        model = latentlab.load_model(opened[0][0].path, device="cpu")
        np.testing.assert_allclose(model.decode([[1.0, 2.0]]), decode(np.array([[1.0, 2.0]])), atol=1e-6)
        with pytest.raises(InputError, match="has no encoder"):
            model.encode(IMAGES)


@pytest.mark.parametrize(("own", "shown"), [("digits/of mine", "digits_of mine"), (None, "given images")])
def test_the_images_have_a_name_that_the_window_can_show(monkeypatch, own, shown):
    """The Board says how many images of what were selected: the name of the dataset, or that they were given."""
    sources = []
    monkeypatch.setattr(opening, "_started", lambda given, log: sources.extend(given) or NoWindow(given, log))
    images = IMAGES if own is None else SimpleNamespace(images=IMAGES, name=own, classes=(), labels=None)
    with latentlab.explore(encode, decode, images, spread="std", block=False):
        pass
    assert Path(sources[-1]).stem == shown


def test_values_far_outside_of_the_range_are_remarked_on(opened):
    with (
        pytest.warns(UserWarning, match=r"decode returned values from 128 to 128; value_range is 0 to 1") as warned,
        latentlab.explore(None, lambda z: 255 * decode(z), latent_dim=2, block=False),
    ):
        pass
    assert len(warned) == 1
    ((model, _data),) = opened
    assert model.description.note == str(warned[0].message)  # the window says it, too


SCRIPT = """
import numpy as np
import latentlab
from tests.foreign.explored import decode, encode
from tests.foreign.test_explore import IMAGES

found = latentlab.explore(encode, decode, IMAGES, spread="std", block=False, options=["--engine", "thread"])
assert found.wait_for(lambda each: each.latent is not None, 90), "no latent"
assert found.is_open
found.close()
assert not found.is_open and found.latent.tolist() == [0, 0], found.latent
print("closed")
"""


@pytest.mark.usefixtures("own_folders")
def test_yours_a_script_opens_a_window_reads_from_it_and_closes_it():
    """The whole way, with the window in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.strip() == "closed", done.stderr
    assert done.returncode == 0
    assert done.stderr == ""
