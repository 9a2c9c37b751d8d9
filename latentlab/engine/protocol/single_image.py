"""Messages about one image that the user opens, pastes or paints (no Qt, no torch).

An image is encoded from its file by ``EncodeImage``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from latentlab.engine.protocol.requests import Request
from latentlab.engine.protocol.results import ImageEncoded, Result
from latentlab.utils.array_types import BoolArray, ByteArray, FloatArray


@dataclass(frozen=True)
class EncodeDrawing(Request):
    """Encode an image that is painted, uint8 [H, W] or [H, W, 3] with the values that the model reads.

    One of another shape than the model's is fitted to it.
    """

    slot: ClassVar[str | None] = "drawing"
    generation: int
    image: ByteArray
    name: str
    label: int | None = None


@dataclass(frozen=True)
class DrawingEncoded(Result):
    """A painted image as the model encodes it; ``encoded.image`` is what the model has read."""

    slot: ClassVar[str | None] = "drawing"
    generation: int
    encoded: ImageEncoded


@dataclass(frozen=True)
class InspectImage(Request):
    """Say what the model makes of an image, uint8 [H, W] or [H, W, 3] of the model's own size.

    Attributes
    ----------
    mean
        Mean [d] of the posterior that is shown: that of the last refinement is used if it has this mean, else that of
        the encoder.
    encoded_elbo
        ELBO of the image as encoded, in nats, if another posterior is shown.
    compare
        Whether to compare it with images of the open dataset.
    """

    slot: ClassVar[str | None] = "inspect"
    generation: int
    image: ByteArray
    label: int | None
    mean: FloatArray
    encoded_elbo: float | None = None
    compare: bool = True
    seed: int = 0


@dataclass(frozen=True)
class ImageInspected(Result):
    """What the model makes of an image; a second result of the same generation adds ``typical``.

    Attributes
    ----------
    error
        float32 [H, W]: the image minus its reconstruction, in [−1, 1], mean over the colours.
    std
        float32 [H, W]: standard deviation of each pixel under the predictive distribution, mean over the colours;
        ``None`` where p(x|z) is not known.
    samples, draws
        uint8 [n, H, W] or [n, H, W, 3]: decoded latents of q(z|x), none of a point; and images drawn from p(x|z) at the
        same latents, ``None`` where p(x|z) is not known.
    z
        These latents, [n, d].
    elbo, rate, distortion
        In nats; ``None`` where p(x|z) is not known.
    typical
        Whether it is typical of the open dataset, in a sentence, or why that is not known; empty while it is measured.
    """

    slot: ClassVar[str | None] = "inspect"
    generation: int
    model_version: int
    error: FloatArray
    std: FloatArray | None
    samples: ByteArray
    draws: ByteArray | None
    z: FloatArray
    elbo: float | None
    rate: float | None
    distortion: float | None
    typical: str = ""
    done: bool = False


@dataclass(frozen=True)
class RefineImage(Request):
    """Refine the posterior of an image by gradient steps."""

    slot: ClassVar[str | None] = "refine"
    generation: int
    image: ByteArray
    label: int | None = None
    steps: int = 150


@dataclass(frozen=True)
class ImageRefined(Result):
    """The best posterior of a refinement so far.

    Attributes
    ----------
    mean, std
        [d] each.
    reconstruction
        uint8 [H, W] or [H, W, 3], decoded from the mean.
    steps, elbos
        The ELBO of the best posterior after some of the steps, in nats; the first is that of the encoder's posterior.
        It never falls.
    problem
        Why nothing was refined; empty if something was.
    done
        Whether no further result follows.
    """

    slot: ClassVar[str | None] = "refine"
    generation: int
    model_version: int
    mean: FloatArray
    std: FloatArray
    reconstruction: ByteArray | None
    steps: tuple[int, ...]
    elbos: tuple[float, ...]
    is_bound: bool = True  # otherwise they are log p(x, z) of a point
    problem: str = ""
    done: bool = False


@dataclass(frozen=True)
class ImputeImage(Request):
    """Fill in the hidden pixels of an image, as ``latentlab impute --draws`` does."""

    slot: ClassVar[str | None] = "impute"
    generation: int
    image: ByteArray
    hidden: BoolArray  # [H, W]
    label: int | None = None
    draws: int = 9  # with the expected image two rows of five
    samples: int = 256
    seed: int = 0


@dataclass(frozen=True)
class ImageImputed(Result):
    """Fillings of hidden pixels: each result of a generation is better than the one before.

    ``expected`` is uint8 [H, W] or [H, W, 3], ``draws`` uint8 [n, H, W] or [n, H, W, 3], and ``z`` [n, d] are their
    latents. ``method`` is ``start``, ``importance`` or ``langevin``.
    """

    slot: ClassVar[str | None] = "impute"
    generation: int
    model_version: int
    expected: ByteArray | None
    draws: ByteArray | None
    z: FloatArray | None
    effective_samples: float = 0.0
    method: str = "start"
    problem: str = ""
    done: bool = False


@dataclass(frozen=True)
class StopImageWork(Request):
    """End a refinement or an imputation with what it has found so far."""

    what: Literal["refine", "impute"]
