"""Reports: run folders and evaluation CSVs turned into tables, statistics, words and figures."""

from medabl.report.analysis import Analysis, analyse
from medabl.report.comparisons import Comparison, compare_methods
from medabl.report.figures import GalleryRow, subject_gallery, training_curves
from medabl.report.interpretation import Answer, answer, verdict
from medabl.report.load import load_runs
from medabl.report.runs import Run, Runs
from medabl.report.tables import comparison_table, format_table, write_tables
from medabl.report.write import write_report
from medabl.statistics import rank_stability

__all__ = [
    "Analysis",
    "Answer",
    "Comparison",
    "GalleryRow",
    "Run",
    "Runs",
    "analyse",
    "answer",
    "compare_methods",
    "comparison_table",
    "format_table",
    "load_runs",
    "rank_stability",
    "subject_gallery",
    "training_curves",
    "verdict",
    "write_report",
    "write_tables",
]
