"""Open the window on functions of this process: here a principal component analysis in ten lines of NumPy.

Any two functions do, such as the ``encode`` and ``decode`` of your own PyTorch model. Select images with a lasso and
keep them (Ctrl+Shift+B): when the window is closed, their numbers are printed.
"""

from __future__ import annotations

import argparse

import numpy as np

import latentlab

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", nargs="?", default="demo:shapes", help="a folder of images, a file, or demo:shapes")
parser.add_argument("--limit", type=int, default=400, help="number of images")
parser.add_argument("--size", type=int, default=32, help="of an image")
parser.add_argument("--window", action="store_true", help="open the window; else only the error is printed")
arguments = parser.parse_args()

dataset = latentlab.load_dataset(arguments.data, image_size=arguments.size, channels=1, limit=arguments.limit)
pixels = dataset.images.reshape(len(dataset.images), -1) / 255.0
centre = pixels.mean(axis=0)
_, lengths, directions = np.linalg.svd(pixels - centre, full_matrices=False)
scales = lengths[:6] / np.sqrt(len(pixels))  # so that each latent has a standard deviation of 1
axes = directions[:6] * scales[:, None]


def encode(images: np.ndarray) -> np.ndarray:
    """Latents [N, 6] of images [N, 1, H, W]."""
    return (images.reshape(len(images), -1) - centre) @ (axes / scales[:, None] ** 2).T


def decode(z: np.ndarray) -> np.ndarray:
    """Images [N, 1, H, W] of latents [N, 6]."""
    return (centre + z @ axes).reshape(-1, *dataset.images.shape[1:]).clip(0, 1)


error = np.abs(decode(encode(dataset.images / 255.0)) - dataset.images / 255.0).mean()
print(f"mean error of six principal components: {error:.3f}")
if arguments.window:
    found = latentlab.explore(encode, decode, images=dataset, name="principal components")
    for name, numbers in found.selections.items():
        print(f"{name}: {numbers.tolist()}")
