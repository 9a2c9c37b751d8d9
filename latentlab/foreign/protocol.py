"""The one protocol behind all models: what latentlab asks of a model, whoever made it (no torch)."""

from __future__ import annotations

from typing import Protocol

from latentlab.config.capabilities import Capabilities
from latentlab.utils.array_types import FloatArray, IntArray


class ModelProtocol(Protocol):
    """What is needed to explore a model.

    Models of latentlab (:class:`latentlab.models.inference.InferenceModel`), ONNX packages and functions of another
    process have it. ``capabilities`` says what it offers; what it does not offer is not called.
    """

    @property
    def latent_dim(self) -> int:
        """Size d of a latent."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""

    @property
    def value_range(self) -> tuple[float, float]:
        """Values of black and white in the images that it takes and gives."""

    @property
    def capabilities(self) -> Capabilities:
        """What it offers."""

    def encode(self, images: FloatArray, label: IntArray | None = None, /) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation, float32 [B, d] each, of images float32 [B, C, H, W].

        ``label``, int64 [B], is for a conditional model; a standard deviation of 0 is a point.
        """

    def decode(self, z: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Images float32 [B, C, H, W] of latents float32 [B, d]: the mean of p(x|z)."""

    def log_likelihood(self, images: FloatArray, z: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Log p(x|z) in nats, float32 [B], of images and latents, if ``capabilities.has_likelihood``."""

    def jvp(self, z: FloatArray, directions: FloatArray, label: IntArray | None = None, /) -> FloatArray:
        """Derivatives of ``decode`` along directions [B, d], float32 [B, C, H, W], if ``capabilities.has_jvp``."""
