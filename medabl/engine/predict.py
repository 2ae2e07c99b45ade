"""From a scan to a mask in the scan's own geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import yaml
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.inferers import SliceInferer
from monai.transforms import Compose, Invertd
from torch import nn

from medabl.data import Subject, check_subject, subject_item, write_like
from medabl.engine.checkpoint import load_checkpoint
from medabl.engine.device import pick_device
from medabl.errors import InputError

SLICES_AT_ONCE = 8


class Predictor:
    """A trained network with the preprocessing that its input needs.

    Args:
        network: maps B x C x H x W to logits B x 2 x H x W.
        preprocess: MONAI transforms from `subject_item` to ``image``, C x H x W x D; what of it
            moves voxels must be invertible, as MONAI's transforms are.
        modalities: names of the images, in channel order.
        device: where to compute.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Compose,
        modalities: Sequence[str],
        device: torch.device,
    ) -> None:
        self.network = network.to(device).eval()
        self.preprocess = preprocess
        self.modalities = tuple(modalities)
        self.device = device
        self.invert = Invertd(
            keys="lesion", transform=preprocess, orig_keys="image", nearest_interp=False
        )

    @torch.no_grad()
    def probability(self, subject: Subject) -> npt.NDArray[np.float32]:
        """The lesion probability of every voxel.

        Slices are predicted at the network's size, and the probabilities, not the mask, brought
        back to the scan's grid, so that edges are not cut in steps.

        Returns:
            X x Y x Z on the canonical grid of the subject's first image.
        """
        data = self.preprocess(subject_item(subject))
        image = data["image"]
        infer = SliceInferer(
            roi_size=tuple(image.shape[1:3]), sw_batch_size=SLICES_AT_ONCE, spatial_dim=2
        )
        logits = infer(image.as_tensor()[None].to(self.device), self.network)
        lesion = logits.float().softmax(dim=1)[0, 1:2].cpu()
        data["lesion"] = MetaTensor(lesion, meta=image.meta)
        inverted: npt.NDArray[np.float32] = self.invert(data)["lesion"][0].numpy()
        return inverted

    def write_mask(self, subject: Subject, path: str | Path) -> Path:
        """Write the mask (uint8, 1 = lesion) with the first image's affine and header.

        Args:
            subject: its label, if any, is not looked at.
            path: ``.nii.gz`` or ``.nii``.

        Returns:
            the path.
        """
        scan = next(iter(subject.images.values()))
        write_like(scan, (self.probability(subject) > 0.5).astype(np.uint8), Path(path))
        return Path(path)


def load_predictor(checkpoint: str | Path, device: str = "auto") -> Predictor:
    """The predictor that a checkpoint describes.

    The checkpoint's config is MONAI's and may hold expressions, which are run: load only
    checkpoints from people you trust.

    Raises:
        InputError: if the checkpoint cannot be read, or carries no config.
    """
    loaded = load_checkpoint(checkpoint)
    if loaded["config"] is None:
        raise InputError(
            f"{checkpoint} carries no config, since its run folder had no config.yaml; train with"
            " `medabl train`, which writes one."
        )
    parser = ConfigParser(yaml.safe_load(loaded["config"]))
    network = parser.get_parsed_content("network")
    network.load_state_dict(loaded["network"])
    preprocess = parser.get_parsed_content("preprocess")
    modalities = parser.get_parsed_content("modalities")
    return Predictor(network, preprocess, modalities, pick_device(device))


def scan_subject(images: Sequence[Path], modalities: Sequence[str]) -> Subject:
    """New images, in the order of the modalities they were trained on, as a checked subject.

    Raises:
        InputError: if there are too few or too many, or one is bad.
    """
    if len(images) != len(modalities):
        raise InputError(
            f"This checkpoint was trained on {', '.join(modalities)} and needs that many images in"
            f" that order; got {len(images)}."
        )
    pairs: Mapping[str, Path] = dict(zip(modalities, images, strict=True))
    subject = Subject(images[0].name, "", dict(pairs), None)
    check_subject(subject)
    return subject
