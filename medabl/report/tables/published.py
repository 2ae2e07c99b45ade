"""The published results of the same losses."""

PUBLISHED_SOURCE = "published (Wang et al. 2022)"

PUBLISHED = {
    "gdl": ("GDL", 0.727, 1.045),
    "gdl_bl": ("GDL + BL", 0.748, 0.987),
    "gdl_abl": ("GDL + ABL", 0.768, 0.980),
}
"""Slice DSC and slice HD-rows on the 60 training subjects of the WMH challenge, 50/10 split."""
