"""What a model is worth on images it was not trained on (torch)."""

from latentlab.evaluation.batches import Binarise
from latentlab.evaluation.quick import QuickBound, quick_bound
from latentlab.evaluation.report import Evaluation, evaluate

__all__ = ["Binarise", "Evaluation", "QuickBound", "evaluate", "quick_bound"]
