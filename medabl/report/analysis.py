"""Everything computed from the runs, once, for words, tables and figures to draw on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from medabl.report.collapse import Collapse, find_collapses
from medabl.report.columns import Metric
from medabl.report.comparisons import Comparison, compare_methods, pick_reference
from medabl.report.runs import Runs
from medabl.statistics import REPLICATES, rank_stability


@dataclass(frozen=True)
class Analysis:
    """Comparisons of every metric at every checkpoint, rank stability and collapses.

    Attributes:
        runs: what is compared.
        main_checkpoint: the checkpoint the verdict rests on.
        reference: the method that the others are compared with; None: every pair is.
        comparisons: one for each metric, checkpoint and pair of methods.
        ranks: checkpoint -> how often each method has each rank.
        collapses: runs that lost much of their Dice between the best and the last epoch.
    """

    runs: Runs
    main_checkpoint: str
    reference: str | None
    comparisons: tuple[Comparison, ...]
    ranks: dict[str, pd.DataFrame]
    collapses: tuple[Collapse, ...]

    def of(self, metric: Metric, checkpoint: str) -> list[Comparison]:
        """Give the comparisons on one metric at one checkpoint."""
        return [c for c in self.comparisons if (c.metric, c.checkpoint) == (metric, checkpoint)]


def analyse(
    runs: Runs,
    reference: str | None = None,
    *,
    decides: str = "best",
    replicates: int = REPLICATES,
) -> Analysis:
    """Compare the methods of `runs` in every metric and at every checkpoint.

    Args:
        runs: from `load_runs`.
        reference: compare each other method with this one; None compares every pair of up to
            five methods, and more with the first.
        decides: the epoch the verdict rests on, ``"best"`` (as in the published protocol) or
            ``"last"``, of runs that have both.
        replicates: of the bootstrap.

    Raises:
        InputError: `reference` is no method.
    """
    reference = pick_reference(runs, reference)
    # The metric that decides comes first, so that tables open with it.
    metrics = sorted(runs.metrics, key=lambda metric: metric != runs.primary)
    comparisons = [
        comparison
        for checkpoint in runs.checkpoints
        for metric in metrics
        for comparison in compare_methods(
            runs, metric, checkpoint, reference, replicates=replicates
        )
    ]
    ranks = {
        checkpoint: rank_stability(
            runs.values(runs.primary, checkpoint),
            runs.primary.higher_is_better,
            replicates=replicates,
        )
        for checkpoint in runs.checkpoints
    }
    main = decides if decides in runs.checkpoints else runs.checkpoints[0]
    return Analysis(runs, main, reference, tuple(comparisons), ranks, tuple(find_collapses(runs)))
