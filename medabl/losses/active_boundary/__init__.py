"""The active boundary loss (Wang et al., AAAI 2022): its module, its operator, its kernels."""

from medabl.losses.active_boundary.loss import ActiveBoundaryLoss

__all__ = ["ActiveBoundaryLoss"]
