"""nnU-Net v2 trainers: all of nnU-Net's own training, another loss."""

from __future__ import annotations

from typing import ClassVar

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn

from medabl.losses import (
    ActiveBoundaryLoss,
    AlphaScheduledLoss,
    BoundaryLoss,
    DeepSupervisedLoss,
    GeneralizedDiceLoss,
)
from medabl.nnunet.losses import CrossEntropyAndIoU, TargetKind, relative_spacing


class nnUNetTrainerABL(nnUNetTrainer):
    """nnU-Net's own loss + w ABL, w rising linearly from 0 in the first epoch to 0.3 in the last.

    Alone, ABL is content with a network that predicts one class; on top of a loss that is trained
    to the end it cannot do that harm, and the late start leaves the coarse shape to the region
    loss. Distances are in voxels of the finest axis, with the grid's own proportions.

    Other weights, in a folder of your own behind `nnUNet_extTrainer`:

        class nnUNetTrainerABLStrong(nnUNetTrainerABL):
            alpha_end = 0.0  # w rises to 1

    Attributes:
        strategy: of `medabl.losses.AlphaScheduledLoss`.
        alpha_start: alpha in the first epoch.
        alpha_end: alpha in the last.
    """

    strategy: ClassVar[str] = "increase"
    alpha_start: ClassVar[float] = 1.0
    alpha_end: ClassVar[float] = 0.7

    def region_loss(self, nnunet_loss: nn.Module) -> nn.Module:
        """The region loss, called with one output and its target; here the one nnU-Net has."""
        return nnunet_loss

    def boundary_loss(self) -> nn.Module:
        """The boundary loss, called likewise."""
        return self.targets.loss(ActiveBoundaryLoss, spacing=self.relative_spacing)

    @property
    def targets(self) -> TargetKind:
        """Labels or regions, and what is ignored."""
        manager = self.label_manager
        return TargetKind(manager.has_regions, manager.ignore_label)

    @property
    def relative_spacing(self) -> tuple[float, ...]:
        """Spacing of the patches in units of their finest axis."""
        plan = self.configuration_manager
        return relative_spacing(plan.spacing, len(plan.patch_size))

    def _build_loss(self) -> nn.Module:
        own = super()._build_loss()
        loss = AlphaScheduledLoss(
            self.region_loss(own.loss if self.enable_deep_supervision else own),
            self.boundary_loss(),
            strategy=self.strategy,
            alpha_start=self.alpha_start,
            alpha_end=self.alpha_end,
            epochs=self.num_epochs,
        )
        if not self.enable_deep_supervision:
            return loss
        return DeepSupervisedLoss(loss, own.weight_factors)

    def on_train_epoch_start(self) -> None:
        """Set alpha by the epoch, which is how a run goes on after `--c`, too."""
        super().on_train_epoch_start()
        for part in self.loss.modules():
            if isinstance(part, AlphaScheduledLoss):
                part.set_epoch(self.current_epoch)
                self.print_to_log_file(f"Alpha: {part.alpha:.3f}")


class nnUNetTrainerGDLABL(nnUNetTrainerABL):
    """alpha GDL + (1 - alpha) ABL, alpha falling from 1 to 0.7.

    The sum of Wang et al. (AAAI 2022, Table 8). Their alpha ends at 0.01, at which networks may
    collapse late in training; `alpha_end` sets it.
    """

    strategy = "rebalance"

    def region_loss(self, nnunet_loss: nn.Module) -> nn.Module:
        """Kervadec's generalised Dice loss."""
        return self.targets.loss(GeneralizedDiceLoss)


class nnUNetTrainerBL(nnUNetTrainerABL):
    """nnU-Net's own loss + w BL, w rising from 0 to 0.99 (Kervadec et al., "increase")."""

    alpha_end = 0.01

    def boundary_loss(self) -> nn.Module:
        """Kervadec's boundary loss of all classes but the background."""
        return self.targets.loss(BoundaryLoss, spacing=self.relative_spacing)


class nnUNetTrainerIABL(nnUNetTrainerABL):
    """CE + IoU + ABL from the first epoch to the last (Wang et al., Eq. 5 with w = 1)."""

    alpha_start = 0.0
    alpha_end = 0.0

    def region_loss(self, nnunet_loss: nn.Module) -> nn.Module:
        """Cross-entropy + Lovász-softmax."""
        return CrossEntropyAndIoU(self.targets)
