"""Images per second of training, compared with a bare loop and other training loops.

``python tests/benchmarks/bench_training.py --mnist FOLDER``

All loops train the same MLP (784-500-20, batch 128) on the same digits, interleaved in rounds in one process; the
tables give medians over the rounds, and the median of the ratio in each round. On the CPU with one torch thread, in
processor time; on a GPU in real time. Then with convolutions, on the digits and on synthetic colour images of 64 × 64
(``--conv`` on the CPU, where a step takes 10 and 100 times as long). On a GPU also: the fraction of the time in which a
kernel runs (CUPTI, through torch's profiler), and the effect of bfloat16 on the ELBO; about six minutes in all.
The tables are ready for RESULTS.md. Without a GPU the script says so and ends after the CPU.

With ``--threads`` instead: ours with the number of CPU threads that it chooses, against the bare loop with one to all
cores, in real time; each round's ratio is to the fastest of these. Run it on a machine that does nothing else.

- *bare*: uint8 on the device, index per batch, fused Adam, channels last, nothing else.
- *ours*: ``latentlab.training.Trainer`` as the command line runs it: guard, means, gradient norm, progress.
  On a GPU also without CUDA graphs, and with the networks in float32.
- *tensors*: DataLoader over a TensorDataset, Adam.
- *dicts*: as Pythae: a dictionary per item, collated, and the loss read at every step.
- *pythae*: Pythae's own trainer, if it is installed.
- *example*: as pytorch/examples: torchvision's MNIST (or PIL images of 64 × 64), ToTensor on each image, DataLoader,
  loss read at every step.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import peers
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from latentlab.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from latentlab.config.events import Started, Warned
from latentlab.data import Dataset as Images
from latentlab.data import load_dataset
from latentlab.models.base import Batch
from latentlab.training import Trainer
from latentlab.training.step.cpu_threads import torch_threads
from latentlab.utils.thread_priority import available_cores

BATCH, HIDDEN, LATENT = 128, 500, 20
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CONV_IMAGES, CONV_SIDE, CONV_WIDTHS, SMALLEST_SIDE = 10_000, 64, (32, 64, 128, 128), 4


class Plain(nn.Module):
    """A minimal variational autoencoder; its loss is the negative ELBO per image."""

    def __init__(self, encoder: nn.Module, features: int, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.mean, self.log_std = nn.Linear(features, LATENT), nn.Linear(features, LATENT)

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x).flatten(1)
        mean, log_std = self.mean(features), self.log_std(features)
        z = mean + torch.exp(log_std) * torch.randn_like(mean)
        output = self.decoder(z).flatten(1)
        distortion = functional.binary_cross_entropy_with_logits(output, x.flatten(1), reduction="sum")
        rate = 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum()
        return (distortion + rate) / len(x)


def plain_mlp() -> Plain:
    """784-500-20-500-784."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU())
    return Plain(encoder, HIDDEN, nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784)))


class Cut(nn.Module):
    """The first rows and columns."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.side, : self.side]


def plain_conv(channels: int, side: int) -> Plain:
    """Convolutions down to 4 × 4 and transposed ones up again, as ``architecture.kind=conv`` has them."""
    down: list[nn.Module] = []
    up: list[nn.Module] = []
    outer = channels
    for inner in CONV_WIDTHS:
        if side <= SMALLEST_SIDE:
            break
        down += [nn.Conv2d(outer, inner, 3, 2, padding=1), nn.ReLU()]
        cut = [Cut(side)] if side % 2 else []
        up = [nn.ReLU(), nn.ConvTranspose2d(inner, outer, 4, 2, padding=1), *cut, *up]
        outer, side = inner, -(-side // 2)
    smallest = (outer, side, side)
    features = math.prod(smallest)
    decoder = nn.Sequential(nn.Linear(LATENT, features), nn.Unflatten(1, smallest), *up)
    return Plain(nn.Sequential(*down), features, decoder)


@dataclass(frozen=True)
class Task:
    """What the contestants train.

    Attributes
    ----------
    name
        For the table's head.
    root
        Where MNIST's files lie.
    images
        uint8 [N, C, H, W].
    plain
        The network, written down plainly.
    architecture
        The same for latentlab.
    goals
        By device and way.
    """

    name: str
    root: Path
    images: np.ndarray
    plain: Callable[[], Plain]
    architecture: dict[str, str | int]
    goals: dict[str, dict[str, float]]


Way = Callable[[Task, torch.device], Iterator[int]]


def mlp_task(root: Path) -> Task:
    """MNIST's digits and one hidden layer."""
    goals = {"cpu": {"bare": 0.95, "dicts": 1.2, "pythae": 1.2, "example": 2.0}, "cuda": {"example": 20.0}}
    return Task("MLP 784-500-20", root, digits(root), plain_mlp, {"kind": "mlp", "hidden": HIDDEN}, goals)


def small_conv_task(root: Path) -> Task:
    """MNIST's digits and convolutions."""

    def plain() -> Plain:
        return plain_conv(1, 28)

    return Task("convolutions, 28 × 28", root, digits(root), plain, {"kind": "conv"}, {"cpu": {"bare": 0.95}})


def conv_task(root: Path) -> Task:
    """Random colour images and convolutions."""
    shape = (CONV_IMAGES, 3, CONV_SIDE, CONV_SIDE)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def plain() -> Plain:
        return plain_conv(3, CONV_SIDE)

    goals = {"cpu": {"bare": 0.95}, "cuda": {"example": 3.0}}
    return Task("convolutions, 3 × 64 × 64", root, images, plain, {"kind": "conv"}, goals)


def step(model: nn.Module, adam: torch.optim.Optimizer, x: Tensor) -> Tensor:
    """One optimizer step."""
    adam.zero_grad()
    loss: Tensor = model(x)
    loss.backward()
    adam.step()
    return loss.detach()


def bare(task: Task, device: torch.device) -> Iterator[int]:
    """Nothing but the mathematics."""
    images = torch.from_numpy(task.images).to(device)
    layout = torch.contiguous_format if task.architecture["kind"] == "mlp" else torch.channels_last
    model = task.plain().to(device, memory_format=layout)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    while True:
        order = torch.randperm(len(images), device=device)
        for start in range(0, len(images), BATCH):
            x = images[order[start : start + BATCH]].to(torch.float32, memory_format=layout).div_(255)
            step(model, adam, x)
            yield len(x)


def ours(task: Task, device: torch.device, threads: int = 1, **settings: str) -> Iterator[int]:
    """What ``latentlab train`` runs."""
    unknown = np.full(len(task.images), -1)
    paths = [str(index) for index in range(len(task.images))]
    dataset = Images(task.images, unknown, (), paths, task.name, task.name, DataConfig(validation=0.0))
    config = RunConfig(
        model=model_of(task),
        training=TrainingConfig(epochs=1_000_000, batch_size=BATCH, device=str(device), threads=threads, **settings),
    )
    trainer = Trainer(dataset, config)
    before, per_epoch = 0, math.ceil(len(task.images) / BATCH)
    for event in trainer.steps():
        if isinstance(event, Started):
            name = " ".join(["ours", *settings.values()])
            print(f"{name}: {event.parameters:,} parameters, {event.precision}, threads: {event.threads}")
        if isinstance(event, Warned):
            print(f"ours: {event.message}")  # a fallback must be visible in the output
        if trainer.step > before:
            before = trainer.step
            yield BATCH if before % per_epoch else len(task.images) - (per_epoch - 1) * BATCH


def model_of(task: Task) -> ModelConfig:
    """The task's network, for latentlab."""
    return ModelConfig(latent_dim=LATENT, architecture=task.architecture)


def without_graphs(task: Task, device: torch.device) -> Iterator[int]:
    """Ours, without CUDA graphs."""
    return ours(task, device, graphs="off")


def in_float32(task: Task, device: torch.device) -> Iterator[int]:
    """Ours, in float32."""
    return ours(task, device, precision="float32")


def in_bfloat16(task: Task, device: torch.device) -> Iterator[int]:
    """Ours, with the networks in bfloat16 regardless of their size."""
    return ours(task, device, precision="bfloat16")


def tensors(task: Task, device: torch.device) -> Iterator[int]:
    """PyTorch's loader over float tensors."""
    data = TensorDataset(torch.from_numpy(task.images).to(torch.float32).div_(255))
    model = task.plain().to(device)
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


def dicts(task: Task, device: torch.device) -> Iterator[int]:
    """Items collated one by one, and the loss read at every step."""
    data = Items(torch.from_numpy(task.images).to(torch.float32).div_(255))
    model = task.plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 0.0
    while True:
        for batch in DataLoader(data, BATCH, shuffle=True):
            total += step(model, adam, batch["data"].to(device)).item()
            yield len(batch["data"])


class Pictures(Dataset[tuple[Tensor, int]]):
    """Colour images as in torchvision's datasets: each becomes a PIL image, and then a tensor."""

    def __init__(self, images: np.ndarray) -> None:
        from torchvision import transforms

        self.images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


def example(task: Task, device: torch.device) -> Iterator[int]:
    """A PIL image and a tensor of each image, in every epoch."""
    from torchvision import datasets, transforms

    digit = task.images.shape[1] == 1
    data = datasets.MNIST(str(task.root), transform=transforms.ToTensor()) if digit else Pictures(task.images)
    workers = {"num_workers": 1, "pin_memory": True} if device.type == "cuda" else {}
    model = task.plain().to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 0.0
    while True:
        for x, _ in DataLoader(data, BATCH, shuffle=True, **workers):
            total += step(model, adam, x.to(device)).item()
            yield len(x)


WAYS: dict[str, Way] = {"bare": bare, "ours": ours, "tensors": tensors, "dicts": dicts, "example": example}
ON_A_GPU: dict[str, Way] = {
    "ours without graphs": without_graphs,
    "ours in float32": in_float32,
    "ours in bfloat16": in_bfloat16,
}


def digits(root: Path) -> np.ndarray:
    """The training images, uint8 [N, 1, 28, 28]."""
    return np.fromfile(root / "MNIST" / "raw" / FILES[0], np.uint8, offset=16).reshape(-1, 1, 28, 28)


@contextlib.contextmanager
def unpacked(folder: Path | None) -> Iterator[Path]:
    """MNIST's files where torchvision expects them; random ones of the same size without a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name in FILES:
            (raw / name).write_bytes(random_idx(name) if folder is None else gzip.decompress(packed(folder / name)))
        yield Path(scratch)


def packed(path: Path) -> bytes:
    """A file's bytes, gzipped as it is distributed."""
    return path.with_name(path.name + ".gz").read_bytes()


def random_idx(name: str) -> bytes:
    """An IDX file of random bytes."""
    count = 60_000 if name.startswith("train") else 10_000
    sizes = [count, 28, 28] if "images" in name else [count]
    header = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    values = np.random.default_rng(0).integers(0, 10 if len(sizes) == 1 else 256, sizes, dtype=np.uint8)
    return header + values.tobytes()


def rate(way: Iterator[int], seconds: float, device: torch.device) -> float:
    """Images per second over ``seconds`` of complete steps."""
    # On the CPU processor time, which other work on a shared machine affects only through the caches.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    synchronize(device)
    start, images = clock(), 0
    while clock() - start < seconds:
        images += next(way)
    synchronize(device)
    return images / (clock() - start)


def compare_threads(task: Task, rounds: int, seconds: float) -> None:
    """Ours with the number of threads it chooses, against the bare loop with each number; in real time."""
    cpu, chosen = torch.device("cpu"), ours(task, torch.device("cpu"), threads=0)
    loops = {number: bare(task, cpu) for number in range(1, available_cores() + 1)}
    found: dict[int, list[float]] = {number: [] for number in (0, *loops)}
    for turn in range(rounds + 1):
        for number, loop in ((0, chosen), *loops.items()):
            with torch_threads(number or torch.get_num_threads()):
                next(loop)  # its threads are started
                start, images = time.perf_counter(), 0
                while time.perf_counter() - start < seconds:
                    images += next(loop)
                if turn:  # the first round warms up
                    found[number].append(images / (time.perf_counter() - start))
    print(f"\n{task.name}, batch {BATCH}, {rounds} rounds of {seconds:g} s, load {os.getloadavg()[0]:.1f}\n")
    print("| way | images/s | ours ÷ it | goal | |\n|---|---|---|---|---|")
    for number in loops:
        print(f"| bare, {number} threads | {_median_and_ratio(found[0], found[number])} | | |")
    best = list(map(max, zip(*(found[number] for number in loops), strict=True)))
    ratio = statistics.median(mine / its for mine, its in zip(found[0], best, strict=True))
    print(
        f"| bare, the fastest | {_median_and_ratio(found[0], best)} | ≥ .95 | {'met' if ratio >= 0.95 else 'missed'} |"
    )
    print(f"| ours, threads chosen by itself | {statistics.median(found[0]):,.0f} | | | |")


def _median_and_ratio(mine: list[float], its: list[float]) -> str:
    ratios = [one / other for one, other in zip(mine, its, strict=True)]
    return f"{statistics.median(its):,.0f} | {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Use:
    """How our training uses a GPU.

    Attributes
    ----------
    share
        Fraction of the time in which at least one kernel (or copy) runs.
    kernels, graphs
        Kernels, and launches of whole graphs, per step.
    program
        Processor seconds of the program per step.
    """

    share: float
    kernels: float
    graphs: float
    program: float


def use_of(task: Task, device: torch.device, steps: int = 500) -> Use:
    """Profile some steps of our training, after they have been recorded."""
    way = ours(task, device)
    rate(way, 2.0, device)

    def take() -> tuple[float, float]:
        synchronize(device)
        start, busy = time.perf_counter(), time.process_time()
        for _ in range(steps):
            next(way)
        synchronize(device)
        return time.perf_counter() - start, time.process_time() - busy

    wall, program = take()  # without the profiler's overhead
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        take()
    events = list(profile.events())
    on_device = [event for event in events if event.device_type.name != "CPU" and not event.is_user_annotation]
    graphs = sum("GraphLaunch" in event.name for event in events)
    ran = covered([(event.time_range.start, event.time_range.end) for event in on_device]) / 1e6
    return Use(ran / wall, len(on_device) / steps, graphs / steps, program / steps)


def covered(spans: list[tuple[float, float]]) -> float:
    """Total length of the union of the spans (start, end)."""
    total, until = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def compare_precisions(name: str, dataset: Images, model: ModelConfig, device: torch.device, epochs: int) -> None:
    """Train in float32 with two seeds, and in bfloat16, and print the ELBO of the validation images."""
    print(f"\n{name}: {epochs} epochs of {len(dataset.images):,} images, batch {BATCH}, on {device}\n")
    print("| networks in | seed | ELBO of held-out images (nats) | standard error |\n|---|---|---|---|")
    found = {}
    for precision, seed in (("float32", 0), ("float32", 1), ("bfloat16", 0)):
        settings = TrainingConfig(epochs=epochs, batch_size=BATCH, device=str(device), precision=precision, seed=seed)
        trainer = Trainer(dataset, RunConfig(model=model, training=settings))
        for event in trainer.steps():
            if isinstance(event, Warned):
                print(f"({event.message})")
        elbo = elbo_per_image(trainer, dataset)
        found[precision, seed] = elbo.mean().item()
        print(f"| {precision} | {seed} | {elbo.mean():.3f} | {elbo.std() / math.sqrt(len(elbo)):.3f} |")
    moved = abs(found["bfloat16", 0] - found["float32", 0])
    noise = max(abs(found["float32", 1] - found["float32", 0]), elbo.std().item() / math.sqrt(len(elbo)))
    verdict = "within" if moved <= noise else "beyond"
    print(f"\nbfloat16 moves it by {moved:.3f} nats, {verdict} the noise (seed or images, {noise:.3f})")


@torch.no_grad()
def elbo_per_image(trainer: Trainer, dataset: Images) -> Tensor:
    """The one-sample ELBO [N] of the validation images; the noise is the same in every call."""
    _, held_out = dataset.split()
    model = trainer.model.eval()
    torch.manual_seed(0)
    found = []
    for start in range(0, len(held_out), 512):
        chosen = np.array(dataset.images[held_out[start : start + 512]])
        x = torch.from_numpy(chosen).to(trainer.device).to(torch.float32) / 255
        bound = model.bound(Batch(x), 1)
        found.append((bound.log_likelihood - bound.rate)[0].double().cpu())
    return torch.cat(found)


def print_use(task: Task, device: torch.device) -> None:
    """Print the rows on the use of the GPU."""
    use = use_of(task, device)
    seen = f"{use.share:.0%}" if use.kernels else "none seen by the profiler"
    met = "met" if use.share >= 0.9 else "missed"
    print(f"| time in kernels, of ours | {seen} | | ≥ 90 % | {met if use.kernels else 'not measured'} |")
    print(f"| kernels a step; graphs launched; the program's own time | {use.kernels:.0f}; {use.graphs:.2f}; ", end="")
    print(f"{use.program * 1e6:.0f} µs | | | |")


def compare(task: Task, device: torch.device, rounds: int, seconds: float) -> None:
    """Run all loops in rounds and print the table."""
    contestants = WAYS | (ON_A_GPU if device.type == "cuda" else {})
    if task.plain is plain_mlp and peers.has_pythae():
        contestants["pythae"] = lambda task, device: peers.pythae(task.images, HIDDEN, LATENT, BATCH, device)
    ways = {name: way(task, device) for name, way in contestants.items()}
    for way in ways.values():
        rate(way, min(1.0, seconds), device)  # caches, allocators, recordings
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]
        for name in names:
            found[name].append(rate(ways[name], seconds, device))
    goals = task.goals.get(device.type, {})
    print(f"\n{task.name}, batch {BATCH}, on {device}; {rounds} rounds of {seconds:g} s\n")
    print("| way | images/s | ours ÷ it | goal | |\n|---|---|---|---|---|")
    for name, rates in found.items():
        ratio = statistics.median(mine / its for mine, its in zip(found["ours"], rates, strict=True))
        goal = goals.get(name)
        verdict = f"≥ {goal:g} | {'met' if ratio >= goal else 'missed'}" if goal else "|"
        print(f"| {name} | {statistics.median(rates):,.0f} | {ratio:.2f} | {verdict} |")
    if device.type == "cuda":
        print_use(task, device)


def main() -> None:
    """Compare on the CPU and, where there is one, on the GPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's gzipped IDX files (else random bytes)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each loop in each round")
    parser.add_argument("--conv", action="store_true", help="the convolutions on the CPU too")
    parser.add_argument("--gpu-only", action="store_true", help="skip the CPU")
    parser.add_argument("--threads", action="store_true", help="ours, with the threads it chooses, on the CPU only")
    parser.add_argument("--batch-size", type=int, default=BATCH)
    arguments = parser.parse_args()
    globals()["BATCH"] = arguments.batch_size
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} CPU cores")
    with unpacked(arguments.mnist) as root:
        tasks = [mlp_task(root), small_conv_task(root), conv_task(root)]
        if arguments.threads:
            for task in tasks if arguments.conv else tasks[:1]:
                compare_threads(task, arguments.rounds, arguments.seconds)
            return
        if not arguments.gpu_only:
            for task in tasks if arguments.conv else tasks[:1]:
                compare(task, torch.device("cpu"), arguments.rounds, arguments.seconds)
        if not torch.cuda.is_available():
            print("\nNO CUDA DEVICE HERE: the GPU's rows were not run")
            return
        device = torch.device("cuda:0")
        print(
            f"\n{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        )
        for task in tasks:
            compare(task, device, arguments.rounds, arguments.seconds)
        mlp, _, conv = tasks
        unlabelled = np.full(len(mlp.images), -1), (), [str(index) for index in range(len(mlp.images))]
        digits_held_out = Images(mlp.images, *unlabelled, "digits", "digits", DataConfig(validation=0.1))
        compare_precisions(mlp.name, digits_held_out, model_of(mlp), device, epochs=5)
        shapes = load_dataset("demo:colour", DataConfig(image_size=CONV_SIDE))
        compare_precisions(conv.name, shapes, model_of(conv), device, epochs=20)


if __name__ == "__main__":
    main()
