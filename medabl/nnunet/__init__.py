"""nnU-Net v2 trained with boundary-aware losses.

nnU-Net finds trainers of others in the folders that an environment variable names:

    export nnUNet_extTrainer=$(python -m medabl.nnunet)
    nnUNetv2_train DATASET 3d_fullres 0 -tr nnUNetTrainerABL
"""

from pathlib import Path

__all__ = ["TRAINERS"]

TRAINERS = Path(__file__).parent / "trainers"
"""The folder with the trainers."""
