"""MONAI dictionary transforms that precompute what the losses need of a label map."""

from medabl.transforms.boundary_distance_map import BoundaryDistanceMapd
from medabl.transforms.signed_distance_map import SignedDistanceMapd

__all__ = ["BoundaryDistanceMapd", "SignedDistanceMapd"]
