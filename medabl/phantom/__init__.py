"""The phantom cohort: simulated FLAIR and T1 scans with white matter hyperintensities."""

from medabl.phantom.cohort import simulate_subject, write_phantom_cohort

__all__ = ["simulate_subject", "write_phantom_cohort"]
