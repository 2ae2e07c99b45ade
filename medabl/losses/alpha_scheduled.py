"""Region loss and boundary loss, balanced anew in every epoch."""

from __future__ import annotations

import torch
from torch import nn

_STRATEGIES = ("rebalance", "increase", "constant")


class AlphaScheduledLoss(nn.Module):
    r"""A region loss and a boundary loss with a weight alpha that changes over the epochs.

    =============  ====================================================================
    `strategy`     loss
    =============  ====================================================================
    ``rebalance``  :math:`\alpha L_\text{region} + (1 - \alpha) L_\text{boundary}`
    ``increase``   :math:`L_\text{region} + (1 - \alpha) L_\text{boundary}`
    ``constant``   as ``rebalance``, with alpha kept at `alpha_start`
    =============  ====================================================================

    Alpha falls linearly from `alpha_start` in epoch 0 to `alpha_end` in the last epoch (Kervadec
    et al., MedIA 2021). It lives in the `state_dict`, so a resumed run goes on where it was.

    Args:
        region_loss: called with (input, target).
        boundary_loss: called with (input, target), and with `distance_map` where one is given.
        strategy: "rebalance", "increase" or "constant".
        alpha_start: alpha in epoch 0.
        alpha_end: alpha in the last epoch.
        epochs: number of epochs of the training.

    Raises:
        ValueError: for an unknown strategy, an alpha outside [0, 1] or `epochs` below 1.

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

    _weight: torch.Tensor

    def __init__(
        self,
        region_loss: nn.Module,
        boundary_loss: nn.Module,
        strategy: str = "rebalance",
        alpha_start: float = 1.0,
        alpha_end: float = 0.01,
        epochs: int = 100,
    ) -> None:
        super().__init__()
        if strategy not in _STRATEGIES:
            raise ValueError(f"strategy must be one of {', '.join(_STRATEGIES)}, got {strategy}.")
        for name, alpha in (("alpha_start", alpha_start), ("alpha_end", alpha_end)):
            if not 0 <= alpha <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {alpha}.")
        if epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {epochs}.")
        self.region_loss = region_loss
        self.boundary_loss = boundary_loss
        self.strategy = strategy
        self.alpha_start = alpha_start
        self.alpha_end = alpha_end
        self.epochs = epochs
        # A tensor, so that a captured CUDA graph or a compiled step sees alpha change.
        self.register_buffer("_weight", torch.tensor(0.0), persistent=False)
        self.set_epoch(0)

    @property
    def epoch(self) -> int:
        """Epoch last set, counted from 0."""
        return self._epoch

    @property
    def alpha(self) -> float:
        """Weight in the epoch last set."""
        return self._alpha

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0; after the last one alpha stays at `alpha_end`.

        Raises:
            ValueError: if `epoch` is negative.
        """
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}.")
        progress = min(epoch / max(self.epochs - 1, 1), 1.0)
        if self.strategy == "constant":
            progress = 0.0
        self._set(epoch, self.alpha_start + progress * (self.alpha_end - self.alpha_start))

    def get_extra_state(self) -> dict[str, float]:
        """Epoch and alpha, for the `state_dict`."""
        return {"epoch": self._epoch, "alpha": self._alpha}

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore epoch and alpha from a `state_dict`."""
        self._set(int(state["epoch"]), float(state["alpha"]))

    def forward(
        self,
        input: torch.Tensor,
        target: torch.Tensor,
        distance_map: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Take the weighted sum.

        Args:
            input: what both losses take.
            target: what both losses take.
            distance_map: handed to the boundary loss only.

        Returns:
            the weighted sum of what the losses return.
        """
        region = self.region_loss(input, target)
        if distance_map is None:
            boundary = self.boundary_loss(input, target)
        else:
            boundary = self.boundary_loss(input, target, distance_map=distance_map)
        weight = self._weight.to(region.device)
        if self.strategy == "increase":
            return region + (1 - weight) * boundary
        return weight * region + (1 - weight) * boundary

    def _set(self, epoch: int, alpha: float) -> None:
        self._epoch = epoch
        self._alpha = alpha
        self._weight.fill_(alpha)
