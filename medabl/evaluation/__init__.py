"""Predictions on disk evaluated against references on disk: files in, tables out."""

from medabl.evaluation.case import Case
from medabl.evaluation.evaluate import Evaluation, evaluate_cases, evaluate_paths
from medabl.evaluation.label_pictures import evaluate_label_pictures
from medabl.evaluation.picture_pairs import match_pictures
from medabl.evaluation.summary import summary_table
from medabl.evaluation.write import check_output, read_evaluation, write_evaluation

__all__ = [
    "Case",
    "Evaluation",
    "check_output",
    "evaluate_cases",
    "evaluate_label_pictures",
    "evaluate_paths",
    "match_pictures",
    "read_evaluation",
    "summary_table",
    "write_evaluation",
]
