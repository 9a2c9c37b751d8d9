"""Settings that do not act, as the model they are given for does not read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from latentlab.config.base import settings_of
from latentlab.config.model import ModelConfig
from latentlab.config.run import RunConfig, full_name
from latentlab.errors import InputError

# Every model is asked for these, so that commands for several recipes can be alike: they are reported, not refused.
_COMMON = ("latent_dim", "architecture.")


def check_settings_act(config: RunConfig, settings: Iterable[str]) -> list[str]:
    """Refuse settings given by hand that the model does not read.

    Parameters
    ----------
    config
        The configuration with the settings applied.
    settings
        As for `latentlab.config.with_settings`.

    Returns
    -------
    list of str
        A sentence for each size of latents or networks that the model does not read.

    Raises
    ------
    InputError
        For any other setting that does nothing.
    """
    unread = unread_settings(config.model)
    warnings = []
    for setting in settings:
        section, _, name = full_name(setting.partition("=")[0].strip()).partition(".")
        if (section, name) == ("training", "momentum") and config.training.optimizer != "sgd":
            raise InputError(
                f"momentum does nothing with optimizer={config.training.optimizer}: it needs optimizer=sgd"
            )
        if section != "model" or name not in unread:
            continue
        sentence = f"{name} does nothing for this model ({config.model.recipe}): it needs {unread[name]}"
        if not name.startswith(_COMMON):
            raise InputError(sentence)
        warnings.append(sentence)
    return warnings


def unread_settings(model: ModelConfig) -> dict[str, str]:
    """The settings that a model does not read, by name within ``model``, each with what it needs.

    Examples
    --------
    >>> unread = unread_settings(ModelConfig())
    >>> unread["divergence.weight"], unread["codebook.size"]
    ('a divergence.kind', 'family=vq')
    >>> "architecture.hidden" in unread
    False
    """
    likelihood, rate, family = model.likelihood.kind, model.rate.kind, model.family
    posterior, prior, divergence = model.posterior.kind, model.prior.kind, model.divergence.kind
    is_mlp, attends = model.architecture.kind == "mlp", model.architecture.kind == "attention"
    layered, has_maps = family in ("ladder", "wake-sleep"), family == "hierarchical"
    rules: tuple[tuple[bool, str, str], ...] = (
        (family != "vq", "latent_dim", "a family other than vq, whose latents are a grid of codes"),
        (is_mlp, "architecture.hidden architecture.layers", "architecture.kind=mlp"),
        (not is_mlp, "architecture.width", "architecture.kind=conv, residual or attention"),
        (
            not is_mlp and not attends and not has_maps,
            "architecture.normalisation",
            "architecture.kind=conv or residual, and a family other than hierarchical",
        ),
        (attends, "architecture.attention", "architecture.kind=attention"),
        (
            not attends and not has_maps,
            "architecture.activation",
            "an architecture.kind other than attention and a family other than hierarchical, which have SiLU",
        ),
        (posterior in ("iaf", "planar"), "posterior.steps", "posterior.kind=iaf or planar"),
        (posterior == "iaf", "posterior.hidden", "posterior.kind=iaf"),
        (posterior != "concrete", "kl", "a posterior.kind other than concrete, whose rate is always in closed form"),
        (
            posterior == "concrete",
            "posterior.categories posterior.temperature posterior.coldest posterior.cooling",
            "posterior.kind=concrete",
        ),
        (model.posterior.refine > 0, "posterior.search posterior.refine_rate", "posterior.refine above 0"),
        (
            prior in ("mixture", "clusters", "vamp"),
            "prior.components",
            "prior.kind=mixture, clusters or vamp",
        ),
        (prior == "clusters", "prior.pretraining", "prior.kind=clusters"),
        (prior == "flow", "prior.steps prior.hidden", "prior.kind=flow"),
        (
            likelihood in ("gaussian", "discretised-logistic"),
            "likelihood.sigma likelihood.sigma_value",
            "likelihood.kind=gaussian or discretised-logistic",
        ),
        (likelihood == "gaussian", "likelihood.mean", "likelihood.kind=gaussian"),
        (posterior != "delta", "rate.kind rate.warmup", "a posterior.kind other than delta, which has no rate"),
        (
            family not in ("vq", "wake-sleep"),
            "rate.warmup",
            "a family whose rate is lowered in training, unlike the nearest codes of vq and the dreams of wake-sleep",
        ),
        (rate != "capacity", "rate.warmup", "a rate.kind other than capacity, which rises by itself"),
        (model.rate.warmup > 0, "rate.cycle", "rate.warmup above 0"),
        (rate == "capacity", "rate.gamma rate.capacity rate.epochs", "rate.kind=capacity"),
        (rate == "free-bits", "rate.free_bits", "rate.kind=free-bits"),
        (divergence != "none", "divergence.weight", "a divergence.kind"),
        (divergence == "mmd", "divergence.kernel", "divergence.kind=mmd"),
        (divergence == "sliced-wasserstein", "divergence.projections", "divergence.kind=sliced-wasserstein"),
        (model.corruption.kind != "none", "corruption.level", "corruption.kind=noise or mask"),
        (layered or has_maps, "hierarchy.layers", "family=ladder, hierarchical or wake-sleep"),
        (layered, "hierarchy.hidden", "family=ladder or wake-sleep"),
        (has_maps, "hierarchy.channels", "family=hierarchical"),
        (family == "ladder", "hierarchy.bottom_up", "family=ladder"),
        (family == "vq", " ".join(_names_in("codebook.")), "family=vq"),
        *_codebook_rules(model),
        (family in ("factor", "vae-gan"), "adversary.weight", "family=factor or vae-gan"),
        (family == "factor", "adversary.hidden", "family=factor"),
        (family == "vae-gan", "adversary.pixels adversary.margin", "family=vae-gan"),
        (family == "evolved", " ".join(_names_in("evolution.")), "family=evolved"),
        (family == "semi-supervised", "supervision.labels supervision.weight", "family=semi-supervised"),
    )
    return {name: needed for is_read, names, needed in rules if not is_read for name in names.split()}


def _codebook_rules(model: ModelConfig) -> tuple[tuple[bool, str, str], ...]:
    if model.family != "vq":
        return ()
    kind = model.codebook.kind
    return (
        (
            kind != "finite-scalar",
            "codebook.size codebook.commitment codebook.decay",
            "a codebook.kind other than finite-scalar, whose entries are fixed",
        ),
        (kind == "finite-scalar", "codebook.values", "codebook.kind=finite-scalar"),
        (kind == "residual", "codebook.depth", "codebook.kind=residual"),
        (kind != "residual", "codebook.levels", "a codebook.kind other than residual, which has one grid"),
        (model.codebook.prior == "autoregressive", "codebook.prior_alone", "codebook.prior=autoregressive"),
    )


def _names_in(part: str) -> Collection[str]:
    return [name for name in settings_of(ModelConfig) if name.startswith(part)]
