"""Encode images and draw where they lie in the latent space.

``python examples/encode_and_plot.py run photos/ --out map.png``
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw

import latentlab

SIDE = 600  # px
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")


def main() -> None:
    """Encode, and draw a dot for each image, coloured by its class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="bundled:shapes-6d")
    parser.add_argument("data", nargs="?", default="demo:shapes")
    parser.add_argument("--out", default="map.png")
    parser.add_argument("--limit", type=int, default=2000, help="use at most so many images")
    arguments = parser.parse_args()

    model = latentlab.load_model(arguments.model)
    channels, height, _ = model.image_shape
    dataset = latentlab.load_dataset(arguments.data, image_size=height, channels=channels, limit=arguments.limit)
    mean, std = model.encode(dataset.images, dataset.labels)
    print(f"{len(mean)} images; typical standard deviation of a posterior: {np.median(std):.2f}")

    # The two dimensions in which the images differ most.
    first, second = np.argsort(-mean.var(axis=0))[:2]
    map_points = mean[:, [first, second]]
    low, high = map_points.min(axis=0), map_points.max(axis=0)
    pixels = (map_points - low) / (high - low) * (SIDE - 20) + 10

    picture = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(picture)
    for (x, y), label in zip(pixels, dataset.labels, strict=True):
        draw.circle((x, SIDE - y), 2, fill=COLOURS[label % len(COLOURS)] if label >= 0 else "#333333")
    picture.save(arguments.out)
    print(f"{arguments.out}: z_{first + 1} to the right, z_{second + 1} upwards")


if __name__ == "__main__":
    main()
