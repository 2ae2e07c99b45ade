"""The published results of the same losses, and whether they are of the same subjects."""

from __future__ import annotations

from medabl.report.runs import Runs
from medabl.task import WMH

PUBLISHED_SOURCE = "published (Wang et al. 2022)"

PUBLISHED = {
    "gdl": ("GDL", 0.727, 1.045),
    "gdl_bl": ("GDL + BL", 0.748, 0.987),
    "gdl_abl": ("GDL + ABL", 0.768, 0.980),
}
"""Slice DSC and slice HD-rows on the 60 training subjects of the WMH challenge, 50/10 split."""

_SITES = {"Utrecht", "Singapore", "Amsterdam", "GE3T"}


def are_of_the_challenge(runs: Runs) -> bool:
    """Whether all subjects are the WMH challenge's, or the phantom's that stand for them.

    They are known by the names of its sites, which are parts of their ids.
    """
    if runs.task is not None and runs.task.name != WMH.name:
        return False
    ids = runs.subjects(runs.checkpoints[0])["subject"]
    return all(_SITES & set(str(name).split("/")) for name in ids)
