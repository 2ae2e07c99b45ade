"""What a data set is like, and what that means for the settings of a loss."""

from medabl.inspection.inspect import Inspection, inspect_data
from medabl.inspection.pictures import PictureInspection, inspect_pictures
from medabl.inspection.suggest import Suggestion

__all__ = ["Inspection", "PictureInspection", "Suggestion", "inspect_data", "inspect_pictures"]
