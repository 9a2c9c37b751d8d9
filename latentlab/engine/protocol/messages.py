"""The messages between window and worker: frozen, picklable, with numpy arrays at most (no Qt, no torch).

Interactive requests carry a ``slot``: only the newest of each slot is kept, and a result names the request's
``generation`` so that the window can order results. All other requests are answered in order.
Every result about a model carries its ``model_version``, which grows whenever its weights change.

Everything in :mod:`~latentlab.engine.protocol.requests`, :mod:`~latentlab.engine.protocol.results` and
:mod:`~latentlab.engine.protocol.worker_status` and its neighbours can be imported from here.
"""

# ruff: noqa: F403, PLC0414 (this module re-exports)
from __future__ import annotations

from latentlab.config.info import DatasetInfo as DatasetInfo
from latentlab.config.info import ModelInfo as ModelInfo
from latentlab.engine.protocol.comparison import *
from latentlab.engine.protocol.dimension import *
from latentlab.engine.protocol.direction import *
from latentlab.engine.protocol.embedding import *
from latentlab.engine.protocol.export import *
from latentlab.engine.protocol.generation import *
from latentlab.engine.protocol.measures import *
from latentlab.engine.protocol.nearest import *
from latentlab.engine.protocol.path import *
from latentlab.engine.protocol.plane_fields import *
from latentlab.engine.protocol.point_pictures import *
from latentlab.engine.protocol.requests import *
from latentlab.engine.protocol.results import *
from latentlab.engine.protocol.selection_messages import *
from latentlab.engine.protocol.single_image import *
from latentlab.engine.protocol.worker_status import *
from latentlab.utils.array_types import BoolArray as BoolArray
from latentlab.utils.array_types import ByteArray as ByteArray
from latentlab.utils.array_types import FloatArray as FloatArray
from latentlab.utils.array_types import IntArray as IntArray
