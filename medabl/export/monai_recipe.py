"""A checkpoint's preprocessing in MONAI's transforms alone, for places without medabl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medabl.errors import InputError

Config = dict[str, Any]
# The canonical axes with the one that slices lie along last.
_AXCODES = {"axial": "RAS", "coronal": "RSA", "sagittal": "ASR"}
_ONE_A_KEY = ("mode", "padding_mode", "align_corners", "dtype")
_FOREGROUND = {"_target_": "medabl.data.foreground", "_mode_": "callable"}
_SAME_IN_TORCH = (
    "$lambda image: image > (image.flatten(1).kthvalue(-(-99 * image[0].numel() // 100)).values"
    " / 4).clamp_max(0.1).view(-1, *[1] * (image.ndim - 1))"
)


def monai_preprocessing(recipe: Mapping[str, Any]) -> Config:
    """Transforms from ``image``, a file for each modality in their order, to its tensor.

    Args:
        recipe: of a checkpoint.

    Returns:
        a ``Compose`` in MONAI's config syntax, in which all that moves voxels can be inverted.

    Raises:
        InputError: if a transform is none of MONAI's and has no counterpart there.
    """
    transforms = _flatten(recipe["preprocess"])
    modalities = recipe["modalities"]
    moved = [_rewrite(one, modalities, recipe["slice_axis"]) for one in transforms]
    return {"_target_": "Compose", "transforms": [one for many in moved for one in many]}


def _flatten(transform: Config) -> list[Config]:
    if transform["_target_"].rpartition(".")[2] != "Compose":
        return [transform]
    return [one for part in transform["transforms"] for one in _flatten(part)]


def _rewrite(transform: Config, modalities: Sequence[str], slice_axis: str) -> list[Config]:
    name = transform["_target_"].rpartition(".")[2]
    if name == "LoadVolumed":
        return [
            {"_target_": "LoadImaged", "keys": "image", "ensure_channel_first": True},
            {"_target_": "Orientationd", "keys": "image", "axcodes": _AXCODES[slice_axis]},
        ]
    if name in ("ConcatItemsd", "SelectItemsd"):  # the images are loaded as one
        return []
    result = {key: value for key, value in transform.items() if key != "_disabled_"}
    if result.get("select_fn") == _FOREGROUND:
        result["select_fn"] = _SAME_IN_TORCH
    if "medabl." in repr(result):
        raise InputError(
            f"The run's {name} is medabl's own; a bundle has to do without medabl, use one of"
            " MONAI's transforms."
        )
    keys = [result["keys"]] if isinstance(result["keys"], str) else list(result["keys"])
    if keys == list(modalities):
        if name not in (
            "ScaleIntensityd",
            "NormalizeIntensityd",
            "ScaleIntensityRangePercentilesd",
        ):
            raise InputError(
                f"The run's {name} treats each modality by itself, which a bundle cannot; put it"
                " behind ConcatItemsd."
            )
        return [{**result, "keys": "image", "channel_wise": True}]
    for option in _ONE_A_KEY:
        if isinstance(result.get(option), list):
            result[option] = result[option][keys.index("image")]
    return [{**result, "keys": "image"}] if "image" in keys else []
