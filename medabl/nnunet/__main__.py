"""`python -m medabl.nnunet`: print the folder with the trainers, for nnUNet_extTrainer."""

from medabl.nnunet import TRAINERS

print(TRAINERS)
