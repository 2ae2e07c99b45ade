"""Lovász-softmax loss (Berman et al., CVPR 2018)."""

from __future__ import annotations

import torch

from medabl.losses.base import SegmentationLoss
from medabl.losses.options import wrong_choices, wrong_flags

_CLASSES = ("present", "all")


class LovaszSoftmaxLoss(SegmentationLoss):
    r"""The Lovász extension of the Jaccard loss: a convex surrogate of one minus IoU.

    For every class the errors :math:`|G_c - P_c|` are sorted downwards, together with the class's
    foreground, and weighted by how much each adds to the Jaccard loss of the voxels above it
    (Berman et al., *The Lovász-softmax loss*, CVPR 2018, Alg. 1). The paper's IABL takes it over
    the classes present.

    Args:
        include_background: let channel 0 take part (ignored for a single channel).
        to_onehot_y: `target` holds labels, B x 1 x ...; else it is one-hot.
        sigmoid: apply a sigmoid to `input`; several channels may overlap then (regions), and each
            has a loss of its own, 0 where the region is absent.
        softmax: apply a softmax over the channels of `input`.
        classes: average over the classes "present" in the target, or over "all".
        per_image: take the loss of every image by itself, and not that of the batch as one.
        ignore_index: voxels with this label take no part.
        reduction: "mean" or "sum" over the images, or "none" for one value an image (and region);
            without `per_image` the batch is one image.

    Raises:
        ValueError: for an unknown `classes` or `reduction`, or if both `sigmoid` and `softmax` are
            set.

    Example:
        >>> loss = LovaszSoftmaxLoss(to_onehot_y=True, softmax=True)
        >>> labels = torch.tensor([[[[0, 0, 1, 1]]]])
        >>> loss(torch.zeros(1, 2, 1, 4), labels)
        tensor(0.5000)
    """

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        classes: str = "present",
        per_image: bool = False,
        ignore_index: int | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(
            include_background=include_background,
            to_onehot_y=to_onehot_y,
            sigmoid=sigmoid,
            softmax=softmax,
            ignore_index=ignore_index,
            reduction=reduction,
            complaints=[
                *wrong_choices(_CLASSES, classes=classes),
                *wrong_flags(per_image=per_image),
            ],
        )
        self.classes = classes
        self.per_image = per_image

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Take the loss.

        Args:
            input: B x C x H x W [x D] logits or probabilities.
            target: B x 1 x ... labels (with `to_onehot_y`) or B x C x ... one-hot.

        Returns:
            the loss, a tensor without dimensions (B values with reduction="none" and `per_image`,
            else one). With nothing to compare it is 0, and so is its gradient.

        Raises:
            ValueError: for shapes that do not go together, or a label that is no class.
        """
        input, target = self._accept(input, target)
        valid = self._valid(target)
        probs = self._rows(self._keep(self._activate(input)))
        truth = self._rows(self._keep(self._one_hot(input, target, valid)))
        errors, foreground = (truth - probs).abs(), truth > 0.5
        if valid is not None:
            # Without error and foreground a voxel is sorted last and adds nothing.
            kept = self._rows(self._keep(valid))
            errors, foreground = errors.where(kept, 0), foreground & kept
        if self.classes == "all":
            return self._reduce(_lovasz(errors, foreground).mean(1))
        present = foreground.any(2)
        losses = _lovasz_of_some(errors, foreground, present.any(0)).where(present, 0)
        if self._has_regions(input):
            return self._reduce(losses)
        return self._reduce(losses.sum(1) / present.sum(1).clamp_min(1))

    def _rows(self, values: torch.Tensor) -> torch.Tensor:
        """Images x classes x voxels; one image if the batch is taken as one."""
        rows = values.flatten(2)
        return rows if self.per_image else rows.transpose(0, 1).flatten(1)[None]


def _lovasz_of_some(
    errors: torch.Tensor, foreground: torch.Tensor, classes: torch.Tensor
) -> torch.Tensor:
    """`_lovasz` of some classes, 0 for the others, which need not be sorted.

    Off the CPU, where to know their number would have to wait for the device, of all.
    """
    if torch.compiler.is_compiling() or errors.device.type != "cpu":
        return _lovasz(errors, foreground)
    (chosen,) = classes.nonzero(as_tuple=True)
    losses = _lovasz(errors.index_select(1, chosen), foreground.index_select(1, chosen))
    return errors.new_zeros(errors.shape[:2]).index_copy(1, chosen, losses)


def _lovasz(errors: torch.Tensor, foreground: torch.Tensor) -> torch.Tensor:
    """Lovász extension of the Jaccard loss along the last axis.

    With F voxels of foreground in all, and after k voxels c of them and n = k - c others, the
    intersection has become F - c and the union F + n. So the k-th voxel adds 1 / (F + n) to the
    Jaccard loss if it is foreground, and (F - c) / ((F + n) (F + n - 1)) if it is not. Counted in
    integers, none of this is a small difference of large numbers.
    """
    ordered, order = errors.sort(-1, descending=True)
    with torch.no_grad():
        is_foreground = foreground.gather(-1, order)
        voxels = errors.shape[-1]
        found = is_foreground.cumsum(-1, dtype=torch.int32 if voxels < 2**31 else torch.int64)
        volume = found[..., -1:]
        missing = (volume - found).to(errors.dtype)
        union = torch.arange(1, voxels + 1, dtype=errors.dtype, device=errors.device) + missing
        steps = (missing / (union - 1).clamp_min(1)).masked_fill(is_foreground, 1) / union
    # Without foreground, where all steps are 0, the first voxel alone makes the loss 1.
    absent = (volume == 0).to(errors.dtype)
    return (ordered * steps).sum(-1) + (ordered[..., :1] * absent).sum(-1)
