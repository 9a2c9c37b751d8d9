"""Quantised latents: VQ-VAE, and VQ-VAE-2 with two levels and a learned prior."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from latentlab.config import ModelConfig
from latentlab.config.layout import code_depth, halvings, latent_layout
from latentlab.models.base import Batch, Bound, LatentModel, Losses, StepState
from latentlab.models.encoder_inputs import EncoderInputs, corrupted
from latentlab.models.families.code_prior import CodePrior
from latentlab.models.families.codebook import Codebook, Quantised, build_codebook, perplexity
from latentlab.models.likelihoods import build_likelihood
from latentlab.models.networks import build_downward, build_upward
from latentlab.models.networks.base import ACTIVATIONS
from latentlab.models.networks.conv import Upsample, strides
from latentlab.models.objective import batch_mean, batch_objective


class VQVAE(LatentModel):
    """A grid of codes per image, on one level or two.

    z is the grid of codebook entries, flattened, the coarse level first; ``decode`` maps any z to the nearest codes.
    The posterior is deterministic, so that the rate is minus the log-probability of the codes under the prior:
    log(size) per code for a uniform one. The ELBO is a bound as for any other model.

    A learned prior is trained beside the rest, so that there are samples from the beginning, but on codes whose meaning
    changes with every step. At the end of a run (``codebook.prior_alone``) it is therefore trained alone, as in both
    papers, while encoder, codebooks and decoder stay as they are.

    Attributes
    ----------
    grids
        (h, w) of each level, the coarse level first.
    learns_codes
        Scalar, 1, or 0 while only the prior is trained. Not saved with the weights; a captured CUDA graph reads it in
        place.

    Examples
    --------
    >>> from latentlab.config import ArchitectureConfig
    >>> config = ModelConfig(family="vq", architecture=ArchitectureConfig(kind="conv", width=8))
    >>> model = VQVAE(config, (1, 28, 28))
    >>> [codes.shape for codes in model.codes(Batch(torch.rand(5, 1, 28, 28)))]
    [torch.Size([5, 7, 7])]

    References
    ----------
    van den Oord, Vinyals & Kavukcuoglu 2017, Neural Discrete Representation Learning (arXiv:1711.00937).
    Razavi, van den Oord & Vinyals 2019, Generating Diverse High-Fidelity Images with VQ-VAE-2 (arXiv:1906.00446).
    """

    learns_codes: Tensor

    def __init__(self, config: ModelConfig, image_shape: tuple[int, int, int], classes: int = 0) -> None:
        super().__init__(config, image_shape, 0)
        self.register_buffer("learns_codes", torch.ones(()), persistent=False)
        book, architecture = config.codebook, config.architecture
        depth = code_depth(image_shape)
        sizes = halvings(*image_shape[1:], depth + book.levels - 1)
        fine, self.is_two_level = sizes[: depth + 1], book.levels == 2
        self.grids = [level.grid for level in latent_layout(config, image_shape).levels if level.grid is not None]
        self.inputs = EncoderInputs(image_shape, 0, config.corruption.kind == "mask")
        self.likelihood = build_likelihood(config.likelihood)
        self.is_density = self.likelihood.is_density
        self.encoder, width = build_downward(architecture, self.inputs.channels, fine)
        self.codebooks = nn.ModuleList(build_codebook(book) for _ in self.grids)
        inputs = width
        if self.is_two_level:
            step = strides(sizes, depth)
            activation = ACTIVATIONS[architecture.activation]
            self.coarse = nn.Sequential(nn.Conv2d(width, width, 3, step, padding=1), activation())
            self.to_coarse = nn.Conv2d(width, book.dimension, 1)
            self.from_coarse = Upsample(book.dimension, width, step, fine[-1])
            inputs = 2 * width
        self.to_fine = nn.Conv2d(inputs, book.dimension, 1)
        outputs = image_shape[0] * self.likelihood.parameters_per_pixel
        self.decoder, start = build_upward(architecture, outputs, fine)
        self.from_codes = nn.Conv2d(book.dimension * (1 + self.is_two_level), start, 3, padding=1)
        self.up = (
            Upsample(book.dimension, book.dimension, strides(sizes, depth), fine[-1]) if self.is_two_level else None
        )
        self.prior: nn.ModuleList | None = None
        if book.prior == "autoregressive":
            self.prior = nn.ModuleList(
                CodePrior(book.entries, grid, book.dimension if level else 0) for level, grid in enumerate(self.grids)
            )
            self.phases = ("model", "prior")

    @property
    def latent_dim(self) -> int:
        """Size of all codebook entries of an image, over all levels."""
        return self.config.codebook.dimension * sum(math.prod(grid) for grid in self.grids)

    def on_step_start(self, state: StepState) -> None:
        """Write the rate's schedule, and whether this step still changes the codes."""
        super().on_step_start(state)
        if self.prior is not None:
            self.learns_codes.fill_(float(state.fraction_done < 1 - self.config.codebook.prior_alone))

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """The prior's parameters, or all others."""
        own = [] if self.prior is None else list(self.prior.parameters())
        ids = {id(p) for p in own}
        return own if phase == "prior" else [p for p in self.parameters() if id(p) not in ids]

    def prepare(self, batch: Batch, images: int) -> None:
        """Initialise the codebooks from the untrained encoder's vectors."""
        with torch.no_grad():
            features = self._features(batch)
            if self.is_two_level:
                coarse = self.to_coarse(self.coarse(features))
                self._book(0).prepare(coarse)
                features = torch.cat([features, self.from_coarse(coarse)], 1)
            self._book(-1).prepare(self.to_fine(features))

    def _book(self, level: int) -> Codebook:
        book = self.codebooks[level]
        assert isinstance(book, Codebook)
        return book

    def codebook_entries(self) -> list[Tensor]:
        """Entries [K, D] of each level's codebook, the coarse level first."""
        return [self._book(level).entries for level in range(len(self.grids))]

    def _features(self, batch: Batch) -> Tensor:
        features: Tensor = self.encoder(self.inputs(batch, None).contiguous(memory_format=torch.channels_last))
        return features

    def quantise(self, batch: Batch) -> list[Quantised]:
        """Codes and entries of each level, the coarse level first."""
        features = self._features(batch)
        levels = []
        if self.is_two_level:
            levels.append(self._book(0)(self.to_coarse(self.coarse(features))))
            features = torch.cat([features, self.from_coarse(levels[0].entries)], 1)
        return [*levels, self._book(-1)(self.to_fine(features))]

    def codes(self, batch: Batch) -> list[Tensor]:
        """Codes int64 [B, h, w] of each level, the coarse level first."""
        return [level.codes for level in self.quantise(batch)]

    def latents_from_codes(self, codes: list[Tensor]) -> Tensor:
        """Latents z [B, d] of the codes of each level."""
        entries = [self._book(level).lookup(grid) for level, grid in enumerate(codes)]
        return torch.cat([maps.flatten(1) for maps in entries], 1)

    def codes_from_latents(self, z: Tensor) -> list[Tensor]:
        """The nearest codes [B, h, w] of each level to z [B, d]."""
        dimension = self.config.codebook.dimension
        parts = torch.split(z, [dimension * math.prod(grid) for grid in self.grids], 1)
        return [
            self._book(level).nearest(part.reshape(z.shape[0], dimension, *self.grids[level]))
            for level, part in enumerate(parts)
        ]

    def _output(self, entries: list[Tensor]) -> Tensor:
        maps = [entries[-1]] if self.up is None else [self.up(entries[0]), entries[-1]]
        output: Tensor = self.decoder(self.from_codes(torch.cat(maps, 1)))
        return output

    def _rate(self, codes: list[Tensor]) -> Tensor:
        """Minus the log-probability of the codes under the prior in nats, [B]."""
        if self.prior is None:
            count = sum(math.prod(grid) for grid in self.grids)
            nats = count * math.log(self.config.codebook.entries)
            return torch.full((len(codes[0]),), nats, device=codes[0].device)
        log_probability = torch.stack(
            [prior.log_prob(grid, self._context(codes, level)) for level, (prior, grid) in self._priors(codes)]
        )
        return -log_probability.sum(0)

    def _priors(self, codes: list[Tensor]) -> Iterable[tuple[int, tuple[CodePrior, Tensor]]]:
        assert self.prior is not None
        for level, prior in enumerate(self.prior):
            assert isinstance(prior, CodePrior)
            yield level, (prior, codes[level])

    def _context(self, codes: list[Tensor], level: int) -> Tensor | None:
        """What a level's prior is given: the coarser level's entries, resized; ``None`` for the coarse level."""
        if level == 0:
            return None
        above = self._book(0).lookup(codes[0])
        return nn.functional.interpolate(above, self.grids[level], mode="nearest")

    def losses(self, phase: str, batch: Batch, state: StepState) -> Losses:
        """Distortion plus commitment loss, both summed over the image; or minus the prior's log-probability."""
        seen = corrupted(batch, self.config.corruption)
        if phase == "prior":
            with torch.no_grad():
                codes = self.codes_only(seen)
            loss = batch_mean(self._rate(codes))
            return Losses(loss, {"prior_rate": loss.detach()})
        levels = self.quantise(seen)
        with torch.no_grad():
            rate = self._rate([level.codes for level in levels])
        log_likelihood = self.likelihood.log_prob(
            self._output([level.entries for level in levels])[None], seen.x, seen.mask
        )
        distance = torch.stack([level.distance for level in levels]).sum(0)
        losses = batch_objective(
            log_likelihood,
            rate[None],
            self.rate_schedule.cost,
            extra={"commitment": (self.config.codebook.commitment, distance)},
        )
        used = perplexity(levels[-1].codes, self.config.codebook.entries)
        # The objective's value also where its gradient is not applied.
        terms = losses.terms | {"perplexity": used, "objective": losses.objective.detach()}
        return Losses(losses.objective, terms, None if self.prior is None else self.learns_codes > 0)

    def codes_only(self, batch: Batch) -> list[Tensor]:
        """As ``codes``; the codebooks collect no statistics."""
        features = self._features(batch)
        levels = []
        if self.is_two_level:
            levels.append(self._book(0).codes_of(self.to_coarse(self.coarse(features))))
            features = torch.cat([features, self.from_coarse(self._book(0).lookup(levels[0]))], 1)
        return [*levels, self._book(-1).codes_of(self.to_fine(features))]

    @property
    def is_capturable(self) -> bool:
        """Whether a step can be captured as a CUDA graph."""
        return True

    def discard_partial_step(self) -> None:
        """Drop the codebooks' statistics of the step."""
        for level in range(len(self.grids)):
            self._book(level).discard_partial_step()

    def on_step_end(self, state: StepState) -> None:
        """Update the codebooks' moving averages."""
        for level in range(len(self.grids)):
            self._book(level).update_entries(self.learns_codes)

    def bound(self, batch: Batch, samples: int = 1) -> Bound:
        """The terms of the ELBO; all samples are equal, as the codes are deterministic."""
        levels = self.quantise(batch)
        output = self._output([level.entries for level in levels])
        log_likelihood = self.likelihood.log_prob(output[None], batch.x, batch.mask).expand(samples, -1)
        rate = self._rate([level.codes for level in levels]).expand(samples, -1)
        return Bound(log_likelihood, rate, rate)

    def kl_per_dimension(self, batch: Batch) -> Tensor:
        """The rate in nats, in equal parts for all dimensions, [B, d]: the dimensions of a code share it."""
        rate = self._rate(self.codes(batch))
        return (rate / self.latent_dim)[:, None].expand(-1, self.latent_dim)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The flattened entries, and zeros: [B, d] each."""
        z = self.latents_from_codes(self.codes(batch))
        return z, torch.zeros_like(z)

    def decoder_output(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The decoder's output at the codes nearest to z [B, d]."""
        entries = [self._book(level).lookup(grid) for level, grid in enumerate(self.codes_from_latents(z))]
        return self._output(entries)

    def sample_prior(self, count: int, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Latents [count, d] of codes drawn from the prior.

        With a learned prior, ``temperature`` divides its logits; a uniform one has none.
        """
        device = self._book(0).entries.device
        codes: list[Tensor] = []
        for level, grid in enumerate(self.grids):
            if self.prior is None:
                drawn_on = device if generator is None else torch.device("cpu")
                shape = (count, *grid)
                drawn = torch.randint(self.config.codebook.entries, shape, generator=generator, device=drawn_on)
                codes.append(drawn.to(device))
            else:
                prior = self.prior[level]
                assert isinstance(prior, CodePrior)
                codes.append(prior.sample(count, self._context(codes, level), generator, temperature))
        return self.latents_from_codes(codes)
