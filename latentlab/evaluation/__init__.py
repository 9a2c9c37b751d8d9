"""Metrics of a trained model on a dataset (torch)."""

from latentlab.evaluation.batches import Binarise
from latentlab.evaluation.disentanglement import Disentanglement, disentanglement
from latentlab.evaluation.factor_scores import FactorScores, score_factors
from latentlab.evaluation.gaps import Gaps, inference_gaps
from latentlab.evaluation.imputation import impute, impute_images
from latentlab.evaluation.imputer import Filling
from latentlab.evaluation.inspection import Inspection
from latentlab.evaluation.quick import QuickBound, quick_bound
from latentlab.evaluation.remarks import remarks
from latentlab.evaluation.report import Evaluation, evaluate
from latentlab.evaluation.single_image import Refined, fill_in, inspect_image, refine_image
from latentlab.evaluation.typical import compared_images, elbos_of, share_below, typical_of_dataset, typical_sentence

__all__ = [
    "Binarise",
    "Disentanglement",
    "Evaluation",
    "FactorScores",
    "Filling",
    "Gaps",
    "Inspection",
    "QuickBound",
    "Refined",
    "compared_images",
    "disentanglement",
    "elbos_of",
    "evaluate",
    "fill_in",
    "impute",
    "impute_images",
    "inference_gaps",
    "inspect_image",
    "quick_bound",
    "refine_image",
    "remarks",
    "score_factors",
    "share_below",
    "typical_of_dataset",
    "typical_sentence",
]
