"""The errors that are reported to the user in one sentence."""

from __future__ import annotations


class LatentlabError(Exception):
    """Base of every error whose message is written for the user.

    The message is one clear sentence, without a traceback: the command line prints
    ``latentlab: error: <message>``, the window shows it in a notification.
    """

    exit_code = 1


class InputError(LatentlabError):
    """Bad input: a path, a file, an option (exit code 2)."""

    exit_code = 2


class RunError(LatentlabError):
    """The work failed: NaN loss, disk full, device lost (exit code 1)."""

    exit_code = 1


class DiskFullError(RunError):
    """The disk is full; existing files are intact, and writing can be tried again."""
