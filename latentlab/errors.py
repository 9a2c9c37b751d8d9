"""The two kinds of trouble a user is told about in one sentence."""

from __future__ import annotations


class LatentlabError(Exception):
    """Base of every error whose message is written for the user.

    The message is one clear sentence, without a traceback: the command line prints
    ``latentlab: error: <message>``, the window shows it in a notification.
    """

    exit_code = 1


class InputError(LatentlabError):
    """What was given is at fault: a path, a file, an option (exit code 2)."""

    exit_code = 2


class RunError(LatentlabError):
    """The work itself failed: NaN loss, disk full, device lost (exit code 1)."""

    exit_code = 1


class DiskFullError(RunError):
    """There is no space left where something is written; what was there is whole, and it can be tried again."""
