"""Tables: numbers as data frames, and as text for people."""

from medabl.report.tables.agreement import agreement_table, format_agreement, volumes
from medabl.report.tables.classes import class_table, format_classes
from medabl.report.tables.comparisons import comparisons_table, format_tests, write_tests
from medabl.report.tables.detection import detection_table, format_detection, size_label
from medabl.report.tables.methods import comparison_table, format_cell, format_table, write_tables
from medabl.report.tables.published import PUBLISHED, PUBLISHED_SOURCE
from medabl.report.tables.ranks import format_ranks, ranks_table, write_ranks

__all__ = [
    "PUBLISHED",
    "PUBLISHED_SOURCE",
    "agreement_table",
    "class_table",
    "comparison_table",
    "comparisons_table",
    "detection_table",
    "format_agreement",
    "format_cell",
    "format_classes",
    "format_detection",
    "format_ranks",
    "format_table",
    "format_tests",
    "ranks_table",
    "size_label",
    "volumes",
    "write_ranks",
    "write_tables",
    "write_tests",
]
