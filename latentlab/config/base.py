"""What every configuration shares: frozen, validated, and no unknown key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A frozen description; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
