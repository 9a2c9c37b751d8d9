"""Self-attention and normalised blocks: what they compute, and at which sizes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from latentlab.config import ArchitectureConfig
from latentlab.models import build
from latentlab.models.networks import build_decoder, build_encoder
from latentlab.models.networks.attention import NormalisedBlock, SelfAttention
from tests.models.helpers import images, smaller


def scrambled(module: torch.nn.Module) -> torch.nn.Module:
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module.double().eval()


def test_attention_is_that_of_torch():
    attention = scrambled(SelfAttention(16))
    x = torch.randn(3, 16, 4, 5, dtype=torch.float64)
    query, key, value = attention.inward(attention.norm(x)).flatten(2).transpose(1, 2).chunk(3, -1)
    read = functional.scaled_dot_product_attention(query, key, value)
    expected = x + attention.outward(read.transpose(1, 2).reshape(x.shape))
    torch.testing.assert_close(attention(x), expected)


def test_attention_reads_every_position_and_a_block_its_neighbours():
    x = torch.randn(1, 8, 9, 9, dtype=torch.float64, requires_grad=True)
    for block, reaches_far in ((scrambled(SelfAttention(8)), True), (scrambled(NormalisedBlock(8)), False)):
        block.norm = torch.nn.Identity()  # which reads all positions too
        if not reaches_far:
            block.layers[0] = block.layers[3] = torch.nn.Identity()
        (gradient,) = torch.autograd.grad(block(x)[0, :, 0, 0].sum(), x)
        assert bool((gradient[0, :, 8, 8] != 0).all()) == reaches_far


@pytest.mark.parametrize("block", [SelfAttention, NormalisedBlock])
def test_blocks_begin_as_the_identity(block):
    x = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(block(8)(x), x)


@pytest.mark.parametrize(("side", "largest", "count"), [(64, 16, 3), (256, 16, 3), (64, 8, 2), (64, 0, 0), (8, 16, 1)])
def test_attention_is_at_the_lowest_sizes_only(side, largest, count):
    """16, 8 and 4 pixels a side of 64 and of 256: its work grows with the fourth power of the side."""
    config = ArchitectureConfig(kind="attention", width=8, attention=largest)
    for network in (build_encoder(config, (3, side, side)), build_decoder(config, 4, (3, side, side))):
        assert sum(isinstance(module, SelfAttention) for module in network.modules()) == count


def test_a_batch_is_not_mixed():
    config = ArchitectureConfig(kind="attention", width=4)
    encoder = scrambled(build_encoder(config, (1, 16, 16)))
    x = torch.rand(4, 1, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(encoder(x)[1:2], encoder(x[1:2]))


@pytest.mark.parametrize("recipe", ["vq-vae", "vq-vae-2", "cvae"])
def test_other_families_have_it_too(recipe):
    model = build(smaller(recipe, architecture={"kind": "attention", "width": 4}), (1, 16, 16), 2).eval()
    assert any(isinstance(module, SelfAttention) for module in model.modules())
    batch = images(3, (1, 16, 16))
    z, _ = model.encode(batch)
    assert model.decode(z).shape == batch.x.shape
