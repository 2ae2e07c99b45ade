"""A sum of losses, each with a weight that may change over the epochs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from medabl.losses.options import complaints_of, refuse, wrong_counts
from medabl.losses.schedule import Schedule

_TERM_KEYS = {"loss", "weight"}
_SCHEDULE_KEYS = {"start", "end", "after", "until"}


class ScheduledSum(nn.Module):
    r"""The sum of losses, each times its weight.

    .. math:: L = \sum_t w_t(e)\, L_t

    A weight is a number, or a `Schedule` of the epoch e: it goes from `start` to `end` between the
    shares `after` and `until` of the training. A loss whose weight is 0 is not taken, which saves
    its time. The epoch lives in the `state_dict`, so a resumed run goes on where it was.

    Args:
        terms: name -> {"loss": a loss, "weight": a number (default 1), a `Schedule` or its
            arguments as a dictionary}.
        epochs: number of epochs of the training.

    Raises:
        ValueError: if there are no terms, one has no loss or an unknown key, a weight is negative
            or no weight, or `epochs` is below 1.

    Example:
        >>> from medabl.losses import ActiveBoundaryLoss, CrossEntropyLoss
        >>> flags = {"to_onehot_y": True, "softmax": True}
        >>> loss = ScheduledSum(
        ...     {
        ...         "ce": {"loss": CrossEntropyLoss(**flags)},
        ...         "abl": {
        ...             "loss": ActiveBoundaryLoss(**flags),
        ...             "weight": {"start": 0.0, "end": 0.3, "after": 0.4, "until": 0.8},
        ...         },
        ...     },
        ...     epochs=101,
        ... )
        >>> loss.set_epoch(60)
        >>> {name: round(weight, 3) for name, weight in loss.weights.items()}
        {'ce': 1.0, 'abl': 0.15}
    """

    _weights: torch.Tensor

    def __init__(self, terms: Mapping[str, Mapping[str, Any]], epochs: int = 100) -> None:
        super().__init__()
        wrong_terms = [text for name, term in terms.items() for text in _wrong_term(name, term)]
        if not terms:
            wrong_terms = ["terms must hold a loss at least"]
        refuse(wrong_counts(epochs=epochs) + wrong_terms)
        self.epochs = epochs
        self.losses = nn.ModuleDict({name: term["loss"] for name, term in terms.items()})
        self.schedules = {n: _as_schedule(n, term.get("weight", 1.0)) for n, term in terms.items()}
        self._keywords = {name: _map_keywords(term["loss"]) for name, term in terms.items()}
        # A tensor, so that a captured CUDA graph or a compiled step sees the weights change.
        self.register_buffer("_weights", torch.zeros(len(terms)), persistent=False)
        self.set_epoch(0)

    @property
    def epoch(self) -> int:
        """Epoch last set, counted from 0."""
        return self._epoch

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every term in the epoch last set."""
        return {n: schedule.at(self._epoch, self.epochs) for n, schedule in self.schedules.items()}

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0; after the last one the weights stay as they are there.

        Raises:
            ValueError: if `epoch` is negative.
        """
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}.")
        self._epoch = epoch
        weights = self.weights
        self._weights.copy_(torch.tensor(list(weights.values())))
        self._taken = tuple([n for n, weight in weights.items() if weight != 0]) or tuple(weights)

    def get_extra_state(self) -> dict[str, int]:
        """The epoch, for the `state_dict`."""
        return {"epoch": self._epoch}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Restore the epoch from a `state_dict`."""
        self.set_epoch(int(state["epoch"]))

    def forward(
        self, input: torch.Tensor, target: torch.Tensor, **maps: torch.Tensor
    ) -> torch.Tensor:
        """Take the weighted sum.

        Args:
            input: B x C x H x W [x D], as all losses take it.
            target: B x 1 x ... labels or B x C x ... one-hot, as all losses take it.
            maps: `distance_map` and the like; each goes to the losses that have such an argument.

        Returns:
            the weighted sum of what the losses return, in its shape (reduced: a scalar); 0 if all
            weights are.

        Raises:
            ValueError: for a map that no loss takes.
        """
        for name in maps:
            if not any(name in keywords for keywords in self._keywords.values()):
                raise ValueError(
                    f"{name} was given, but none of {', '.join(self.losses)} takes it."
                )
        total = torch.zeros_like(self._weights[0])
        for (name, loss), weight in zip(self.losses.items(), self._weights, strict=True):
            if name in self._taken:
                taken = {key: maps[key] for key in self._keywords[name] if key in maps}
                total = total + weight * loss(input, target, **taken)
        return total


def _wrong_term(name: str, term: Any) -> list[str]:
    if isinstance(term, Mapping) and {"loss"} <= set(term) <= _TERM_KEYS:
        return complaints_of(_as_schedule, name, term.get("weight", 1.0))
    keys = list(term) if isinstance(term, Mapping) else type(term).__name__
    return [
        f"The term {name!r} must be a dictionary with a 'loss' and perhaps a 'weight', got {keys}"
    ]


def _as_schedule(name: str, weight: Any) -> Schedule:
    if isinstance(weight, (int, float)):
        weight = Schedule(weight, weight)
    elif isinstance(weight, Mapping) and {"start", "end"} <= set(weight) <= _SCHEDULE_KEYS:
        weight = Schedule(**weight)
    if not isinstance(weight, Schedule):
        raise ValueError(
            f"The weight of {name!r} must be a number, or start and end and perhaps after and "
            f"until, got {weight!r}."
        )
    if not (weight.start >= 0 and weight.end >= 0):
        raise ValueError(f"The weight of {name!r} must not be negative, got {weight}.")
    return weight


def _map_keywords(loss: nn.Module) -> tuple[str, ...]:
    """The arguments of a loss that are neither its input nor its target."""
    return tuple(inspect.signature(loss.forward).parameters)[2:]
