"""Statistics of segmentation results: frames and arrays in, numbers out."""

from medabl.statistics.agreement import limits_of_agreement
from medabl.statistics.bootstrap import (
    REPLICATES,
    mean_interval,
    percentile_interval,
    resample,
    seed_average,
)
from medabl.statistics.detection import detection_by_size, wilson_interval
from medabl.statistics.paired_tests import LEVEL, holm, rank_biserial, wilcoxon_signed_rank
from medabl.statistics.pairs import PairedComparison, compare_all, compare_pair, method_pairs
from medabl.statistics.power import POWER, detectable_difference
from medabl.statistics.ranks import rank_stability
from medabl.statistics.selection import value_when_chosen_by_others

__all__ = [
    "LEVEL",
    "POWER",
    "REPLICATES",
    "PairedComparison",
    "compare_all",
    "compare_pair",
    "detectable_difference",
    "detection_by_size",
    "holm",
    "limits_of_agreement",
    "mean_interval",
    "method_pairs",
    "percentile_interval",
    "rank_biserial",
    "rank_stability",
    "resample",
    "seed_average",
    "value_when_chosen_by_others",
    "wilcoxon_signed_rank",
    "wilson_interval",
]
