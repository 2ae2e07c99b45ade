"""What the losses make of their tensors: plain ones, in float32 at least, of known labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def plain_tensor(value: torch.Tensor, name: str) -> torch.Tensor:
    """`value` without what MONAI's MetaTensor adds to it, with which torch.compile goes wrong.

    Raises:
        ValueError: if it is no tensor, but several.
    """
    if type(value) is torch.Tensor:
        return value
    if isinstance(value, torch.Tensor):
        return value.as_subclass(torch.Tensor)
    hint = ""
    if isinstance(value, (list, tuple)):
        hint = (
            f" of {len(value)}; outputs of deep supervision have to be taken one by one, and a "
            "distance map goes by itself: loss(input, target, distance_map=...)"
        )
    raise ValueError(f"{name} must be one torch.Tensor, got a {type(value).__name__}{hint}.")


def as_distances(distance_map: torch.Tensor, name: str = "distance_map") -> torch.Tensor:
    """A distance map in float32 at least: integers have no inf, half precision few distances.

    Raises:
        ValueError: if it holds no numbers that could be distances.
    """
    distance_map = plain_tensor(distance_map, name)
    if distance_map.dtype == torch.bool or distance_map.is_complex():
        raise ValueError(f"{name} must hold distances, got {distance_map.dtype}.")
    return at_least_float32(distance_map)


def regions_as_images(
    input: torch.Tensor,
    target: torch.Tensor,
    distance_map: torch.Tensor | None,
    to_onehot_y: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Every channel of every image as an image of one channel.

    Raises:
        ValueError: for a target of labels, or a map that is not one a channel.
    """
    if to_onehot_y:
        raise ValueError(
            f"sigmoid=True makes {input.shape[1]} channels regions that may overlap, and labels"
            " cannot tell of an overlap: give a target of as many channels and leave"
            " to_onehot_y out, or use softmax=True if the classes exclude each other."
        )
    if distance_map is not None:
        distance_map = plain_tensor(distance_map, "distance_map")
        if distance_map.shape != input.shape:
            raise ValueError(
                f"distance_map must have the shape {tuple(input.shape)}, a map for each region,"
                f" got {tuple(distance_map.shape)}."
            )
        distance_map = distance_map.flatten(0, 1)[:, None]
    return input.flatten(0, 1)[:, None], target.flatten(0, 1)[:, None], distance_map


def finite_logits(logits: torch.Tensor) -> torch.Tensor:
    """`logits` with 1e4 and -1e4 in place of the infinite; NaN stays."""
    return logits.nan_to_num(nan=torch.nan, posinf=1e4, neginf=-1e4)


def refuse_strange_labels(labels: torch.Tensor, classes: int) -> None:
    """See that all labels are classes.

    Raises:
        ValueError: naming one that is none.
    """
    strange = labels[~((labels >= 0) & (labels < classes))]
    if strange.numel() > 0:
        label = format(strange.flatten()[0].item(), "g")
        raise ValueError(
            f"target holds the label {label}, but input has {classes} channels, for the labels 0 "
            f"to {classes - 1}; map the labels first, or set ignore_index={label} if these voxels "
            "are to be ignored."
        )


def at_least_float32(values: torch.Tensor) -> torch.Tensor:
    """`values` in float32, or float64 if they already are.

    Half precision cannot hold sums over an image, whatever autocast says.
    """
    return values if values.dtype == torch.float64 else values.float()


def as_labels(target: torch.Tensor, ignore_index: int | None = None) -> torch.Tensor:
    """B x 1 x ... labels from labels or a one-hot target, `ignore_index` where it is ignored.

    A one-hot target says so as in MONAI: by its channel `ignore_index`, or, if it has no such
    channel, by being zero in all of them.
    """
    if target.shape[1] == 1:
        return target
    labels = target.argmax(1, keepdim=True)
    if ignore_index is None or 0 <= ignore_index < target.shape[1]:
        return labels
    return labels.where((target != 0).any(1, keepdim=True), ignore_index)


def log_probabilities(logits: torch.Tensor) -> torch.Tensor:
    """B x C x ... log-probabilities from logits, where one logit stands for two classes."""
    if logits.shape[1] == 1:
        return F.logsigmoid(torch.cat([-logits, logits], 1))
    return torch.log_softmax(logits, 1)
