"""Derivatives of decoders along directions: ours, reverse mode twice, and torch's forward mode, in one run.

Rounds are interleaved, and the ratio is taken in each round; figures are medians of processor times, which other work
on the machine changes least. The first use of torch's forward mode is timed apart, in a process of its own.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_derivatives [--rounds 9]
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd import forward_ad

from latentlab.config.recipes import RECIPES
from latentlab.models import build
from latentlab.models.inference import load_model
from latentlab.models.push_forward import Function, push_forward
from tests.benchmarks.bench_explore import Contestants, compare

FIRST_USE = """
import sys, time, warnings, torch
from torch.autograd import forward_ad
from latentlab.models.inference import load_model
from latentlab.models.push_forward import push_forward
warnings.simplefilter("ignore")
decode = load_model("bundled:mnist-2d", "cpu").module.decode
z, before, start = torch.zeros(1, 2), len(sys.modules), time.process_time()
if sys.argv[1] == "ours":
    push_forward(decode, z, torch.eye(2))
else:
    with torch.no_grad(), forward_ad.dual_level():
        forward_ad.unpack_dual(decode(forward_ad.make_dual(z, torch.ones(1, 2))))
taken, imported = 1e3 * (time.process_time() - start), len(sys.modules) - before
print(f"| first use | {sys.argv[1]} | {taken:.0f} ms | {imported} modules |")
"""


def reverse_twice(function: Function, z: Tensor, directions: Tensor) -> Tensor:
    """Jacobian times directions by reverse mode twice, [k, N, ...]; the first pass serves all directions."""
    with torch.enable_grad():
        z = z.clone().requires_grad_()
        value = function(z)
        cotangent = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, z, cotangent, create_graph=True)
        return torch.stack(
            [torch.autograd.grad(pulled, cotangent, each.expand_as(z), retain_graph=True)[0] for each in directions]
        )


def forward_mode(function: Function, z: Tensor, directions: Tensor) -> Tensor:
    """The same by torch's forward mode, a pass for each direction."""
    pushed = []
    for each in directions:
        with torch.no_grad(), forward_ad.dual_level():
            dual = function(forward_ad.make_dual(z, each.expand_as(z).contiguous()))
            pushed.append(forward_ad.unpack_dual(dual).tangent)
    return torch.stack(pushed)


def sections() -> Iterator[tuple[str, Contestants]]:
    """Decoders, numbers of latents and of directions."""
    convolutions = build(RECIPES["vae"].config(architecture={"kind": "conv"}), (1, 28, 28)).eval()
    decoders = {name: load_model(f"bundled:{name}", "cpu").module for name in ("mnist-2d", "mnist-10d", "shapes-6d")}
    for name, module in {**decoders, "conv 28²": convolutions}.items():
        for count, number in ((1, 1), (64, 2), (12, 10)):
            z, directions = torch.randn(count, module.latent_dim), torch.randn(number, module.latent_dim)
            arguments = module.decode, z, directions
            torch.testing.assert_close(push_forward(*arguments)[1], reverse_twice(*arguments), rtol=1e-3, atol=1e-3)
            yield (
                f"{name}, {count} latents × {number} directions",
                {
                    "push_forward": lambda a=arguments: push_forward(*a),
                    "reverse mode twice": lambda a=arguments: reverse_twice(*a),
                    "torch.autograd.forward_ad": lambda a=arguments: forward_mode(*a),
                },
            )


def main() -> None:
    """Print a table of all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")  # torch's decompositions, when forward mode imports them
    torch.manual_seed(0)
    print(f"Python {platform.python_version()}, torch {torch.__version__}")
    print("| what | how | median | times as long as the first |\n|---|---|---|---|")
    for how in ("ours", "forward_ad"):
        subprocess.run([sys.executable, "-c", FIRST_USE, how], check=True)
    for title, contestants in sections():
        compare(title, contestants, rounds)


if __name__ == "__main__":
    main()
