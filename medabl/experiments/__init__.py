"""Several runs that belong together: sweeps over settings, and the comparison of the paper."""

from medabl.experiments.comparison import METHODS, PRESETS, Comparison, plan_comparison
from medabl.experiments.options import Options
from medabl.experiments.plan import PlannedRun, plan_runs
from medabl.experiments.results import gather_results, write_results
from medabl.experiments.sweep import carry_out
from medabl.experiments.sweep_file import SweepFile, read_sweep_file

__all__ = [
    "METHODS",
    "PRESETS",
    "Comparison",
    "Options",
    "PlannedRun",
    "SweepFile",
    "carry_out",
    "gather_results",
    "plan_comparison",
    "plan_runs",
    "read_sweep_file",
    "write_results",
]
