"""Figures: each function takes data and gives a `matplotlib.figure.Figure`."""

from medabl.report.figures.boxes import box_plots
from medabl.report.figures.curves import training_curves, training_details
from medabl.report.figures.gallery import gallery_tiles, subject_gallery
from medabl.report.figures.intervals import difference_plots, interval_plot
from medabl.report.figures.sizes import detection_curves
from medabl.report.figures.subject_choice import GalleryRow, gallery_rows
from medabl.report.figures.volume_agreement import bland_altman

__all__ = [
    "GalleryRow",
    "bland_altman",
    "box_plots",
    "detection_curves",
    "difference_plots",
    "gallery_rows",
    "gallery_tiles",
    "interval_plot",
    "subject_gallery",
    "training_curves",
    "training_details",
]
