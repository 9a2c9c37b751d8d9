"""Metrics of a trained model on a dataset (torch)."""

from latentlab.evaluation.batches import Binarise
from latentlab.evaluation.disentanglement import Disentanglement, disentanglement
from latentlab.evaluation.factor_scores import FactorScores, score_factors
from latentlab.evaluation.gaps import Gaps, inference_gaps
from latentlab.evaluation.imputation import impute, impute_images
from latentlab.evaluation.quick import QuickBound, quick_bound
from latentlab.evaluation.remarks import remarks
from latentlab.evaluation.report import Evaluation, evaluate

__all__ = [
    "Binarise",
    "Disentanglement",
    "Evaluation",
    "FactorScores",
    "Gaps",
    "QuickBound",
    "disentanglement",
    "evaluate",
    "impute",
    "impute_images",
    "inference_gaps",
    "quick_bound",
    "remarks",
    "score_factors",
]
