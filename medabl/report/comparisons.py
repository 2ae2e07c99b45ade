"""Comparisons of methods, each with the metric and the epoch it is about."""

from __future__ import annotations

from dataclasses import dataclass

from medabl.errors import InputError
from medabl.report.columns import Metric
from medabl.report.runs import Runs
from medabl.statistics import REPLICATES, PairedComparison, compare_all

# Every pair of more methods than these would be more comparisons than a reader takes in, and
# Holm's correction would leave none of them a chance with the subjects of a usual data set.
_ALL_PAIRS = 5


@dataclass(frozen=True, kw_only=True)
class Comparison(PairedComparison):
    """One method against another on one metric and checkpoint.

    Attributes:
        metric: what was measured.
        checkpoint: ``"best"``, ``"last"`` or ``"file"``.
        method: the first method; differences are method minus reference.
        reference: the second method.
    """

    metric: Metric
    checkpoint: str
    method: str
    reference: str

    @property
    def better(self) -> str | None:
        """The method with the better mean; None when they are equal or nothing was compared."""
        if not self.difference or self.difference != self.difference:
            return None
        return (
            self.method if (self.difference > 0) == self.metric.higher_is_better else self.reference
        )


def pick_reference(runs: Runs, reference: str | None) -> str | None:
    """Give the method that the others are compared with; None compares every pair.

    Without a reference the first of more than five methods is taken.

    Args:
        runs: from `load_runs`.
        reference: a method or its label.

    Raises:
        InputError: `reference` is no method.
    """
    if reference is None:
        return next(iter(runs.methods)) if len(runs.methods) > _ALL_PAIRS else None
    if reference in runs.methods:
        return reference
    called = [method for method, label in runs.methods.items() if label == reference]
    if not called:
        raise InputError(
            f"The reference {reference!r} is none of the methods: {', '.join(runs.methods)}."
        )
    return called[0]


def compare_methods(
    runs: Runs,
    metric: Metric,
    checkpoint: str,
    reference: str | None = None,
    *,
    replicates: int = REPLICATES,
) -> list[Comparison]:
    """Compare the methods on one metric, p-values Holm-corrected over these comparisons.

    Args:
        runs: from `load_runs`.
        metric: one of ``runs.metrics``.
        checkpoint: one of ``runs.checkpoints``.
        reference: compare each other method with this one; None compares every pair.
        replicates: of the bootstrap.
    """
    compared = compare_all(runs.values(metric, checkpoint), reference, replicates=replicates)
    return [
        Comparison(
            metric=metric, checkpoint=checkpoint, method=method, reference=other, **vars(numbers)
        )
        for (method, other), numbers in compared.items()
    ]
