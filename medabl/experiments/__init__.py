"""Several runs that belong together."""

from medabl.experiments.comparison import METHODS, PRESETS, Comparison, plan_comparison, run_all

__all__ = ["METHODS", "PRESETS", "Comparison", "plan_comparison", "run_all"]
