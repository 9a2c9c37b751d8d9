"""Images per second of training, against a bare loop and the ways of others.

``python tests/benchmarks/bench_training.py --mnist FOLDER``

All contestants train the same MLP (784-500-20, batch 128) on the same digits, interleaved in rounds in one process;
medians over the rounds, and the median of each round's ratio to ours. On the CPU one torch thread, in processor time;
on a GPU in real time.

- *bare*: uint8 on the device, index per batch, fused Adam, nothing else: the floor.
- *ours*: ``latentlab.training.Training`` as the command line runs it: guard, means, gradient norm, progress.
- *tensors*: DataLoader over a TensorDataset, Adam.
- *dicts*: the way of Pythae: a dictionary per item, collated, and the loss read at every step.
- *example*: the way of pytorch/examples: torchvision's MNIST, ToTensor on each picture, DataLoader, loss read at
  every step.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.data import load_dataset
from latentlab.training import Training

BATCH, HIDDEN, LATENT = 128, 500, 20
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
Way = Callable[[Path, torch.device], Iterator[int]]


class Plain(nn.Module):
    """The same network, written down plainly; its loss is the negative ELBO per image."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU())
        self.mean, self.log_std = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)
        self.decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        mean, log_std = self.mean(features), self.log_std(features)
        z = mean + torch.exp(log_std) * torch.randn_like(mean)
        distortion = functional.binary_cross_entropy_with_logits(self.decoder(z), x.flatten(1), reduction="sum")
        rate = 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum()
        return (distortion + rate) / len(x)


def step(model: nn.Module, adam: torch.optim.Optimizer, x: Tensor) -> Tensor:
    """One optimizer step."""
    adam.zero_grad()
    loss: Tensor = model(x)
    loss.backward()
    adam.step()
    return loss.detach()


def bare(root: Path, device: torch.device) -> Iterator[int]:
    """Nothing but the mathematics."""
    images = torch.from_numpy(digits(root)).to(device)
    model = Plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    while True:
        order = torch.randperm(len(images), device=device)
        for start in range(0, len(images), BATCH):
            x = images[order[start : start + BATCH]].to(torch.float32).div_(255)
            step(model, adam, x)
            yield len(x)


def ours(root: Path, device: torch.device) -> Iterator[int]:
    """What ``latentlab train`` runs."""
    dataset = load_dataset(root / "MNIST" / "raw" / FILES[0], DataConfig(validation=0.0))
    config = RunConfig(
        model=ModelConfig(latent_dim=LATENT, architecture={"kind": "mlp", "hidden": HIDDEN}),
        training=TrainingConfig(epochs=1_000_000, batch_size=BATCH, device=str(device)),
    )
    training = Training(dataset, config)
    before = 0
    for _ in training.steps():
        if training.step > before:
            before = training.step
            yield BATCH


def tensors(root: Path, device: torch.device) -> Iterator[int]:
    """PyTorch's loader over tensors that are ready."""
    data = TensorDataset(torch.from_numpy(digits(root)).to(torch.float32).div_(255))
    model = Plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    while True:
        for (x,) in DataLoader(data, BATCH, shuffle=True):
            step(model, adam, x.to(device))
            yield len(x)


class Items(Dataset[dict[str, Tensor]]):
    """A dictionary for each image."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"data": self.images[index], "labels": torch.tensor(0)}


def dicts(root: Path, device: torch.device) -> Iterator[int]:
    """Items collated one by one, and the loss read at every step."""
    data = Items(torch.from_numpy(digits(root)).to(torch.float32).div_(255))
    model = Plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 0.0
    while True:
        for batch in DataLoader(data, BATCH, shuffle=True):
            total += step(model, adam, batch["data"].to(device)).item()
            yield len(batch["data"])


def example(root: Path, device: torch.device) -> Iterator[int]:
    """A picture made of each image and a tensor of each picture, every time."""
    from torchvision import datasets, transforms

    data = datasets.MNIST(str(root), train=True, transform=transforms.ToTensor())
    workers = {"num_workers": 1, "pin_memory": True} if device.type == "cuda" else {}
    model = Plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 0.0
    while True:
        for x, _ in DataLoader(data, BATCH, shuffle=True, **workers):
            total += step(model, adam, x.to(device)).item()
            yield len(x)


WAYS: dict[str, Way] = {"bare": bare, "ours": ours, "tensors": tensors, "dicts": dicts, "example": example}
GOALS = {"cpu": {"bare": 0.95, "dicts": 1.2, "example": 2.0}, "cuda": {"example": 20.0}}


def digits(root: Path) -> np.ndarray:
    """The training images, uint8 [N, 1, 28, 28]."""
    return np.fromfile(root / "MNIST" / "raw" / FILES[0], np.uint8, offset=16).reshape(-1, 1, 28, 28)


@contextlib.contextmanager
def unpacked(folder: Path | None) -> Iterator[Path]:
    """MNIST's files where torchvision looks for them; made-up ones of the same size without a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name in FILES:
            (raw / name).write_bytes(made_up(name) if folder is None else gzip.decompress(packed(folder / name)))
        yield Path(scratch)


def packed(path: Path) -> bytes:
    """A file's bytes, gzipped as it is distributed."""
    return path.with_name(path.name + ".gz").read_bytes()


def made_up(name: str) -> bytes:
    """An IDX file of random bytes."""
    count = 60_000 if name.startswith("train") else 10_000
    sizes = [count, 28, 28] if "images" in name else [count]
    header = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    values = np.random.default_rng(0).integers(0, 10 if len(sizes) == 1 else 256, sizes, dtype=np.uint8)
    return header + values.tobytes()


def rate(way: Iterator[int], seconds: float, device: torch.device) -> float:
    """Images per second over so many seconds of whole steps."""
    # On the CPU the process's own time: other work on a shared machine then only costs what it costs the caches.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    synchronize(device)
    start, images = clock(), 0
    while clock() - start < seconds:
        images += next(way)
    synchronize(device)
    return images / (clock() - start)


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def share_in_kernels(root: Path, device: torch.device, steps: int = 200) -> float:
    """Of our own training's time on a GPU, the share that kernels run."""
    way = ours(root, device)
    rate(way, 2.0, device)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        start = time.perf_counter()
        for _ in range(steps):
            next(way)
        synchronize(device)
        wall = time.perf_counter() - start
    return sum(event.self_device_time_total for event in profile.key_averages()) / 1e6 / wall


def compare(root: Path, device: torch.device, rounds: int, seconds: float) -> None:
    """Run all ways in rounds and print the table."""
    ways = {name: way(root, device) for name, way in WAYS.items()}
    for way in ways.values():
        rate(way, 1.0, device)  # caches, allocators
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]
        for name in names:
            found[name].append(rate(ways[name], seconds, device))
    print(f"\n| way ({device}) | images/s | ours ÷ it | goal |\n|---|---|---|---|")
    for name, rates in found.items():
        ratio = statistics.median(mine / its for mine, its in zip(found["ours"], rates, strict=True))
        goal = GOALS[device.type].get(name)
        print(f"| {name} | {statistics.median(rates):,.0f} | {ratio:.2f} | {f'≥ {goal:g}' if goal else ''} |")
    if device.type == "cuda":
        print(f"\nkernels run {share_in_kernels(root, device):.0%} of our training's time (goal: 90 %)")


def main() -> None:
    """Compare on the CPU and, where there is one, on the GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's gzipped IDX files (else random bytes)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each way in each round")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {platform.python_version()}")
    with unpacked(arguments.mnist) as root:
        compare(root, torch.device("cpu"), arguments.rounds, arguments.seconds)
        if torch.cuda.is_available():
            print(torch.cuda.get_device_name())
            compare(root, torch.device("cuda:0"), arguments.rounds, arguments.seconds)
        else:
            print("\nno CUDA device here: the GPU's rows were not run")


if __name__ == "__main__":
    main()
