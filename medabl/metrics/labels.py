"""Masks of single classes out of label maps, for arrays and tensors alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy.typing as npt
import torch

__all__ = ["Volume", "check_class_numbers", "check_labels", "class_mask", "has_fractions"]

Volume: TypeAlias = npt.NDArray[Any] | torch.Tensor
_Labels = TypeVar("_Labels", npt.NDArray[Any], torch.Tensor)

# As header scaling and resampling leave labels and probabilities.
_ROUNDING = 1e-3


def check_class_numbers(classes: Sequence[int]) -> tuple[int, ...]:
    """The class numbers asked for.

    Raises:
        ValueError: unless they are different whole numbers from 0 up, at least one.
    """
    numbers = tuple(int(c) for c in classes)
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ValueError(f"classes must be different whole numbers from 0 up, got {classes!r}.")
    return numbers


def check_labels(labels: Volume, classes: Sequence[int] | None, name: str) -> None:
    """Refuse values that a threshold would turn into a wrong mask without a word.

    Args:
        labels: a label map of any shape; probabilities if `classes` is None.
        classes: the classes that will be cut out of it; None as in `class_mask`.
        name: what an error calls it.

    Raises:
        ValueError: if a value is NaN, negative or fractional, if the mask is one of 0 and 255, or
            a boolean one where another label than 1 is asked for.
    """
    kind = str(labels.dtype)
    if "bool" in kind:
        if classes is not None and max(classes) > 1:
            raise ValueError(f"{name} is a boolean mask, which has no class {max(classes)}.")
        return
    if 0 in labels.shape:
        return
    low, high = float(labels.min()), float(labels.max())
    if classes is None:
        expected = "the labels 0, 1, 2 or probabilities"
        # Comparisons with NaN are False.
        fits = low >= -_ROUNDING and high <= 2 + _ROUNDING
    else:
        expected = "the whole numbers of classes"
        fits = low >= -_ROUNDING and not ("float" in kind and has_fractions(labels))
        if high == 255 and 255 not in classes:
            fits = fits and bool(((labels != 0) & (labels != 255)).any())
    if not fits:
        mend = "; divide a mask of 0 and 255 by 255" if high == 255 else ""
        raise ValueError(
            f"{name} holds values from {low:g} to {high:g}; expected are {expected}{mend}."
        )


def class_mask(labels: _Labels, label: int | None) -> _Labels:
    """Voxels of one class in a checked (`check_labels`) label map.

    Args:
        labels: array or tensor of any shape.
        label: the class; None stands for the lesion of a WMH mask: label 1 or a probability of
            0.5 and more, label 2 (other pathology) being background.

    Returns:
        bool of the same shape.
    """
    wanted = 1 if label is None else label
    if "bool" in str(labels.dtype) and wanted == 1:
        return labels
    if "float" in str(labels.dtype):
        return (labels >= wanted - 0.5) & (labels < wanted + 0.5)
    return labels == wanted


def has_fractions(labels: Any) -> bool:
    """Whether a value is no whole number, NaN and infinity included."""
    # Of an infinite value the difference is NaN.
    return not bool((abs(labels - labels.round()) <= _ROUNDING).all())
