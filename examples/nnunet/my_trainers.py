"""nnU-Net trainers of your own from medabl's: another weight, fewer epochs, another loss.

nnU-Net finds them once this folder is in `nnUNet_extTrainer`, as run.sh beside it shows.
"""

import torch
from torch import nn

from medabl.losses import FullKLLoss
from medabl.nnunet.trainers import nnUNetTrainerABL

DEVICE = torch.device("cuda")


class nnUNetTrainerABL_250epochs(nnUNetTrainerABL):
    """The weight of ABL rises to 0.5 in 250 epochs."""

    alpha_end = 0.5

    # nnU-Net reads the names of the arguments and calls by them.
    def __init__(self, plans, configuration, fold, dataset_json, device=DEVICE) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 250


class nnUNetTrainerFKL(nnUNetTrainerABL):
    """The full KL loss in place of ABL."""

    def boundary_loss(self) -> nn.Module:
        """Called with one output and its target."""
        return self.targets.loss(FullKLLoss)
