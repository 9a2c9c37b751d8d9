"""Files on disk: models, runs, checkpoints, sessions. Every write is atomic (no Qt, no torch)."""

from latentlab.storage.atomic import atomic_write, write_error
from latentlab.storage.checkpoint_file import CheckpointFile
from latentlab.storage.model_file import (
    SCHEMA_VERSION,
    ModelFile,
    ModelHeader,
    Points,
    check_weights,
    write_model,
)
from latentlab.storage.open_model import read_model
from latentlab.storage.run_folder import RunFolder, RunRecord, claim_run_folder, find_model
from latentlab.storage.snapshots import Snapshot, SnapshotFolder

__all__ = [
    "SCHEMA_VERSION",
    "CheckpointFile",
    "ModelFile",
    "ModelHeader",
    "Points",
    "RunFolder",
    "RunRecord",
    "Snapshot",
    "SnapshotFolder",
    "atomic_write",
    "check_weights",
    "claim_run_folder",
    "find_model",
    "read_model",
    "write_error",
    "write_model",
]
