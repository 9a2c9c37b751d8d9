"""Decode latents of a fully connected model with numpy and safetensors alone: latentlab is not imported.

``python examples/read_without_latentlab.py run/model.safetensors --z 0.5 -1.2 --out image.png``
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import safe_open

BUNDLED = Path(__file__).parents[1] / "resources" / "models" / "mnist-2d.safetensors"


def main() -> None:
    """Read the description and the decoder's weights, and compute an image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=BUNDLED, help="a .safetensors model file")
    parser.add_argument("--z", type=float, nargs="+", default=[0.5, -1.2])
    parser.add_argument("--out", default="image.png")
    arguments = parser.parse_args()

    with safe_open(arguments.model, framework="numpy") as file:
        header = json.loads(file.metadata()["latentlab"])
        weights = {name: file.get_tensor(name) for name in file.keys() if name.startswith("decoder.")}  # noqa: SIM118
    model = header["model"]
    if (model["architecture"]["kind"], model["architecture"]["activation"]) != ("mlp", "relu"):
        raise SystemExit("this example computes fully connected decoders with rectified linear units")

    features = np.array(arguments.z, np.float32)
    for layer in range(model["architecture"]["layers"]):
        weight, bias = weights[f"decoder.layers.{2 * layer}.weight"], weights[f"decoder.layers.{2 * layer}.bias"]
        features = np.maximum(weight @ features + bias, 0)
    output = weights["decoder.pixels.weight"] @ features + weights["decoder.pixels.bias"]
    # Bernoulli pixels are decoded to logits, Gaussian ones to means.
    pixels = 1 / (1 + np.exp(-output)) if model["likelihood"]["kind"] == "bernoulli" else output.clip(0, 1)

    image = pixels.reshape(header["image_shape"])
    Image.fromarray(np.uint8(image * 255).transpose(1, 2, 0).squeeze()).save(arguments.out)
    print(
        f"{arguments.out}: decoded from z = {arguments.z} by a {model['recipe']} with {header['parameters']:,} values"
    )


if __name__ == "__main__":
    main()
