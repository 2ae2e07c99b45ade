"""medabl.geometry."""

from medabl.geometry.boundary_distance import boundary_distance
from medabl.geometry.distance_transform import distance_transform_edt
from medabl.geometry.label_boundary import label_boundary
from medabl.geometry.signed_distance import signed_distance

__all__ = ["boundary_distance", "distance_transform_edt", "label_boundary", "signed_distance"]
