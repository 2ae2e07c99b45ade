"""A number that changes over the training."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from medabl.losses.options import refuse, wrong_numbers


@dataclass(frozen=True)
class Schedule:
    """A number that goes from `start` to `end`, in a straight line between two points in time.

    Args:
        start: its value at first.
        end: its value in the end.
        after: share of the training after which it begins to change.
        until: share of the training from which it stays at `end`; with `until` equal to `after` it
            jumps.

    Raises:
        ValueError: unless all are numbers with 0 <= `after` <= `until` <= 1.

    Example:
        >>> late = Schedule(start=0.0, end=1.0, after=0.8, until=0.8)
        >>> [late.at(epoch, epochs=10) for epoch in (0, 7, 8, 9)]
        [0.0, 0.0, 1.0, 1.0]
    """

    start: float
    end: float
    after: float = 0.0
    until: float = 1.0

    def __post_init__(self) -> None:
        refuse(wrong_numbers(**asdict(self)))
        if not 0 <= self.after <= self.until <= 1:
            raise ValueError(
                "after and until are shares of the training, in this order and from 0 to 1, got "
                f"after={self.after} and until={self.until}."
            )

    def at(self, epoch: int, epochs: int) -> float:
        """The value in an epoch, counted from 0; the last of `epochs` is the whole training."""
        share = min(epoch / max(epochs - 1, 1), 1.0)
        if share >= self.until:
            return self.end
        if share <= self.after:
            return self.start
        progress = (share - self.after) / (self.until - self.after)
        return self.start + progress * (self.end - self.start)
