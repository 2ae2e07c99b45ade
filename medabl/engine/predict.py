"""From a scan to a mask in the scan's own geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.transforms import Compose, Invertd
from torch import Tensor, nn

from medabl.data import Subject, check_subject, subject_item, write_like
from medabl.data.axes import SliceAxis
from medabl.data.pictures import read_picture, write_label_picture
from medabl.engine.device import pick_device
from medabl.engine.recipe import PARTS, read_recipe
from medabl.errors import InputError
from medabl.files import nifti_stem
from medabl.runs import load_checkpoint
from medabl.task import Task

Array = npt.NDArray[np.float32]
_COMMON = ("modalities", "segmentation", "slice_axis")


class Predictor:
    """Trained networks with the preprocessing that their input needs; they vote by their mean.

    Args:
        networks: map B x C x H x W [x D] to logits B x classes x H x W [x D].
        preprocess: MONAI transforms from `subject_item` to ``image``, C x H x W x D; what of it
            moves voxels must be invertible, as MONAI's transforms are.
        inferer: takes a whole volume through a network.
        modalities: names of the images, in channel order.
        task: what the classes are.
        slice_axis: plane of the slices that `preprocess` makes.
        device: where to compute.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        preprocess: Compose,
        inferer: Inferer,
        modalities: Sequence[str],
        task: Task,
        slice_axis: SliceAxis,
        device: torch.device,
    ) -> None:
        self.networks = [network.to(device).eval() for network in networks]
        self.preprocess = preprocess
        self.inferer = inferer
        self.modalities = tuple(modalities)
        self.task = task
        self.slice_axis = slice_axis
        self.device = device
        self.invert = Invertd(
            keys="probability", transform=preprocess, orig_keys="image", nearest_interp=False
        )

    @torch.no_grad()
    def probabilities(self, subject: Subject) -> Array:
        """The probability of each class but the background, of every voxel.

        Slices are predicted at the network's size, and the probabilities, not the mask, brought
        back to the scan's grid, so that edges are not cut in steps.

        Returns:
            (classes - 1) x H x W x D on the scan's grid in canonical orientation, slices last.
        """
        data = self.preprocess(subject_item(subject))
        image = data["image"]
        batch = image.as_tensor()[None].to(self.device)
        mean = torch.stack([self._infer(batch, network) for network in self.networks]).mean(dim=0)
        data["probability"] = MetaTensor(mean.cpu(), meta=image.meta)
        inverted: Array = self.invert(data)["probability"].numpy()
        return inverted

    def write_mask(self, subject: Subject, mask: str | Path, probability: bool = False) -> Path:
        """Write a mask, in the labels of the task and the geometry of the subject's first image.

        That of a picture is a PNG of the picture's size.

        Args:
            subject: its label, if any, is not looked at.
            mask: ``.nii.gz`` or ``.nii``, of a picture ``.png``; uint8.
            probability: also write the probability of each class but the background, float32, to
                ``<mask>_probability.nii.gz``, or ``<mask>_probability_<class>.nii.gz`` where there
                are several.

        Returns:
            the mask's path.

        Raises:
            InputError: if the probability of a picture was asked for.
        """
        if subject.is_picture:
            self._write_picture(subject, Path(mask), probability)
            return Path(mask)
        scan = next(iter(subject.images.values()))
        probabilities = self.probabilities(subject)
        write_like(scan, likeliest_class(probabilities), Path(mask), self.slice_axis, self.task)
        if probability:
            for path, volume in zip(self.probability_files(Path(mask)), probabilities, strict=True):
                write_like(scan, volume, path, self.slice_axis)
        return Path(mask)

    @torch.no_grad()
    def _write_picture(self, subject: Subject, mask: Path, probability: bool) -> None:
        if probability:
            raise InputError(f"{mask}: probabilities are written of scans only; leave them out.")
        image = self.preprocess(subject_item(subject))["image"].as_subclass(Tensor)
        batch = image[None].to(self.device)
        mean = torch.stack([self._all(batch, network) for network in self.networks]).mean(dim=0)
        write_label_picture(mask, mean.argmax(dim=0).cpu().numpy().astype(np.uint8), self.task)

    def probability_files(self, mask: Path) -> list[Path]:
        """The files that take the probabilities of a mask, one for each class but the first."""
        stem = nifti_stem(mask.name)
        names = self.task.classes[1:]
        endings = [""] if len(names) == 1 else [f"_{name.replace(' ', '-')}" for name in names]
        return [
            mask.with_name(f"{stem}_probability{ending}{mask.name[len(stem) :]}")
            for ending in endings
        ]

    def _infer(self, batch: Tensor, network: nn.Module) -> Tensor:
        return self._all(batch, network)[1:]

    def _all(self, batch: Tensor, network: nn.Module) -> Tensor:
        logits = self.inferer(batch, network)
        return logits.float().softmax(dim=1)[0]


def likeliest_class(probabilities: Array) -> npt.NDArray[np.uint8]:
    """The class of the highest probability, the background's being what is left of 1.

    Args:
        probabilities: (classes - 1) x ..., of each class but the background.

    Returns:
        classes from 0, of shape ``...``; background where it ties.
    """
    background = 1 - probabilities.sum(axis=0)
    best = probabilities.argmax(axis=0)
    wins = np.take_along_axis(probabilities, best[None], axis=0)[0] > background
    return np.where(wins, best + 1, 0).astype(np.uint8)


def load_predictor(
    checkpoint: str | Path | Sequence[str | Path], device: str = "auto", trust: bool = False
) -> Predictor:
    """The predictor that a checkpoint describes, or several that were trained alike.

    Args:
        checkpoint: one or more; the probabilities of several are averaged.
        device: ``auto``, ``cpu``, ``cuda``, ...
        trust: run what code a checkpoint names or holds. Without it a checkpoint is plain data and
            may name components of MONAI, torch.nn and medabl only.

    Raises:
        InputError: if a checkpoint cannot be read or trusted, or several do not fit together.
    """
    paths = (
        [Path(checkpoint)] if isinstance(checkpoint, str | Path) else list(map(Path, checkpoint))
    )
    loaded = [load_checkpoint(path) for path in paths]
    described = [_parts(path, one, trust) for path, one in zip(paths, loaded, strict=True)]
    first = described[0]
    if first["preprocess"] is None:
        raise InputError(
            f"{paths[0]} segments videos, which this does not; medabl.engine.segment_video does."
        )
    for path, parts, one in zip(paths[1:], described[1:], loaded[1:], strict=True):
        different = [part for part in _COMMON if parts[part] != first[part]]
        if _preprocessing(one) != _preprocessing(loaded[0]):
            different.append("preprocess")
        if different:
            raise InputError(
                f"{path} and {paths[0]} cannot be averaged: their {different[0]} differ."
            )
    for path, parts, one in zip(paths, described, loaded, strict=True):
        try:
            parts["network"].load_state_dict(one["network"])
        except RuntimeError as error:
            raise InputError(f"{path}: its weights do not fit its network ({error}).") from error
    return Predictor(
        [parts["network"] for parts in described],
        first["preprocess"],
        first["volume_inferer"],
        first["modalities"],
        first["segmentation"],
        first["slice_axis"],
        pick_device(device),
    )


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
    if subject.is_picture:
        read_picture(images[0])
    else:
        check_subject(subject)
    return subject


def _parts(path: Path, checkpoint: Mapping[str, Any], trust: bool) -> dict[str, Any]:
    if checkpoint.get("recipe") is not None:
        try:
            return read_recipe(checkpoint["recipe"], trust)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    if checkpoint["config"] is None:
        raise InputError(
            f"{path} carries no config: train with `medabl train`, which writes one into it."
        )
    if not trust:
        raise InputError(
            f"{path} holds expressions that would have to be run; if you trust its author, add"
            " --trust."
        )
    parser = ConfigParser(yaml.safe_load(checkpoint["config"]))
    return {part: parser.get_parsed_content(part) for part in PARTS}


def _preprocessing(checkpoint: Mapping[str, Any]) -> Any:
    recipe = checkpoint.get("recipe")
    return recipe["preprocess"] if recipe else None
