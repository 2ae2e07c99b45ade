"""Pure tensor functions on label maps and predictions: boundaries and distances to them."""

from medabl.geometry.boundary_distances import boundary_distance
from medabl.geometry.distance_transform import distance_transform_edt
from medabl.geometry.label_boundaries import label_boundary
from medabl.geometry.signed_distances import signed_distance

__all__ = ["boundary_distance", "distance_transform_edt", "label_boundary", "signed_distance"]
