"""medabl: boundary-aware segmentation for medical imaging on MONAI."""

__version__ = "0.1.0"
