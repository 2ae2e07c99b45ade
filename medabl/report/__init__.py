"""Reports: run folders and evaluation CSVs turned into tables, statistics, words and figures."""

from medabl.report.analysis import Analysis, analyse
from medabl.report.figures import GalleryRow, subject_gallery, training_curves
from medabl.report.runs import Run, Runs, load_runs
from medabl.report.statistics import Comparison, compare_methods, rank_stability
from medabl.report.tables import comparison_table, format_table, write_tables
from medabl.report.verdict import Answer, answer, verdict
from medabl.report.write import write_report

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
