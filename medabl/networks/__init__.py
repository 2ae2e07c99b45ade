"""Networks."""

from medabl.networks.backbone import load_backbone
from medabl.networks.deeplabv3 import DeepLabV3ResNet50
from medabl.networks.dynunet_levels import dynunet_levels
from medabl.networks.hrnet_fcn import HRNetFCN
from medabl.networks.hrnet_ocr import HRNetOCR
from medabl.networks.kervadec_unet import KervadecUNet
from medabl.networks.space_time_memory import SpaceTimeMemory
from medabl.networks.upernet_swin import UperNetSwin, UperNetSwinBase
from medabl.networks.weights import load_weights

__all__ = [
    "DeepLabV3ResNet50",
    "HRNetFCN",
    "HRNetOCR",
    "KervadecUNet",
    "SpaceTimeMemory",
    "UperNetSwin",
    "UperNetSwinBase",
    "dynunet_levels",
    "load_backbone",
    "load_weights",
]
