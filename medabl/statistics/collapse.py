"""What counts as the collapse of a training."""

from __future__ import annotations

DROP = 0.1
"""A drop in Dice that no one would call fluctuation."""


def has_fallen(first: float, best: float, value: float, higher_is_better: bool = True) -> bool:
    """Whether a key metric has fallen so far below its best that the training has collapsed.

    A metric that lies between 0 and 1 and is better when higher has, as Dice does, by more than
    `DROP`. Any other one (a distance, a loss) has when more than half of what was gained since the
    first epoch is lost, and more than a tenth of the best value.

    Args:
        first: its value in the first epoch.
        best: its best value.
        value: the one in question, no better than that.
        higher_is_better: its direction.

    Example:
        >>> has_fallen(0.2, 0.7, 0.55), has_fallen(30.0, 10.0, 12.0, higher_is_better=False)
        (True, False)
    """
    lost, gained = abs(best - value), abs(best - first)
    like_dice = higher_is_better and 0 <= value <= best <= 1
    return lost > (DROP if like_dice else max(gained / 2, abs(best) / 10))
