"""Networks."""

from medabl.networks.kervadec_unet import KervadecUNet

__all__ = ["KervadecUNet"]
