"""A model as a composition of parts: ``ModelConfig``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from latentlab.config.base import Config
from latentlab.config.parts import (
    AdversaryConfig,
    ArchitectureConfig,
    CodebookConfig,
    CorruptionConfig,
    DivergenceConfig,
    EvolutionConfig,
    HierarchyConfig,
    LikelihoodConfig,
    PosteriorConfig,
    PriorConfig,
    RateConfig,
    SupervisionConfig,
)
from latentlab.errors import InputError

Family = Literal[
    "vae", "factor", "vae-gan", "vq", "ladder", "hierarchical", "wake-sleep", "semi-supervised", "evolved", "foreign"
]

MOST_PLAIN_LATENTS = 4096
LARGEST_MAP_SIDE = 1024
MapSide = Annotated[int, Field(ge=1, le=LARGEST_MAP_SIDE)]
WIDEST_COVARIANCE = 256
MOST_ENTRIES = 65_536  # of a codebook
MOST_SCALARS = 16  # 2 to the power 16 is that number

# Families without free bits, and why.
_NEEDS_BETA = {
    "vq": "its codes are the nearest ones, so that no rate is lowered in training",
    "wake-sleep": "its recognition learns from dreams, so that no rate is lowered in training",
    "evolved": "its states are chosen by each image's own bound, and free bits are of a batch's mean rate",
    "semi-supervised": "its rate includes that of the class, for which every class is tried",
}


class ModelConfig(Config):
    """A model: which recipe it came from, and the parts it is composed of."""

    recipe: str = Field(
        default="vae", max_length=200, description="Name of the recipe that the configuration came from."
    )
    family: Family = Field(
        default="vae",
        description="``vae`` is the composition of the parts; the other families use some of them and add their own; "
        "``foreign`` is a model of another program, which cannot be trained.",
    )
    latent_dim: int = Field(
        default=2,
        ge=1,
        le=MOST_PLAIN_LATENTS,
        description="Size of z; of its top layer where the layers below are maps (``family=hierarchical``). Ignored by "
        "quantised models, where it is the size of the code grid.",
    )
    latent_shape: tuple[MapSide, MapSide, MapSide] | None = Field(
        default=None,
        description="Channels, rows and columns of latents that are maps, of models of other programs only: z then has "
        "as many numbers as they have.",
    )
    beta: float = Field(default=1.0, ge=0.0, description="Weight of the rate in the objective.")
    samples: int = Field(default=1, ge=1, le=10_000, description="Number K of latents drawn per image and step.")
    bound: Literal["elbo", "importance"] = Field(
        default="elbo", description="Mean over the K samples, or their log-mean-exp."
    )
    kl: Literal["analytic", "monte-carlo"] = Field(
        default="analytic",
        description="Rate in closed form if there is one, or as the mean of log q − log p over the samples (not for "
        "categories, whose samples have no gradient).",
    )
    estimator: Literal["reparameterised", "score", "sticking-the-landing", "doubly-reparameterised"] = Field(
        default="reparameterised",
        description="Estimator of the encoder's gradient: through the sample; the ``score`` function with a "
        "leave-one-out baseline; ``sticking-the-landing``: through the sample without the score term, whose variance "
        "vanishes as q becomes exact; or that made unbiased for ``bound=importance``, ``doubly-reparameterised``.",
    )
    conditional: bool = Field(default=False, description="Whether all networks get the label.")
    architecture: ArchitectureConfig = ArchitectureConfig()
    posterior: PosteriorConfig = PosteriorConfig()
    prior: PriorConfig = PriorConfig()
    likelihood: LikelihoodConfig = LikelihoodConfig()
    rate: RateConfig = RateConfig()
    divergence: DivergenceConfig = DivergenceConfig()
    corruption: CorruptionConfig = CorruptionConfig()
    hierarchy: HierarchyConfig = HierarchyConfig()
    codebook: CodebookConfig = CodebookConfig()
    adversary: AdversaryConfig = AdversaryConfig()
    supervision: SupervisionConfig = SupervisionConfig()
    evolution: EvolutionConfig = EvolutionConfig()

    @property
    def can_have_linear_path(self) -> bool:
        """Whether ``architecture.linear_path`` has a meaning for this family and these latents."""
        return self.family == "vae" and self.posterior.kind not in ("concrete", "von-mises-fisher")

    @model_validator(mode="after")
    def _check_parts(self) -> ModelConfig:
        for is_conflict, message in (
            (
                self.likelihood.kind == "discretised-logistic" and self.likelihood.sigma not in ("learned", "pixel"),
                "likelihood.kind=discretised-logistic needs likelihood.sigma=learned or pixel",
            ),
            (
                self.latent_shape is not None and self.family != "foreign",
                "latent_shape is for models of other programs: set latent_dim",
            ),
            *self._posterior_conflicts(),
            *self._objective_conflicts(),
            *self._family_conflicts(),
        ):
            if is_conflict:
                # Not a ValueError: pydantic passes this one on unchanged, as one clear sentence.
                raise InputError(message)
        return self

    def _posterior_conflicts(self) -> tuple[tuple[bool, str], ...]:
        q, prior = self.posterior, self.prior.kind
        return (
            (
                (q.kind == "concrete") != (prior == "categorical"),
                "concrete latents and the categorical prior go together: set posterior.kind=concrete and "
                "prior.kind=categorical, or neither",
            ),
            (
                q.kind == "concrete" and self.latent_dim % q.categories != 0,
                f"latent_dim must be a multiple of posterior.categories ({q.categories}) for concrete latents",
            ),
            (
                q.kind == "cholesky" and self.latent_dim > WIDEST_COVARIANCE,
                f"posterior.kind=cholesky needs a latent_dim of at most {WIDEST_COVARIANCE}",
            ),
            (
                (q.kind == "von-mises-fisher") != (prior == "sphere"),
                "latents on the sphere and their uniform prior go together: set posterior.kind=von-mises-fisher and "
                "prior.kind=sphere, or neither",
            ),
            (
                q.kind == "von-mises-fisher" and self.latent_dim < 2,
                "posterior.kind=von-mises-fisher needs a latent_dim of at least 2",
            ),
            (
                self.architecture.linear_path and not self.can_have_linear_path,
                "architecture.linear_path needs family=vae, and latents that are neither categories nor on a sphere",
            ),
            (q.start == "prior" and q.refine == 0, "without an encoder (posterior.start=prior) set posterior.refine"),
            (
                q.refine > 0 and (q.kind not in ("diagonal", "cholesky", "delta") or prior == "vamp"),
                "posterior.refine is for diagonal, cholesky and delta posteriors, and not for the vamp prior",
            ),
            (
                q.search == "evolution" and q.refine > 0 and q.kind != "delta",
                "posterior.search=evolution needs posterior.kind=delta",
            ),
            (
                prior == "vamp" and (self.conditional or q.kind in ("delta", "iaf", "planar")),
                "the vamp prior is for diagonal and cholesky posteriors without labels",
            ),
            (
                prior == "clusters" and (self.conditional or q.kind == "delta" or q.refine > 0),
                "prior.kind=clusters needs a posterior with a density, posterior.refine=0 and conditional=false",
            ),
            (
                prior == "clusters" and self.rate.kind != "beta",
                "prior.kind=clusters needs rate.kind=beta",
            ),
        )

    def _objective_conflicts(self) -> tuple[tuple[bool, str], ...]:
        q, divergence = self.posterior, self.divergence.kind
        importance, score = self.bound == "importance", self.estimator == "score"
        path = self.estimator in ("sticking-the-landing", "doubly-reparameterised")
        return (
            (
                importance and (q.kind in ("delta", "concrete") or self.rate.kind != "beta" or q.refine > 0),
                "bound=importance needs a posterior with a density, rate.kind=beta and no posterior.refine",
            ),
            (importance and divergence != "none", "bound=importance needs divergence.kind=none"),
            (
                score and (q.kind != "diagonal" or self.samples < 2 or importance or q.refine > 0),
                "estimator=score needs posterior.kind=diagonal, bound=elbo, no posterior.refine and at least 2 samples",
            ),
            (
                path and (q.kind not in ("diagonal", "cholesky") or q.refine > 0),
                f"estimator={self.estimator} needs posterior.kind=diagonal or cholesky and no posterior.refine",
            ),
            (
                self.estimator == "doubly-reparameterised" and not importance,
                "estimator=doubly-reparameterised needs bound=importance",
            ),
            (
                divergence == "total-correlation" and q.kind != "diagonal",
                "divergence.kind=total-correlation needs posterior.kind=diagonal",
            ),
            (
                divergence in ("energy", "kernel", "total-correlation") and self.prior.kind != "standard",
                f"divergence.kind={divergence} needs prior.kind=standard",
            ),
            (
                divergence != "none" and self.prior.kind == "categorical",
                "a divergence needs continuous latents: set divergence.kind=none",
            ),
            (
                self.rate.kind == "free-bits" and q.refine > 0 and q.kind != "delta",
                "rate.kind=free-bits is of the mean rate of a batch, and posterior.refine improves each image's own "
                "bound: set rate.kind=beta or posterior.refine=0",
            ),
        )

    def _codebook_conflicts(self) -> tuple[tuple[bool, str], ...]:
        book = self.codebook
        is_scalar = self.family == "vq" and book.kind == "finite-scalar"
        return (
            (
                # Not the number itself first: 256 to the power 1,024 is slow to compute.
                is_scalar and (book.dimension > MOST_SCALARS or book.entries > MOST_ENTRIES),
                f"codebook.kind=finite-scalar has codebook.values to the power codebook.dimension entries, at most "
                f"{MOST_ENTRIES:,}: set codebook.dimension=4",
            ),
            (
                self.family == "vq" and book.kind == "residual" and book.levels != 1,
                "codebook.kind=residual has one grid: set codebook.levels=1",
            ),
        )

    def _family_conflicts(self) -> tuple[tuple[bool, str], ...]:
        family = self.family
        if family in ("vae", "foreign"):
            return ()
        plain = (self.posterior.kind, self.prior.kind, self.posterior.refine) == ("diagonal", "standard", 0)
        direct = (self.estimator, self.bound, self.divergence.kind) == ("reparameterised", "elbo", "none")
        layered = family in ("ladder", "wake-sleep")
        return (
            (not plain, f"family={family} needs posterior.kind=diagonal, prior.kind=standard and posterior.refine=0"),
            (not direct, f"family={family} needs estimator=reparameterised, bound=elbo and divergence.kind=none"),
            *(
                (self.rate.kind != "beta" and family == name, f"family={name} needs rate.kind=beta: {why}")
                for name, why in _NEEDS_BETA.items()
            ),
            (self.rate.kind == "capacity", f"family={family} has no capacity: set rate.kind=beta or free-bits"),
            (
                self.conditional and family != "semi-supervised",
                f"family={family} is not conditional: set conditional=false",
            ),
            (
                family == "semi-supervised" and not self.conditional,
                "family=semi-supervised needs conditional=true",
            ),
            (
                layered and self.latent_dim < self.hierarchy.layers,
                f"latent_dim must be at least hierarchy.layers ({self.hierarchy.layers})",
            ),
            (
                family == "evolved" and self.latent_dim % 2 != 0,
                "latent_dim must be even for family=evolved: each binary latent is two numbers, off and on",
            ),
            (
                family == "vq" and self.architecture.kind == "mlp",
                "family=vq needs a grid of features: set architecture.kind=conv, residual or attention",
            ),
            (
                family == "hierarchical" and self.architecture.kind not in ("residual", "attention"),
                "family=hierarchical has residual blocks: set architecture.kind=residual or attention",
            ),
            *self._codebook_conflicts(),
        )
