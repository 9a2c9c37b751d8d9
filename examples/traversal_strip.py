"""Sweep each latent dimension with the others held: one row of images per dimension.

``python examples/traversal_strip.py run --out strips.png``
"""

import argparse

import numpy as np
from PIL import Image

import latentlab


def main() -> None:
    """Decode the traversals and tile them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="bundled:shapes-6d")
    parser.add_argument("--out", default="strips.png")
    parser.add_argument("--steps", type=int, default=9)
    arguments = parser.parse_args()

    model = latentlab.load_model(arguments.model)
    rows = []
    for dimension in range(model.latent_dim):
        z = np.zeros((arguments.steps, model.latent_dim), np.float32)
        z[:, dimension] = np.linspace(-3, 3, arguments.steps)  # the prior's standard deviations
        images = model.decode(z)  # float32 [steps, C, H, W]
        rows.append(np.concatenate(list(images), axis=2))  # side by side
    tiled = np.concatenate(rows, axis=1)  # one above the other
    Image.fromarray(np.uint8(tiled * 255).transpose(1, 2, 0).squeeze()).save(arguments.out)
    print(f"{arguments.out}: z_1 to z_{model.latent_dim} from top to bottom, −3 to 3 from left to right")


if __name__ == "__main__":
    main()
