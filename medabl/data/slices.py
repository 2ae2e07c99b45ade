"""Volumes handed out slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monai.data import Dataset, MetaTensor
from torch import Tensor

from medabl.data.volumes import slices_first


class SliceDataset(Dataset):
    """All slices of some volumes, as 2D samples.

    Tensors with a channel axis and three spatial axes, C x H x W x D, become C x H x W views;
    everything else is repeated for each slice. Every sample also tells its ``slice``.

    Args:
        volumes: dictionaries as MONAI's datasets give them.
        keys: keys of the tensors to slice, all with the same D; a volume may lack the last ones
            (a scan without mask).
        foreground: keep only slices where the tensor of this key is not zero everywhere, if there
            is any.
        with_affine: make every slice a `MetaTensor` with its volume's ``affine``, from which
            ``spacing="meta"`` reads the size of its pixels; else slices are plain tensors, which a
            collate function need not merge the metadata of.

    Example:
        >>> import torch
        >>> slices = SliceDataset([{"image": torch.zeros(2, 8, 8, 5), "subject": "a"}], ["image"])
        >>> len(slices), slices[3]["image"].shape, slices[3]["slice"]
        (5, torch.Size([2, 8, 8]), 3)
    """

    def __init__(
        self,
        volumes: Sequence[Mapping[str, Any]],
        keys: Sequence[str] = ("image", "label"),
        foreground: str | None = None,
        with_affine: bool = False,
    ) -> None:
        slices: list[dict[str, Any]] = []
        for volume in volumes:
            plain = {key: volume[key].as_subclass(Tensor) for key in keys if key in volume}
            tensors = {key: slices_first(tensor) for key, tensor in plain.items()}
            for z in range(tensors[keys[0]].shape[-1]):
                sliced = {key: tensor[..., z] for key, tensor in tensors.items()}
                if with_affine:
                    affine = volume["affine"]
                    sliced = {key: MetaTensor(x, affine=affine) for key, x in sliced.items()}
                slices.append({**sliced, "subject": volume["subject"], "slice": z})
        if foreground is not None:
            slices = [sample for sample in slices if sample[foreground].any()] or slices
        super().__init__(slices)
