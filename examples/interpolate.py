"""Walk through the latent space from one image to another.

``python examples/interpolate.py run photos/ --first 0 --second 7 --out frames.png``
"""

import argparse

import numpy as np
from PIL import Image

import latentlab


def main() -> None:
    """Encode two images, decode the straight line between their posterior means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="bundled:shapes-6d")
    parser.add_argument("data", nargs="?", default="demo:shapes")
    parser.add_argument("--first", type=int, default=0, help="index of an image")
    parser.add_argument("--second", type=int, default=-1, help="index of another")
    parser.add_argument("--frames", type=int, default=9)
    parser.add_argument("--out", default="frames.png", help="a .png strip or an animated .gif")
    arguments = parser.parse_args()

    model = latentlab.load_model(arguments.model)
    channels, height, _ = model.image_shape
    dataset = latentlab.load_dataset(arguments.data, image_size=height, channels=channels)
    pair = [arguments.first, arguments.second]
    mean, _ = model.encode(dataset.images[pair], dataset.labels[pair])
    share = np.linspace(0, 1, arguments.frames, dtype=np.float32)[:, None]
    frames = np.uint8(model.decode((1 - share) * mean[:1] + share * mean[1:]) * 255)

    pictures = [Image.fromarray(frame.transpose(1, 2, 0).squeeze()) for frame in frames]
    if arguments.out.endswith(".gif"):
        pictures[0].save(arguments.out, save_all=True, append_images=pictures[1:], duration=80, loop=0)
    else:
        Image.fromarray(np.hstack([np.asarray(picture) for picture in pictures])).save(arguments.out)
    print(f"{arguments.out}: from {dataset.paths[pair[0]]} to {dataset.paths[pair[1]]}")


if __name__ == "__main__":
    main()
