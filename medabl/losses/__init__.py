"""Losses that know where the boundary is, and those they are combined and compared with.

The paper's IABL is cross-entropy + `LovaszSoftmaxLoss` (classes present) + w *
`ActiveBoundaryLoss`.
"""

from medabl.losses.active_boundary import ActiveBoundaryLoss
from medabl.losses.alpha_scheduled import AlphaScheduledLoss
from medabl.losses.boundary import BoundaryLoss
from medabl.losses.deep_supervision import DeepSupervisedLoss
from medabl.losses.full_kl import FullKLLoss
from medabl.losses.generalized_dice import GeneralizedDiceLoss
from medabl.losses.lovasz_softmax import LovaszSoftmaxLoss

__all__ = [
    "ActiveBoundaryLoss",
    "AlphaScheduledLoss",
    "BoundaryLoss",
    "DeepSupervisedLoss",
    "FullKLLoss",
    "GeneralizedDiceLoss",
    "LovaszSoftmaxLoss",
]
