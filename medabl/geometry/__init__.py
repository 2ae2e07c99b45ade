"""Pure tensor functions on label maps and predictions: boundaries, distances and components."""

from medabl.geometry.boundary_distances import boundary_distance
from medabl.geometry.components import (
    component_sizes,
    connected_components,
    nearest_component,
)
from medabl.geometry.distance_transform import distance_transform_edt
from medabl.geometry.label_boundaries import label_boundary
from medabl.geometry.region_wise import region_wise_map
from medabl.geometry.signed_distances import signed_distance

__all__ = [
    "boundary_distance",
    "component_sizes",
    "connected_components",
    "distance_transform_edt",
    "label_boundary",
    "nearest_component",
    "region_wise_map",
    "signed_distance",
]
