"""How the runs of an experiment are carried out."""

from __future__ import annotations

from dataclasses import dataclass

from medabl.experiments.slurm_resources import Resources


@dataclass(frozen=True)
class Options:
    """How runs are carried out.

    Attributes:
        jobs: runs at the same time on this machine; None: one for each GPU, or one.
        retry_failed: begin failed and stopped runs again, from their last whole epoch.
        stop_collapsed: end runs whose key metric has fallen and stayed far below its best.
        slurm: what each run asks Slurm for; None: they are carried out on this machine.
    """

    jobs: int | None = None
    retry_failed: bool = False
    stop_collapsed: bool = False
    slurm: Resources | None = None
