"""How the learning rate falls."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LRScheduler,
    PolynomialLR,
    ReduceLROnPlateau,
)


def learning_rate_schedule(
    optimizer: Optimizer, schedule: str, epochs: int, higher_is_better: bool = True
) -> LRScheduler:
    """The schedule of that name, stepped as `LearningRateHandler` does.

    Args:
        optimizer: whose learning rate changes.
        schedule: ``plateau`` (halved after 20 epochs without a better one: Kervadec et al. 2021),
            ``cosine`` (to 0 in the last epoch), ``poly`` (times (1 - step / steps) ** 0.9, step by
            step: Chen et al. 2017) or ``constant``.
        epochs: length of the training.
        higher_is_better: direction of the metric that ``plateau`` watches.
    """
    if schedule == "plateau":
        return ReduceLROnPlateau(
            optimizer,
            mode="max" if higher_is_better else "min",
            factor=0.5,
            patience=20,
            threshold=0.0,
        )
    if schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=epochs)
    if schedule == "poly":
        return PolynomialLR(optimizer, total_iters=epochs, power=0.9)
    return ConstantLR(optimizer, factor=1.0, total_iters=0)
