"""Region loss and boundary loss, balanced anew in every epoch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from medabl.losses.options import is_number, refuse, wrong_choices, wrong_counts

_STRATEGIES = ("rebalance", "increase", "constant", "released")
_ALPHA_START, _ALPHA_END = 1.0, 0.01


class AlphaScheduledLoss(nn.Module):
    r"""A region loss and a boundary loss with weights that change over the epochs.

    =============  ====================================================================
    `strategy`     loss
    =============  ====================================================================
    ``rebalance``  :math:`\alpha L_\text{region} + (1 - \alpha) L_\text{boundary}`
    ``increase``   :math:`L_\text{region} + (1 - \alpha) L_\text{boundary}`
    ``constant``   as ``increase``, with alpha kept at `alpha_start`, which is below 1
    ``released``   :math:`\max(0.1,\, 1 - e/E)\, L_\text{region} + (0.01 + e/E)\, L_\text{boundary}`
    =============  ====================================================================

    In the first two alpha falls linearly from `alpha_start` in epoch 0 to `alpha_end` in the last
    epoch (Kervadec et al., MedIA 2021). ``released`` are the weights of the code published with
    that paper, in epoch e of E = `epochs`: there E is 100, and for any other number of epochs the
    same weights are reached at the same share of the training. Its `alpha` is the region's weight.

    **State.** Epoch and alpha live in the `state_dict` (as ``_extra_state``), so a resumed run goes
    on where it was: save and load the loss beside the network and the optimiser. A `state_dict`
    without them loads into a model that contains the loss, which then keeps its epoch; one that
    contains them loads into a model *without* the loss only with ``strict=False``.

    Args:
        region_loss: called with (input, target).
        boundary_loss: called with (input, target), and with `distance_map` where one is given.
        strategy: "rebalance", "increase", "constant" or "released".
        alpha_start: alpha in epoch 0.
        alpha_end: alpha in the last epoch.
        epochs: number of epochs of the training.

    Raises:
        ValueError: for an unknown strategy, an alpha outside [0, 1], `epochs` below 1, "constant"
            with `alpha_start` 1 (the boundary loss would never count), or "released" with alphas
            of one's own.

    Example:
        >>> from medabl.losses import BoundaryLoss, GeneralizedDiceLoss
        >>> flags = {"to_onehot_y": True, "softmax": True}
        >>> loss = AlphaScheduledLoss(
        ...     GeneralizedDiceLoss(**flags), BoundaryLoss(**flags), epochs=100
        ... )
        >>> loss.set_epoch(99)
        >>> round(loss.alpha, 4)
        0.01
        >>> loss(torch.zeros(1, 2, 1, 4), torch.tensor([[[[0, 0, 1, 1]]]]))
        tensor(0.2525)
    """

    _weights: torch.Tensor

    def __init__(
        self,
        region_loss: nn.Module,
        boundary_loss: nn.Module,
        strategy: str = "rebalance",
        alpha_start: float = _ALPHA_START,
        alpha_end: float = _ALPHA_END,
        epochs: int = 100,
    ) -> None:
        super().__init__()
        alphas = {"alpha_start": alpha_start, "alpha_end": alpha_end}
        outside = [
            f"{name} must be in [0, 1], got {alpha!r}"
            for name, alpha in alphas.items()
            if not (is_number(alpha) and 0 <= alpha <= 1)
        ]
        refuse(
            wrong_choices(_STRATEGIES, strategy=strategy) + outside + wrong_counts(epochs=epochs)
        )
        if strategy == "constant" and alpha_start == 1:
            raise ValueError(
                'strategy="constant" weighs the boundary loss with 1 - alpha_start, which is 0: '
                "set alpha_start below 1, or train with the region loss alone."
            )
        if strategy == "released" and (alpha_start, alpha_end) != (_ALPHA_START, _ALPHA_END):
            raise ValueError(
                'strategy="released" has the weights of the released code: leave alpha_start at '
                f"{_ALPHA_START} and alpha_end at {_ALPHA_END}, got {alpha_start} and {alpha_end}."
            )
        self.region_loss = region_loss
        self.boundary_loss = boundary_loss
        self.strategy = strategy
        self.alpha_start = alpha_start
        self.alpha_end = alpha_end
        self.epochs = epochs
        # A tensor, so that a captured CUDA graph or a compiled step sees the weights change.
        self.register_buffer("_weights", torch.zeros(2), persistent=False)
        self.set_epoch(0)

    @property
    def epoch(self) -> int:
        """Epoch last set, counted from 0."""
        return self._epoch

    @property
    def alpha(self) -> float:
        """Alpha in the epoch last set; with "released", the weight of the region loss."""
        return self._alpha

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0; after the last one the weights stay what they are there.

        Raises:
            ValueError: if `epoch` is negative.
        """
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}.")
        if self.strategy == "released":
            alpha = max(0.1, 1 - min(epoch, self.epochs - 1) / self.epochs)
        elif self.strategy == "constant":
            alpha = self.alpha_start
        else:
            progress = min(epoch / max(self.epochs - 1, 1), 1.0)
            alpha = self.alpha_start + progress * (self.alpha_end - self.alpha_start)
        self._set(epoch, alpha)

    def get_extra_state(self) -> dict[str, float]:
        """Epoch and alpha, for the `state_dict`."""
        return {"epoch": self._epoch, "alpha": self._alpha}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore epoch and alpha from a `state_dict`."""
        self._set(int(state["epoch"]), float(state["alpha"]))

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        *others: Any,
    ) -> None:
        """As PyTorch's, but a checkpoint from before the loss was part of the model is complete."""
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, *others
        )
        if f"{prefix}_extra_state" in missing_keys:
            missing_keys.remove(f"{prefix}_extra_state")

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        distance_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Take the weighted sum.

        Args:
            input: B x C x H x W [x D], as both losses take it.
            target: B x 1 x ... labels or B x C x ... one-hot, as both losses take it.
            distance_map: B x C x ..., handed to the boundary loss only.

        Returns:
            the weighted sum of what the losses return, in its shape (reduced: a scalar).
        """
        region = self.region_loss(input, target)
        if distance_map is None:
            boundary = self.boundary_loss(input, target)
        else:
            boundary = self.boundary_loss(input, target, distance_map=distance_map)
        of_region, of_boundary = self._weights.to(region.device)
        if self.strategy in ("increase", "constant"):
            return region + of_boundary * boundary
        return of_region * region + of_boundary * boundary

    def _set(self, epoch: int, alpha: float) -> None:
        self._epoch = epoch
        self._alpha = alpha
        of_region, of_boundary = self._weights
        of_region.fill_(alpha)
        if self.strategy == "released":
            of_boundary.fill_(0.01 + min(epoch, self.epochs - 1) / self.epochs)
        else:
            of_boundary.copy_(1 - of_region)


def scheduled_losses(module: nn.Module) -> list[Any]:
    """The losses with a schedule anywhere in a module: those that have to be told the epoch.

    Args:
        module: a loss, or what wraps one (`TargetLoss`, `monai.losses.DeepSupervisionLoss`, a
            compiled module, a network that holds its loss).

    Returns:
        each module with a ``set_epoch``, such as `AlphaScheduledLoss`, once.

    Example:
        >>> from medabl.losses import BoundaryLoss, GeneralizedDiceLoss
        >>> loss = AlphaScheduledLoss(GeneralizedDiceLoss(), BoundaryLoss())
        >>> scheduled_losses(nn.ModuleDict({"main": loss})) == [loss]
        True
    """
    # Of the class: what torch.compile wraps around a module hands on its attributes.
    return [part for part in module.modules() if callable(getattr(type(part), "set_epoch", None))]
