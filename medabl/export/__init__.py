"""What other pipelines take: data sets in their layouts, trained networks in their formats."""

from medabl.export.convert import LAYOUTS, convert_data

__all__ = ["LAYOUTS", "convert_data"]
