"""The two directions of the latent space that the map shows, and when the encoded points may choose them (no Qt)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentlab.config.layout import LatentLayout, Level
from latentlab.engine.protocol.messages import Axes, FloatArray


@dataclass(frozen=True)
class AxesChoice:
    """Names of the two directions the map shows: ``z1`` … for dimensions, ``pc1`` … for principal components."""

    x: str = "z1"
    y: str = "z2"

    @property
    def is_principal(self) -> bool:
        """Whether they are principal components."""
        return self.x.startswith("pc")


class MapAxes:
    """The directions shown, from the opening of a model to the user's own choice.

    The first points of an opened model may replace the first two dimensions by those with the highest KL, unless the
    user has chosen others or has begun to explore.

    Attributes
    ----------
    choice
        The directions shown.
    """

    def __init__(self) -> None:
        self.choice = AxesChoice()
        self._is_chosen = False  # by the user, or restored with a session
        self._expects_first_points = False

    def reset(self, layout: LatentLayout) -> None:
        """Show the first two directions of another latent space: components if single numbers mean little."""
        kind = "z" if layout.kind == "plain" else "pc"
        self.choice = AxesChoice(f"{kind}1", f"{kind}2" if layout.latent_dim > 1 else f"{kind}1")
        self._is_chosen = False

    def choose(self, choice: AxesChoice) -> bool:
        """Show these directions, whatever points come; returns whether they are others than before."""
        self._is_chosen = True
        before, self.choice = self.choice, choice
        return choice != before

    def expect_first_points(self) -> None:
        """Let the next points choose: a model was opened."""
        self._expects_first_points = True

    def ignore_first_points(self) -> None:
        """Let the next points choose no more: other axes would move the map while it is used."""
        self._expects_first_points = False

    def choose_strongest(self, kl: FloatArray | None, layout: LatentLayout, level: Level) -> bool:
        """Show the two dimensions of a level with the highest KL, in order of number.

        Parameters
        ----------
        kl
            Mean KL of each dimension in nats, [d]; ``None`` if unknown or without a meaning yet.
        layout, level
            The structure of the latents, and the level shown.

        Returns
        -------
        bool
            Whether the directions are others than before. They stay unless these are an opened model's first points.
        """
        expected, self._expects_first_points = self._expects_first_points, False
        if not expected or kl is None or layout.kind != "plain" or self._is_chosen:
            return False
        level_kl = kl[level.indices]
        if level_kl.size <= 2 or not np.isfinite(level_kl).all():
            return False
        x, y = np.sort(np.argsort(-level_kl, kind="stable")[:2]) + level.start + 1
        before, self.choice = self.choice, AxesChoice(f"z{x}", f"z{y}")
        return self.choice != before

    def plane(self, latent: FloatArray, components: FloatArray) -> Axes:
        """The plane through a latent [d] that the map shows.

        Principal components [k, d] fall back to plain dimensions where there are none. A one-dimensional latent space
        has a second axis along which nothing changes.
        """
        x = _direction(self.choice.x, latent.size, components)
        y = _direction(self.choice.y, latent.size, components)
        if latent.size == 1:
            y = np.zeros(1, np.float32)
        origin = latent - (latent @ x) * x - (latent @ y) * y
        return Axes(origin.astype(np.float32), x, y)


def level_components(components: FloatArray, level: Level) -> FloatArray:
    """The principal components [k, d] that lie in a level of the latent."""
    if level.size == components.shape[1]:
        return components
    of_level: FloatArray = components[np.abs(components[:, level.indices]).max(axis=1, initial=0.0) > 0]
    return of_level


def _direction(name: str, size: int, components: FloatArray) -> FloatArray:
    index = int(name.lstrip("pcz")) - 1
    if name.startswith("pc") and index < len(components):
        return np.asarray(components[index], np.float32)
    direction = np.zeros(size, np.float32)
    if index < size:
        direction[index] = 1.0
    return direction
