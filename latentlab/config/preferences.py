"""What the user has chosen for every window: look, start, device, cache, defaults of new runs (no Qt, no torch)."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from latentlab.config.base import DEVICES, Config
from latentlab.config.training import TrainingConfig

PREFERENCES_VERSION = 1


class StartPreferences(Config):
    """What a window opens at its start."""

    opens: Literal["bundled model", "last session"] = Field(
        default="bundled model",
        description="What a window opens when no path is given: the bundled model, and a card that offers the last "
        "session; or the last session at once.",
    )


class LookPreferences(Config):
    """How the window looks."""

    theme: Literal["system", "light", "dark"] = Field(default="system", description="The theme, as in View, Theme.")
    palette: Literal["Okabe-Ito", "Tol bright", "Tol muted"] = Field(
        default="Okabe-Ito",
        description="Colours of classes. All three stay distinct to colour-blind people (Okabe & Ito 2008; Tol 2021).",
    )
    frame_rate: bool = Field(
        default=True, description="Show how many images are decoded per second during a drag, at the toolbar's end."
    )


class NoticePreferences(Config):
    """Desktop notifications."""

    desktop: bool = Field(
        default=True, description="When a run ends while the window is not in front, say so by a desktop notification."
    )


class WorkerPreferences(Config):
    """Where models are computed."""

    device: str = Field(
        default="auto",
        pattern=DEVICES,
        description="The device that decodes and encodes, unless --device says another. Used by the next worker.",
    )


class CachePreferences(Config):
    """Decoded images on the disk."""

    folder: str = Field(
        default="",
        max_length=4096,
        description="Where decoded images are kept, an absolute path; empty for the platform's cache folder. Used by "
        "the next worker; what is in the old folder stays there.",
    )

    @field_validator("folder")
    @classmethod
    def _check_folder(cls, folder: str) -> str:
        if folder and (not os.path.isabs(folder) or "\0" in folder):
            raise PydanticCustomError("absolute_path", "must be an absolute path")
        return folder

    gigabytes: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="Above this size the images used longest ago are removed. Used by the next worker.",
    )


def _as_in_training(name: str) -> Any:
    return TrainingConfig.model_fields[name]


class RunPreferences(Config):
    """Settings of new runs that no suggestion is made for."""

    device: str = _as_in_training("device")
    threads: int = _as_in_training("threads")
    precision: Literal["auto", "float32", "bfloat16"] = _as_in_training("precision")
    checkpoint_minutes: float = _as_in_training("checkpoint_minutes")
    history: bool = _as_in_training("history")


class Preferences(Config):
    """All preferences, in groups."""

    start: StartPreferences = StartPreferences()
    look: LookPreferences = LookPreferences()
    notices: NoticePreferences = NoticePreferences()
    worker: WorkerPreferences = WorkerPreferences()
    cache: CachePreferences = CachePreferences()
    runs: RunPreferences = RunPreferences()
