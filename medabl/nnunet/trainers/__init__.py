"""The trainers; the folder holds nothing else, since nnU-Net imports every module in it."""

from medabl.nnunet.trainers.medabl_trainers import (
    nnUNetTrainerABL,
    nnUNetTrainerBL,
    nnUNetTrainerGDLABL,
    nnUNetTrainerIABL,
)

__all__ = ["nnUNetTrainerABL", "nnUNetTrainerBL", "nnUNetTrainerGDLABL", "nnUNetTrainerIABL"]
