"""Folders and files of images become uint8 arrays (numpy and Pillow; no Qt, no torch)."""

from latentlab.data.contact_sheet import contact_sheet
from latentlab.data.dataset import Dataset, Found, LoadProgress, Skipped, split
from latentlab.data.describe import describe, summary
from latentlab.data.source import DEMOS, load_dataset, open_dataset

__all__ = [
    "DEMOS",
    "Dataset",
    "Found",
    "LoadProgress",
    "Skipped",
    "contact_sheet",
    "describe",
    "load_dataset",
    "open_dataset",
    "split",
    "summary",
]
