"""Reports on pictures and videos, whose metrics are numbers of a whole set."""

from medabl.report.pooled.write import write_pooled_report

__all__ = ["write_pooled_report"]
