"""medabl.geometry."""

from medabl.geometry.distance_transform import distance_transform_edt
from medabl.geometry.signed_distance import signed_distance

__all__ = ["distance_transform_edt", "signed_distance"]
