"""Train two recipes on the same images with the same seed, and compare their figures.

``python examples/compare_two_recipes.py photos/ vae beta-vae --epochs 20``
"""

import argparse

import latentlab


def main() -> None:
    """Train both without writing anything, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="demo:shapes")
    parser.add_argument("recipes", nargs="*", default=["vae", "beta-vae"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=2000, help="use at most so many images")
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    arguments = parser.parse_args()

    dataset = latentlab.load_dataset(arguments.data, image_size=arguments.size, limit=arguments.limit)
    print(f"{'recipe':24}{'ELBO':>10}{'rate':>10}{'distortion':>12}   (nats per image held out, β = 1)")
    for recipe in arguments.recipes:
        best = None
        for event in latentlab.train(dataset, recipe=recipe, latent_dim=10, epochs=arguments.epochs, seed=0):
            if event.event == "epoch" and (best is None or event.validation["elbo"] > best["elbo"]):
                best = event.validation
        print(f"{recipe:24}{best['elbo']:10.2f}{best['rate']:10.2f}{best['distortion']:12.2f}")


if __name__ == "__main__":
    main()
