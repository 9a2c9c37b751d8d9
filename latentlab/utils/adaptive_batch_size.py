"""How many images to process at a time so that each piece of the work takes about the same time."""

from __future__ import annotations


class AdaptiveBatchSize:
    """A batch size that follows the measured time of an image.

    Parameters
    ----------
    seconds
        A batch is to take.
    first
        Number of images of the first batch.
    most
        Largest number of images of a batch.
    """

    def __init__(self, seconds: float, first: int, most: int = 128) -> None:
        self._seconds, self._most = seconds, most
        self.seconds_per_image = seconds / first
        """Moving average."""

    @property
    def images(self) -> int:
        """Number of images of the next batch, 1 to ``most``."""
        return max(1, min(self._most, int(self._seconds / self.seconds_per_image)))

    def record(self, images: int, seconds: float) -> None:
        """Take a measured batch into account."""
        self.seconds_per_image += 0.5 * (max(seconds / images, 1e-7) - self.seconds_per_image)
