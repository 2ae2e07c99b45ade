"""Losses that know where the boundary is, and those they are combined and compared with.

The paper's IABL is `CrossEntropyLoss` + `LovaszSoftmaxLoss` (classes present) + w *
`ActiveBoundaryLoss`, added up by `ScheduledSum`.
"""

from medabl.losses.active_boundary import ActiveBoundaryLoss
from medabl.losses.alpha_scheduled import AlphaScheduledLoss, scheduled_losses
from medabl.losses.boundary import BoundaryLoss
from medabl.losses.cc_dice_ce import CCDiceCELoss
from medabl.losses.component_tversky import ComponentTverskyLoss
from medabl.losses.cross_entropy import CrossEntropyLoss
from medabl.losses.deep_supervision import DeepSupervisedLoss
from medabl.losses.full_kl import FullKLLoss
from medabl.losses.generalized_dice import GeneralizedDiceLoss
from medabl.losses.lovasz_softmax import LovaszSoftmaxLoss
from medabl.losses.region_wise import RegionWiseLoss
from medabl.losses.schedule import Schedule
from medabl.losses.scheduled_sum import ScheduledSum

__all__ = [
    "ActiveBoundaryLoss",
    "AlphaScheduledLoss",
    "BoundaryLoss",
    "CCDiceCELoss",
    "ComponentTverskyLoss",
    "CrossEntropyLoss",
    "DeepSupervisedLoss",
    "FullKLLoss",
    "GeneralizedDiceLoss",
    "LovaszSoftmaxLoss",
    "RegionWiseLoss",
    "Schedule",
    "ScheduledSum",
    "scheduled_losses",
]
