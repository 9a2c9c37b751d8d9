"""Train a model on a folder of images and follow its progress.

``python examples/train_on_a_folder.py photos/ --out run``
"""

import argparse

import latentlab


def main() -> None:
    """Train, printing a line for each epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="demo:shapes", help="a folder of images, or any other dataset")
    parser.add_argument("--out", default="run", help="a new folder for the run")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, help="use at most so many images")
    parser.add_argument("--size", type=int, default=32, help="side of the images in pixels")
    arguments = parser.parse_args()

    dataset = latentlab.load_dataset(arguments.data, image_size=arguments.size, limit=arguments.limit)
    print(dataset)
    for file in dataset.skipped:
        print(f"skipped {file.path}: {file.reason}")

    settings = {"latent_dim": 2, "epochs": arguments.epochs}
    for event in latentlab.train(dataset, recipe="vae", out=arguments.out, **settings):
        if event.event == "epoch":
            means = event.validation or event.train
            print(f"epoch {event.epoch}: ELBO {means['elbo']:.1f} nats per image")
        elif event.event == "finished":
            print(f"best model (epoch {event.best_epoch}): {event.model}")


if __name__ == "__main__":
    main()
