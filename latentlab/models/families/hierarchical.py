"""A hierarchy on convolutions: a vector of latents for the whole image, and maps of latents at rising resolutions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from latentlab.config import ArchitectureConfig, ModelConfig
from latentlab.config.layout import latent_layout, latent_map_sizes, pyramid
from latentlab.models.base import Batch
from latentlab.models.encoder_inputs import EncoderInputs
from latentlab.models.families.hierarchy import LAYER_LOG_STD_RANGE, LayeredModel
from latentlab.models.functional import soft_clip
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.networks.attention import residual_blocks
from latentlab.models.networks.conv import Upsample, channels, group_norm, strides
from latentlab.models.posteriors.diagonal import Diagonal, DiagonalPosterior


class _Draw(NamedTuple):
    """q of a layer in the prior's coordinates, and the ε taken; shapes [N, size]. Without q when ε is given."""

    posterior: Diagonal | None
    epsilon: Tensor


_Draws = Callable[[int, Tensor | None], _Draw]
"""Draws a layer, by its number, from the top-down state [N, C, h, w] before it; the top layer has none."""


class HierarchicalVAE(LayeredModel):
    """A vector of ``latent_dim`` latents at the top, and below it maps of ``hierarchy.channels`` numbers a position.

    An encoder keeps its features at every resolution. The decoder begins with the top vector and goes up through the
    resolutions; at those of the maps its state gives the prior of the map, is combined with the encoder's features to
    give q, and takes the map up. q is stated relative to the prior (as in NVAE), so that only what the image adds to
    the layers above has a rate.

    New residual blocks are the identity, and new priors N(0, I) whatever is above; standard deviations are
    limited softly. So a hierarchy is stable from the first step without skipping any.

    Examples
    --------
    >>> architecture = ArchitectureConfig(kind="residual", width=8)
    >>> model = HierarchicalVAE(ModelConfig(family="hierarchical", architecture=architecture), (1, 14, 14))
    >>> model.sizes
    [2, 32, 98]
    >>> model.decode(model.sample_prior(5)).shape
    torch.Size([5, 1, 14, 14])

    References
    ----------
    Child 2021, Very Deep VAEs Generalize Autoregressive Models and Can Outperform Them on Images (arXiv:2011.10650).
    Vahdat & Kautz 2020, NVAE: A Deep Hierarchical Variational Autoencoder (arXiv:2007.03898).
    """

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, 0)
        self.inputs = EncoderInputs(image_shape, 0, config.corruption.kind == "mask")
        self.likelihood = build_likelihood(config.likelihood)
        self.is_density = self.likelihood.is_density
        self.sizes = [level.size for level in latent_layout(config, image_shape).levels]
        sizes = pyramid(*image_shape[1:])
        # An image of at most 4 pixels a side is not halved: its maps have its own size.
        self.resolutions = sizes[1:] or sizes
        widths = channels(config.architecture.width, len(self.resolutions))
        maps = latent_map_sizes(image_shape, config.hierarchy.layers - 1)
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        above, inputs = sizes[0], self.inputs.channels
        outputs = image_shape[0] * self.likelihood.parameters_per_pixel
        for size, width in zip(self.resolutions, widths, strict=True):
            step = strides([above, size], 0)
            self.encoder.append(_Down(config.architecture, inputs, width, size, step))
            upsample = Upsample(width, inputs if len(self.encoder) > 1 else outputs, step, above)
            self.decoder.append(_Up(config, width, size, maps.count(size), upsample))
            above, inputs = size, width
        smallest = widths[-1] * math.prod(self.resolutions[-1])
        self.posterior = DiagonalPosterior(config.posterior, smallest, config.latent_dim, LAYER_LOG_STD_RANGE)
        self.start = nn.Linear(config.latent_dim, smallest)

    @property
    def latent_dim(self) -> int:
        """Number of latents of all layers."""
        return sum(self.sizes)

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph."""
        return True

    def features(self, batch: Batch) -> list[Tensor]:
        """The encoder's features [B, C, h, w] at each resolution, the largest first."""
        x = self.inputs(batch, None).contiguous(memory_format=torch.channels_last)
        found = []
        for down in self.encoder:
            x = down(x)
            found.append(x)
        return found

    def _top_down(self, draws: _Draws) -> tuple[list[_Draw], Tensor]:
        """What is drawn of each layer, the top first, and the state after the last one, [N, C, H', W'].

        The state is the decoder's at the resolution of the last map; ``_pixels`` takes it to the image.
        """
        drawn = [draws(0, None)]
        epsilon = drawn[0].epsilon
        state: Tensor = self.start(epsilon).view(len(epsilon), -1, *self.resolutions[-1])
        state = state.contiguous(memory_format=torch.channels_last)
        for index in reversed(range(len(self.decoder))):
            up = self._up(index)
            for layer in up.maps:
                drawn.append(draws(len(drawn), state))
                state = layer(state, drawn[-1].epsilon)
            if len(drawn) == len(self.sizes):
                break
            state = up(state)
        return drawn, state

    def _pixels(self, state: Tensor) -> Tensor:
        """The likelihood's parameters [N, C', H, W] from the state after the last map."""
        last = self.resolutions.index(tuple(state.shape[-2:]))  # type: ignore[arg-type]
        for index in reversed(range(last + 1)):
            state = self._up(index)(state)
        return state

    def _up(self, index: int) -> _Up:
        up = self.decoder[index]
        assert isinstance(up, _Up)
        return up

    def _layer(self, level: int) -> tuple[int, _MapLayer]:
        """Index of the resolution of a layer below the top, and its networks."""
        layers = [(i, layer) for i in reversed(range(len(self.decoder))) for layer in self._up(i).maps]
        index, layer = layers[level - 1]
        assert isinstance(layer, _MapLayer)
        return index, layer

    def infer_layers(self, batch: Batch, samples: int | None) -> tuple[list[Diagonal], list[Tensor], Tensor]:
        """Each layer's q in the prior's coordinates, its ε, [K, B, size] each, and the state after the last map.

        With ``samples=None`` the means take the place of samples, and K is 1.
        """
        count, images = samples or 1, len(batch.x)
        features = self.features(batch)

        def draw(level: int, state: Tensor | None) -> _Draw:
            if state is None:
                q: Diagonal = self.posterior(features[-1].flatten(1).repeat(count, 1))
            else:
                index, layer = self._layer(level)
                q = layer.posterior_given(state, features[index].repeat(count, 1, 1, 1))
            return _Draw(q, q.mean if samples is None else q.rsample(1).z[0])

        drawn, state = self._top_down(draw)
        posteriors = []
        for each in drawn:
            assert each.posterior is not None
            mean, log_std = (part.view(count, images, -1) for part in each.posterior.parameters())
            posteriors.append(Diagonal(mean, log_std))
        return posteriors, [each.epsilon.view(count, images, -1) for each in drawn], state

    def log_likelihood(self, z: Tensor, batch: Batch) -> Tensor:
        """Log p(x|z) in nats, [K, B], of a state [K · B, C, h, w] of ``infer_layers``."""
        pixels = self._pixels(z)
        parameters = pixels.view(-1, len(batch.x), *pixels.shape[1:])
        return self.likelihood.log_prob(parameters, batch.x, batch.mask)

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output for ε [B, d], the top layer first."""
        layers = torch.split(z, self.sizes, -1)
        _, state = self._top_down(lambda level, _: _Draw(None, layers[level]))
        return self._pixels(state)


class _Down(nn.Module):
    """A convolution to a resolution, and the encoder's residual blocks there."""

    def __init__(
        self, config: ArchitectureConfig, inputs: int, width: int, size: tuple[int, int], step: tuple[int, int]
    ) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, width, 3, step, padding=1)
        self.layers = nn.Sequential(first, *residual_blocks(config, width, size))

    def forward(self, x: Tensor) -> Tensor:
        """The features at this resolution."""
        features: Tensor = self.layers(x)
        return features


class _Up(nn.Module):
    """The maps of latents at a resolution, if there are any, and the layers to the next larger one."""

    def __init__(self, config: ModelConfig, width: int, size: tuple[int, int], maps: int, upsample: Upsample) -> None:
        super().__init__()
        self.maps = nn.ModuleList(_MapLayer(config, width, size) for _ in range(maps))
        blocks = residual_blocks(config.architecture, width, size)
        self.layers = nn.Sequential(*blocks, group_norm(width), nn.SiLU(), upsample)

    def forward(self, state: Tensor) -> Tensor:
        """The state at the next resolution, or the likelihood's parameters."""
        above: Tensor = self.layers(state)
        return above


class _MapLayer(nn.Module):
    """A map of latents: its prior and posterior given the top-down state, and how it is taken up into the state."""

    def __init__(self, config: ModelConfig, width: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.shape = (config.hierarchy.channels, *size)
        latents = self.shape[0]
        last = nn.Conv2d(width, 2 * latents, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.prior = nn.Sequential(group_norm(width), nn.SiLU(), last)
        self.seen = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1),
            group_norm(width),
            nn.SiLU(),
            nn.Conv2d(width, 2 * latents, 3, padding=1),
        )
        self.inward = nn.Conv2d(latents, width, 1)
        self.blocks = nn.Sequential(*residual_blocks(config.architecture, width, size))

    def posterior_given(self, state: Tensor, features: Tensor) -> Diagonal:
        """Q relative to the prior, [N, size]."""
        mean, log_std = self.seen(torch.cat([state, features], 1)).flatten(2).chunk(2, 1)
        return Diagonal(mean.flatten(1), soft_clip(log_std.flatten(1), *LAYER_LOG_STD_RANGE))

    def forward(self, state: Tensor, epsilon: Tensor) -> Tensor:
        """The state [N, C, h, w] after the latents ε [N, size] have been taken up."""
        mean, log_std = self.prior(state).chunk(2, 1)
        z = mean + torch.exp(soft_clip(log_std, *LAYER_LOG_STD_RANGE)) * epsilon.view(-1, *self.shape)
        taken: Tensor = self.blocks(state + self.inward(z))
        return taken
