"""The training loop as a generator of events, its checkpoints, and the map stored with a model (torch, no Qt).

===============================================  ======================================================
the loop over epochs, batches and validation     ``trainer.py``
one optimizer step: losses, gradients, Adam      ``step/optimizer_step.py``, ``step/optimizers.py``
when a run ends (epochs, patience, on request)   ``stopping.py``; the rule is in ``config/training.py``
when a checkpoint is written                     ``Trainer.steps`` and ``Trainer.checkpoint``
what a checkpoint contains                       ``checkpoint.py``
the files of a run                               ``run_writer.py``; their formats: ``latentlab/storage/``
metrics: training terms, validation              ``running_means.py``, ``validation.py``
settings changed during a run                    ``live_changes.py``
snapshots and the map stored with a model        ``snapshots.py``, ``map_preview.py``
===============================================  ======================================================
"""

from latentlab.training.map_preview import encode_points, from_the_top, manifold_preview, tile
from latentlab.training.trainer import Trainer

__all__ = ["Trainer", "encode_points", "from_the_top", "manifold_preview", "tile"]
