"""MONAI dictionary transforms: what the losses need of a label map, crops at random scales."""

from medabl.transforms.boundary_distance_map import BoundaryDistanceMapd
from medabl.transforms.lesion_cell_map import LesionCellMapd
from medabl.transforms.lesion_size_map import LesionSizeMapd
from medabl.transforms.random_scaled_crop import RandScaledCropd
from medabl.transforms.region_wise_map import RegionWiseMapd
from medabl.transforms.signed_distance_map import SignedDistanceMapd

__all__ = [
    "BoundaryDistanceMapd",
    "LesionCellMapd",
    "LesionSizeMapd",
    "RandScaledCropd",
    "RegionWiseMapd",
    "SignedDistanceMapd",
]
