"""The errors that are reported to the user in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latentlab.utils.array_types import FloatArray


class LatentlabError(Exception):
    """Base of every error whose message is written for the user.

    The message is one clear sentence, without a traceback: the command line prints
    ``latentlab: error: <message>``, the window shows it in a notification.
    """

    exit_code = 1
    details = ""
    """More that the window shows with the message, to be copied, such as the traceback of a user's own function."""


class InputError(LatentlabError):
    """Bad input: a path, a file, an option (exit code 2)."""

    exit_code = 2


class OtherFormatError(InputError):
    """A file of another program that is not opened.

    Attributes
    ----------
    recipe
        Lines that make of it what is opened; the command line prints them below the message, the window shows them
        with it.
    """

    def __init__(self, message: str, recipe: str) -> None:
        super().__init__(message, recipe)
        self.message, self.recipe, self.details = message, recipe, recipe

    def __str__(self) -> str:
        return self.message


class SettingError(InputError):
    """A setting has an invalid value; the message is its name followed by the reason.

    Attributes
    ----------
    setting
        Its dotted name.
    reason
        For instance ``must be at least 1, not 0``.
    """

    def __init__(self, setting: str, reason: str) -> None:
        super().__init__(setting, reason)
        self.setting, self.reason = setting, reason

    def __str__(self) -> str:
        return f"{self.setting} {self.reason}"


class NotFiniteError(InputError):
    """A model decodes latents to values that are not finite.

    Attributes
    ----------
    images
        float32 [N, C, H, W] of all latents that were decoded; not finite where they could not be.
    """

    def __init__(self, message: str, images: FloatArray) -> None:
        super().__init__(message)
        self.images = images


class RunError(LatentlabError):
    """The work failed: NaN loss, disk full, device lost (exit code 1)."""

    exit_code = 1


class DiskFullError(RunError):
    """The disk is full; existing files are intact, and writing can be tried again."""


class NewerFileError(InputError):
    """A file was written by a newer version of the program; it must be left as it is."""
